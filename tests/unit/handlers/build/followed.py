"""An operation that follows a run, and its jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.config import read as read_config
from bot.redaction import Redactor
from bot.slack.blocks.common import Head
from runners.results import Job, State, WorkflowRun

if TYPE_CHECKING:
    from bot.operations.operation import Operation

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


CONFIG = read_config("""
slack: {channel: "#ops"}
github: {repository: PermanentOrg/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {machines: [backend, cron], deploy: {github_actions: {workflow: d.yml}}}
  prod: {machines: [backend], deploy: {github_actions: {workflow: d.yml}}}
images: {workflow: build-images.yml}
""")


class Operations:
    """Who pressed Cancel."""

    person: str | None = None

    async def cancel_requested(self, _: int) -> str | None:
        return self.person


def operation(**more: Any) -> Operation:
    now = AT.timestamp() + 900
    services = SimpleNamespace(config=CONFIG, clock=lambda: now, operations=Operations(), redact=Redactor(["hunter22"]))
    services.__dict__.update(more.pop("services", {}))
    made = SimpleNamespace(
        services=services,
        number=7,
        head=Head(7, "Build", "image builds", "U0ANA"),
        record=SimpleNamespace(environment="image builds"),
        **more,
    )
    return cast("Operation", made)


def job(name: str, state: State, number: int, began: int = 0, ended: int = 12) -> Job:
    times = (AT + timedelta(minutes=began), AT + timedelta(minutes=ended) if state.ended else None)
    return Job(number, name, state, "https://github.com/o/r/job/1", *times)


def run(*jobs: Job, state: State = State.RUNNING, attempt: int = 1) -> WorkflowRun:
    ends = [job.ended_at for job in jobs if job.ended_at]
    url = "https://github.com/o/r/actions/runs/5"
    ended = max(ends) if ends and state.ended else None
    return WorkflowRun("o/r", 5, 3, attempt, "Build", "a" * 40, state, url, AT, jobs, ended)


LIMITED, OTHER = job("build (cron, dev)", State.FAILED, 1), job("build (backend, dev)", State.FAILED, 2)


SIBLING, DONE = job("build (backend, prod)", State.CANCELLED, 3), job("notify", State.SUCCEEDED, 4)
