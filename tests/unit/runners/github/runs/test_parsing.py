"""GitHub's runs and jobs as values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runners.github.runs.parsing import parse_run, parse_state
from runners.results import State


@pytest.mark.parametrize(
    ("status", "conclusion", "expected"),
    [
        ("queued", None, State.WAITING),
        ("pending", None, State.WAITING),
        ("something new", None, State.WAITING),
        ("in_progress", None, State.RUNNING),
        ("completed", None, State.RUNNING),
        ("completed", "success", State.SUCCEEDED),
        ("completed", "neutral", State.SUCCEEDED),
        ("completed", "failure", State.FAILED),
        ("completed", "timed_out", State.FAILED),
        ("completed", "startup_failure", State.FAILED),
        ("completed", "cancelled", State.CANCELLED),
        ("completed", "skipped", State.SKIPPED),
        ("completed", "action_required", State.UNKNOWN),
        ("completed", "something new", State.UNKNOWN),
    ],
)
def test_every_status_has_its_state(status: str, conclusion: str | None, expected: State) -> None:
    assert parse_state(status, conclusion) is expected


def test_a_run_without_jobs_ends_when_it_was_last_touched() -> None:
    run: dict[str, Any] = {
        "id": 1,
        "status": "completed",
        "conclusion": "startup_failure",
        "run_number": 3,
        "name": None,
        "path": ".github/workflows/deploy.yml",
        "head_sha": "a" * 40,
        "html_url": "https://github.example/1",
        "created_at": "2026-11-23T10:00:00Z",
        "updated_at": "2026-11-23T10:00:05Z",
    }
    observed = parse_run("o/r", run, [])
    assert (observed.state, observed.workflow, observed.attempt) == (State.FAILED, "deploy.yml", 1)
    assert observed.ended_at == datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC)
