"""The messages about a job's log, for the thread of a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners import phrases

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Job, LogExcerpt, LogReading

FIRST_ERROR, FINDING = 2_600, 1_000  # characters of an excerpt
MOST_FINDINGS = 5
FAILED = ":x: "  # how a message about a failed job begins


def failed_job(job: Job, reading: LogReading | None, log_problem: str, cause: str = "") -> Message:
    """Where a job failed: the step, the first error with the lines around it, the last lines.

    `log_problem` says why there is no reading ("log expired"); `cause` is the likely cause (plain text).
    """
    took = (job.ended_at - job.started_at).total_seconds() if job.started_at and job.ended_at else 0.0
    after = f" after {phrases.minutes(took)}" if took >= 60 else ""
    step = f" at step {kit.code(job.failing_step)}" if job.failing_step else ""
    blocks = [kit.section(f"{FAILED}{kit.link(job.name, job.url)} {job.state.value}{step}{after}")]
    blocks += [kit.section(kit.escape(cause))] if cause else []
    if reading is None:
        blocks.append(kit.context(f"_{kit.escape(log_problem)}; the link leads to what GitHub has of it._"))
    else:
        blocks += _excerpts(reading)
    return kit.message(f"{kit.escape(job.name)} {job.state.value}{after}", blocks)


def recovered_job(message: Message, job: Job, *, suspect: bool) -> Message | None:
    """A message of `failed_job` once the job has succeeded in a later attempt; None when it says so already."""
    first, *rest = message.blocks
    before = str(first.get("text", {}).get("text", ""))
    if not before.startswith(FAILED):
        return None
    well = kit.link("It ended well when it was run again", job.url)
    news = f":warning: *{well}, but it is suspect.*" if suspect else f":white_check_mark: *{well}.*"
    block = kit.section(f"{news} Before that: {before.removeprefix(FAILED)}")
    return kit.Message(f"{kit.escape(job.name)} ended well when it was run again", (block, *rest))


def suspect_job(job: Job, reading: LogReading) -> Message:
    """The failure patterns in the log of a job that succeeded and builds no image."""
    news = f"{kit.escape(job.name)} ended well, but its log shows signs of failure"
    weight = f"weight {reading.weight}, suspect from {reading.threshold}"
    blocks = [
        kit.section(
            f":warning: {kit.link(job.name, job.url)} ended well, but its log shows signs of failure ({weight})"
        )
    ]
    for finding in reading.findings[:MOST_FINDINGS]:
        excerpt = kit.preformatted(kit.with_context(finding.before, finding.text, finding.after), FINDING)
        blocks.append(kit.section(f"*{kit.escape(finding.pattern)}* (line {finding.line})\n{excerpt}"))
    return kit.message(news, blocks)


def _excerpts(reading: LogReading) -> list[Block]:
    if not reading.lines:
        return [kit.context("_Its log is empty._")]
    first = [_first_error(reading.first_error)] if reading.first_error else []
    # What is too long for one section is cut at the top.
    tail = "\n".join(reading.tail)
    return [*first, kit.section(f"*The last lines*\n{kit.preformatted(tail)}")]


def _first_error(error: LogExcerpt) -> Block:
    step = f", under {kit.code(error.step, 80)}" if error.step else ""
    lines = kit.with_context(error.before, error.text, error.after)
    return kit.section(f"*First error* (line {error.line}{step})\n{kit.preformatted(lines, FIRST_ERROR)}")
