"""The board of a build: what is where on it, in every state, of any matrix, within Slack's limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given

from bot.slack.blocks import kit
from bot.slack.blocks.common import Head
from handlers.build import log_views, matrix as matrix_views
from handlers.build.matrix import BuildMatrix
from handlers.build.matrix_cells import Annotation
from runners.results import Commit, Job, LogExcerpt, LogFinding, LogReading, State, WorkflowRun
from tests.unit.bot.drawn import buttons, hostile, read
from tests.unit.handlers.build.jobs import AT, ENVIRONMENTS, MACHINES, job

NOW = AT.timestamp() + 14 * 60 + 20
HEAD = Head(12, "Build all images at main", "image builds", "U0ANA")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Build with less memory", "Lee Park", "https://github.com/o/r/c/1")
ALL = frozenset(product(MACHINES, ENVIRONMENTS))


def run(*jobs: Job, state: State = State.RUNNING, **more: Any) -> WorkflowRun:
    ended = AT + timedelta(minutes=41) if state.ended else None
    return WorkflowRun(
        "o/r", 5, 31, 1, "Build images", COMMIT.sha, state, "https://github.com/o/r/actions/runs/5", AT, jobs, ended,
        branch="main", **more,
    )  # fmt: skip


def matrix_of(*jobs: Job, state: State = State.RUNNING, **more: Any) -> BuildMatrix:
    usual: dict[str, Any] = {"machines": MACHINES, "environments": ENVIRONMENTS, "commit": COMMIT, "now": NOW}
    return BuildMatrix(HEAD, run(*jobs, state=state), **{**usual, **more})


def builds(state: State) -> list[Job]:
    places = enumerate(product(MACHINES, ENVIRONMENTS), start=100)
    return [job(f"build ({machine}, {name})", state, number) for number, (machine, name) in places]


def test_a_run_under_way_is_a_grid_with_links() -> None:
    jobs = builds(State.SUCCEEDED)
    jobs[1] = job("build (backend, staging)", State.RUNNING, 101)
    jobs[3] = job("build (cron, dev)", State.FAILED, 103)
    jobs[7] = job("build (taskrunner, staging)", State.WAITING, 107)
    validate = [job(f"validate ({machine})", State.SUCCEEDED, 10 + at) for at, machine in enumerate(MACHINES)]
    message = matrix_views.in_progress(
        matrix_of(*validate, *jobs, job("notify", State.WAITING, 200), annotations={111: Annotation(suspect=True)})
    )
    text = read(message)
    assert message.text == "#12 Build all images at main: 9 of 12 images, 1 suspect, 1 failed, 14 min"
    assert "| dev | staging | prod" in " ".join(text.split())
    assert "🔄 running 14 min" in text
    assert "✅ done 12 min" in text
    assert "⚠️ suspect 12 min" in text
    assert "*validate* ✅ done 4" in text
    assert "notify ⏳ waiting" in text
    assert "https://github.com/o/r/actions/runs/5/job/103" in str(message.blocks)
    assert buttons(message) == ["cancel"]
    assert "requested by" in text


def test_what_github_does_not_list_yet_waits_on_the_grid() -> None:
    validate = job("validate (backend)", State.RUNNING)
    text = read(matrix_views.in_progress(matrix_of(validate, expected=ALL)))
    assert "0 of 12 images, 14 min" in text
    assert text.count("⏳ waiting") == 12
    over = read(matrix_views.ended(matrix_of(replace(validate, state=State.FAILED), state=State.FAILED, expected=ALL)))
    assert "⏳" not in over
    assert "failed; no image was begun, 41 min" in over
    assert "validate (backend)" in over


def test_only_what_is_built_has_rows_and_columns() -> None:
    text = read(
        matrix_views.in_progress(
            matrix_of(job("build (cron, dev)", State.RUNNING), job("build (sftp, prod)", State.RUNNING, 2))
        )
    )
    assert "backend" not in text
    assert "staging" not in text
    assert "- " in text


@pytest.mark.parametrize(
    ("state", "annotations", "sign", "news"),
    [
        (State.SUCCEEDED, {}, ":white_check_mark:", "12 of 12 images, 41 min"),
        (
            State.SUCCEEDED,
            {100: Annotation(suspect=True)},
            ":warning:",
            "12 of 12 images, 1 suspect, 41 min. Look at what",
        ),
        (State.FAILED, {}, ":x:", "failed; 12 of 12 images, 41 min"),
        (State.CANCELLED, {}, ":octagonal_sign:", "cancelled in GitHub; 12 of 12 images"),
        (State.UNKNOWN, {}, ":x:", "ended as unknown"),
    ],
)
def test_how_it_ended(state: State, annotations: dict[int, Annotation], sign: str, news: str) -> None:
    text = read(matrix_views.ended(matrix_of(*builds(State.SUCCEEDED), state=state, annotations=annotations)))
    assert text.startswith(sign)
    assert news in text
    assert "Cancel" not in text


def test_a_run_that_never_came_to_a_job_sends_people_to_github() -> None:
    text = read(matrix_views.ended(matrix_of(state=State.FAILED), rerun=True))
    assert "failed; no job ran. Its page on GitHub says why" in text
    assert "[Rerun failed]" not in text


def test_who_cancelled_is_named_and_what_failed_can_run_again() -> None:
    over = matrix_of(*builds(State.CANCELLED), state=State.CANCELLED)
    message = matrix_views.ended(over, cancelled=f"cancelled by {kit.user('U0LEE')}", rerun=True)
    assert "cancelled by" in read(message)
    assert buttons(message) == ["rerun-failed"]
    assert buttons(matrix_views.ended(matrix_of(*builds(State.SUCCEEDED), state=State.SUCCEEDED), rerun=True)) == []


def test_images_reruns_and_unread_logs_are_in_their_cells() -> None:
    annotations = {
        100: Annotation(image="ami-0123456789abcdef0", reruns=1),
        101: Annotation(log_problem="log not read"),
    }
    text = read(matrix_views.ended(matrix_of(*builds(State.SUCCEEDED), state=State.SUCCEEDED, annotations=annotations)))
    assert "✅ done 12 min, rerun 1 ami-0123456789abcdef0" in text
    assert "(log not read)" in text


def test_a_run_without_a_grid_is_a_list() -> None:
    jobs = [job("lint", State.SUCCEEDED), job("image", State.FAILED, 2, failing_step="Run packer")]
    message = matrix_views.ended(matrix_of(*jobs, state=State.FAILED, machines=(), environments=()), rerun=True)
    text = read(message)
    assert "failed; 1 of 2 jobs done, 1 failed" in text
    assert "Run packer" in text
    assert "lint" in text
    empty = read(matrix_views.in_progress(matrix_of(machines=(), environments=())))
    assert "0 of 0 jobs done" in empty


def test_late_news_and_notes_are_said() -> None:
    late = replace(matrix_of(*builds(State.RUNNING)).run, stale_since=AT, stale_because="GitHub cannot be reached")
    rendered = replace(matrix_of(*builds(State.RUNNING), notices=(":repeat: rate limited; rerun 1 of 2",)), run=late)
    text = read(matrix_views.in_progress(rendered, cancelling=f"being cancelled by {kit.user('U0LEE')}"))
    assert "GitHub has not answered since" in text
    assert "rerun 1 of 2" in text
    assert "being cancelled by" in text
    assert "[Cancel]" not in text


def test_a_run_that_is_lost_sight_of_keeps_what_was_seen() -> None:
    text = read(matrix_views.lost(matrix_of(*builds(State.RUNNING)), "GitHub does not <!channel> answer"))
    assert "no longer followed: GitHub does not" in text
    assert "🔄 running" in text
    assert "[Cancel]" not in text


def test_a_build_that_nobody_asked_for_here_says_who_started_it() -> None:
    text = read(matrix_views.in_progress(matrix_of(*builds(State.RUNNING), by="started in GitHub by max-weber")))
    assert "started in GitHub by max-weber" in text
    assert "requested by" not in text


@pytest.mark.parametrize(("count", "across"), [(256, 16), (256, 2), (256, 64), (256, 25), (99, 3), (120, 1)])
@pytest.mark.parametrize("state", list(State))
def test_as_many_jobs_as_github_takes_are_one_message(count: int, across: int, state: State) -> None:
    environments = tuple(f"environment-{number}" for number in range(across))
    machines = tuple(f"machine-{number}" for number in range(-(-count // across)))
    jobs = [
        job(f"build ({machine}, {name})", state, number + 100, failing_step="Build")
        for number, (machine, name) in enumerate(list(product(machines, environments))[:count])
    ]
    annotations = {item.job_id: Annotation(suspect=True, reruns=2, image="ami-0123456789abcdef0") for item in jobs[::3]}
    rendered = matrix_of(*jobs, state=state, machines=machines, environments=environments, annotations=annotations)
    text = read(matrix_views.ended(rendered, rerun=True) if state.ended else matrix_views.in_progress(rendered))
    good = count if state is State.SUCCEEDED else 0
    assert f"{good} of {count} images" in text


def test_many_other_jobs_are_counted_and_the_troubled_named() -> None:
    others = [job(f"test ({number})", State.SUCCEEDED, 1_000 + number) for number in range(1, 240)]
    others[7] = job("test (8)", State.FAILED, 1_008)
    text = read(matrix_views.in_progress(matrix_of(*builds(State.RUNNING), *others)))
    assert "❌ failed 1 (test (8))" in text
    assert "✅ done 238" in text
    groups = [job(f"part-{number}", State.SUCCEEDED, 1_000 + number) for number in range(1, 80)]
    assert "and 69 more" in read(matrix_views.in_progress(matrix_of(*builds(State.RUNNING), *groups)))


@given(name=hostile, step=hostile, note=hostile)
def test_hostile_names_break_nothing(name: str, step: str, note: str) -> None:
    jobs = [job(name, State.FAILED, 7, failing_step=step), *builds(State.RUNNING)]
    rendered = matrix_of(*jobs, state=State.FAILED, by="x", annotations={7: Annotation(log_problem=note)})
    read(matrix_views.ended(rendered, rerun=True))
    read(matrix_views.in_progress(replace(rendered, machines=(), environments=())))
    excerpt = LogExcerpt(3, name, (step,), (note,), step=name)
    finding = LogFinding(name, 3, step, (note,), (), name)
    reading = LogReading(lines=9, first_error=excerpt, tail=(name, step, note) * 10, findings=(finding,))
    read(log_views.failed_job(jobs[0], reading, ""))
    read(log_views.failed_job(jobs[0], None, note))
    read(log_views.suspect_job(jobs[0], LogReading(findings=(finding,) * 9)))


def test_a_board_whose_failed_jobs_run_again_names_who_does_it_in_place_of_the_button() -> None:
    failed = matrix_of(job("build (cron, dev)", State.FAILED), state=State.FAILED)
    assert "Rerun failed" in read(matrix_views.ended(failed, rerun=True))
    again = read(matrix_views.ended(failed, rerun=True, again=14))
    assert "run again in #14" in again
    assert "Rerun failed" not in again


def test_cancel_asks_by_number_and_title_in_red() -> None:
    message = matrix_views.in_progress(matrix_of(*builds(State.RUNNING)))
    (ask,) = [item["confirm"] for block in message.blocks for item in block.get("elements", ()) if "confirm" in item]
    assert (ask["title"]["text"], ask["style"]) == ("Cancel #12?", "danger")
    assert ask["text"]["text"].startswith("*Build all images at main*: ")
