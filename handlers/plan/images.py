"""The images of a plan: shown before they are rolled out, and followed by a code deploy where they go back."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.operations import follow_ups, requests
from bot.slack.blocks import kit
from handlers.plan.views import PlanView
from handlers.shared.requests import CODE_DEPLOY, PLANNED_IMAGE, default_ref, deploy_request
from runners import phrases
from runners.aws import amis
from runners.errors import RunnerError
from runners.results import Image, ImageChange, RollOut

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.results import ApplyResult, Commit, PlanSummary


log = logging.getLogger(__name__)
TIMEOUT = 20.0


async def view_of(operation: Operation, commit: Commit, summary: PlanSummary) -> PlanView:
    """The plan for its message, with details of its images from EC2; without, if EC2 does not answer."""
    services, machines = operation.services, operation.environment.machines
    try:
        changes = await amis.describe_changes(services.aws.ec2, summary, machines, timeout=TIMEOUT)
    except RunnerError as error:
        # The plan can be read without names and ages; the ids are in it, and the table says "unknown".
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        changes = tuple(
            ImageChange(machine, Image(before) if before else None, Image(after))
            for machine, before, after in amis.rolled_out(summary, machines)
        )
    warnings = await services.images.open_warnings([change.after.image_id for change in changes])
    changes = tuple(replace(change, warnings=warnings.get(change.after.image_id, ())) for change in changes)
    return PlanView(operation.head, commit, summary, changes, services.aws.region, services.clock())


async def name(operation: Operation, view: PlanView) -> None:
    """Note which images this plan would roll out, so that no clean-up takes them away while it waits."""
    for image_id in dict.fromkeys(change.after.image_id for change in view.images):
        await operation.services.annotations.add(operation.number, PLANNED_IMAGE, image_id)


async def remember(operation: Operation, view: PlanView) -> None:
    """Remember what an apply that succeeded has put where. Within a step; done twice it is remembered once."""
    record, environment = operation.record, operation.environment.name
    for change in view.images:
        image_id = change.after.image_id
        rollout = RollOut(
            image_id, record.number, environment, change.machine, record.requester, operation.services.clock()
        )
        await operation.services.images.add_rollout(rollout)


async def behind_the_code(operation: Operation, view: PlanView) -> tuple[str, ...]:
    """The machines whose new image was made before the environment's last code deploy: it brings old code back."""
    deployed = await operation.services.deployments.current(operation.environment.name)
    return tuple(
        change.machine
        for change in view.images
        if change.goes_back
        or (deployed and change.after.created_at and change.after.created_at.timestamp() < deployed.at)
    )


async def follow_up(operation: Operation, machines: tuple[str, ...], result: ApplyResult) -> tuple[str, bool]:
    """After an apply that put old code back: start the code deploy, or say that it is needed.

    Returns what to say (mrkdwn), and whether to offer a button for it. Called from the durable body, not from a step.
    """
    how = operation.environment.code_deploy_after_old_image
    if not machines or not result.succeeded or how == "off":
        return "", False
    names = ", ".join(map(kit.code, machines))
    why = f":warning: {names} now {phrases.plural(len(machines), 'runs', 'run')} an image that is older than the last code deploy, so old code is back."
    if how == "offer":
        return f"{why} Deploy the code again.", True
    environment = operation.environment
    key = CODE_DEPLOY.key(operation.number)
    request = deploy_request(environment, default_ref(environment), operation.record.requester, key)
    await operation.services.engine.begin(requests.request_of(request, operation.record.channel))
    name = await operation.step("code deploy begun", lambda: _link_to(operation.services, key))
    return f"{why} The code deploy has been started{f': {name}' if name else ''}.", False


async def _link_to(services: Services, key: str) -> str:
    """The operation that this request has begun, with its link; empty when it is not shown anywhere for too long."""
    begun = await follow_ups.wait_for_started(services, key)
    if begun is None:
        return ""
    other = await follow_ups.linked(services, begun)
    return kit.link(f"#{begun.number} {begun.title}", other.url)


log = logging.getLogger(__name__)


async def running(operation: Operation, summary: PlanSummary) -> tuple[tuple[str, Image], ...]:
    """Each machine with its image, as the state has it; by their ids alone when EC2 does not answer."""
    services, machines = operation.services, operation.environment.machines
    try:
        return await amis.describe_running(services.aws.ec2, summary, machines, timeout=TIMEOUT)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return amis.running(summary, machines)
