"""Events of workflow runs, as GitHub's webhooks send them: pure functions from a payload to a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.github.runs.parsing import actor_of, parse_job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.results import Job

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something happened to a run. Events come late, twice and in any order: they are never the run's present state.

    `workflow` is the file's name and `actor` the login of who started the run, empty where GitHub leaves them out. `job`
    is the job of a job's event.
    """

    repository: str
    run_id: int
    attempt: int
    workflow: str = ""
    actor: str = ""
    job: Job | None = None
    ended: bool = False


def run_event_of(event: str, payload: Mapping[str, Any]) -> RunEvent | None:
    """The event in a payload; None for an event of another kind. `event` is the header X-GitHub-Event.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_job

    Raises:
        ValueError: the payload is not of GitHub's shape.
    """
    try:
        if event == "workflow_job":
            return _of_job(_text(payload["repository"]["full_name"]), payload["workflow_job"])
        if event == "workflow_run":
            ended = "completed" in (payload.get("action"), payload["workflow_run"]["status"])
            return _of_run(_text(payload["repository"]["full_name"]), payload["workflow_run"], ended=ended)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise ValueError(f"the payload is no {event} of GitHub's") from None
    return None


def _of_job(repository: str, job: Mapping[str, Any]) -> RunEvent:
    parsed = parse_job({**job, "id": _number(job["id"]), "name": _text(job["name"])})
    return RunEvent(repository, _number(job["run_id"]), _number(job.get("run_attempt") or 1), job=parsed)


def _of_run(repository: str, run: Mapping[str, Any], *, ended: bool) -> RunEvent:
    attempt = _number(run.get("run_attempt") or 1)
    return RunEvent(repository, _number(run["id"]), attempt, _workflow_file(run), _text(actor_of(run)), ended=ended)


def _workflow_file(run: Mapping[str, Any]) -> str:
    # The path may have a ref after it, and a repository before it.
    path = _text(run.get("path") or "").partition("@")[0]
    return path.rpartition("/")[2]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: object) -> int:
    # A JSON number may be a fraction, infinite, or larger than any id that a database holds.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
        raise ValueError("no id or count of GitHub's")
    return value
