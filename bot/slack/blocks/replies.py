"""Replies to a single person: help, errors, refusals, and the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message


GIVE_COMMAND = "give-command"  # a button that gives a command, as if the person had typed it
TYPED_APPROVAL, TYPED_TITLE = "typed-approval", "Are you sure?"
REJECTION, REJECTION_TITLE = "rejection", "Reject this?"


def refusal(text: str) -> Message:
    """Why something was not done; `text` is plain text."""
    escaped = kit.escape(text)
    return kit.message(escaped, [kit.section(f":no_entry_sign: {escaped}")])


def began(number: int, title: str, url: str, channel: str, *, queued: bool) -> Message:
    """That a command began an operation, with a link to its message in the channel of this id."""
    text = f"{'Queued' if queued else 'Started'} {kit.link(f'#{number}', url)}: {kit.escape(title)}, in {kit.channel(channel)}."
    return done(f"{common.EMOJI['waiting' if queued else 'running']} {text}")


def already_open(other: common.LinkedOperation, state: str, ago: str) -> Message:
    """That the same request is open: `state` completes a sentence, `ago` is how long it is since then."""
    head = other.head
    same = kit.link(f"#{head.number} {head.title}", other.url)
    asked = f"requested by {kit.user(head.requester)} {ago} ago"
    again = "Cancel or reject it to begin again."
    return done(f":twisted_rightwards_arrows: Nothing was started: {same} {state}, {asked}. {again}")


def done(text: str) -> Message:
    """That something was done; `text` is mrkdwn."""
    return kit.message(text, [kit.section(text)])


def usage(problem: str, usage_line: str) -> Message:
    """What is wrong with the arguments, and the usage; both plain text."""
    return kit.message(kit.escape(problem), [kit.section(f"{kit.escape(problem)}\nUsage: {kit.code(usage_line)}")])


def typed_for_you(command: str) -> Message:
    """That a command, written in a message, opens a window: with a button that gives it again."""
    button = kit.button("Open…", GIVE_COMMAND, command)
    return kit.message(
        f"{command} opens a window", [kit.section(f"{kit.code(command)} opens a window."), kit.actions("give", button)]
    )


def apology(error_id: str) -> Message:
    """The reply after an unexpected exception; the log has the traceback under the id."""
    text = f"Sorry, that went wrong on my side. The log has the details under {error_id}; nothing further was done."
    return kit.message(text, [kit.section(f":warning: {text}")])


def database_away() -> Message:
    """The reply during an outage of the database."""
    text = (
        "My database does not answer, or has no room, so I could not write this down. What is under way waits for it and goes "
        "on by itself. Wait a minute; if the message here has not changed by then, do this once more."
    )
    return kit.message(text, [kit.section(f":warning: {text}")])


def audit_page(rows: Sequence[tuple[float, str, str, str]]) -> Message:
    """The newest entries of the audit log as (Unix seconds, actor, action, details)."""
    lines = [
        f"{kit.moment(at)} {kit.user(actor)} {kit.escape(what)} {kit.with_people(more)}"
        for at, actor, what, more in rows
    ]
    return kit.message("Who did what", [kit.header("Who did what"), *kit.sections(lines or ["_Nothing yet._"])])


def home(blocks: Sequence[Block]) -> Block:
    """The Home tab."""
    return {"type": "home", "blocks": list(blocks)[: kit.VIEW_BLOCKS]}


def typed_approval(environment: str, metadata: str, operation: str, words: str) -> Block:
    """Asks the approver to type the environment's name; `words` (mrkdwn) say of the operation what to read first."""
    return modals.modal(
        TYPED_APPROVAL,
        [
            kit.section(f"*{kit.escape(operation)}*"),
            *([modals.alert(words)] if words else []),
            modals.text("word", f"Type {environment} to approve", longest=100),
        ],
        metadata=metadata,
        title=TYPED_TITLE,
        submit="Approve",
        close="Not now",
    )


def rejection(metadata: str, operation: str, longest: int) -> Block:
    """Asks why the operation is rejected, which may stay empty."""
    what = f"*{kit.escape(operation)}*\nNothing will be done, and the environment is free for the next one."
    hint = "Its requester and the audit log get your reason."
    why = modals.text("reason", "Why?", longest=longest, hint=hint, optional=True)
    return modals.modal(
        REJECTION,
        [kit.section(what), why],
        metadata=metadata,
        title=REJECTION_TITLE,
        submit="Reject",
        close="Not now",
    )
