"""The images that a plan rolls out: displayed in its message, recorded, and followed by a code deploy if they are older."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.operations import follow_ups, requests
from bot.slack.blocks import kit
from handlers.plan import variables
from handlers.plan.views import PlanView
from handlers.shared.requests import CODE_DEPLOY, IMAGE_BEFORE, PLANNED_IMAGE, default_ref, deploy_request
from runners import phrases
from runners.aws import amis
from runners.errors import RunnerError
from runners.results import Image, ImageChange, RollOut

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.results import ApplyResult, Commit, PlanSummary


log = logging.getLogger(__name__)
EC2_TIMEOUT = 20.0  # seconds


async def view_of(operation: Operation, commit: Commit, summary: PlanSummary) -> PlanView:
    """The view of a plan, with its images' details from EC2, or with their ids alone if EC2 does not answer."""
    services, machines = operation.services, operation.environment.machines
    aws = services.aws_of(operation.environment)
    try:
        changes = await amis.describe_changes(aws.ec2, summary, machines, timeout=EC2_TIMEOUT)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        changes = tuple(
            ImageChange(machine, Image(before) if before else None, Image(after))
            for machine, before, after in amis.rolled_out(summary, machines)
        )
    warnings = await services.images.open_warnings([change.after.image_id for change in changes])
    changes = tuple(replace(change, warnings=warnings.get(change.after.image_id, ())) for change in changes)
    given = variables.cut_in_title(operation.record.arguments)
    return PlanView(operation.head, commit, summary, changes, aws.region, services.clock(), given)


async def record_planned_images(operation: Operation, view: PlanView) -> None:
    """Within a step: annotate the plan with its images, so that no clean-up removes them while it waits."""
    for image_id in dict.fromkeys(change.after.image_id for change in view.images):
        await operation.services.annotations.add(operation.number, PLANNED_IMAGE, image_id)


async def record_rollouts(operation: Operation, view: PlanView) -> None:
    """Within a step: record the images that a successful apply rolled out, and those that were there before."""
    record, environment = operation.record, operation.environment.whole
    for change in view.images:
        if change.before and change.machine in operation.environment.machines:
            before = f"{change.machine} {change.before.image_id}"
            await operation.services.annotations.add(record.number, IMAGE_BEFORE, before)
        image_id = change.after.image_id
        rollout = RollOut(
            image_id, record.number, environment, change.machine, record.requester, operation.services.clock()
        )
        await operation.services.images.add_rollout(rollout)


def can_go_back(operation: Operation, view: PlanView) -> bool:
    """Whether the images of this plan replaced others that the configured variables can bring back."""
    terraform = operation.environment.terraform
    variables_of = terraform.image_variables if terraform else {}
    return any(change.before and change.machine in variables_of for change in view.images)


async def machines_with_old_code(operation: Operation, view: PlanView) -> tuple[str, ...]:
    """Within a step: the machines whose new image is older than the environment's last code deploy."""
    deployed: dict[str, float] = {}
    for each in operation.services.config.deployed(operation.environment.whole):
        if current := await operation.services.deployments.current(each.name):
            deployed |= {machine: max(current.at, deployed.get(machine, 0.0)) for machine in each.machines}
    return tuple(
        change.machine
        for change in view.images
        if change.goes_back
        or (change.after.created_at and change.after.created_at.timestamp() < deployed.get(change.machine, 0.0))
    )


async def deploy_newer_code(operation: Operation, machines: tuple[str, ...], result: ApplyResult) -> tuple[str, bool]:
    """Durable: after an apply that rolled out old code on these machines, start the code deploy, if so configured.

    Returns a text for the message (mrkdwn), and whether to offer the deploy as a button.
    """
    configured = operation.environment.code_deploy_after_old_image
    candidates = operation.services.config.deployed(operation.environment.whole)
    targets = [each for each in candidates if {*machines} & {*each.machines}]
    if not targets or not result.succeeded or configured == "off":
        return "", False
    names = ", ".join(map(kit.code, machines))
    text = f":warning: {names} now {phrases.plural(len(machines), 'runs', 'run')} an image that is older than the last code deploy, so old code is back."
    if configured == "offer" and len(candidates) == 1:
        return f"{text} Deploy the code again.", True
    if configured == "offer":
        commands = ", ".join(kit.code(f"/deploy {each.words}") for each in targets)
        return f"{text} Deploy the code again: {commands}.", False
    links = [await _start_code_deploy(operation, each) for each in targets]
    link = ", ".join(filter(None, links))
    started = phrases.plural(len(targets), "The code deploy has", "The code deploys have")
    return f"{text} {started} been started{f': {link}' if link else ''}.", False


async def _start_code_deploy(operation: Operation, environment: Environment) -> str:
    """Durable: begin the deploy, and return a link to it."""
    key = CODE_DEPLOY.key(operation.number, environment.part)
    request = deploy_request(environment, default_ref(environment), operation.record.requester, key)
    of_plan = environment.name == operation.environment.name
    channel = operation.record.channel
    if not of_plan:
        channel = await operation.step(
            f"channel of {environment.name}", lambda: operation.services.chat.channel_id(environment.channel)
        )
    await operation.services.engine.begin(requests.request_of(request, channel))
    name = "code deploy begun" if of_plan else f"code deploy of {environment.name} begun"
    return await operation.step(name, lambda: _link_to(operation.services, key))


async def _link_to(services: Services, key: str) -> str:
    """A link to the operation that the request with this key started; empty if it has no message in time."""
    started = await follow_ups.wait_for_started(services, key)
    if started is None:
        return ""
    other = await follow_ups.linked(services, started)
    return kit.link(f"#{started.number} {started.title}", other.url)


async def running(operation: Operation, summary: PlanSummary) -> tuple[tuple[str, Image], ...]:
    """Each machine with its image according to the state, or with the image's id alone if EC2 does not answer."""
    services, machines = operation.services, operation.environment.machines
    try:
        ec2 = services.aws_of(operation.environment).ec2
        return await amis.describe_running(ec2, summary, machines, timeout=EC2_TIMEOUT)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return amis.running(summary, machines)
