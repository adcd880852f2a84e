"""What GitHub's webhooks tell of workflow runs: pure functions from a payload to a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.github.runs.runs import actor_of, job_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.results import Job


@dataclass(frozen=True, slots=True)
class RunNews:
    """Something happened to a run. Payloads come late, twice and in any order: this is never how the run stands now.

    `workflow` is the file's name and `actor` the login of who started it, empty where GitHub does not tell them; `job` is
    the job that it happened to, if to one.
    """

    repository: str
    run_id: int
    attempt: int
    workflow: str = ""
    actor: str = ""
    job: Job | None = None
    ended: bool = False


def news_of(event: str, payload: Mapping[str, Any]) -> RunNews | None:
    """What a payload tells; None for an event of another kind. `event` is the header X-GitHub-Event.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_job

    Raises:
        ValueError: it is not of GitHub's shape.
    """
    try:
        if event == "workflow_job":
            return _of_job(payload["repository"]["full_name"], payload["workflow_job"])
        if event == "workflow_run":
            ended = "completed" in (payload.get("action"), payload["workflow_run"]["status"])
            return _of_run(payload["repository"]["full_name"], payload["workflow_run"], ended=ended)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError(f"the payload is no {event} of GitHub's") from None
    return None


def _of_job(repository: str, job: Mapping[str, Any]) -> RunNews:
    return RunNews(repository, int(job["run_id"]), int(job.get("run_attempt") or 1), job=job_of(job))


def _of_run(repository: str, run: Mapping[str, Any], *, ended: bool) -> RunNews:
    attempt = int(run.get("run_attempt") or 1)
    return RunNews(repository, int(run["id"]), attempt, file_of(run), actor_of(run), ended=ended)


def file_of(run: Mapping[str, Any]) -> str:
    """The name of a run's workflow file; its path may have a ref behind it, and a repository before it."""
    path = str(run.get("path") or "").partition("@")[0]
    return path.rpartition("/")[2]
