"""/deploy, its modal, and the deploy that an apply of older images requires."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, Click, Command, Invocation, Modal, Submission
from bot.slack.modal import open_modal_early
from handlers.deploy.arguments import USAGE, limited, read
from handlers.deploy.backend import check_supported
from handlers.deploy.modal import TITLE, deploy_modal
from handlers.deploy.promote import workflow as promote_workflow
from handlers.shared.clicks import clicked, start_follow_up
from handlers.shared.requests import CODE_DEPLOY, DEPLOY_AFTER, default_ref, deploy_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.operations.requests import OperationRequest
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message


HINT = USAGE.partition(" ")[2]
MOST_WORDS = 4  # the environment's name among them


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a deploy; without arguments open the modal."""
    words = typed_arguments.split(invocation.text, USAGE, most=MOST_WORDS, refs=True)
    if not words:
        await open_modal_early(services.chat, invocation.trigger_id, TITLE, lambda: _modal(services, invocation))
        return None
    environment = typed_arguments.environment(services.config, words[0], USAGE)
    arguments = read(environment, words[1:])
    check_supported(environment, roles=bool(arguments.roles), check=arguments.check)
    request = _request(environment, arguments.ref, invocation.user, invocation.key, promotes=not arguments.check)
    await requests.start(services, limited(request, arguments))
    return None


async def _modal(services: Services, invocation: Invocation) -> Block:
    await requests.check_may_use(services, invocation.user, "/deploy")
    return deploy_modal(list(services.config.environments), invocation.channel)


async def submitted(services: Services, submission: Submission) -> Mapping[str, str]:
    """Start the deploy of a submitted modal; errors are returned by field."""
    environment = typed_arguments.environment(services.config, submission.values["environment"], USAGE)
    word = submission.values["ref"].strip()
    try:
        ref = typed_arguments.ref(word, USAGE) if word else ""
    except UserError as error:
        return {"ref": str(error)}
    try:
        await requests.start(services, _request(environment, ref, submission.user, submission.key))
    except UserError as error:
        return {"environment": str(error)}
    return {}


def _request(environment: Environment, ref: str, user: str, key: str, *, promotes: bool = True) -> OperationRequest:
    """The request for a deploy to all roles; without a ref it begins with the environment's promotion, if any."""
    request = deploy_request(environment, ref or default_ref(environment), user, key)
    if ref or environment.promote is None or not promotes:
        return request
    return replace(request, arguments={**request.arguments, promote_workflow.OFFERED: "offered"})


async def deploy_after(services: Services, click: Click) -> None:
    """Begin the deploy that an apply of older images requires, once."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    request = deploy_request(environment, default_ref(environment), click.user, CODE_DEPLOY.key(record.number))
    begun = "The code deploy was begun"
    await start_follow_up(services, CODE_DEPLOY, record, request, begun=begun, attempt="deploy the code")


COMMANDS = (Command("/deploy", USAGE, HINT, "Deploy code to an environment.", handle),)
MODALS = (Modal("deploy", submitted),)
BUTTONS = (Button(DEPLOY_AFTER, deploy_after),)
FOLLOW_UPS = (CODE_DEPLOY,)
