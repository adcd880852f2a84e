"""/infra amis: which images are in use, which are kept, which may go; and the way to a clean-up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import arguments
from bot.access.policy import target_of
from bot.config import Images, Keep
from bot.config.targets import IMAGES
from bot.errors import UserError
from bot.operations import requests
from bot.operations.periodic import operation_at_interval
from bot.operations.registry import Button, Click, Invocation, Topic
from bot.operations.requests import OperationRequest
from handlers.images import old_images_views
from handlers.shared import permissions
from handlers.shared.builders import recognition
from handlers.shared.requests import PLANNED_IMAGE
from runners.aws.images import loose, survey as surveying
from runners.results import Candidate, KeepRule, OrphanedImageResources, Removal, What

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from bot.config import Config
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.results import ImageGroup, ImageSurvey, OrphanedSnapshot, OrphanedVolume

KIND, PROPOSAL = "clean up", "propose clean-up"
TITLE = "Clean up old images"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All images with their standing, and what images and builds have left lying."""

    images: ImageSurvey
    loose: OrphanedImageResources

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All that may go, the oldest images first."""
        images = [
            Candidate(
                What.IMAGE, one.removal, f"{one.group.machine} {one.group.environment}", one.created_at.timestamp()
            )
            for one in self.images.free
        ]
        snapshots = _by_image(self.loose.snapshots)
        volumes = [_volume(one) for one in self.loose.volumes]
        return (*sorted(images, key=lambda one: one.made_at), *snapshots, *volumes)


def _by_image(snapshots: Sequence[OrphanedSnapshot]) -> list[Candidate]:
    """One for each image that is no more, with all its snapshots: what is to go is named by the image."""
    found: dict[tuple[str, str], Candidate] = {}
    for snapshot in snapshots:
        key, new = (snapshot.region, snapshot.image_id), snapshot.removal
        first = found.get(key)
        if first:
            new = replace(first.removal, snapshots=(*first.removal.snapshots, *new.snapshots))
        found[key] = Candidate(What.SNAPSHOT, new, snapshot.image_id, snapshot.created_at.timestamp())
    return list(found.values())


def _volume(one: OrphanedVolume) -> Candidate:
    # A volume's id stands where an image's does; its size is told as that of a snapshot of its own.
    removal = Removal(one.region, one.volume_id, "", "", ())
    return Candidate(What.VOLUME, removal, f"a build, {one.size_gb} GB", one.created_at.timestamp())


async def survey(services: Services) -> Snapshot:
    """Look at everything; what cannot be read is kept, and said."""
    account, now = services.account, datetime.fromtimestamp(services.clock(), UTC)
    images = await surveying.survey(
        account,
        groups(services.config),
        keep=keep_rule(services.config),
        named_elsewhere=await named_elsewhere(services),
        now=now,
    )
    return Snapshot(images, await loose.loose_ends(account, recognition(services.config), now=now))


def groups(config: Config) -> list[ImageGroup]:
    """The images of every machine of every environment."""
    return [
        config.image_group(machine, environment.name)
        for environment in config.environments.values()
        for machine in environment.machines
    ]


def keep_rule(config: Config) -> KeepRule:
    """What is kept of each machine's images whatever happens."""
    keep = config.images.keep if config.images else Keep()
    return KeepRule(keep.newest, keep.younger_than)


async def named_elsewhere(services: Services) -> Mapping[str, str]:
    """What else needs an image: plans that wait for approval, and the way back from the last apply."""
    named = dict(await services.images.last_rolled_out())
    for number in await services.operations.numbers_awaiting_approval():
        for image_id in await services.annotations.values_of(number, PLANNED_IMAGE):
            named[image_id] = f"named in the plan #{number}"
    return named


async def topic(services: Services, _: Invocation, said: Sequence[str]) -> Message:
    """All images and their standing, or those of the machines and environments that were named."""
    _configured(services.config)
    known = sorted({name for group in groups(services.config) for name in (group.machine, group.environment)})
    if unknown := [word for word in said if word not in known]:
        raise UserError(
            f"I know no machine or environment {arguments.quoted(unknown[0])}{arguments.nearest(unknown[0], known)}"
        )
    seen = await survey(services)
    if not said:
        return old_images_views.page(seen.images, seen.loose, services.clock())
    named = tuple(image for image in seen.images.images if {image.group.machine, image.group.environment} >= set(said))
    # A clean-up is of all of them, so it begins on the page of all.
    return old_images_views.page(
        replace(seen.images, images=named), OrphanedImageResources((), ()), services.clock(), whole=False
    )


async def clean_up(services: Services, click: Click) -> None:
    """Begin a clean-up: it looks again, shows what may go, and waits for approval."""
    _configured(services.config)
    target = target_of(services.config, IMAGES)
    key = f"clean-up-{click.trigger_id}-{click.user}"[:80]
    request = OperationRequest(KIND, TITLE, click.user, key, target)
    await requests.start(services, request, permissions.attempt(click.user, KIND, target.name))


def _configured(config: Config) -> Images:
    if config.images is None:
        raise UserError("Images are not configured here: signalbox.yaml has no images section.")
    return config.images


def _intervals(config: Config) -> Mapping[str, timedelta]:
    watch = config.watch.images if config.watch else None
    return {IMAGES: watch.every} if watch and config.images else {}


HINT = "[machine] [environment]"
TOPICS = (Topic("amis", HINT, "Machine images: which are in use, which may go.", topic, most=2),)
BUTTONS = (Button(old_images_views.CLEAN_UP, clean_up),)
PERIODIC_TASKS = (operation_at_interval(PROPOSAL, TITLE, _intervals),)
