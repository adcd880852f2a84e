"""Following a build to its end: logs are read as jobs end, failed ones run again where that helps, Cancel is passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import board as drawing, built, kit
from bot.operations import Status
from handlers import trail
from handlers.build_follow import FORCE_AFTER, Follower, What
from handlers.build_logs import take_in
from handlers.build_reruns import rerun_if_limited
from handlers.builder_left import left_behind
from handlers.built_images import readiness
from runners.errors import RunnerError
from runners.github import reruns
from runners.results import State

if TYPE_CHECKING:
    from handlers.build_follow import Next
    from handlers.build_progress import Progress
    from runners.results import WorkflowRun

ENDS = {State.SUCCEEDED: Status.SUCCEEDED, State.CANCELLED: Status.CANCELLED}


async def follow(progress: Progress) -> None:
    """Durable: show the run until it has ended for good, and end the operation with it."""
    while True:
        try:
            run = await _one_attempt(progress)
        except RunnerError as error:
            await _lose_sight(progress, error)
            return
        if not await rerun_if_limited(progress, run):
            break
    await conclude(progress, run)


async def _one_attempt(progress: Progress) -> WorkflowRun:
    operation = progress.operation
    async with Follower(progress) as follower:
        while True:
            upcoming = await operation.step(f"next in attempt {progress.attempt}", follower.next)
            if upcoming.what is What.END:
                return await _noted(progress, upcoming.run)
            if upcoming.what is What.READ and upcoming.job:
                await take_in(progress, upcoming.run, upcoming.job)
            else:
                await _stop(progress, upcoming)
            follower.draw()


async def _lose_sight(progress: Progress, error: RunnerError) -> None:
    """End without knowing how the run ends: what was seen last stays on the board."""
    if progress.seen is None:
        await progress.operation.fail(error)
        return
    redact = progress.operation.services.redact
    message = drawing.lost(progress.board(progress.seen), redact(error.problem))
    await progress.operation.end(Status.FAILED, message, outcome="lost sight of")


async def _noted(progress: Progress, run: WorkflowRun) -> WorkflowRun:
    operation = progress.operation
    await operation.step(f"attempt {progress.attempt} ended", lambda: trail.run_ended(operation, run))
    return run


async def _stop(progress: Progress, upcoming: Next) -> None:
    """Pass a Cancel on to GitHub; where jobs do not end by that, by force."""
    operation, services = progress.operation, progress.operation.services
    force = upcoming.what is What.FORCE

    async def cancel() -> float:
        await reruns.cancel(services.github, progress.repository, progress.run_id, force=force)
        return services.clock()

    if force:
        progress.forced = True
    else:
        progress.cancelled_by, progress.cancelled_at = upcoming.person, float("inf")
    try:
        name = f"{'force' if force else 'stop'} {progress.attempt}"
        # It looks before it asks, so that it may be done again after an interruption.
        at = await operation.once(name, do=cancel, recover=cancel)
    except RunnerError as error:
        progress.notes.append(f":x: The run could not be cancelled: {kit.escape(error.problem)}. Cancel it on GitHub.")
        return
    if force:
        late = kit.duration(FORCE_AFTER)
        progress.notes.append(f"It had not ended {late} after that, so GitHub was told to end it by force.")
    else:
        progress.cancelled_at = at


async def conclude(progress: Progress, run: WorkflowRun) -> None:
    """Durable: show how it ended, what it left in EC2, and what can be planned now."""
    operation, services = progress.operation, progress.operation.services
    left = await operation.step("left behind", lambda: left_behind(services, run))
    progress.notes += [left] if left else []
    board = progress.board(run)
    concerned = [name for name in board.environments if any(name == place[1] for place in board.grid.cells)]
    ready = await operation.step("what can be planned", lambda: readiness(services, run.run_id, concerned))
    cancelled = f"cancelled by {kit.user(progress.cancelled_by)}" if progress.cancelled_by else ""
    message = drawing.ended(board, built.closing(operation.number, ready), cancelled=cancelled, rerun=True)
    outcome = "suspect" if run.state is State.SUCCEEDED and board.suspects else ""
    await operation.end(ENDS.get(run.state, Status.FAILED), message, outcome=outcome)
