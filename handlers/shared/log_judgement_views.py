"""What the logs of a run or of playbooks showed although all ended well: in its last message, and all of it in a modal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners import phrases

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block, Message
    from handlers.shared.log_judgement import JudgedJob, JudgedLogs

DETAILS, DETAILS_TITLE = "log-details", "Findings in logs"
MOST_JOBS, MOST_LISTED = 3, 20
EXCERPT = 700  # characters
JOBS_NAMED = 5


def news(judged: JudgedLogs) -> str:
    """What the first line adds about suspect jobs; "" without any."""
    return ", but its log shows signs of failure" if judged.suspects else ""


def blocks(judged: JudgedLogs, number: int, what_now: str = "") -> list[Block]:
    """The telling line of each suspect job, then `what_now` (mrkdwn), and quietly what is too weak or was not read."""
    suspects = judged.suspects
    lines = [_suspect(job) for job in suspects[:MOST_JOBS]]
    lines += [f"The same is true of {kit.escape(job.name)}." for job in suspects[MOST_JOBS:JOBS_NAMED]]
    rows = [kit.section(line) for line in lines]
    if suspects:
        rows.append(kit.section(f"{what_now} *Details* has all findings."))
    return [*rows, *_quiet(judged), *_button(judged, number)]


def quiet_line(judged: JudgedLogs) -> str:
    """In small print: how many findings are too weak to make a job suspect; "" without any."""
    if not judged.weak:
        return ""
    where = phrases.listed([kit.escape(job.name) for job in judged.weak], JOBS_NAMED)
    return f"{phrases.counted(judged.weak_findings, 'weak finding')} in the log of {where}, below the threshold"


def details(judged: JudgedLogs) -> Message:
    """All findings of all jobs, for a modal."""
    rows = []
    for job in judged.jobs:
        verdict = "suspect" if job.reading.suspect else "not suspect"
        weight = f"weight {job.reading.weight}, suspect from {job.reading.threshold}"
        rows.append(kit.section(f"*{kit.link(job.name, job.url)}*: {verdict} ({weight})"))
        for finding in job.reading.findings[:MOST_LISTED]:
            step = f", under {kit.code(finding.step, 80)}" if finding.step else ""
            excerpt = kit.preformatted(kit.with_context(finding.before, finding.text, finding.after), EXCERPT)
            rows.append(kit.section(f"{kit.escape(finding.pattern)} (line {finding.line}{step})\n{excerpt}"))
    return kit.message(DETAILS_TITLE, rows)


def _suspect(job: JudgedJob) -> str:
    findings = sorted(job.reading.findings, key=lambda finding: -finding.weight)
    if not findings:
        return f":warning: The log of {kit.link(job.name, job.url)} was not read to its end."
    first = findings[0]
    step = f", under {kit.code(first.step, 80)}" if first.step else ""
    return (
        f":warning: {kit.link(job.name, job.url)} succeeded, but its log has (line {first.line}{step}) "
        f"*{kit.escape(first.pattern)}*\n{kit.preformatted(kit.cut(first.text, EXCERPT), EXCERPT)}"
    )


def _quiet(judged: JudgedLogs) -> list[Block]:
    unread = phrases.listed([kit.escape(name) for name in judged.unread], JOBS_NAMED)
    lines = [quiet_line(judged), f"The log of {unread} could not be read, so it was not checked" if unread else ""]
    return [kit.context(*filter(None, lines))] if any(lines) else []


def _button(judged: JudgedLogs, number: int) -> list[Block]:
    return [kit.actions("log-details", kit.button("Details", DETAILS, str(number)))] if judged.jobs else []
