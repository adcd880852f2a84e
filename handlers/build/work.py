"""Following a build to its end: logs are read as jobs end, failed ones run again where that helps, Cancel is passed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.operations.operation import Operation
from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.build import board as board_view, image_views
from handlers.build.follow import FORCE_AFTER, Follower, What
from handlers.build.image_plans import environment_images, plans_begun
from handlers.build.logs import take_in
from handlers.build.mended import tell_mended
from handlers.build.orphaned_resources import orphaned_builders
from handlers.build.reruns import key_of, rerun_if_limited
from handlers.shared.dispatch import run_ended
from handlers.shared.github_outage import outage_notice
from runners.errors import RunnerError
from runners.github.runs import reruns
from runners.results import State
from runners.stored import stored

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.build.board import BuildMatrix
    from handlers.build.follow import Next
    from handlers.build.progress import Progress
    from runners.results import Suspicion, WorkflowRun

FINAL = "final board"
ENDS = {State.SUCCEEDED: Status.SUCCEEDED, State.CANCELLED: Status.CANCELLED}


@stored("final-build")
@dataclass(frozen=True, slots=True)
class Final:
    """A board as it was when its run was over; `cancelled` says by whom it was stopped (mrkdwn)."""

    board: BuildMatrix
    cancelled: str


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
    message = board_view.lost(progress.board(progress.seen), redact(error.problem))
    await progress.operation.end(Status.FAILED, message, outcome="lost sight of")


async def _noted(progress: Progress, run: WorkflowRun) -> WorkflowRun:
    operation = progress.operation
    await operation.step(f"attempt {progress.attempt} ended", lambda: run_ended(operation, run))
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
    left = await operation.step("left behind", lambda: _left_behind(services, run))
    silent = await outage_notice(operation)
    progress.notes += [note for note in (silent, left) if note]
    board = progress.board(run)
    cancelled = f"cancelled by {kit.user(progress.cancelled_by)}" if progress.cancelled_by else ""
    final = await operation.step(FINAL, lambda: _final(board, cancelled))
    message = await operation.step("what can be planned", lambda: _ended(services, operation.number, final))
    outcome = "suspect" if run.state is State.SUCCEEDED and board.suspects else ""
    await operation.end(ENDS.get(run.state, Status.FAILED), message, outcome=outcome)
    await tell_mended(progress, run)


async def clear(services: Services, one: Suspicion) -> None:
    """Nothing speaks against this job's image any more: the board of its build, when it is over, says so."""
    await redraw_ended(services, one.operation)


async def redraw_ended(services: Services, number: int) -> None:
    """Show the board of a build that is over as it is to be shown by now: what is harmless, what runs again."""
    record = await services.operations.get(number)
    final: Final | None = await services.engine.result(number, FINAL) if record.status.ended else None
    if final is None:
        return  # under way, the board will look again; lost sight of, nothing on it says "suspect" for good
    operation = Operation(services, record)
    await operation.redraw(await _ended(services, record.number, final))


async def last_seen(services: Services, number: int) -> BuildMatrix | None:
    """The board of a build that is over, as it was then; None of one that was lost sight of."""
    final: Final | None = await services.engine.result(number, FINAL)
    return final.board if final else None


async def _left_behind(services: Services, run: WorkflowRun) -> str:
    try:
        return await orphaned_builders(services, run)
    except RunnerError as error:
        return f":warning: What the build left in EC2 could not be looked at: {kit.escape(services.redact(error.problem))}."


async def _final(board: BuildMatrix, cancelled: str) -> Final:
    return Final(board, cancelled)


async def _ended(services: Services, number: int, final: Final) -> Message:
    board = final.board
    known = await services.images.warnings_of(board.annotations)
    cleared = {job_id for job_id, warnings in known.items() if not any(warning.stands for warning in warnings)}
    told = {
        job_id: replace(annotation, suspect=annotation.suspect and job_id not in cleared)
        for job_id, annotation in board.annotations.items()
    }
    concerned = [name for name in board.environments if any(name == place[1] for place in board.grid.cells)]
    environments = await environment_images(services, board.run.run_id, concerned)
    closing = image_views.environment_rows(number, environments, await plans_begun(services, number, environments))
    again = await services.operations.started_by(key_of(board.run.run_id, board.run.attempt))
    return board_view.ended(
        replace(board, annotations=told),
        closing,
        cancelled=final.cancelled,
        rerun=True,
        again=again.number if again and again.number != number else 0,
    )
