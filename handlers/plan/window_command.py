"""/plan without words: its windows, which take maps and lists too."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from bot.access import inputs, parts, policy
from bot.access.rights import Need
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Modal, NextPage, Submission
from bot.slack.blocks import kit
from bot.slack.modal import open_modal_early
from handlers.plan import variables, window
from handlers.plan.settings import USAGE, settings_of
from handlers.shared.here import environment_of_channel
from handlers.shared.inputs import READ_WITHIN
from handlers.shared.requests import HCL, REF, plan_request
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.github import folder
from runners.terraform import declarations
from runners.terraform.declarations import Declared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Block

_CODE = (".tf", ".tf.json")
_PARSING = 5.0  # seconds


async def open_window(services: Services, invocation: Invocation) -> None:
    """Open the window that asks what to plan."""
    await open_modal_early(services.chat, invocation.trigger_id, window.TITLE, lambda: _first(services, invocation))


async def _first(services: Services, invocation: Invocation) -> Block:
    person, config = await requests.check_may_use(services, invocation.user, "/plan", "plan"), services.config
    everything = [each for name in config.whole_environments for each in config.planned(name)]
    planned = [each for each in everything if policy.may(config, person, Need("plan", "/plan"), each)]
    choices = [each for each in planned if not each.has_units]
    if not choices:
        units = f"Type /plan {planned[0].name} for the units of {planned[0].name}." if planned else ""
        raise UserError(units or "No environment has `terraform` in the configuration, so there is nothing to plan.")
    return window.first(
        [each.name for each in choices], await environment_of_channel(services, choices, invocation.channel)
    )


async def submitted(services: Services, submission: Submission) -> Mapping[str, str] | NextPage:
    """Ask for the variables of what was chosen, or start a plan that takes none; errors are returned by field."""
    environment = parts.choose_one(services.config, submission.values["environment"], parts.STACKS, USAGE)
    try:
        ref = variables.checked_ref(environment, submission.values["ref"].strip())
    except UserError as error:
        return {"ref": str(error)}
    await requests.check_may_use(services, submission.user, "/plan", "plan", environment)
    if names := variables.allowed(environment):
        declared = await _declared(services, environment, ref)
        listed = [declared.get(name, Declared(name, readable=False)) for name in names]
        return NextPage(window.variables(environment.name, ref, listed))
    await _start(services, submission, environment, ref, {})
    return {}


async def _declared(services: Services, environment: Environment, ref: str) -> Mapping[str, Declared]:
    """The variables as the code at the ref declares them; none where GitHub does not say so in time."""
    settings, repository = settings_of(environment), services.config.repository_of(environment)
    if settings.directory is None:
        return {}
    try:
        async with asyncio.timeout(READ_WITHIN):
            files = await folder.read_folder(
                services.github, repository, settings.directory, ref or settings.ref, _CODE
            )
            doing = f"reading the variables of {environment.name}"
            return await run_blocking(declarations.declared_in, files, timeout=_PARSING, doing=doing)
    except (TimeoutError, RunnerError):
        return {}


async def submitted_variables(services: Services, submission: Submission) -> Mapping[str, str] | NextPage:
    """Start the plan, after a page that shows maps and lists as they are given; errors are returned by field."""
    name, ref = json.loads(submission.private_metadata)
    environment = parts.choose_one(services.config, name, parts.STACKS, USAGE)
    await requests.check_may_use(services, submission.user, "/plan", "plan", environment)
    written = {each: text.strip() for each, text in inputs.given(submission.values).items() if text.strip()}
    declared = await _declared(services, environment, ref) if written else {}
    given: dict[str, str] = {}
    hcl: list[str] = []
    for each, text in written.items():
        try:
            variables.check_allowed(environment, each)
            given[each], is_hcl = value_of(declared.get(each, Declared(each, readable=False)), text)
        except ValueError as error:
            return {f"{inputs.PREFIX}{each}": str(error)}
        hcl += [each] if is_hcl else []
    if not hcl:
        await _start(services, submission, environment, ref, given)
        return {}
    metadata = json.dumps([name, ref, given, hcl], ensure_ascii=False)
    if len(metadata) > window.LONGEST_METADATA:
        problem = (
            f"The values are {len(metadata):,} characters long together; {window.LONGEST_METADATA:,} are the most."
        )
        return {f"{inputs.PREFIX}{hcl[0]}": problem}
    return NextPage(window.values(name, ref, given, metadata))


def value_of(declared: Declared, text: str) -> tuple[str, bool]:
    """A value as it is given to Terraform, and whether that is HCL. Raises ValueError, which says what is wrong with it."""
    if (declared.readable and declared.is_text) or (not declared.readable and text[0] not in "{["):
        if not text.isprintable() or len(text) > window.LONGEST_TEXT:
            raise ValueError(f"A text is one line of at most {window.LONGEST_TEXT:,} characters.")
        declarations.check_text(declared, text)
        return text, False
    value = declarations.normalized(declared, text)
    if len(kit.escape(value)) > window.LONGEST_VALUE:
        raise ValueError(f"That is too long to display to approvers: {window.LONGEST_VALUE:,} characters are the most.")
    return value, True


async def submitted_values(services: Services, submission: Submission) -> Mapping[str, str]:
    """Start the plan with the values that were shown."""
    name, ref, given, hcl = json.loads(submission.private_metadata)
    environment = parts.choose_one(services.config, name, parts.STACKS, USAGE)
    for each in given:
        variables.check_allowed(environment, each)
    await _start(services, submission, environment, ref, {**given, HCL: " ".join(hcl)})
    return {}


async def _start(
    services: Services, submission: Submission, environment: Environment, ref: str, arguments: Mapping[str, str]
) -> None:
    at = {REF: ref} if ref else {}
    await requests.start(services, plan_request(environment, submission.user, submission.key, {**arguments, **at}))


MODALS = (
    Modal(window.FIRST, submitted),
    Modal(window.VARIABLES, submitted_variables),
    Modal(window.VALUES, submitted_values),
)
