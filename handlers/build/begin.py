"""Begins builds: /build with words, or the window that /build without words, or without a required input, opens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs, policy
from bot.access.rights import Need
from bot.config.targets import builds_target
from bot.operations import requests
from bot.operations.registry import Button, Click, Command, Invocation, Modal, Submission, WorkflowOf
from bot.operations.requests import OperationRequest
from bot.slack.modal import open_modal, open_modal_early
from handlers.build import window
from handlers.build.command import REF, USAGE, BuildRequest, all_machines, check_given, images_of, parse
from handlers.shared.input_views import about_of
from handlers.shared.inputs import ask_for, declared_inputs, missing_inputs, submitted as entered
from handlers.shared.permissions import attempt, check_may_use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from runners.github.runs.workflow_file import Input


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a build of what is named; without words, or an input that it needs, ask in a window.

    Without words, several image workflows are listed.
    """
    await _check_may_build(services, invocation.user)
    text, given = inputs.take(invocation.text, USAGE, other=(REF.rstrip("="),))
    several = len(services.config.builds) > 1
    words = typed_arguments.split(text, USAGE, most=4 if several else 3, refs=True)
    if words or given:
        request = replace(parse(services.config, words), given=given)
        await _start_or_ask(services, request, invocation)
        return None
    images_of(services.config)
    if several:
        return window.listing(services.config.builds)

    async def content() -> Block:
        return await _window(services, "")

    await open_modal_early(services.chat, invocation.trigger_id, window.TITLE, content)
    return None


async def _check_may_build(services: Services, user: str) -> None:
    """Raises Denied, and records it, unless this person may start one of the image workflows: each names all environments."""
    config, person = services.config, await services.directory.person(user)
    targets = [policy.target_of(config, builds_target(build)) for build in config.builds or [""]]
    allowed = (each for each in targets if policy.may(config, person, Need("run", "/build"), each))
    await requests.check_may_use(services, user, "/build", target=next(allowed, targets[0]))


async def _start_or_ask(services: Services, request: BuildRequest, invocation: Invocation) -> None:
    """Start the build, or open its window where the workflow requires an input that nobody gave."""
    images = images_of(services.config, request.build)
    check_given(images, request)
    if images.command_inputs.keys() - request.given.keys():
        workflow = WorkflowOf(services.config.github.repository, images.workflow)
        declared = await declared_inputs(services, workflow, request.ref, images.command_inputs)
        if missing := missing_inputs(declared, request.given):

            async def content() -> Block:
                return _view(services, request, declared)

            await ask_for(services, invocation.trigger_id, window.TITLE, content, missing)
            return
    await _start(services, request, invocation.user, invocation.key)


async def _start(services: Services, request: BuildRequest, user: str, key: str) -> None:
    check_given(images_of(services.config, request.build), request)
    target = policy.target_of(services.config, builds_target(request.build))
    await requests.start(services, OperationRequest("build", request.title, user, key, target, request.arguments))


async def _window(services: Services, build: str) -> Block:
    images = images_of(services.config, build)
    workflow = WorkflowOf(services.config.github.repository, images.workflow)
    declared = await declared_inputs(services, workflow, images.ref, images.command_inputs)
    return _view(services, BuildRequest((), (), images.ref, build=build), declared)


def _view(services: Services, request: BuildRequest, declared: Sequence[Input]) -> Block:
    config = services.config
    images = images_of(config, request.build)
    return window.view(request, images, all_machines(config), tuple(config.whole_environments), declared)


async def open_window(services: Services, click: Click) -> None:
    """Open the window of the image workflow whose button in the list was pressed."""
    build = "" if click.value == window.MAIN else click.value

    async def content() -> Block:
        await check_may_use(services, attempt(click.user, "build images", builds_target(build)), "/build")
        return await _window(services, build)

    await open_modal(services.chat, click.trigger_id, window.TITLE, content)


async def submitted(services: Services, submission: Submission) -> Mapping[str, str]:
    """Start what the window asked for."""
    await _check_may_build(services, submission.user)
    build, *_ = about_of(submission.private_metadata)
    values = submission.values
    branch = values.get(window.BRANCH, "").strip()
    words = [
        build,
        values.get(window.ROLES, ""),
        values.get(window.ENVIRONMENTS, ""),
        f"{REF}{branch}" if branch else "",
    ]
    request = replace(parse(services.config, [word for word in words if word]), given=entered(values))
    await _start(services, request, submission.user, submission.key)
    return {}


COMMANDS = (
    Command(
        "/build",
        USAGE,
        USAGE.partition(" ")[2],
        "Build machine images; without words choose what to build.",
        handle,
    ),
)
BUTTONS = (Button(window.OPEN, open_window),)
MODALS = (Modal(window.CALLBACK, submitted),)
