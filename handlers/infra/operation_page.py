"""What the page of an operation displays: its steps, its plan, its logs as they come. Everything is redacted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.store.audit import ACTOR_NAME
from handlers.infra import entry_lines
from handlers.shared.operation_logs import sources_of
from runners.errors import RunnerError
from runners.explain import explain_later
from runners.results import PlanSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services import Services
    from bot.store.operations import Record

MOST_LINES, MOST_CHARACTERS = 300, 60_000  # of a log: its end
MOST_LOGS, MOST_CHANGES, MOST_STEPS = 12, 200, 300


@dataclass(frozen=True, slots=True)
class Step:
    """A step: when (Unix seconds), who, what, the details; whether the entry of the audit log verifies."""

    at: float
    actor: str
    what: str
    details: str
    intact: bool


@dataclass(frozen=True, slots=True)
class PageLog:
    """A log: its name, its state, a URL or "", and the end of its text, which may be empty."""

    name: str
    state: str
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class PageContent:
    """A page. Times are Unix seconds; `changes` are an address and what the plan does with it; `cause` is the likely cause."""

    number: int
    title: str
    environment: str
    status: str
    activity: str
    requester: str
    created_at: float
    ended_at: float | None
    now: float
    steps: tuple[Step, ...]
    changes: tuple[tuple[str, str], ...] = ()
    more_changes: int = 0
    logs: tuple[PageLog, ...] = ()
    problem: str = ""
    cause: str = ""


async def content_of(services: Services, record: Record) -> PageContent:
    """What the page displays now."""
    entries = (await services.history.steps(record.number))[-MOST_STEPS:]
    steps = tuple(
        Step(
            each.at,
            str(each.entry.detail.get(ACTOR_NAME) or each.entry.actor),
            "requested" if each.entry.action == record.kind else each.entry.action,
            entry_lines.describe(each.entry.detail),
            intact,
        )
        for each, intact in entries
    )
    summary = await services.engine.result(record.number, "plan", PlanSummary)
    changes = tuple((each.address, each.change.value) for each in summary.changes) if summary else ()
    logs, problem = await _logs(services, record)
    failed = [log.text for log in logs if log.state == "failed"]
    cause = await explain_later(*failed) if failed else None
    page = PageContent(
        number=record.number,
        title=record.title,
        environment=record.environment,
        status=record.status.value,
        activity="" if record.status.ended else record.activity,
        requester=await services.directory.full_name(record.requester),
        created_at=record.created_at,
        ended_at=record.ended_at,
        now=services.clock(),
        steps=steps,
        changes=changes[:MOST_CHANGES],
        more_changes=max(0, len(changes) - MOST_CHANGES),
        logs=logs,
        problem=problem,
        cause=cause.text if cause else "",
    )
    return services.redact.within(page)


async def _logs(services: Services, record: Record) -> tuple[tuple[PageLog, ...], str]:
    """The logs, and why there are none. Of a job at GitHub only its state and its link: a page downloads nothing."""
    try:
        sources = (await sources_of(services, record))[:MOST_LOGS]
        return tuple(
            [
                PageLog(each.name, each.state, each.url, "" if each.url else _end(services.redact(await each.read())))
                for each in sources
            ]
        ), ""
    except RunnerError as error:
        return (), str(error)


def _end(text: str) -> str:
    """The last lines of a redacted text."""
    lines: Sequence[str] = text[-MOST_CHARACTERS:].splitlines()
    whole = lines if len(text) <= MOST_CHARACTERS else lines[1:]
    return "\n".join(whole[-MOST_LINES:])
