"""The runs of a listing: GitHub's filters, and the lag of its index."""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.github.web import GitHubError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.github.repository import Repository
    from sandbox.github.runs import Run, Workflow


_COMPARISONS: Mapping[str, Callable[[datetime, datetime], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def visible_runs(
    repository: Repository, workflow: Workflow | None, query: Mapping[str, str], *, lag: float
) -> list[Run]:
    """The runs that match the query's filters, newest first, without those younger than `lag` real seconds."""
    indexed = datetime.now(UTC) - timedelta(seconds=lag)
    created = created_range(query.get("created", ""))
    runs = [run for run in repository.runs.values() if run.created_at <= indexed and workflow in (None, run.workflow)]
    return [run for run in reversed(runs) if _fits(run, query) and created(run.created_at.replace(microsecond=0))]


def _fits(run: Run, query: Mapping[str, str]) -> bool:
    wanted = {"branch": run.branch, "event": run.event, "actor": run.actor, "head_sha": run.commit.sha}
    same = all(query[key] == value for key, value in wanted.items() if query.get(key))
    return same and query.get("status", "") in {"", run.status, run.conclusion}


def created_range(text: str) -> Callable[[datetime], bool]:
    """What GitHub's date range accepts: `>=T`, `>T`, `<=T`, `<T`, `A..B` with `*` for an open end, or a day.

    Raises GitHubError (422) for an invalid date.
    """
    if not text:
        return lambda _: True
    if ".." in text:
        low, _, high = text.partition("..")
        first = datetime.min.replace(tzinfo=UTC) if low == "*" else _time(low)
        last = datetime.max.replace(tzinfo=UTC) if high == "*" else _time(high, end=True)
        return lambda at: first <= at <= last
    for sign, accepts in _COMPARISONS.items():
        if text.startswith(sign):
            moment = _time(text.removeprefix(sign), end=sign in {"<=", ">"})
            return lambda at: accepts(at, moment)
    return created_range(f"{text}..{text}")


def _time(text: str, *, end: bool = False) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise GitHubError(422, f"Invalid date: {text}") from error
    if "T" not in text and end:
        moment += timedelta(days=1, seconds=-1)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
