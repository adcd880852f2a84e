"""/build: machine images by the image workflow, on one board from its start to what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.build import board
from handlers.build.command import Wanted, expected_places, images_of, inputs_for, no_such_ref, wanted_from
from handlers.build.progress import Progress
from handlers.build.work import follow
from handlers.shared.checkout import commit_of
from handlers.shared.dispatch import Dispatch, dispatch_once
from runners.errors import NotFoundError
from runners.github.runs import listing, workflow_file
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Images
    from bot.operations.operation import Operation
    from handlers.build.board_grid import Place
    from runners.results import Commit

SWITCHED_OFF = {
    "disabled_inactivity": "GitHub has switched it off because the repository was quiet for 60 days",
    "disabled_manually": "somebody has switched it off in GitHub",
    "disabled_fork": "GitHub switches workflows of forks off until somebody enables them",
}


@stored("prepared-build")
@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to be started: the commit, the workflow's inputs, the places on the board that will be filled."""

    commit: Commit
    inputs: Mapping[str, str]
    expected: frozenset[Place]


async def build(operation: Operation) -> None:
    """Durable: see what the workflow takes, start it once, follow it to its end."""
    images, wanted = images_of(operation.services.config), wanted_from(operation.record.arguments)
    doing = f"looking up {kit.code(images.workflow)} at {kit.code(wanted.ref)}"
    await operation.show("looking", board.starting(operation.head, doing), Status.RUNNING)
    prepared = await operation.step("what to start", lambda: _prepare(operation, images, wanted))
    repository = operation.services.config.github.repository
    others = await operation.step(
        "runs under way", lambda: listing.unfinished_runs(operation.services.github, repository, images.workflow)
    )
    if others:
        await operation.end(Status.FAILED, board.occupied(operation.head, others[0]))
        return
    run_id = await dispatch_once(
        operation, Dispatch(repository, images.workflow, prepared.commit, wanted.command, prepared.inputs)
    )
    await follow(Progress(operation, run_id, commit=prepared.commit, expected=prepared.expected))


async def _prepare(operation: Operation, images: Images, wanted: Wanted) -> Prepared:
    services = operation.services
    repository = services.config.github.repository
    commit = await _commit(operation, images, wanted.ref)
    state = await workflow_file.state(services.github, repository, images.workflow)
    if state != "active":
        why = SWITCHED_OFF.get(state, f"GitHub says that it is {state}")
        raise UserError(f"{images.workflow} cannot be started: {why}. Enable it on the Actions page, then try again.")
    file = await workflow_file.read(services.github, repository, images.workflow, commit.sha)
    if not file.dispatchable:
        raise UserError(
            f"{images.workflow} has no workflow_dispatch trigger at {wanted.ref}, so nobody can start it. Add "
            "`workflow_dispatch:` to its `on:` there. Nothing was started."
        )
    return Prepared(commit, inputs_for(wanted, images, file), expected_places(services.config, file, wanted))


async def _commit(operation: Operation, images: Images, ref: str) -> Commit:
    try:
        return await commit_of(operation, ref)
    except NotFoundError:
        if ref == images.ref:
            raise
        raise UserError(no_such_ref(operation.services.config, ref)) from None


KINDS = (Kind("build", build),)
