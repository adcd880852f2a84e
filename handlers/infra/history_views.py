"""Draws a page of the history, and the story of one operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Message

OLDER = "history-older"
MOST_STEPS = 30  # of an operation; the first and the last are displayed
FIRST_STEPS = 8
_LONGEST = 160  # characters of details


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation: its state, how it ended and why, who requested it and when (Unix seconds), its message's URL or ""."""

    number: int
    title: str
    status: str
    outcome: str
    why: str
    requester: str
    at: float
    url: str


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry of the audit log: who, what, the details; the number of the operation it is about, with the URL or ""."""

    actor: str
    what: str
    details: str
    at: float
    number: int | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of an operation: when (Unix seconds), who, what, the details, a URL or "", whether the entry verifies."""

    at: float
    actor: str
    what: str
    details: str
    url: str
    intact: bool


@dataclass(frozen=True, slots=True)
class Story:
    """An operation with its steps. Times are Unix seconds; `activity` says what it does now; `page` is a link for this person."""

    row: OperationRow
    activity: str
    ended_at: float | None
    steps: tuple[StepRow, ...]
    page: str = ""


def page(what: str, rows: Sequence[OperationRow | EntryRow], *, older: str = "", first: bool = True) -> Message:
    """Rows, newest first; `what` (mrkdwn) continues "History", and `older` is the value of the button for the next page."""
    title = f"History{f' {what}' if what else ''}"
    nothing = "Nothing in that time." if first else "Nothing older."
    lines = [_operation(row) if isinstance(row, OperationRow) else _entry(row) for row in rows] or [f"_{nothing}_"]
    foot = [kit.actions("history", kit.button("Older", OLDER, older))] if older else []
    hint = kit.context("`/infra show 12` has an operation's whole story.")
    return kit.message(title, [kit.section(f"*{title}*"), *kit.sections(lines)], foot=[*foot, hint])


def story(whole: Story) -> Message:
    """Everything on record about an operation."""
    row = whole.row
    begun = f"requested by {kit.user(row.requester)} {kit.moment(row.at)}"
    state = _state(row) if whole.ended_at else kit.escape(whole.activity) or row.status
    end = (
        f"ended {kit.moment(whole.ended_at)} after {phrases.duration(whole.ended_at - row.at)}"
        if whole.ended_at
        else "not ended"
    )
    head = f"{common.EMOJI[row.status]} *{_link(row.number, row.url)} {kit.escape(row.title)}*: {state}"
    changed = [] if all(step.intact for step in whole.steps) else [kit.section(CHANGED)]
    thread = [kit.context(f"Plans, logs and comments are in {kit.link('its thread', row.url)}.")] if row.url else []
    if whole.page:
        thread.append(
            kit.context(f"{kit.link('Its page', whole.page)} follows it live. The link is yours alone, and expires.")
        )
    return kit.message(
        f"#{row.number} {kit.escape(row.title)}",
        [kit.section(head), kit.context(begun, end), *changed, *kit.sections(_steps(whole.steps))],
        foot=thread,
    )


CHANGED = (
    ":rotating_light: Entries marked :rotating_light: are not as Signalbox wrote them: something else has changed the "
    "database. Run `python -m bot audit verify`."
)


def _operation(row: OperationRow) -> str:
    by = f"by {kit.user(row.requester)} {kit.moment(row.at)}"
    return f"{common.EMOJI[row.status]} {_link(row.number, row.url)} {kit.escape(row.title)}: {_state(row)}, {by}"


def _state(row: OperationRow) -> str:
    why = f" ({kit.escape(kit.cut(row.why, _LONGEST))})" if row.why else ""
    return f"{kit.escape(row.outcome) or row.status}{why}"


def _entry(row: EntryRow) -> str:
    about = f" {_link(row.number, row.url)}" if row.number is not None else ""
    details = f" {kit.with_people(kit.cut(row.details, _LONGEST))}" if row.details else ""
    return f"• {kit.user(row.actor)} {kit.escape(row.what)}{about}{details} {kit.moment(row.at)}"


def _steps(steps: Sequence[StepRow]) -> list[str]:
    lines = [_step(step, steps[index - 1] if index else None) for index, step in enumerate(steps)]
    if len(lines) <= MOST_STEPS:
        return lines or ["_No step is on record._"]
    hidden = len(lines) - MOST_STEPS
    return [*lines[:FIRST_STEPS], f"… {hidden} more steps …", *lines[FIRST_STEPS + hidden :]]


def _step(step: StepRow, before: StepRow | None) -> str:
    same_day = before is not None and step.at // 86_400 == before.at // 86_400
    time = kit.time_of_day(step.at) if same_day else kit.moment(step.at)
    mark = "" if step.intact else ":rotating_light: "
    by = f" by {kit.user(step.actor)}" if step.actor != "signalbox" else ""
    details = f" {kit.with_people(kit.cut(step.details, _LONGEST))}" if step.details else ""
    link = f" {kit.link('open', step.url)}" if step.url else ""
    return f"{time}  {mark}*{kit.escape(step.what)}*{by}{details}{link}"


def _link(number: int, url: str) -> str:
    return kit.link(f"#{number}", url) if url else f"#{number}"
