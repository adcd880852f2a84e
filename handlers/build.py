"""/build: machine images by the image workflow, on one board from its start to what came out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import policy, requests, words
from bot.blocks import board as drawing, kit
from bot.blocks.board_grid import place_of
from bot.commands import Command, Invocation, Kind
from bot.config.places import BUILDS
from bot.errors import UserError
from bot.operations import Status
from bot.requests import Wish
from handlers.builds import words as build_words
from handlers.builds.progress import Progress
from handlers.builds.words import USAGE, Wanted, all_machines, inputs_for, no_such_ref, wanted_from
from handlers.builds.work import follow
from handlers.code import commit_of
from handlers.dispatching import Dispatch, dispatch_once
from runners.errors import NotFoundError
from runners.github import reruns, workflow_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.blocks.board_grid import Place
    from bot.blocks.kit import Message
    from bot.config import Config, Images
    from bot.operation import Operation
    from bot.services import Services
    from runners.github.workflow_file import WorkflowFile
    from runners.results import Commit

SWITCHED_OFF = {
    "disabled_inactivity": "GitHub has switched it off because the repository was quiet for 60 days",
    "disabled_manually": "somebody has switched it off in GitHub",
    "disabled_fork": "GitHub switches workflows of forks off until somebody enables them",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is about to be started: the commit, the workflow's inputs, the places on the board that will be filled."""

    commit: Commit
    inputs: Mapping[str, str]
    expected: frozenset[Place]


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a build of all images, or of those that are named."""
    await requests.check_may_use(services, invocation.user, "/build")
    said = words.split(invocation.text, USAGE, most=3)
    wanted = build_words.read(services.config, images_of(services.config), said)
    place = policy.place_of(services.config, BUILDS)
    wish = Wish("build", wanted.title, invocation.user, invocation.key, place, wanted.arguments)
    await requests.start(services, wish)
    return None


def images_of(config: Config) -> Images:
    """How images are built. Raises UserError where the configuration does not say."""
    if config.images is None:
        raise UserError("Image builds are not configured here: signalbox.yaml has no images section.")
    return config.images


async def build(operation: Operation) -> None:
    """Durable: see what the workflow takes, start it once, follow it to its end."""
    images, wanted = images_of(operation.services.config), wanted_from(operation.record.arguments)
    doing = f"looking up {kit.code(images.workflow)} at {kit.code(wanted.ref)}"
    await operation.show("looking", drawing.starting(operation.head, doing), Status.RUNNING)
    prepared = await operation.step("what to start", lambda: _prepare(operation, images, wanted))
    repository = operation.services.config.github.repository
    others = await operation.step(
        "runs under way", lambda: reruns.under_way(operation.services.github, repository, images.workflow)
    )
    if others:
        await operation.end(Status.FAILED, drawing.occupied(operation.head, others[0]))
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


def expected_places(config: Config, file: WorkflowFile, wanted: Wanted | None = None) -> frozenset[Place]:
    """What the board is going to show, as far as the workflow's file tells, before GitHub lists the jobs."""
    machines, environments = all_machines(config), tuple(config.environments)
    written = {place for name in file.jobs if (place := place_of(name, machines, environments))}
    if wanted and not wanted.everything:
        chosen = written or {(one, name) for name in environments for one in config.environments[name].machines}
        return frozenset(
            (machine, name)
            for machine, name in chosen
            if machine in (wanted.machines or machines) and name in (wanted.environments or environments)
        )
    return frozenset(written)


COMMANDS = (
    Command(
        "/build",
        USAGE,
        "[machines] [environments] [branch or tag]",
        "Build machine images; all of them without words.",
        handle,
    ),
)
KINDS = (Kind("build", build),)
