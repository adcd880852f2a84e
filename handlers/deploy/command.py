"""/deploy, its modal, and the deploy that an apply of older images requires."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs, parts, policy, urgency
from bot.access.rights import EMERGENCY, Need
from bot.access.urgency import LATER
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Click, Command, Invocation, Modal, NextPage, Submission
from bot.slack.modal import open_modal_early
from handlers.deploy import service_views as views
from handlers.deploy.arguments import USAGE, Arguments, limited, read
from handlers.deploy.backend import backend_of, check_supported
from handlers.deploy.inputs import check_given
from handlers.deploy.modal import INPUTS, TITLE, deploy_modal, inputs_page
from handlers.deploy.promote import workflow as promote_workflow
from handlers.shared import closed
from handlers.shared.clicks import clicked, listed_key, start_follow_up
from handlers.shared.here import environment_of_channel
from handlers.shared.input_views import about_of
from handlers.shared.inputs import ask_for, missing_inputs, refused_fields, submitted as entered
from handlers.shared.permissions import attempt, check_may_use
from handlers.shared.requests import CODE_DEPLOY, DEPLOY_AFTER, default_ref, deploy_of, deploy_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.operations.requests import OperationRequest
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from bot.store.audit import Entry


RUN = Need("run", "/deploy")
HINT = USAGE.partition(" ")[2]
MOST_WORDS = 5  # the names of the environment and the service among them


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a deploy, now or when the window opens; without arguments, or without an input that it needs, open the modal."""
    return await closed.offering(services, invocation, "/deploy", lambda: _typed(services, invocation))


async def _typed(services: Services, invocation: Invocation) -> Message | None:
    urgent_text, reason = urgency.take(invocation.text, USAGE)
    text, given = inputs.take(urgent_text, USAGE)
    words = typed_arguments.split(text, USAGE, most=MOST_WORDS, refs=True)
    later = LATER in words and not isinstance(words[words.index(LATER)], typed_arguments.QuotedRef)
    if later:
        urgency.check_now(reason)
        words.remove(LATER)
    if not words:
        await open_modal_early(services.chat, invocation.trigger_id, TITLE, lambda: _modal(services, invocation))
        return None
    config = await requests.visible_to(services, invocation.user, "/deploy", text)
    chosen = parts.choose(config, words, parts.SERVICES, USAGE)
    environment, *others = chosen.parts
    if others and chosen.rest:
        raise parts.no_such_part(config, chosen.environment.name, chosen.rest[0], parts.SERVICES, USAGE)
    if others:
        return await _listed(services, invocation, chosen)
    arguments = replace(read(environment, chosen.rest), given=given)
    check_supported(environment, roles=bool(arguments.roles), check=arguments.check)
    check_given(environment, given)
    request = requests.urgent(_request(environment, arguments, invocation.user, invocation.key), reason)
    if later:
        await closed.start_later(services, request)
    else:
        await _start_or_ask(services, environment, request, arguments, invocation.trigger_id)
    return None


async def _start_or_ask(
    services: Services,
    environment: Environment,
    request: OperationRequest,
    arguments: Arguments,
    trigger_id: str,
    *,
    tried: Entry | None = None,
) -> None:
    """Start the deploy, or open the modal of its inputs where it needs one that nobody gave. A refused click is recorded as `tried`."""
    settings = deploy_of(environment).settings
    if settings.given_inputs.keys() - arguments.given.keys():
        await requests.check_may_use(services, request.user, "/deploy", target=environment)
        ref = arguments.ref or default_ref(environment)
        declared = await backend_of(environment).asks(services, environment, ref)
        if missing := missing_inputs(declared, {**settings.fixed_inputs, **arguments.given}):
            if EMERGENCY in request.arguments:
                needed = ", ".join(missing)
                raise UserError(
                    f"{environment.name} needs inputs; in an emergency give them with the command: {needed}."
                )

            async def page() -> Block:
                return inputs_page(environment.name, arguments.ref, declared, arguments.given)

            await ask_for(services, trigger_id, TITLE, page, missing)
            return
    await requests.start(services, request, tried)


async def _modal(services: Services, invocation: Invocation) -> Block:
    person = await requests.check_may_use(services, invocation.user, "/deploy")
    config = services.config
    deployed = [each for name in config.whole_environments for each in config.deployed(name)]
    names = [each.name for each in deployed if policy.may(config, person, RUN, each)]
    if not names:
        raise UserError("No environment has `deploy` in the configuration, so there is nothing to deploy.")
    here = await environment_of_channel(services, (each for each in deployed if each.name in names), invocation.channel)
    return deploy_modal(names, invocation.channel, here)


async def _listed(services: Services, invocation: Invocation, chosen: parts.Chosen) -> Message:
    """The services of an environment with what each runs, and a button that deploys it."""
    person = await requests.check_may_use(services, invocation.user, "/deploy", "see", chosen.environment)
    visible = [part for part in chosen.parts if policy.sees(services.config, person, part.name)]
    running = {part.part: await services.deployments.current(part.name) for part in visible}
    lines = [
        views.ServiceLine(part, current.sha if current else "", current.at if current else 0.0)
        for part, current in running.items()
    ]
    return views.services(chosen.environment.name, lines)


async def deploy_listed(services: Services, click: Click) -> None:
    """Deploy the usual ref of the service of a button under the list: its value is the service's full name."""
    environment = policy.environment_of(services.config, click.value)
    key = listed_key(click)
    request = _request(environment, Arguments(), click.user, key)
    tried = attempt(click.user, request.title, environment.name)
    await check_may_use(services, tried, "/deploy")
    await _start_or_ask(services, environment, request, Arguments(), click.trigger_id, tried=tried)


async def submitted(services: Services, submission: Submission) -> Mapping[str, str] | NextPage:
    """Start the deploy of a submitted modal, or ask for its inputs; errors are returned by field."""
    environment = parts.choose_one(services.config, submission.values["environment"], parts.SERVICES, USAGE)
    word = submission.values["ref"].strip()
    try:
        ref = typed_arguments.ref(word, USAGE) if word else ""
    except UserError as error:
        return {"ref": str(error)}
    try:
        if deploy_of(environment).settings.given_inputs:
            await requests.check_may_use(services, submission.user, "/deploy", target=environment)
            declared = await backend_of(environment).asks(services, environment, ref or default_ref(environment))
            if declared:
                return NextPage(inputs_page(environment.name, ref, declared))
        await requests.start(services, _request(environment, Arguments(ref), submission.user, submission.key))
    except UserError as error:
        return {"environment": str(error)}
    return {}


async def submitted_inputs(services: Services, submission: Submission) -> Mapping[str, str]:
    """Start the deploy whose inputs were asked for; an error about an input is under its field, any other under the first one."""
    name, ref, _ = about_of(submission.private_metadata)
    environment = typed_arguments.environment(services.config, name, USAGE)
    if refused := refused_fields(submission.values, lambda given: check_given(environment, given)):
        return refused
    arguments = Arguments(ref, given=entered(submission.values))
    await requests.start(services, _request(environment, arguments, submission.user, submission.key))
    return {}


def _request(environment: Environment, arguments: Arguments, user: str, key: str) -> OperationRequest:
    """The request for a deploy; without a ref it begins with the environment's promotion, if any."""
    request = limited(deploy_request(environment, arguments.ref or default_ref(environment), user, key), arguments)
    request = replace(request, reads=bool(arguments.check))
    if arguments.ref or environment.promote is None or arguments.check:
        return request
    return replace(request, arguments={**request.arguments, promote_workflow.OFFERED: "offered"})


async def deploy_after(services: Services, click: Click) -> None:
    """Begin the deploy that an apply of older images requires, once."""
    record = await clicked(services, click)
    planned = policy.environment_of(services.config, record.environment)
    environment = parts.choose_one(services.config, planned.whole, parts.SERVICES, USAGE)
    request = deploy_request(environment, default_ref(environment), click.user, CODE_DEPLOY.key(record.number))
    begun = "The code deploy was begun"
    await start_follow_up(services, CODE_DEPLOY, record, request, begun=begun, attempt="deploy the code")


COMMANDS = (Command("/deploy", USAGE, HINT, "Deploy code to an environment, or one of its services.", handle),)
MODALS = (Modal("deploy", submitted), Modal(INPUTS, submitted_inputs))
BUTTONS = (Button(DEPLOY_AFTER, deploy_after), Button(views.DEPLOY_LISTED, deploy_listed))
FOLLOW_UPS = (CODE_DEPLOY,)
