"""The jobs of a deploy's run as a list by machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.slack.blocks import jobs as job_blocks, kit
from runners.results import Job, State, WorkflowRun
from tests.unit.bot.drawn import read

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MACHINES = ("backend", "cron")


def job(name: str, state: State = State.SUCCEEDED, ended: bool = True) -> Job:
    end = AT + timedelta(seconds=65) if ended else None
    return Job(1, name, state, "https://github.com/o/r/actions/runs/1/job/1", AT, end)


def displayed(*jobs: Job, now: float | None = None) -> str:
    return read(kit.message("jobs", job_blocks.table(jobs, MACHINES, now)))


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("deploy (cron)", "cron"),
        ("deploy (eu, backend)", "backend"),
        ("deploy / run (backend)", "backend"),
        ("deploy (backend) now", ""),
        ("deploy (backends)", ""),
        ("lint", ""),
        ("", ""),
    ],
)
def test_a_job_is_of_the_machine_that_its_matrix_names(name: str, machine: str) -> None:
    assert job_blocks.machine_of(job(name), MACHINES) == machine


def test_machines_come_in_their_order_and_other_jobs_after_them() -> None:
    rendered = displayed(job("notify"), job("deploy (cron)"), job("deploy (backend)"))
    assert rendered.index("deploy (backend)") < rendered.index("deploy (cron)") < rendered.index("notify")
    assert "Machine" in rendered


def test_without_machines_there_is_no_column_for_them() -> None:
    assert "Machine" not in displayed(job("lint"), job("ship"))
    assert not job_blocks.table([], MACHINES)


def test_a_job_under_way_tells_for_how_long() -> None:
    going = job("deploy (cron)", State.RUNNING, ended=False)
    assert "2 min 5 s" in displayed(going, now=AT.timestamp() + 125)
    assert "min" not in displayed(going)


def test_silence_is_told_with_its_reason() -> None:
    run = WorkflowRun(
        "o/r", 5, 31, 1, "d.yml", "a" * 40, State.RUNNING, "https://x/1", AT,
        stale_since=AT, stale_because="GitHub cannot be <reached>",
    )  # fmt: skip
    rendered = read(kit.message("stale", job_blocks.stale(run)))
    assert "GitHub has not answered since" in rendered
    assert "GitHub cannot be <reached>" in rendered
    assert "The run goes on there" in rendered
