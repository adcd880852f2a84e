"""Runs of the image workflow that were not asked for by /build: started in GitHub, or what failed run again."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import BUILDS
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Click, Kind, RunListener
from bot.operations.requests import OperationRequest, request_of
from bot.slack.blocks import kit
from bot.slack.blocks.common import asked, short_message
from bot.store.operations import Status
from handlers.build import board
from handlers.build.board import RERUN_FAILED
from handlers.build.board_cells import Annotation
from handlers.build.command import expected_places, images_of
from handlers.build.mended import OF
from handlers.build.progress import Progress
from handlers.build.reruns import key_of, rerun as rerun_once
from handlers.build.work import conclude, follow, last_seen, redraw_ended
from handlers.shared import permissions
from handlers.shared.checkout import commit_of
from handlers.shared.clicks import clicked
from runners.errors import RunnerError
from runners.github.runs import poller, workflow_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Record
    from handlers.build.board_grid import Place
    from runners.results import Commit, Job, WorkflowRun

NOBODY = "signalbox"
FOLLOW, RERUN = "follow-build", "rerun-build"


def workflow(config: Config) -> str | None:
    """The workflow whose runs get a board although nobody asked for them here."""
    images = config.images
    return images.workflow if images and images.follow_runs_by_hand else None


async def found(services: Services, run: WorkflowRun) -> None:
    """Begin to follow a run that was started elsewhere; it holds up nobody."""
    key = f"run-{run.run_id}"
    if await services.operations.exists(key):
        return
    place = policy.target_of(services.config, BUILDS)
    by = f"started in GitHub by {run.actor}" if run.actor else "started in GitHub"
    arguments = {"run": str(run.run_id), "sha": run.head_sha, "by": by}
    lane = f"run {run.run_id}"
    wish = OperationRequest(FOLLOW, f"Build images, run {run.number}", NOBODY, key, place, arguments, lane=lane)
    await services.engine.begin(request_of(wish, await services.chat.channel_id(place.channel)))


async def follow_found(operation: Operation) -> None:
    """Durable: show a run that was started elsewhere, as if it had been asked for here."""
    run_id = int(operation.record.arguments["run"])
    if not await operation.step("claim", lambda: operation.services.run_claims.claim(operation.number, run_id)):
        claimed = short_message(operation.head, "superseded", "another operation follows this run")
        await operation.end(Status.SUPERSEDED, claimed, timed=False)
        return
    sha, by = operation.record.arguments["sha"], operation.record.arguments["by"]
    doing = board.starting(operation.head, f"{kit.escape(by)}; reading how it stands")
    await operation.show("looking", doing, Status.RUNNING)
    commit = await operation.step("commit", lambda: _commit(operation, sha))
    expected = await operation.step("expected", lambda: _expected(operation, sha))
    await follow(Progress(operation, run_id, commit=commit, expected=expected, by=kit.escape(by)))


async def _commit(operation: Operation, sha: str) -> Commit | None:
    """The commit for the small print; None when GitHub does not tell."""
    try:
        return await commit_of(operation, sha)
    except RunnerError:
        return None


async def _expected(operation: Operation, sha: str) -> frozenset[Place]:
    services = operation.services
    images, repository = images_of(services.config), services.config.github.repository
    try:
        file = await workflow_file.read(services.github, repository, images.workflow, sha)
    except RunnerError:  # the jobs that GitHub lists are enough
        return frozenset()
    return expected_places(services.config, file)


async def rerun_failed(services: Services, click: Click) -> None:
    """Let the failed jobs of a run that is over run again: once for each attempt, by whoever may run commands."""
    number, _, attempt = click.value.partition(":")
    record = await clicked(services, click, number)
    tried = permissions.attempt_on(record, click.user, "rerun the failed jobs")
    await permissions.check_may_use(services, tried)
    run_id = await _run_of(services, record)
    if run_id is None or not attempt.isdecimal() or not record.status.ended:
        raise UserError("There is nothing to run again here (any more); nothing changed.")
    key = key_of(run_id, int(attempt))
    if await services.operations.exists(key):
        raise UserError("The failed jobs of this attempt were run again already.")
    place = policy.target_of(services.config, BUILDS)
    arguments = {"run": str(run_id), "attempt": str(int(attempt)), OF: str(record.number)}
    wish = OperationRequest(RERUN, f"Rerun the failed jobs of #{record.number}", click.user, key, place, arguments)
    await requests.start(services, wish, tried)


async def _run_of(services: Services, record: Record) -> int | None:
    """The run that an operation follows: the run in its arguments, else the run that it started itself."""
    named = record.arguments.get("run")
    return int(named) if named else await services.run_claims.run_of(record.number)


async def rerun(operation: Operation) -> None:
    """Durable: run the failed jobs of a run again, once, and follow them; where somebody did so in GitHub, follow that."""
    said = operation.record.arguments
    run_id, attempt = int(said["run"]), int(said["attempt"])
    await operation.show("looking", board.starting(operation.head, "reading how the run stands"), Status.RUNNING)
    await operation.step("take over", lambda: redraw_ended(operation.services, int(said[OF])))
    before = await operation.step("run before", lambda: _as_it_stands(operation, run_id))
    commit = await operation.step("commit", lambda: _commit(operation, before.head_sha))
    if before.attempt != attempt or not before.state.ended:
        await _follow_again(operation, before, commit)
        return
    known = await operation.step("what came out before", lambda: _known(operation, before))
    progress = Progress(operation, run_id, commit=commit, annotations=dict(known))
    progress.read |= {job.job_id for job in before.jobs}
    if await rerun_once(progress, before, why="asked for") is not None:
        await follow(progress)
    else:
        await conclude(progress, before)


async def _follow_again(operation: Operation, now: WorkflowRun, commit: Commit | None) -> None:
    """Durable: somebody has run it again in GitHub already: nothing is asked for, and that attempt is followed."""
    seen = await operation.step(
        "seen before", lambda: last_seen(operation.services, int(operation.record.arguments[OF]))
    )
    by = f"run again in GitHub{f' by {kit.escape(now.actor)}' if now.actor else ''}; {asked(operation.head)}"
    progress = Progress(operation, now.run_id, commit=commit, by=by)
    if seen:
        progress.annotations.update(seen.annotations)
        progress.next_attempt(seen.run)
    progress.attempt = now.attempt
    await follow(progress)


async def _as_it_stands(operation: Operation, run_id: int) -> WorkflowRun:
    services = operation.services
    runs = poller.watch_run(services.github, services.config.github.repository, run_id)
    async with aclosing(runs):
        async for run in runs:
            return run
    raise RunnerError(f"reading run {run_id}", "GitHub told nothing about it")


async def _known(operation: Operation, run: WorkflowRun) -> Mapping[int, Annotation]:
    """What is remembered of the jobs of the attempts before."""
    images = await operation.services.images.of_run(run.run_id)
    doubts = await operation.services.images.open_warnings([image.image_id for image in images])
    by_job = {image.job_id: Annotation(suspect=image.image_id in doubts, image=image.image_id) for image in images}
    by_place = {(image.machine, image.environment): by_job[image.job_id] for image in images}
    progress = Progress(operation, run.run_id)

    def annotation(job: Job) -> Annotation | None:
        place = progress.place(job)
        return by_job.get(job.job_id) or (by_place.get(place) if place and job.state.name == "SUCCEEDED" else None)

    return {job.job_id: known for job in run.jobs if (known := annotation(job))}


BUTTONS = (Button(RERUN_FAILED, rerun_failed),)
RUN_LISTENERS = (RunListener(workflow, found),)
KINDS = (Kind(FOLLOW, follow_found), Kind(RERUN, rerun))
