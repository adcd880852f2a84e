"""/infra image: the origin of an image, the warnings against it, its rollouts, and the instances that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import arguments
from bot.config.targets import IMAGES
from bot.errors import UserError
from bot.operations.queue import head_of
from bot.operations.registry import Invocation, Topic
from bot.slack.blocks import common, kit
from handlers.images import provenance_views
from runners.aws import amis
from runners.errors import RunnerError
from runners.results import NO_ENVIRONMENT, Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.results import StartedFrom

HINT = "<AMI id> | <machine> <environment> | <image workflow>"
USAGE = f"/infra image {HINT}"
TIMEOUT = 20.0


async def image(services: Services, _: Invocation, words: Sequence[str]) -> Message:
    """The origin and the use of the named image, or of the newest image of a machine role."""
    if not words:
        raise UserError(f"Which image? Usage: {USAGE}")
    image_id = words[0] if amis.AMI_ID.fullmatch(words[0]) else await _newest(services, words)
    built = await services.images.get(image_id)
    image_in_ec2, instances, problem = await _from_ec2(services, image_id)
    read = await services.images.log_scan(built.job_id) if built else None
    warnings = (await services.images.warnings_of([built.job_id])).get(built.job_id, ()) if built else ()
    view = provenance_views.ProvenanceView(
        image=image_in_ec2,
        region=services.aws.region,
        built=built,
        requester=await _requester(services, built.operation) if built else "",
        log=provenance_views.Log(read.lines, read.at) if read else None,
        warnings=warnings,
        rollouts=await services.images.rollouts_of(image_id),
        instances=instances,
        problem=problem,
        observed_at=services.clock(),
    )
    return provenance_views.page(view)


async def _requester(services: Services, number: int) -> str:
    """Who requested a build, in mrkdwn."""
    record = await services.operations.get(number)
    by = record.arguments.get("by", "")  # of a run that was started in GitHub
    return kit.escape(by) if by else common.requester_text(head_of(record))


async def _newest(services: Services, words: Sequence[str]) -> str:
    if len(words) == 1 and words[0] in services.config.builds:
        return await _recorded(services, words[0], NO_ENVIRONMENT)
    if len(words) == 1:
        raise UserError(
            f"{arguments.quoted(words[0])} is no AMI id (ami- and 8 or 17 hexadecimal digits). Usage: {USAGE}"
        )
    name, other = words
    if services.config.find(name):  # the two words in the other order
        name, other = other, name
    environment = arguments.environment(services.config, other, USAGE)
    if name not in environment.machines:
        near = arguments.nearest(name, environment.machines)
        raise UserError(f"{environment.name} has no machine {arguments.quoted(name)}{near} Usage: {USAGE}")
    group = services.config.image_group(name, environment.whole)
    if not group.name_tag:
        return await _recorded(services, name, environment.whole)
    images = await amis.named(services.aws.ec2, group.name_tag, timeout=TIMEOUT)
    if not images:
        raise UserError(f"EC2 has no image of ours whose tag Name is {group.name_tag} in {services.aws.region}.")
    return images[-1].image_id


async def _recorded(services: Services, machine: str, environment: str) -> str:
    built = await services.images.newest(machine, environment)
    if built is None:
        raise UserError(f"Signalbox has not recorded an image of {machine} for {environment} yet.")
    return built.image_id


async def _from_ec2(services: Services, image_id: str) -> tuple[Image, Sequence[StartedFrom], str]:
    try:
        images = await amis.describe(services.aws.ec2, [image_id], timeout=TIMEOUT)
        instances = await amis.started_from(services.aws.ec2, image_id, timeout=TIMEOUT)
    except RunnerError as error:
        return Image(image_id), (), f"EC2 could not be asked: {error.problem}"
    if image_id not in images:
        return Image(image_id), instances, "EC2 does not know this image (any more), or does not show it to us"
    return images[image_id], instances, ""


TOPICS = (Topic("image", HINT, "Where an image comes from, and what runs from it.", image, most=2, target=IMAGES),)
