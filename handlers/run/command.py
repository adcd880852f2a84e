"""/run: a custom operation by its name, the list of all, and the window that asks for inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs, policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Click, Command, Invocation, Modal, Submission, WorkflowOf
from bot.operations.requests import OperationRequest
from bot.slack.modal import open_modal
from handlers.run import views
from handlers.run.settings import LINK, NAME, USAGE, Wanted, check_given, no_such, settings_of
from handlers.shared.input_views import about_of
from handlers.shared.inputs import (
    ask_for,
    configured_inputs,
    declared_inputs,
    missing_inputs,
    refused_fields,
    submitted as entered,
)
from handlers.shared.machine_types import MACHINES, machine_types, twice
from handlers.shared.permissions import attempt, check_may_use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.access.policy import Person
    from bot.config import Config
    from bot.config.models.custom import CustomOperation
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from runners.github.runs.workflow_file import Input

KIND = "run"
MOST_WORDS, MOST_OF_PLAYBOOK = 2, 3  # the name among them


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Run an operation; without a name list all; without an input that it needs open its window."""
    text, given = inputs.take(invocation.text, USAGE)
    words = typed_arguments.split(text, USAGE, most=MOST_OF_PLAYBOOK, refs=True)
    if not words:
        person = await requests.check_may_use(services, invocation.user, "/run", "see")
        return views.listing(visible_to(services.config, person))
    settings = await _settings_for(services, invocation.user, words[0])
    if settings.workflow:
        typed_arguments.split(text, USAGE, most=MOST_WORDS, refs=True)
    wanted = replace(_read(services.config, settings, words), given=given)
    check_given(wanted.name, settings, given)
    if settings.inputs.keys() - given.keys():
        declared = await declared_of(services, settings, wanted.ref or settings.ref)
        missing = missing_inputs(declared, {**settings.fixed_inputs, **given})
        # A playbook declares no variables, so nobody knows which of them it needs.
        if missing or (settings.playbook and not given):

            async def content() -> Block:
                return views.window(wanted, settings, declared)

            await ask_for(services, invocation.trigger_id, views.TITLE, content, missing)
            return None
    await requests.start(services, request_for(services, wanted, invocation.user, invocation.key))
    return None


async def _settings_for(services: Services, user: str, name: str) -> CustomOperation:
    """The operation of this name. Raises Denied, recorded, for who may not run it, and UserError where they see none of it."""
    config = services.config
    if name in config.operations.custom:
        target = policy.environment_of(config, config.operations.custom[name].environment)
        await requests.check_may_use(services, user, f"/run {name}", target=target)
        return config.operations.custom[name]
    person = await requests.check_may_use(services, user, "/run", "see")
    raise no_such(name, visible_to(config, person))


def visible_to(config: Config, person: Person) -> Mapping[str, CustomOperation]:
    """The operations of environments that this person may see."""
    custom = config.operations.custom.items()
    return {name: each for name, each in custom if policy.sees(config, person, each.environment)}


def _read(config: Config, settings: CustomOperation, words: Sequence[str]) -> Wanted:
    """The name, and in any order machine types and a ref."""
    wanted = Wanted(words[0])
    for word in words[1:]:
        machines = config.machines_of(settings) if settings.playbook else ()
        named = machine_types(word, machines, wanted.name, USAGE) if machines else ()
        if named and wanted.machines:
            raise twice(USAGE)
        if not named and wanted.ref:
            both = f"{typed_arguments.quoted(wanted.ref)} and {typed_arguments.quoted(word)}"
            raise UserError(f"{both}: I can run one branch, tag or commit. Usage: {USAGE}")
        wanted = replace(wanted, machines=named) if named else replace(wanted, ref=typed_arguments.ref(word, USAGE))
    return wanted


def request_for(services: Services, wanted: Wanted, user: str, key: str) -> OperationRequest:
    """The request for a run. Raises UserError for an unknown operation, Denied for one whose environment is gone."""
    settings = settings_of(services.config, wanted.name)
    target = policy.environment_of(services.config, settings.environment)
    ref = wanted.ref or settings.ref
    at = f" at {ref}" if wanted.ref and wanted.ref != settings.ref else ""
    on = f" on {', '.join(wanted.machines)}" if wanted.machines else ""
    title = inputs.titled(f"Run {wanted.name}{on}{at}", wanted.given)
    limited = {MACHINES: ",".join(wanted.machines)} if wanted.machines else {}
    about = {LINK: wanted.link} if wanted.link else {}
    arguments = {NAME: wanted.name, "ref": ref, **limited, **about, **inputs.stored(wanted.given)}
    return OperationRequest(KIND, title, user, key, target, arguments)


async def open_window(services: Services, click: Click) -> None:
    """Open the window of the operation whose button in the list was pressed."""
    await open_modal(services.chat, click.trigger_id, views.TITLE, lambda: _window(services, click))


async def declared_of(services: Services, settings: CustomOperation, ref: str) -> tuple[Input, ...]:
    """The inputs that a person may give: of a workflow as its file at the ref declares them."""
    if settings.workflow is None:
        return configured_inputs(settings.inputs)
    environment = policy.environment_of(services.config, settings.environment)
    workflow = WorkflowOf(services.config.repository_of(environment), settings.workflow)
    return await declared_inputs(services, workflow, ref, settings.inputs)


async def _window(services: Services, click: Click) -> Block:
    settings = settings_of(services.config, click.value)
    tried = attempt(click.user, f"run {click.value}", settings.environment)
    await check_may_use(services, tried, f"/run {click.value}")
    declared = await declared_of(services, settings, settings.ref)
    return views.window(Wanted(click.value), settings, declared)


async def submitted(services: Services, submission: Submission) -> Mapping[str, str]:
    """Run what the window asked for; an error about an input is under its field, any other under the first one."""
    name, ref, more = about_of(submission.private_metadata)
    machines, link = (*more, "", "")[:2]
    settings = settings_of(services.config, name)
    if refused := refused_fields(submission.values, lambda given: check_given(name, settings, given)):
        return refused
    wanted = Wanted(name, ref, tuple(filter(None, machines.split(","))), entered(submission.values), link)
    await requests.start(services, request_for(services, wanted, submission.user, submission.key))
    return {}


COMMANDS = (
    Command("/run", USAGE, USAGE.partition(" ")[2], "Run an operation of your team; without words list them.", handle),
)
BUTTONS = (Button(views.OPEN, open_window),)
MODALS = (Modal(views.CALLBACK, submitted),)
