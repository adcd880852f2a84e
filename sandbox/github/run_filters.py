"""Which runs a listing shows: GitHub's filters, and the lag of its index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.github.web import GitHubError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.repository import Repository
    from sandbox.github.runs import Run, Workflow


def visible_runs(
    repository: Repository, workflow: Workflow | None, query: Mapping[str, str], *, lag: float
) -> list[Run]:
    """The runs that fit the query's filters, newest first, without those younger than `lag` real seconds."""
    indexed = datetime.now(UTC) - timedelta(seconds=lag)
    runs = [run for run in repository.runs.values() if run.created_at <= indexed and workflow in (None, run.workflow)]
    return [run for run in reversed(runs) if _fits(run, query)]


def _fits(run: Run, query: Mapping[str, str]) -> bool:
    wanted = {"branch": run.branch, "event": run.event, "actor": run.actor, "head_sha": run.commit.sha}
    same = all(query[key] == value for key, value in wanted.items() if query.get(key))
    status = query.get("status")
    return same and status in {None, "", run.status, run.conclusion} and _created(run, query.get("created"))


def _created(run: Run, text: str | None) -> bool:
    """GitHub's date ranges: `>=T`, `>T`, `<=T`, `<T`, `A..B` with `*` for an open end, or a day."""
    if not text:
        return True
    at = run.created_at.replace(microsecond=0)
    if ".." in text:
        low, _, high = text.partition("..")
        return (low == "*" or at >= _time(low)) and (high == "*" or at <= _time(high, end=True))
    for sign in (">=", "<=", ">", "<"):
        if text.startswith(sign):
            moment = _time(text.removeprefix(sign), end=sign in {"<=", ">"})
            return {">=": at >= moment, "<=": at <= moment, ">": at > moment, "<": at < moment}[sign]
    return _time(text) <= at <= _time(text, end=True)


def _time(text: str, *, end: bool = False) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise GitHubError(422, f"Invalid date: {text}") from error
    if "T" not in text and end:
        moment += timedelta(days=1, seconds=-1)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
