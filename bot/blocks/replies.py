"""Answers to one person: help, faults, refusals, the state of things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.blocks import kit, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.blocks.kit import Block, Message


TYPED_APPROVAL = "typed-approval"


@dataclass(frozen=True, slots=True)
class OperationLine:
    """An operation in a list. Times are Unix seconds."""

    number: int
    title: str
    status: str
    requester: str
    doing: str
    created_at: float


@dataclass(frozen=True, slots=True)
class EnvironmentLine:
    """An environment in a list: what runs there ("runs ...", escaped) and the operation that has its turn."""

    name: str
    running: str
    current: OperationLine | None


def refusal(text: str) -> Message:
    """Why something was not done; `text` is plain."""
    said = kit.escape_but_people(text)
    return kit.message(said, [kit.section(f":no_entry_sign: {said}")])


def done(text: str) -> Message:
    """That something was done; `text` is already escaped."""
    return kit.message(text, [kit.section(text)])


def usage(problem: str, usage_line: str) -> Message:
    """What was wrong with the words, and how they go; both plain."""
    return kit.message(problem, [kit.section(f"{kit.escape(problem)}\nUsage: {kit.code(usage_line)}")])


def apology(error_id: str) -> Message:
    """Something unexpected; the id leads to it in the log."""
    text = f"Sorry, that went wrong on my side. The log has the details under {error_id}; nothing further was done."
    return kit.message(text, [kit.section(f":warning: {text}")])


def help_page(commands: Sequence[tuple[str, str]]) -> Message:
    """Every command as (usage, summary)."""
    lines = [f"{kit.code(line)}\n      {kit.escape(summary)}" for line, summary in commands]
    return kit.message("What Signalbox can do", [kit.header("What Signalbox can do"), *kit.sections(lines)])


def status_page(environments: Sequence[EnvironmentLine], recent: Sequence[OperationLine]) -> Message:
    """Each environment, and the last operations."""
    return kit.message("How things stand", status_blocks(environments, recent))


def status_blocks(environments: Sequence[EnvironmentLine], recent: Sequence[OperationLine]) -> list[Block]:
    """The same as blocks, for the Home tab."""
    blocks = [kit.header("Environments")]
    for environment in environments:
        turn = f"\n{_line(environment.current)}" if environment.current else ""
        blocks.append(kit.section(f"*{kit.escape(environment.name)}*: {environment.running}{turn}"))
    history = [_line(one) for one in recent] or ["_None yet._"]
    return [*blocks, kit.header("Last operations"), *kit.sections(history)]


def audit_page(rows: Sequence[tuple[float, str, str, str]]) -> Message:
    """The newest entries of the trail as (Unix seconds, actor, what, details)."""
    lines = [
        f"{kit.moment(at)} {kit.user(actor)} {kit.escape(what)} {kit.escape_but_people(more)}"
        for at, actor, what, more in rows
    ]
    return kit.message("Who did what", [kit.header("Who did what"), *kit.sections(lines or ["_Nothing yet._"])])


def home(blocks: Sequence[Block]) -> Block:
    """The Home tab."""
    return {"type": "home", "blocks": list(blocks)[: kit.VIEW_BLOCKS]}


def deploy_modal(environments: Sequence[str], channel: str) -> Block:
    """Asks for environment and ref; `channel` is kept for the answer."""
    options = [{"text": {"type": "plain_text", "text": kit.cut(name, 75)}, "value": name} for name in environments]
    return {
        "type": "modal",
        "callback_id": "deploy",
        "private_metadata": channel,
        "title": {"type": "plain_text", "text": "Deploy"},
        "submit": {"type": "plain_text", "text": "Deploy"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            {
                "type": "input",
                "block_id": "environment",
                "label": {"type": "plain_text", "text": "Environment"},
                "element": {"type": "static_select", "action_id": "environment", "options": options[:100]},
            },
            {
                "type": "input",
                "block_id": "ref",
                "optional": True,
                "label": {"type": "plain_text", "text": "Branch, tag or commit"},
                "hint": {"type": "plain_text", "text": "Leave empty for the environment's usual branch."},
                "element": {"type": "plain_text_input", "action_id": "ref", "max_length": 200},
            },
        ],
    }


def typed_approval(environment: str, approval_id: str, plan: str) -> Block:
    """Asks whoever approves the loss of something protected to type the environment's name; `plan` is what they approve."""
    return {
        "type": "modal",
        "callback_id": TYPED_APPROVAL,
        "private_metadata": approval_id,
        "title": {"type": "plain_text", "text": "Are you sure?"},
        "submit": {"type": "plain_text", "text": "Approve"},
        "close": {"type": "plain_text", "text": "Not now"},
        "blocks": [
            kit.section(
                f"*{kit.escape(plan)}*\nRead the warnings in its message first: it loses what is protected, or more than "
                "usual, or rolls out an image that is suspect. Signalbox will apply exactly that plan."
            ),
            {
                "type": "input",
                "block_id": "word",
                "label": {"type": "plain_text", "text": kit.cut(f"Type {environment} to approve", 2_000)},
                "element": {"type": "plain_text_input", "action_id": "word", "max_length": 100},
            },
        ],
    }


def _line(one: OperationLine) -> str:
    return (
        f"{operation.EMOJI[one.status]} #{one.number} {kit.escape(one.title)}: {kit.escape(one.doing) or one.status}, "
        f"asked by {kit.user(one.requester)} {kit.moment(one.created_at)}"
    )
