"""The images that each environment has after a build, and the button that begins a plan with them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.access import parts, policy
from bot.operations import follow_ups
from bot.operations.registry import Button, Click, FollowUp
from handlers.build.image_views import PLAN_IMAGES, PLANNED, EnvironmentImages
from handlers.shared.clicks import clicked, start_follow_up
from handlers.shared.requests import plan_request
from runners.aws import amis
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Environment
    from bot.services import Services
    from bot.slack.blocks.common import LinkedOperation
    from runners.results import BuiltImage

log = logging.getLogger(__name__)
TIMEOUT = 30.0
IMAGES_PLANNED = FollowUp(PLAN_IMAGES, "plan-images-", PLANNED)


async def environment_images(
    services: Services, run_id: int, environments: Sequence[str]
) -> tuple[EnvironmentImages, ...]:
    """The images of each of these environments after a run: the run's own, else the newest that Signalbox recorded."""
    of_run = await services.images.of_run(run_id)
    configured = [services.config.environments[name] for name in environments if name in services.config.environments]
    return tuple([await _images_of(services, environment, of_run) for environment in configured])


async def _images_of(services: Services, environment: Environment, of_run: Sequence[BuiltImage]) -> EnvironmentImages:
    recorded: dict[str, BuiltImage] = {}
    not_recorded: list[str] = []
    for machine in environment.machines:
        own = [image for image in of_run if (image.machine, image.environment) == (machine, environment.name)]
        image = own[-1] if own else await services.images.newest(machine, environment.name)
        if image:
            recorded[machine] = image
        elif await _exists_in_ec2(services, machine, environment.name):
            not_recorded.append(machine)
    warnings = await services.images.open_warnings([image.image_id for image in recorded.values()])
    return EnvironmentImages(
        environment=environment.name,
        machines=len(environment.machines),
        commits=tuple(dict.fromkeys(image.sha for image in recorded.values())),
        missing=tuple(
            machine for machine in environment.machines if machine not in recorded and machine not in not_recorded
        ),
        commit_unknown=tuple(not_recorded),
        suspect=tuple(machine for machine, image in recorded.items() if image.image_id in warnings),
        plannable=bool(services.config.planned(environment.name)),
    )


async def _exists_in_ec2(services: Services, machine: str, environment: str) -> bool:
    """Whether EC2 has an image that was built without Signalbox; an error of EC2 counts as no image."""
    name_tag = services.config.image_group(machine, environment).name_tag
    if not name_tag:
        return False
    try:
        return bool(await amis.named(services.aws.ec2, name_tag, timeout=TIMEOUT))
    except RunnerError as error:
        log.warning("images called %s: %s", name_tag, services.redact(str(error)))
        return False


async def plan_images(services: Services, click: Click) -> None:
    """Begin a plan of an environment from the message of a build; a second click begins no second plan."""
    number, _, name = click.value.partition(":")
    record = await clicked(services, click, number)
    whole = policy.environment_of(services.config, name)
    environment = parts.choose_one(services.config, whole.name, parts.STACKS, "/plan <environment> <stack | all>")
    request = plan_request(environment, click.user, IMAGES_PLANNED.key(record.number, whole.name))
    begun, attempt = f"A plan of {whole.name} was begun", f"plan {whole.name}"
    await start_follow_up(services, IMAGES_PLANNED, record, request, begun=begun, attempt=attempt, part=whole.name)


async def plans_begun(
    services: Services, number: int, environments: Sequence[EnvironmentImages]
) -> dict[str, LinkedOperation]:
    """The plans that the buttons on the message of build `number` have begun, by environment."""
    plans = {
        images.environment: await services.operations.started_by(IMAGES_PLANNED.key(number, images.environment))
        for images in environments
    }
    return {name: await follow_ups.linked(services, plan) for name, plan in plans.items() if plan}


BUTTONS = (Button(PLAN_IMAGES, plan_images),)
FOLLOW_UPS = (IMAGES_PLANNED,)
