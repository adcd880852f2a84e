"""The parts that every operation's message has: first line, requester, approval, end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.slack.blocks import kit
from runners import phrases
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.kit import Block, Message
    from runners.results import Commit, Unreadable

EMOJI = {
    "waiting": ":hourglass_flowing_sand:",
    "running": ":arrows_counterclockwise:",
    "approval": ":raised_hand:",
    "succeeded": ":white_check_mark:",
    "failed": ":x:",
    "rejected": ":no_entry_sign:",
    "expired": ":alarm_clock:",
    "interrupted": ":warning:",
    "attention": ":warning:",  # it succeeded, and something is wrong all the same
    "cancelled": ":octagonal_sign:",
    "superseded": ":fast_forward:",
}
APPROVE, REJECT, CANCEL = "approve", "reject", "cancel"
REVOKE = "revoke-approval"
ROLL_BACK = "roll-back"  # under a deploy that began, and in the notice of its end
DECISION_BLOCK, WORKING_BLOCK, NEXT_BLOCK = "decision", "working", "next"


@stored("operation-head")
@dataclass(frozen=True, slots=True)
class Head:
    """The identity of an operation: number, title ("Deploy main to staging"), environment, requester (user id).

    `reason` is why it is an emergency; empty where it is none.
    """

    number: int
    title: str
    environment: str
    requester: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """An approval as messages display it.

    `reason` is why it was rejected, and may be empty; `votes` are (user id, "approved" or "rejected", Unix seconds) in order; `who` names the approvers in mrkdwn; `outside`
    is the decision in another system ("discarded in HCP Terraform by max"); `lapsed` approved and no longer may.
    """

    id: str
    required: int
    outcome: str
    votes: tuple[tuple[str, str, float], ...]
    expires_at: float
    who: str
    outside: str = ""
    lapsed: tuple[str, ...] = ()
    reason: str = ""


@stored("operation-link")
@dataclass(frozen=True, slots=True)
class LinkedOperation:
    """Another operation with the URL of its message, which may be empty."""

    head: Head
    url: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Work that failed: what it was doing, what went wrong, what people can do, its last lines of output; all plain text."""

    doing: str
    problem: str
    remedy: str
    log_tail: str


@dataclass(frozen=True, slots=True)
class FailureContext:
    """What the message of failed work adds: what did not happen ("nothing was deployed"), the commit, the approval.

    `next_command` is what to type once the cause is fixed. `done` are sentences (mrkdwn) about what it had changed before it
    failed. All may be empty.
    """

    not_done: str = ""
    commit: Commit | None = None
    approval: ApprovalView | None = None
    next_command: str = ""
    done: tuple[str, ...] = ()


def first_line(head: Head, status: str, news: str) -> Block:
    """The first line: icon, number, title, and the fact that matters most (mrkdwn)."""
    return kit.section(f"{EMOJI[status]} *#{head.number} {kit.escape(head.title)}*: {news}")


def requester_block(head: Head, *more: str) -> Block:
    """The requester, and more, in small print."""
    return kit.context(requester_text(head), *more)


def requester_text(head: Head) -> str:
    """The requester in mrkdwn."""
    emergency = f", because “{kit.escape(head.reason)}”" if head.reason else ""
    return f"requested by {kit.user(head.requester)}{emergency}"


def plain(head: Head, news: str) -> str:
    """The first line for notifications."""
    return f"#{head.number} {kit.escape(head.title)}: {news}"


def commit_line(commit: Commit) -> str:
    """A commit with link, subject and author (mrkdwn)."""
    subject = kit.escape(kit.cut(commit.subject, 90))
    return f"{kit.link(commit.short, commit.url)} {subject} ({kit.escape(kit.cut(commit.author, 60))})"


def short_message(head: Head, status: str, news: str, *details: str) -> Message:
    """An operation's message of a first line and paragraphs."""
    paragraphs = [kit.section(detail) for detail in details if detail]
    return kit.message(plain(head, news), [first_line(head, status, news), *paragraphs, requester_block(head)])


def failed(head: Head, failure: Failure, context: FailureContext, *buttons: Block) -> Message:
    """The message of failed work: the problem, then what to do; in small print what it was doing."""
    news = f"{kit.escape(context.not_done) or 'failed'}. {kit.escape(sentence(failure.problem))}"
    tail = kit.preformatted(failure.log_tail, 1_800) if failure.log_tail.strip() else ""
    again = (
        f"{'Then run' if failure.remedy else 'Run'} {kit.code(context.next_command)}." if context.next_command else ""
    )
    parts = [part for part in (*context.done, tail, remedy_lines(failure.remedy), again) if part]
    of = [commit_line(context.commit)] if context.commit else []
    decided = [approval_lines(context.approval)] if context.approval else []
    small = kit.context(f"while {kit.escape(failure.doing)}")
    blocks = [first_line(head, "failed", news), requester_block(head, *of), *map(kit.section, parts)]
    return kit.message(plain(head, news), blocks, foot=[*buttons, *decided, small])


def sentence(problem: str) -> str:
    """A problem with a capital letter if it begins with a word; a name or an address ("max@laptop") stays unchanged."""
    first = problem.split(" ", 1)[0]
    return problem[0].upper() + problem[1:] if re.fullmatch("[a-z]+", first) else problem


def remedy_lines(remedy: str) -> str:
    """A remedy in mrkdwn: lines of their own that begin with "terraform " are commands."""
    lines = remedy.splitlines()
    return "\n".join(kit.code(line, 300) if line.startswith("terraform ") else kit.escape(line) for line in lines)


def apology(head: Head, error_id: str) -> Message:
    """The message after an unexpected exception; the log has the traceback under the id."""
    news = "stopped by a fault in Signalbox itself"
    detail = f"The log has the details under `{kit.escape(error_id)}`. Nothing was started after the fault."
    return short_message(head, "failed", news, detail)


def not_attached(title: str, code: str) -> Message:
    """The message in place of a file that Slack does not take."""
    text = f":warning: {kit.escape(title)} could not be attached: Slack answered {kit.code(code.partition(' ')[0])}."
    return kit.message(text, [kit.section(text)])


def waiting(head: Head, news: str, *buttons: Block) -> Message:
    """The message of a queued operation; `news` (mrkdwn) says what it waits for, `buttons` are about the one ahead."""
    ask = kit.confirm(f"Cancel #{head.number}?", "It has not begun, and does not begin then.", "Yes, cancel it")
    cancel_waiting = kit.button("Cancel", CANCEL, str(head.number), ask=ask)
    row = kit.actions(WORKING_BLOCK, *buttons, cancel_waiting)
    blocks = [first_line(head, "waiting", news), row, requester_block(head)]
    return kit.message(plain(head, news), blocks)


def ended_words(created_at: float, ended_at: float) -> str:
    """When an operation ended, and how long after its request (both Unix seconds), for the small print."""
    return f"ended {kit.moment(ended_at)} after {phrases.duration(ended_at - created_at)}"


def decision_buttons(approval: ApprovalView, *, approve: str, question: str, dangerous: bool = False) -> Block:
    """Approve and Reject; `approve` is the label of the first button, `question` what it asks before it counts.

    Reject opens a modal, which asks why. Without `question` it asks nothing: where a confirmation has to be typed next, that is enough.
    `dangerous` is what destroys something: its button is red. Reject is the safe choice and never is.
    """
    style = "danger" if dangerous else "primary"
    ask_yes = kit.confirm("Are you sure?", question, "Yes, approve", style=style) if question else None
    revoke = [kit.button("Revoke my approval", REVOKE, approval.id)] if approval.votes else []
    return kit.actions(
        DECISION_BLOCK,
        kit.button(approve, APPROVE, approval.id, style=style, ask=ask_yes),
        kit.button("Reject", REJECT, approval.id),
        *revoke,
    )


def cancel_button(head: Head, what_happens: str, *, halfway: bool = False) -> Block:
    """Cancel; `what_happens` is what its dialog announces. Red where it stops `halfway` what changes something."""
    style = "danger" if halfway else None
    text = f"*{kit.escape(head.title)}*: {what_happens}"
    ask = kit.confirm(f"Cancel #{head.number}?", text, "Yes, cancel it", style=style)
    return kit.actions(WORKING_BLOCK, kit.button("Cancel", CANCEL, str(head.number), style=style, ask=ask))


def linked_line(words: str, other: LinkedOperation) -> Block:
    """A follow-up with its link and its requester; `words` name its relation to this operation."""
    title = f"#{other.head.number} {other.head.title}"
    return kit.context(f":arrow_right: {kit.escape(words)}: {kit.link(title, other.url)}", requester_text(other.head))


def replace_button(
    message: Message, action: str, words: str, newer: LinkedOperation, value: str = ""
) -> Message | None:
    """The message with a link to `newer` in place of the button `action` that began it; None without such a button.

    `value` is the button's value, where several buttons have the same action.
    """

    def pressed(button: Mapping[str, Any]) -> bool:
        return button.get("action_id") == action and value in ("", button.get("value"))

    blocks: list[Block] = []
    for block in message.blocks:
        if pressed(block.get("accessory", {})):  # beside a text, which stays
            blocks += [{key: part for key, part in block.items() if key != "accessory"}, linked_line(words, newer)]
        else:
            blocks.append(linked_line(words, newer) if any(map(pressed, block.get("elements", ()))) else block)
    return kit.Message(message.text, tuple(blocks)) if blocks != list(message.blocks) else None


def approval_lines(approval: ApprovalView) -> Block:
    """Who decided and when; while it is open, who may approve and until when."""
    decisions = ", ".join(
        f"{decision} by {kit.user(person)} {kit.moment(at)}{_because(approval, decision)}"
        for person, decision, at in approval.votes
    )
    if approval.outcome == "pending":
        counted = len(approval.votes) - len(approval.lapsed)
        missing = approval.required - counted
        need = f"needs {missing} more {phrases.plural(missing, 'approval')}" if counted else _need(approval.required)
        lapsed = [
            f"{kit.user(person)} is no longer an approver; {counted} of {approval.required}"
            for person in approval.lapsed
        ]
        return kit.context(
            decisions, *lapsed, f"{need} by {approval.who}", f"expires {kit.moment(approval.expires_at)}"
        )
    if approval.outcome == "superseded":
        return kit.context(decisions, "superseded by a newer request for approval")
    if approval.outcome == "expired":
        return kit.context(decisions, f"expired {kit.moment(approval.expires_at)} without enough approvals")
    if approval.outside:
        return kit.context(decisions, kit.escape(approval.outside))
    return kit.context(decisions)


def _because(approval: ApprovalView, decision: str) -> str:
    return f": “{kit.escape(approval.reason)}”" if approval.reason and decision == "rejected" else ""


def _need(required: int) -> str:
    return f"needs {phrases.plural(required, 'an approval', f'{required} approvals')}"


def unreadable_parts(parts: Sequence[Unreadable], most: int = 10) -> list[Block]:
    """What could not be read of AWS, and why."""
    return kit.sections(
        [f":warning: Could not be read: {kit.escape(str(part))}. {kit.escape(part.remedy)}" for part in parts[:most]]
    )
