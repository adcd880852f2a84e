"""A modal's Submit and Close, and what the app answers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import payloads, state
from sandbox.slack.actions import chosen
from sandbox.slack.client import trouble
from sandbox.slack.errors import ApiError, refused
from sandbox.slack.methods.views import checked_view
from sandbox.slack.rendering import elements
from sandbox.slack.replies import ViewReply

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.client import Client
    from sandbox.slack.delivery import Answer
    from sandbox.slack.views import View
    from sandbox.slack.workspace import User

REQUIRED = "Please complete this required field."


def fill(backend: Backend, view: View, block_id: str, action_id: str, choice: Any) -> None:
    """Type or choose in one input of a modal, without sending anything.

    Raises:
        LookupError: there is no such input or option.
    """
    for element in elements(view.blocks):
        if (element["block_id"], element["action_id"]) == (block_id, action_id):
            field, _ = state.CHOICE[element["type"]]
            value = None if choice is None or choice == "" else chosen(element, choice, backend)[field]
            view.values[block_id][action_id] = state.entry(element, value)
            return
    raise LookupError(f"no input {action_id} in block {block_id}")


def missing(view: View) -> dict[str, str]:
    """What Slack's client refuses to submit: required inputs left empty, text too short or too long; by block_id."""
    faults: dict[str, str] = {}
    for block in view.blocks:
        if block["type"] == "input":
            problem = _problem(block, view.values[block["block_id"]][block["element"]["action_id"]])
            if problem is not None:
                faults[block["block_id"]] = problem
    return faults


def _problem(block: dict[str, Any], given: dict[str, Any]) -> str | None:
    if state.is_empty(given):
        return None if block.get("optional", False) else REQUIRED
    if given["type"] != "plain_text_input":
        return None
    least, most = block["element"].get("min_length", 0), block["element"].get("max_length", 3000)
    if len(given["value"]) < least:
        return f"Please enter at least {least} characters."
    return f"Please enter at most {most} characters." if len(given["value"]) > most else None


async def submit(backend: Backend, client: Client, user: User, view: View) -> ViewReply:
    """Press Submit."""
    if not view.open or backend.workspace.views.top(user.id) is not view:
        return ViewReply({}, closed=True, error="This view is no longer open")
    faults = missing(view)
    if faults:
        return ViewReply(faults, closed=False, view=view)
    answer = await client.transport.interaction(payloads.view_submission(backend, user, view))
    if not answer.ok:
        return ViewReply({}, closed=False, error=trouble(answer), view=view)
    try:
        errors = _follow(backend, user, view, answer)
    except ApiError as error:
        backend.note_refusal("answer to view_submission", answer.payload or {}, error.answer)
        return ViewReply({}, closed=False, error=f"We had some trouble connecting ({error.code})", view=view)
    return ViewReply(errors, closed=not view.open, view=backend.workspace.views.top(user.id))


def _follow(backend: Backend, user: User, view: View, answer: Answer) -> dict[str, str]:
    content = answer.payload or {}
    if answer.text.strip():
        raise refused("invalid_response", ["the body must be empty or JSON"])
    views = backend.workspace.views
    match content.get("response_action"):
        case None if not content:
            views.close(view)
        case "clear" if set(content) == {"response_action"}:
            views.close(view, everything=True)
        case "errors" if set(content) == {"response_action", "errors"}:
            return _errors(view, content["errors"])
        case "update" if set(content) == {"response_action", "view"}:
            views.update(view, checked_view(content["view"], "modal"))
        case "push" if set(content) == {"response_action", "view"}:
            views.push(user.id, checked_view(content["view"], "modal"))
        case _:
            raise refused("invalid_response", [f"unsupported response_action: {content}"])
    return {}


def _errors(view: View, errors: Any) -> dict[str, str]:
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise refused("invalid_response", ["errors must name input blocks of the view by block_id"])
    if not all(isinstance(text, str) and text for text in errors.values()):
        raise refused("invalid_response", ["errors must be texts"])
    return errors


async def close(backend: Backend, client: Client, user: User, view: View) -> None:
    """Press Close or Escape; the app hears of it only if the view asked for that."""
    clears = bool(view.body.get("clear_on_close"))
    backend.workspace.views.close(view, everything=clears)
    if view.body.get("notify_on_close"):
        await client.transport.interaction(payloads.view_closed(user, view, is_cleared=clears))
