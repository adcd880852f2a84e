"""A deploy by a GitHub Actions run as one message: its jobs, how it ended, the logs of failed jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, jobs as job_blocks, kit
from handlers.deploy.views import SUSPECT_DEPLOY, deploy_message
from handlers.shared import log_judgement_views, run_views
from handlers.shared.log_judgement import NO_FINDINGS, JudgedLogs
from handlers.shared.run_views import JOBS_NAMED
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.deploy.views import Release
    from handlers.shared.run_follow import FollowedRun
    from runners.results import Commit, PendingReview, WorkflowRun

PARTLY = "partly"  # the id of the block with what each machine runs


def run_progress(
    head: Head,
    release: Release,
    approval: ApprovalView | None,
    run: WorkflowRun,
    now: float | None = None,
    *,
    pending: Sequence[PendingReview] = (),
) -> Message:
    """A run in progress. `now` (Unix seconds) gives the time that its jobs have been running; `pending` who has to review."""
    ended = sum(1 for job in run.jobs if job.state.ended)
    news = f"deploying {kit.escape(release.commit.short)}, {ended} of {len(run.jobs)} jobs done"
    if any(job.held for job in run.jobs):
        news += ", waiting for a review on GitHub"
    reported_at = run.stale_since.timestamp() if run.stale_since else now  # what happened since then is unknown
    details = [
        *job_blocks.stale(run),
        *job_blocks.reviews(run, pending),
        run_views.run_line(run),
        *job_blocks.table(run.jobs, release.roles, reported_at),
    ]
    cancel = common.cancel_button(head, "GitHub cancels the run; what its jobs have deployed stays.", halfway=True)
    return deploy_message(head, "running", news, release, approval, details=details, buttons=[cancel])


def waits_for_run(head: Head, release: Release, approval: ApprovalView | None, run: WorkflowRun) -> Message:
    """A deploy that has not begun, since a run that nobody requested here deploys to the environment."""
    by = f" by {kit.escape(run.actor)}" if run.actor else ""
    how = "by its schedule" if run.event == "schedule" else f"in GitHub{by}"
    news = f"waiting for {kit.link(f'{run.workflow}, run {run.number}', run.url)}, which was started {how}"
    cancel = common.cancel_button(head, "Nothing is deployed; the run that is under way continues.")
    return deploy_message(head, "running", news, release, approval, buttons=[cancel])


def not_begun(head: Head, status: str, news: str, release: Release, approval: ApprovalView | None) -> Message:
    """A deploy that ended before anything was started; `news` (mrkdwn) says why."""
    return deploy_message(head, status, news, release, approval, began=False)


def run_ended(
    head: Head,
    release: Release,
    approval: ApprovalView | None,
    run: WorkflowRun,
    *,
    warning: str = "",
    judged: JudgedLogs = NO_FINDINGS,
    followed: FollowedRun | None = None,
    cause: str = "",
) -> Message:
    """A run that has ended. With a `warning` (mrkdwn) its success does not count; `judged` is what its logs showed.

    `followed` says whether Signalbox had GitHub cancel it; `cause` is the likely cause of a failure (plain text).
    """
    warned = [kit.section(f":warning: {warning}")] if warning else []
    warned += [kit.section(kit.escape(cause))] if cause else []
    partly = [] if run.state is State.SUCCEEDED or warning else _partly(run, release)
    details = [*warned, *partly, run_views.run_line(run), *job_blocks.table(run.jobs, release.roles)]
    short = kit.escape(release.commit.short)
    if followed and followed.stopped:
        news = run_views.stopped(run, followed.cancelled_by, followed.limit)
        status = "cancelled" if followed.cancelled_by else "failed"
        return deploy_message(head, status, news, release, approval, details=details)
    if run.state is not State.SUCCEEDED:
        return deploy_message(head, "failed", run_views.failure(run), release, approval, details=details)
    if warning:
        news = f"the run succeeded, but not with {short}"
        return deploy_message(head, "failed", news, release, approval, details=details)
    news = f"deployed {short}{run_views.took(run)}{log_judgement_views.news(judged)}"
    findings = log_judgement_views.blocks(judged, head.number, SUSPECT_DEPLOY)
    status = "attention" if judged.suspects else "succeeded"
    return deploy_message(head, status, news, release, approval, details=[*findings, *details])


def run_again(message: Message, head: Head, commit: Commit, run: WorkflowRun) -> Message:
    """The message of a failed deploy after another attempt, which somebody started in GitHub."""
    status, news = _again(commit, run)
    rest = [block for block in message.blocks[1:] if block.get("block_id") != PARTLY]
    return kit.message(common.plain(head, news), [common.first_line(head, status, news), *rest])


def run_again_note(head: Head, commit: Commit, run: WorkflowRun) -> Message:
    """The same for the thread, where it notifies people."""
    status, news = _again(commit, run)
    return kit.message(common.plain(head, news), [common.first_line(head, status, news)])


def _again(commit: Commit, run: WorkflowRun) -> tuple[str, str]:
    by = f" by {kit.escape(run.actor)}" if run.actor else ""
    attempt = f"{kit.link(f'attempt {run.attempt}', run.url)}, started in GitHub{by}"
    if run.state is State.SUCCEEDED:
        return "succeeded", f"deployed {kit.escape(commit.short)} by {attempt}, after an attempt that failed"
    return "failed", f"{attempt}, ended as {run.state.value} too"


def _partly(run: WorkflowRun, release: Release) -> list[Block]:
    """What each machine runs after a run of which some jobs failed."""
    deployed = job_blocks.machines_done(run.jobs, release.roles)
    if not deployed:
        return []
    others = [kit.escape(role) for role in release.roles if role not in deployed]
    unknown = f" Not certain: {phrases.listed(others, JOBS_NAMED)}." if others else ""
    names = phrases.listed([kit.escape(role) for role in deployed], JOBS_NAMED)
    return [
        {"block_id": PARTLY}
        | kit.section(
            f":information_source: {names} {phrases.plural(len(deployed), 'runs', 'run')} {kit.code(release.commit.short)} now.{unknown}"
        )
    ]
