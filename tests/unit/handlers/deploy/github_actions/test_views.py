"""Each state of the message of a deploy by GitHub Actions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from bot.slack.blocks.jobs import machines_done
from bot.slack.blocks.markup import opened
from handlers.deploy.github_actions import views
from handlers.deploy.views import Release
from handlers.shared import run_views
from handlers.shared.log_judgement import JudgedJob, JudgedLogs
from runners.results import Commit, Job, LogFinding, LogReading, PendingReview, State, WorkflowRun
from tests.unit.bot.drawn import hostile, read, urls

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HEAD = Head(12, "Deploy main to prod", "prod", "U0ANA")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
OUT = Release(COMMIT, "`9f8e7d6` The one before", "GitHub Actions deploy-prod.yml")
OPEN = ApprovalView("ID", 1, "pending", (), 1_700_003_600.0, f"anyone of {kit.group('S0LEADS')}")
GIVEN = replace(OPEN, outcome="approved", votes=(("U0LEE", "approved", 1_700_000_000.0),))


def job(name: str, state: State, step: str | None = None) -> Job:
    return Job(1, name, state, "https://github.com/o/r/actions/runs/1/job/1", AT, AT + timedelta(seconds=65), step)


def run(state: State, *jobs: Job, ended: bool = True) -> WorkflowRun:
    return WorkflowRun(
        "o/r", 5, 31, 1, "deploy-prod.yml", COMMIT.sha, state, "https://github.com/o/r/actions/runs/5", AT, jobs,
        AT + timedelta(minutes=2) if ended else None,
    )  # fmt: skip


def test_jobs_under_way_are_a_table() -> None:
    going = run(State.RUNNING, job("backend", State.SUCCEEDED), job("cron", State.RUNNING), ended=False)
    rendered = read(views.run_progress(HEAD, OUT, GIVEN, going))
    assert "deploying a1b2c3d, 1 of 2 jobs done" in rendered
    assert "✅ done" in rendered
    assert "🔄 running" in rendered
    assert "1 min 5 s" in rendered
    assert "Failing step" not in rendered
    assert "approved by @lee" in rendered


def test_a_run_that_went_well_says_what_went_out_and_how_long_it_took() -> None:
    message = views.run_ended(HEAD, OUT, GIVEN, run(State.SUCCEEDED, job("backend", State.SUCCEEDED)))
    rendered = read(message)
    assert message.text == "#12 Deploy main to prod: deployed a1b2c3d in 2 min 0 s"
    assert "*Deployed:* a1b2c3d" in rendered
    assert "*Previous:* `9f8e7d6`" in rendered


def test_a_run_that_went_well_with_a_suspect_log_says_so_first() -> None:
    finding = LogFinding("shell: command not found", 41, "x.sh: line 41: composer: command not found")
    judged = JudgedLogs((JudgedJob("backend", "https://github.com/o/r/job/1", LogReading(findings=(finding,))),))
    message = views.run_ended(HEAD, OUT, GIVEN, run(State.SUCCEEDED, job("backend", State.SUCCEEDED)), judged=judged)
    rendered = read(message)
    assert message.text.endswith("deployed a1b2c3d in 2 min 0 s, but its log shows signs of failure")
    assert rendered.startswith(":warning:")
    assert "*Deployed:* a1b2c3d" in rendered
    assert "composer: command not found" in rendered
    assert "The commit is recorded as deployed. Check what this line is about on the machines" in rendered


def test_a_run_that_went_well_with_another_commit_is_no_success() -> None:
    ended = run(State.SUCCEEDED, job("backend", State.SUCCEEDED))
    rendered = read(views.run_ended(HEAD, OUT, GIVEN, ended, warning="GitHub ran `bbbbbbb`"))
    assert ":x: *#12" in rendered
    assert "the run succeeded, but not with a1b2c3d" in rendered
    assert "GitHub ran `bbbbbbb`" in rendered
    assert "*Deployed:*" not in rendered


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (run(State.FAILED, job("cron", State.FAILED, "Run Ansible")), "the run failed: cron."),
        (run(State.CANCELLED, job("cron", State.CANCELLED)), "the run was cancelled: cron."),
        (run(State.UNKNOWN, job("cron", State.UNKNOWN)), "the run ended as unknown: cron."),
        (run(State.FAILED), "the run failed before any of its jobs did"),
        (run(State.FAILED, job("a", State.FAILED), job("b", State.CANCELLED)), "the run failed: a."),
        (run(State.FAILED, *(job(f"j{n}", State.FAILED) for n in range(9))), "j0, j1, j2, j3, j4, j5 and 3 more"),
    ],
)
def test_a_run_that_went_wrong_names_the_jobs(ended: WorkflowRun, words: str) -> None:
    assert words in read(views.run_ended(HEAD, OUT, None, ended))


def test_a_failing_job_in_the_thread() -> None:
    rendered = read(run_views.job_log(job("cron", State.FAILED, "Run Ansible"), "one\ntwo ```\n"))
    assert "cron failed at step `Run Ansible`" in rendered
    assert "one\ntwo '''" in rendered
    assert "has no log for this job" in read(run_views.job_log(job("cron", State.FAILED), " \n"))


@pytest.mark.parametrize("count", [99, 256, 10_000])
def test_the_largest_matrix_is_still_a_message(count: int) -> None:
    jobs = [job(f"build ({number}, {'x' * 60})", State.FAILED, "Run " + "y" * 300) for number in range(count)]
    message = views.run_ended(HEAD, OUT, GIVEN, run(State.FAILED, *jobs))
    assert "more" in read(message)


@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(0, 120), st.sampled_from(State))
def test_slack_takes_every_run_whatever_is_in_it(pool: list[str], url: str, count: int, state: State) -> None:
    text = cycle(pool)
    head = Head(1, next(text), next(text), next(text))
    out = Release(Commit("r", "a" * 40, next(text), next(text), next(text), url), "not known", next(text))
    jobs = tuple(Job(n, next(text), state, url, AT, None, next(text)) for n in range(count))
    going = replace(run(state, *jobs), workflow=next(text), url=url)
    read(views.run_progress(head, out, GIVEN, going))
    read(views.run_ended(head, out, GIVEN, going))
    read(run_views.job_log(Job(1, next(text), state, url, failing_step=next(text)), next(text)))


def test_a_job_that_waits_for_reviewers_says_who_with_the_link() -> None:
    held = replace(job("backend", State.WAITING), held=True)
    going = run(State.WAITING, held, ended=False)
    pending = [PendingReview("production", ("lee-park", "team <infra>")), PendingReview("other", (), AT)]
    message = views.run_progress(HEAD, OUT, GIVEN, going, pending=pending)
    rendered = read(message)
    assert "waiting for a review on GitHub" in message.text
    assert "`production` needs a review by one of lee-park, team <infra>" in rendered
    assert "`other` holds the run until" in rendered
    assert "✋ waiting for review" in rendered
    assert f"<{going.url}|Review it on GitHub>" in opened(str(message.blocks))
    assert "holds the run until somebody reviews it" in read(views.run_progress(HEAD, OUT, GIVEN, going))
    released = run(State.RUNNING, job("backend", State.RUNNING), ended=False)
    assert "review" not in read(views.run_progress(HEAD, OUT, GIVEN, released, pending=pending))


STATES = st.sampled_from([State.SUCCEEDED, State.FAILED, State.CANCELLED, State.SKIPPED, State.UNKNOWN])


@given(st.lists(st.tuples(st.sampled_from(["backend", "cron", "sftp", ""]), STATES), min_size=1, max_size=8))
def test_a_machine_runs_the_commit_if_all_of_its_jobs_succeeded(jobs: list[tuple[str, State]]) -> None:
    made = [job(f"deploy ({machine})" if machine else "notify", state) for machine, state in jobs]
    roles = ("backend", "cron", "sftp")
    ended = run(State.FAILED, *made)
    expected = tuple(
        role
        for role in roles
        if any(machine == role for machine, _ in jobs)
        and not any(machine == role and state is not State.SUCCEEDED for machine, state in jobs)
    )
    assert machines_done(ended.jobs, roles) == expected
    rendered = read(views.run_ended(HEAD, replace(OUT, roles=roles), GIVEN, ended))
    assert ("`a1b2c3d` now." in rendered) is bool(expected)
    assert ("Not certain:" in rendered) is (0 < len(expected) < 3)
