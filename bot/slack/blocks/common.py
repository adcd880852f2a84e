"""What every operation's message has in common: its first line, who asked, its approval, its ending."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.slack.blocks import kit
from runners import phrases
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.slack.blocks.kit import Block, Message
    from runners.results import Commit

EMOJI = {
    "waiting": ":hourglass_flowing_sand:",
    "running": ":arrows_counterclockwise:",
    "approval": ":raised_hand:",
    "succeeded": ":white_check_mark:",
    "failed": ":x:",
    "rejected": ":no_entry_sign:",
    "expired": ":alarm_clock:",
    "interrupted": ":warning:",
    "cancelled": ":octagonal_sign:",
    "superseded": ":fast_forward:",
}
APPROVE, REJECT, CANCEL = "approve", "reject", "cancel"
DECISION_BLOCK, WORKING_BLOCK, NEXT_BLOCK = "decision", "working", "next"


@stored("operation-head")
@dataclass(frozen=True, slots=True)
class Head:
    """What an operation is called: number, title ("Deploy main to staging"), who asked (user id)."""

    number: int
    title: str
    environment: str
    requester: str


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """An approval as shown.

    `votes` are (user id, "approved" or "rejected", Unix seconds) in order; `who` says who may, in mrkdwn; `elsewhere`
    how it was decided outside of Slack ("discarded in HCP Terraform by max").
    """

    id: str
    required: int
    outcome: str
    votes: tuple[tuple[str, str, float], ...]
    expires_at: float
    who: str
    elsewhere: str = ""


@stored("operation-link")
@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another operation, with the address of its message (empty where that is not known)."""

    head: Head
    url: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Work that failed: what was being done, what went wrong, what they can do, the last lines printed; all plain."""

    doing: str
    problem: str
    remedy: str
    log_tail: str


@dataclass(frozen=True, slots=True)
class FailureContext:
    """What else is to be said of work that failed: what did not come about ("nothing was deployed"), of which commit.

    `approval` is who had approved it; `then` what to type once it is put right. All may be missing.
    """

    untouched: str = ""
    commit: Commit | None = None
    approval: ApprovalView | None = None
    then: str = ""


def first_line(head: Head, status: str, news: str) -> Block:
    """The line that says it all."""
    return kit.section(f"{EMOJI[status]} *#{head.number} {kit.escape(head.title)}*: {news}")


def asked_by(head: Head, *more: str) -> Block:
    """Small print under it."""
    return kit.context(asked(head), *more)


def asked(head: Head) -> str:
    """Who asked, in mrkdwn."""
    return f"asked by {kit.user(head.requester)}"


def plain(head: Head, news: str) -> str:
    """The same in one line for notifications."""
    return f"#{head.number} {kit.escape(head.title)}: {news}"


def commit_line(commit: Commit) -> str:
    """A commit with its link, subject and author."""
    subject = kit.escape(kit.cut(commit.subject, 90))
    return f"{kit.link(commit.short, commit.url)} {subject} ({kit.escape(kit.cut(commit.author, 60))})"


def short_message(head: Head, status: str, news: str, *details: str) -> Message:
    """An operation's message where one line and some paragraphs say everything."""
    paragraphs = [kit.section(detail) for detail in details if detail]
    return kit.message(plain(head, news), [first_line(head, status, news), *paragraphs, asked_by(head)])


def failed(head: Head, trouble: Failure, known: FailureContext, *buttons: Block) -> Message:
    """Work that failed before there was more to show: what is wrong first, then what to do; small, what was being done."""
    news = f"{kit.escape(known.untouched) or 'failed'}. {kit.escape(sentence(trouble.problem))}"
    tail = kit.preformatted(trouble.log_tail, 1_800) if trouble.log_tail.strip() else ""
    again = f"{'Then run' if trouble.remedy else 'Run'} {kit.code(known.then)}." if known.then else ""
    said = [part for part in (tail, remedy_lines(trouble.remedy), again) if part]
    of = [commit_line(known.commit)] if known.commit else []
    decided = [approval_lines(known.approval)] if known.approval else []
    small = kit.context(f"while {kit.escape(trouble.doing)}")
    blocks = [first_line(head, "failed", news), asked_by(head, *of), *map(kit.section, said)]
    return kit.message(plain(head, news), blocks, foot=[*buttons, *decided, small])


def sentence(problem: str) -> str:
    """A problem with a capital where it begins with a word; a name or an address ("max@laptop") stays as it is."""
    first = problem.split(" ", 1)[0]
    return problem[0].upper() + problem[1:] if re.fullmatch("[a-z]+", first) else problem


def remedy_lines(remedy: str) -> str:
    """A remedy in mrkdwn: lines of their own that begin with "terraform " are commands."""
    lines = remedy.splitlines()
    return "\n".join(kit.code(line, 300) if line.startswith("terraform ") else kit.escape(line) for line in lines)


def apology(head: Head, error_id: str) -> Message:
    """Something nobody foresaw; the id leads to it in the log."""
    news = "stopped by a fault in Signalbox itself"
    detail = f"The log has the details under `{kit.escape(error_id)}`. Nothing was started after the fault."
    return short_message(head, "failed", news, detail)


def waiting(head: Head, waits_for: str) -> Message:
    """Another operation has the environment's turn; `waits_for` is already escaped."""
    news = f"waits for {waits_for}"
    ask = kit.confirm("Withdraw this?", "It has not begun, and then never will.", "Yes, withdraw it")
    cancel_waiting = kit.button("Withdraw", CANCEL, str(head.number), ask=ask)
    blocks = [first_line(head, "waiting", news), kit.actions(WORKING_BLOCK, cancel_waiting), asked_by(head)]
    return kit.message(plain(head, news), blocks)


def ended_words(created_at: float, ended_at: float) -> str:
    """When an operation ended and how long after it was asked for (both Unix seconds), for the small print."""
    return f"ended {kit.moment(ended_at)} after {phrases.duration(ended_at - created_at)}"


def decision_buttons(approval: ApprovalView, *, approve: str, question: str) -> Block:
    """Approve and Reject; `approve` says on the button what it does, `question` what is about to happen.

    Without a question Approve asks none: where a word has to be typed next, that is question enough.
    """
    ask_yes = kit.confirm("Are you sure?", question, "Yes, approve") if question else None
    ask_no = kit.confirm(
        "Reject this?", "Nothing will be done, and the environment is free for the next one.", "Reject"
    )
    return kit.actions(
        DECISION_BLOCK,
        kit.button(approve, APPROVE, approval.id, style="primary", ask=ask_yes),
        kit.button("Reject", REJECT, approval.id, style="danger", ask=ask_no),
    )


def cancel_button(head: Head, what_happens: str) -> Block:
    """Stops what is under way; `what_happens` says to what end."""
    text = f"*{kit.escape(head.title)}*: {what_happens}"
    ask = kit.confirm(f"Cancel #{head.number}?", text, "Yes, cancel it", style="danger")
    return kit.actions(WORKING_BLOCK, kit.button("Cancel", CANCEL, str(head.number), style="danger", ask=ask))


def named(words: str, other: Elsewhere) -> Block:
    """Another operation that this one has led to, with its link and who asked for it; `words` say what it is."""
    title = f"#{other.head.number} {other.head.title}"
    return kit.context(f":arrow_right: {kit.escape(words)}: {kit.link(title, other.url)}", asked(other.head))


def led_on(shown: Message, action: str, words: str, newer: Elsewhere, value: str = "") -> Message | None:
    """A message with the button `action` on it, once that was pressed: what it began is named in its place.

    `value` is the button's, where several do the same. None when there is no such button.
    """

    def pressed(button: Mapping[str, Any]) -> bool:
        return button.get("action_id") == action and value in ("", button.get("value"))

    blocks: list[Block] = []
    for block in shown.blocks:
        if pressed(block.get("accessory", {})):  # it stands beside a text, which stays
            blocks += [{key: part for key, part in block.items() if key != "accessory"}, named(words, newer)]
        else:
            blocks.append(named(words, newer) if any(map(pressed, block.get("elements", ()))) else block)
    return kit.Message(shown.text, tuple(blocks)) if blocks != list(shown.blocks) else None


def approval_lines(approval: ApprovalView) -> Block:
    """Who decided and when; while it is open, who may and until when."""
    said = ", ".join(f"{decision} by {kit.user(person)} {kit.moment(at)}" for person, decision, at in approval.votes)
    if approval.outcome == "pending":
        missing = approval.required - len(approval.votes)
        need = f"needs {missing} more {phrases.plural(missing, 'approval')}" if said else _need(approval.required)
        return kit.context(said, f"{need} by {approval.who}", f"expires {kit.moment(approval.expires_at)}")
    if approval.outcome == "superseded":
        return kit.context(said, "superseded by a newer plan")
    if approval.outcome == "expired":
        return kit.context(said, f"expired {kit.moment(approval.expires_at)} without enough approvals")
    if approval.elsewhere:
        return kit.context(said, kit.escape(approval.elsewhere))
    return kit.context(said)


def _need(required: int) -> str:
    return f"needs {phrases.plural(required, 'an approval', f'{required} approvals')}"
