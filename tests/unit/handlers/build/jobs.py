"""Jobs of a build, for the tests of its messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from runners.results import Job, State

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MACHINES, ENVIRONMENTS = ("backend", "cron", "taskrunner", "sftp"), ("dev", "staging", "prod")


def job(name: str, state: State, number: int = 1, minutes_taken: float = 12, **more: Any) -> Job:
    began = None if state is State.WAITING else AT
    ended = AT + timedelta(minutes=minutes_taken) if state.ended else None
    return Job(number, name, state, f"https://github.com/o/r/actions/runs/5/job/{number}", began, ended, **more)
