"""/infra amis: which images are in use, kept or deletable; and the button and the schedule that begin a clean-up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
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
from handlers.images import list_views
from handlers.shared import permissions
from handlers.shared.builders import recognition
from handlers.shared.requests import PLANNED_IMAGE
from runners.aws.client import Account
from runners.aws.images.listing import list_images
from runners.aws.images.orphaned_storage import find_orphaned_storage
from runners.aws.images.other_accounts import OtherAccount
from runners.aws.images.retention import RetentionRules
from runners.results import Candidate, KeepRule, OrphanedImageResources, RecycleBin, Removal, What

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from bot.config import Config
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.results import AwsPlace, ImageGroup, ImageList, OrphanedSnapshot, OrphanedVolume

KIND, PROPOSAL = "clean up", "propose clean-up"
TITLE = "Clean up old images"


@dataclass(frozen=True, slots=True)
class ImageSnapshot:
    """All images with their retention, and the orphaned storage of images and builds, at one time."""

    images: ImageList
    orphans: OrphanedImageResources

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All that can be removed: first the images, oldest first."""
        images = [
            Candidate(
                What.IMAGE,
                image.removal,
                f"{image.group.machine} {image.group.environment}",
                image.created_at.timestamp(),
            )
            for image in self.images.deletable
        ]
        snapshots = _by_image(self.orphans.snapshots)
        volumes = [_volume(volume) for volume in self.orphans.volumes]
        return (*sorted(images, key=lambda candidate: candidate.made_at), *snapshots, *volumes)


def _by_image(snapshots: Sequence[OrphanedSnapshot]) -> list[Candidate]:
    """A candidate for each deleted image, with all its snapshots: its id is the image's."""
    by_image: dict[tuple[str, str], Candidate] = {}
    for snapshot in snapshots:
        key, new = (snapshot.region, snapshot.image_id), snapshot.removal
        first = by_image.get(key)
        if first:
            new = replace(first.removal, snapshots=(*first.removal.snapshots, *new.snapshots))
        by_image[key] = Candidate(What.SNAPSHOT, new, snapshot.image_id, snapshot.created_at.timestamp())
    return list(by_image.values())


def _volume(volume: OrphanedVolume) -> Candidate:
    # The field for an image's id has the volume's; a volume has no snapshots, so its size is part of the group.
    removal = Removal(volume.region, volume.volume_id, "", "", ())
    return Candidate(What.VOLUME, removal, f"a build, {volume.size_gb} GB", volume.created_at.timestamp())


async def snapshot(services: Services) -> ImageSnapshot:
    """Read all images and orphaned storage; what cannot be read is listed as unreadable."""
    rules = await retention_rules(services)
    images = await list_images(services.account, groups(services.config), rules)
    orphans = await find_orphaned_storage(services.account, recognition(services.config), now=rules.now)
    return ImageSnapshot(images, orphans)


async def retention_rules(services: Services) -> RetentionRules:
    """What decides now whether images can be deleted."""
    keep = services.config.images.keep if services.config.images else Keep()
    now = datetime.fromtimestamp(services.clock(), UTC)
    return RetentionRules(
        KeepRule(keep.newest, keep.younger_than),
        await _references(services),
        now,
        other_accounts(services.config),
        frozenset(keep.ignore_shared_with),
    )


def other_accounts(config: Config) -> tuple[OtherAccount, ...]:
    """The accounts and regions of environments where `aws` is not: each once, named by its environments."""
    users: dict[AwsPlace, list[str]] = {}
    for environment in config.whole_environments.values():
        place = config.aws_of(environment)
        if place is not None and place != config.aws_place:
            users.setdefault(place, []).append(environment.name)
    return tuple(
        OtherAccount(" and ".join(names), place.region, partial(_account, place)) for place, names in users.items()
    )


@cache
def _account(place: AwsPlace) -> Account:
    return Account([place.region], place.profile, place.role)


def groups(config: Config) -> list[ImageGroup]:
    """The image groups of all machine roles of all environments; none where no tag identifies images."""
    every = [
        config.image_group(machine, environment.name)
        for environment in config.whole_environments.values()
        for machine in environment.machines
    ]
    return [group for group in every if group.name_tag]


async def _references(services: Services) -> Mapping[str, str]:
    """What else needs an image, by its id: plans that wait for approval, and rollbacks of the last applies."""
    references = dict(await services.images.last_rolled_out())
    for number in await services.operations.numbers_awaiting_approval():
        for image_id in await services.annotations.values_of(number, PLANNED_IMAGE):
            references[image_id] = f"named in the plan #{number}"
    return references


async def topic(services: Services, _: Invocation, words: Sequence[str]) -> Message:
    """All images with their retention, or those of the named machine roles and environments."""
    _configured(services.config)
    names = sorted({name for group in groups(services.config) for name in (group.machine, group.environment)})
    if unknown := [word for word in words if word not in names]:
        raise UserError(
            f"I know no machine or environment {arguments.quoted(unknown[0])}{arguments.nearest(unknown[0], names)}"
        )
    current = await snapshot(services)
    if not words:
        return list_views.page(current.images, current.orphans, services.clock())
    named = tuple(
        image for image in current.images.images if {image.group.machine, image.group.environment} >= set(words)
    )
    return list_views.page(
        replace(current.images, images=named, bin=RecycleBin()),
        OrphanedImageResources((), ()),
        services.clock(),
        part_of=list_views.Whole(len(current.candidates)),
    )


async def request_clean_up(services: Services, click: Click) -> None:
    """Begin a clean-up, which proposes candidates and waits for approval."""
    _configured(services.config)
    target = target_of(services.config, IMAGES)
    key = f"clean-up-{click.trigger_id}-{click.user}"[:80]
    request = OperationRequest(KIND, TITLE, click.user, key, target)
    await requests.start(services, request, permissions.attempt(click.user, KIND, target.name))


def _configured(config: Config) -> Images:
    if config.images is None:
        raise UserError("Images are not configured here: signalbox.yaml has no images section.")
    if config.images.ami_name_tag is False:
        raise UserError(
            "Old images are found by their tag Name, and images.ami_name_tag in signalbox.yaml is false: name the tags there."
        )
    return config.images


def _intervals(config: Config) -> Mapping[str, timedelta]:
    watch = config.watch.images if config.watch else None
    return {IMAGES: watch.every} if watch and config.images else {}


HINT = "[machine] [environment]"
TOPICS = (Topic("amis", HINT, "Machine images: which are in use, which can be deleted.", topic, most=2, target=IMAGES),)
BUTTONS = (Button(list_views.CLEAN_UP, request_clean_up),)
PERIODIC_TASKS = (operation_at_interval(PROPOSAL, TITLE, _intervals),)
