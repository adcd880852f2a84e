"""Operations for runs of the image workflow that exist already: started in GitHub, or whose failed jobs run again."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import build_of, builds_target, without_lane
from bot.errors import UserError
from bot.operations import requests
from bot.operations.periodic import REQUESTER
from bot.operations.registry import Button, Click, Kind, RunListener, WorkflowOf
from bot.operations.requests import OperationRequest, request_of
from bot.slack.blocks import kit
from bot.slack.blocks.common import requester_text, short_message
from bot.store.operations import Status
from handlers.build import matrix as matrix_views
from handlers.build.automatic_reruns import rerun as rerun_once, rerun_key
from handlers.build.command import expected_slots, images_of
from handlers.build.final_message import final_matrix, update_final_message
from handlers.build.follow_run import conclude, follow_run
from handlers.build.followed_build import FollowedBuild
from handlers.build.matrix import RERUN_FAILED
from handlers.build.matrix_cells import Annotation
from handlers.build.recovered_jobs import RERUN_OF
from handlers.shared import permissions
from handlers.shared.checkout import commit_of
from handlers.shared.clicks import clicked
from runners.errors import RunnerError
from runners.github.runs import poller, workflow_file
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Record
    from handlers.build.matrix_grid import MatrixSlot
    from runners.results import Commit, Job, WorkflowRun

FOLLOW, RERUN = "follow-build", "rerun-build"


def workflows(config: Config) -> tuple[WorkflowOf, ...]:
    """The image workflows whose runs are followed although they were started in GitHub."""
    followed = [images for images in config.builds.values() if images.follow_runs_by_hand]
    return tuple(WorkflowOf(config.github.repository, images.workflow) for images in followed)


def _build_of(config: Config, run: WorkflowRun) -> str:
    """The name of the image workflow of a run; "" also where GitHub does not say whose run it is."""
    return next((name for name, images in config.builds.items() if images.workflow == run.file), "")


async def follow_started(services: Services, run: WorkflowRun) -> None:
    """Begin an operation that follows a run which was started in GitHub; it has a queue of its own."""
    key = f"run-{run.run_id}"
    if await services.operations.started_by(key):
        return
    build = _build_of(services.config, run)
    target = policy.target_of(services.config, builds_target(build))
    by = f"started in GitHub by {run.actor}" if run.actor else "started in GitHub"
    arguments = {"run": str(run.run_id), "sha": run.head_sha, "by": by}
    lane = f"run {run.run_id}"
    title = f"Build {build or 'images'}, run {run.number}"
    request = OperationRequest(FOLLOW, title, REQUESTER, key, target, arguments, lane=lane)
    await services.engine.begin(request_of(request, await services.chat.channel_id(target.channel)))


async def follow_existing(operation: Operation) -> None:
    """Durable: follow a run that was started in GitHub like a run of /build."""
    run_id = int(operation.record.arguments["run"])
    if not await operation.step("claim", lambda: operation.services.run_claims.claim(operation.number, run_id)):
        claimed = short_message(operation.head, "superseded", "another operation follows this run")
        await operation.end(Status.SUPERSEDED, claimed, timed=False)
        return
    sha, by = operation.record.arguments["sha"], operation.record.arguments["by"]
    doing = matrix_views.starting(operation.head, f"{kit.escape(by)}; reading how it stands")
    await operation.show("looking", doing, Status.RUNNING)
    commit = await operation.step("commit", lambda: _commit(operation, sha))
    expected = await operation.step("expected", lambda: _expected(operation, sha))
    await follow_run(FollowedBuild(operation, run_id, commit=commit, expected=expected, by=kit.escape(by)))


async def _commit(operation: Operation, sha: str) -> Commit | None:
    """The commit for the last line of the message; None when GitHub cannot be read."""
    try:
        return await commit_of(operation, sha)
    except RunnerError:
        return None


async def _expected(operation: Operation, sha: str) -> frozenset[MatrixSlot]:
    services = operation.services
    images, repository = (
        images_of(services.config, build_of(operation.record.environment)),
        services.config.github.repository,
    )
    try:
        file = await workflow_file.read(services.github, repository, images.workflow, sha)
    except RunnerError:  # the jobs that GitHub lists are enough
        return frozenset()
    return expected_slots(services.config, file)


async def rerun_failed(services: Services, click: Click) -> None:
    """Begin a rerun of the failed jobs of a run that is over, once for each attempt."""
    number, _, attempt = click.value.partition(":")
    record = await clicked(services, click, number)
    tried = permissions.attempt_on(record, click.user, "rerun the failed jobs")
    await permissions.check_may_use(services, tried, "/build")
    run_id = await _run_of(services, record)
    if run_id is None or not attempt.isdecimal() or not record.status.ended:
        raise UserError("There is nothing to run again here (any more); nothing changed.")
    key = rerun_key(run_id, int(attempt))
    if await services.operations.started_by(key):
        raise UserError("The failed jobs of this attempt were run again already.")
    target = policy.target_of(services.config, without_lane(record.environment))
    arguments = {"run": str(run_id), "attempt": str(int(attempt)), RERUN_OF: str(record.number)}
    request = OperationRequest(RERUN, f"Rerun the failed jobs of #{record.number}", click.user, key, target, arguments)
    await requests.start(services, request, tried, typed=False)


async def _run_of(services: Services, record: Record) -> int | None:
    """The run that an operation follows: the run in its arguments, else the run that it started itself."""
    named = record.arguments.get("run")
    return int(named) if named else await services.run_claims.run_of(record.number)


async def rerun(operation: Operation) -> None:
    """Durable: run the failed jobs of a run again, once, and follow the run, also where it was run again in GitHub."""
    arguments = operation.record.arguments
    run_id, attempt = int(arguments["run"]), int(arguments["attempt"])
    await operation.show("looking", matrix_views.starting(operation.head, "reading how the run stands"), Status.RUNNING)
    await operation.step("take over", lambda: update_final_message(operation.services, int(arguments[RERUN_OF])))
    before = await operation.step("run before", lambda: _current_state(operation, run_id))
    commit = await operation.step("commit", lambda: _commit(operation, before.head_sha))
    if before.attempt != attempt or not before.state.ended:
        await _follow_again(operation, before, commit)
        return
    annotations = await operation.step("annotations before", lambda: _annotations(operation, before))
    build = FollowedBuild(operation, run_id, commit=commit, annotations=dict(annotations))
    build.read |= {job.job_id for job in before.jobs}
    if await rerun_once(build, before, why="asked for") is not None:
        await follow_run(build)
    else:
        await conclude(build, before)


async def _follow_again(operation: Operation, now: WorkflowRun, commit: Commit | None) -> None:
    """Durable: follow an attempt that was begun in GitHub meanwhile."""
    final = await operation.step(
        "matrix before", lambda: final_matrix(operation.services, int(operation.record.arguments[RERUN_OF]))
    )
    by = f"run again in GitHub{f' by {kit.escape(now.actor)}' if now.actor else ''}; {requester_text(operation.head)}"
    build = FollowedBuild(operation, now.run_id, commit=commit, by=by)
    if final:
        build.annotations.update(final.annotations)
        build.next_attempt(final.run)
    build.attempt = now.attempt
    await follow_run(build)


async def _current_state(operation: Operation, run_id: int) -> WorkflowRun:
    services = operation.services
    runs = poller.watch_run(services.github, services.config.github.repository, run_id)
    async with aclosing(runs):
        async for run in runs:
            return run
    raise RunnerError(f"reading run {run_id}", "GitHub did not answer")


async def _annotations(operation: Operation, run: WorkflowRun) -> Mapping[int, Annotation]:
    """The annotations of the jobs of earlier attempts, from the images and warnings in the database."""
    images = await operation.services.images.of_run(run.run_id)
    warnings = await operation.services.images.open_warnings([image.image_id for image in images])
    by_job = {image.job_id: Annotation(suspect=image.image_id in warnings, image=image.image_id) for image in images}
    by_slot = {(image.machine, image.environment): by_job[image.job_id] for image in images}
    build = FollowedBuild(operation, run.run_id)

    def annotation(job: Job) -> Annotation | None:
        slot = build.slot(job)
        return by_job.get(job.job_id) or (by_slot.get(slot) if slot and job.state is State.SUCCEEDED else None)

    return {job.job_id: stored for job in run.jobs if (stored := annotation(job))}


BUTTONS = (Button(RERUN_FAILED, rerun_failed),)
RUN_LISTENERS = (RunListener(workflows, follow_started),)
KINDS = (Kind(FOLLOW, follow_existing), Kind(RERUN, rerun))
