"""The messages about a job's log: where it failed, that it succeeded later, failure patterns of a successful job."""

from __future__ import annotations

from dataclasses import replace

from handlers.build import image_views, log_views
from runners.results import ImageWarning, LogExcerpt, LogFinding, LogReading, State
from tests.unit.bot.drawn import read
from tests.unit.handlers.build.jobs import job


def test_a_failed_job_shows_step_first_error_and_the_last_lines() -> None:
    tail = tuple(f"line {number} {'x' * 200}" for number in range(30))
    reading = LogReading(lines=400, first_error=LogExcerpt(371, "E: no", ("a", "b"), ("c",), "Run packer"), tail=tail)
    failed = job("build (cron, dev)", State.FAILED, failing_step="Build the image")
    text = read(log_views.failed_job(failed, reading, ""))
    assert "failed at step `Build the image` after 12 min" in text
    assert "First error* (line 371, under `Run packer`)" in text
    assert "a\nb\n> E: no\nc" in text
    assert "line 29" in text
    assert (text.count("```"), text.count("…\n")) == (4, 1)
    assert "line 1 " not in text
    missing = read(log_views.failed_job(failed, None, "GitHub has no log of it (any more)"))
    assert "GitHub has no log of it (any more); the link leads to" in missing
    assert "Its log is empty" in read(log_views.failed_job(failed, LogReading(), ""))


def test_a_failure_that_was_mended_since_is_red_no_longer_and_keeps_what_it_said() -> None:
    failed = job("build (cron, dev)", State.FAILED, failing_step="Build the image")
    rendered = log_views.failed_job(failed, LogReading(lines=4, tail=("no more cron",)), "")
    good = replace(failed, state=State.SUCCEEDED, url="https://github.com/o/r/job/99")
    mended = log_views.recovered_job(rendered, good, suspect=False)
    assert mended is not None
    assert mended.text == "build (cron, dev) ended well when it was run again"
    text = read(mended)
    assert text.startswith(
        ":white_check_mark: *It ended well when it was run again.* Before that: build (cron, dev) failed"
    )
    assert "no more cron" in text
    assert "https://github.com/o/r/job/99|It ended well" in str(mended.blocks)
    assert log_views.recovered_job(mended, good, suspect=False) is None
    doubted = log_views.recovered_job(rendered, good, suspect=True)
    assert doubted is not None
    assert read(doubted).startswith(":warning: *It ended well when it was run again, but it is suspect.*")


def test_a_sign_of_failure_in_a_green_job_marks_its_line() -> None:
    finding = LogFinding("apt: package not found", 5, "E: no", ("a",), ("b",))
    text = read(log_views.suspect_job(job("notify", State.SUCCEEDED), LogReading(findings=(finding,))))
    assert "a\n> E: no\nb" in text
    assert "(weight 3, suspect from 3)" in text
    item = ImageWarning(
        "s1", 1, 5, 1, "build (cron, dev)", "", "cron", "dev", "shell: killed", 5, "Killed", ("a",), ("b",)
    )
    assert "a\n> Killed\nb" in read(image_views.warnings(job("build (cron, dev)", State.SUCCEEDED), [item]))
