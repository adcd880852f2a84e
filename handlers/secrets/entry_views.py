"""The messages of a value that a person sets. None has the value, and only the person gets the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message

ENTER = "enter-value"
BLOCK = "secret"


def ask(head: Head, place: str, approval: ApprovalView) -> Message:
    """The request for approval."""
    question = f"{kit.user(head.requester)} may then enter a value for *{kit.escape(place)}*."
    return kit.message(
        common.plain(head, "waiting for approval"),
        [common.first_line(head, "approval", f"waiting for approval to write {kit.escape(place)}")],
        foot=[
            common.decision_buttons(approval, approve="Approve", question=question),
            common.approval_lines(approval),
            common.requester_block(head),
        ],
    )


def not_approved(head: Head, place: str, approval: ApprovalView) -> Message:
    """It was rejected, or the request expired."""
    return _framed(head, approval.outcome, f"{approval.outcome}, no value was set in {kit.escape(place)}", approval)


def waiting(head: Head, place: str, approval: ApprovalView | None, problem: str) -> Message:
    """It waits for the value; `problem` is why its place did not take the last one."""
    news = f"waiting for {kit.user(head.requester)} to enter the value for {kit.escape(place)}"
    failed = [kit.section(f":warning: The last value was not stored: {kit.escape(problem)}")] if problem else []
    row = kit.actions(BLOCK, kit.button("Enter the value…", ENTER, str(head.number), style="primary"))
    hint = kit.context(
        "The button gives a link to its requester alone, for ten minutes. The value never passes through Slack."
    )
    return _framed(
        head, "waiting", news, approval, [*failed, row, common.cancel_button(head, "no value is set."), hint]
    )


def link(url: str, name: str, until: float) -> Message:
    """The link, for the person alone."""
    text = f":lock: {kit.link(f'Enter the value of {name}', url)}. The link is for you alone, once, until {kit.moment(until)}."
    return kit.message(f"A link to enter the value of {kit.escape(name)}", [kit.section(text)])


def stored(head: Head, place: str, approval: ApprovalView | None, person: str) -> Message:
    """It is stored."""
    return _framed(head, "succeeded", f"{kit.user(person)} stored a value in {kit.escape(place)}", approval)


def expired(head: Head, place: str, approval: ApprovalView | None) -> Message:
    """Nobody entered a value."""
    return _framed(
        head, "expired", f"nobody entered a value within an hour; {kit.escape(place)} is unchanged", approval
    )


def _framed(head: Head, status: str, news: str, approval: ApprovalView | None, blocks: Sequence[Block] = ()) -> Message:
    decided = [common.approval_lines(approval)] if approval else []
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, status, news), *blocks],
        foot=[*decided, common.requester_block(head)],
    )
