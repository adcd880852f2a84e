"""The workflow of /build: starts the image workflow on GitHub and follows its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.build import matrix as matrix_views
from handlers.build.command import (
    BuildRequest,
    expected_slots,
    images_of,
    inputs_for,
    key_of,
    no_such_ref,
    request_from,
)
from handlers.build.follow_run import follow_run
from handlers.build.followed_build import FollowedBuild
from handlers.shared import input_views, ref_guard
from handlers.shared.checkout import commit_of
from handlers.shared.dispatch import Dispatch, dispatch_once
from handlers.shared.ref_guard import RefRules
from handlers.shared.ref_lookup import with_commit
from runners.github.runs import listing, workflow_file
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Images
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Request
    from handlers.build.matrix_grid import MatrixSlot
    from runners.results import Commit

SWITCHED_OFF = {
    "disabled_inactivity": "GitHub has switched it off because the repository was quiet for 60 days",
    "disabled_manually": "somebody has switched it off in GitHub",
    "disabled_fork": "GitHub switches workflows of forks off until somebody enables them",
}


@stored("prepared-build")
@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to be started: the commit, the workflow's inputs, and the slots of the matrix that will have a job."""

    commit: Commit
    inputs: Mapping[str, str]
    expected: frozenset[MatrixSlot]


async def build(operation: Operation) -> None:
    """Durable: read the workflow's inputs, start it once, follow its run to its end."""
    request = request_from(operation.record.arguments)
    images = images_of(operation.services.config, request.build)
    doing = f"looking up {kit.code(images.workflow)} at {kit.code(request.ref)}"
    await operation.show("looking", matrix_views.starting(operation.head, doing), Status.RUNNING)
    prepared = await operation.step("what to start", lambda: _prepare(operation, images, request))
    standing = await ref_guard.admitted(operation, prepared.commit, _ref_rules(images, request), "build images")
    if standing is None:
        return
    repository = operation.services.config.github.repository
    running = await operation.step(
        "runs under way", lambda: listing.unfinished_runs(operation.services.github, repository, images.workflow)
    )
    if running:
        await operation.end(Status.FAILED, matrix_views.occupied(operation.head, running[0]))
        return
    run_id = await dispatch_once(
        operation,
        Dispatch(
            repository,
            images.workflow,
            prepared.commit,
            request.command,
            prepared.inputs,
            # What the configured ref names is always allowed, also a newer commit.
            moved_on="" if request.ref == images.ref else f"so nothing was started. Run {request.command} again.",
        ),
    )
    notices = [line] if (line := input_views.line(request.given)) else []
    await follow_run(
        FollowedBuild(operation, run_id, commit=prepared.commit, expected=prepared.expected, notices=notices)
    )


def _ref_rules(images: Images, request: BuildRequest) -> RefRules:
    return RefRules(images.refs, images.ref, key_of(request.build, "refs"))


async def _prepare(operation: Operation, images: Images, request: BuildRequest) -> Prepared:
    services = operation.services
    repository = services.config.github.repository
    commit = await commit_of(operation, request.ref)
    state = await workflow_file.state(services.github, repository, images.workflow)
    if state != "active":
        why = SWITCHED_OFF.get(state, f"GitHub says that it is {state}")
        raise UserError(f"{images.workflow} cannot be started: {why}. Enable it on the Actions page, then try again.")
    file = await workflow_file.read(services.github, repository, images.workflow, commit.sha)
    if not file.dispatchable:
        raise UserError(
            f"{images.workflow} has no workflow_dispatch trigger at {request.ref}, so nobody can start it. Add "
            "`workflow_dispatch:` to its `on:` there. Nothing was started."
        )
    return Prepared(commit, inputs_for(request, images, file), expected_slots(services.config, file, request))


async def about(services: Services, request: Request) -> dict[str, str]:
    """What a typed build is about: its commit. Raises UserError for a word that names nothing."""
    wanted = request_from(request.arguments)
    usual = wanted.ref == images_of(services.config, wanted.build).ref
    problem = "" if usual else no_such_ref(services.config, wanted.ref)
    return await with_commit(
        services, services.config.github.repository, request.arguments, wanted.ref, otherwise=problem
    )


KINDS = (Kind("build", build, about=about),)
