"""Users of images in the accounts and regions of environments: of a shared image itself, and of an image's copies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import explained
from runners.aws.images.own import own_images
from runners.aws.images.usage import read_usage
from runners.errors import RunnerError
from runners.results import Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from runners.aws.client import Account
    from runners.results import AssessedImage

    Reason = tuple[Retention, str]

_COPIED = re.compile(r"\[Copied (ami-[0-9a-f]+) from ")


@dataclass(frozen=True, slots=True)
class OtherAccount:
    """An account and region that environments use and the images are not in; `name` is for people.

    `connect` blocks, and raises RunnerError or an error of botocore.
    """

    name: str
    region: str
    connect: Callable[[], Account]


@dataclass(frozen=True, slots=True)
class Reached:
    """Such a place with its account and the account's id; without an account, the problem with it."""

    place: OtherAccount
    account: Account | None
    number: str = ""
    problem: str = ""


def reach(places: Sequence[OtherAccount]) -> tuple[Reached, ...]:
    """The places with their accounts. Blocks; raises nothing of AWS's."""
    return tuple(_reached(place) for place in places)


def _reached(place: OtherAccount) -> Reached:
    try:
        account = place.connect()
        return Reached(place, account, account.number())
    except RunnerError as error:
        return Reached(place, None, problem=error.problem)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        return Reached(place, None, problem=explained(error, "reading the account's id").problem)


def users_in(
    region: str, images: Collection[AssessedImage], shares: Mapping[str, Collection[str]], places: Sequence[Reached]
) -> dict[str, Reason]:
    """Why images of this region cannot be deleted, by id: they, or copies of them, are used there, or that is unknown.

    `shares` has the ids of the accounts that an image is shared with. Blocks.
    """
    reasons: dict[str, Reason] = {}
    numbers: set[str] = set()
    for reached in places if images else ():
        shared = [image.image_id for image in images if reached.number in shares.get(image.image_id, ())]
        for each, reason in _users(reached, region, images, shared if reached.number not in numbers else ()):
            if reason[0] is Retention.IN_USE or each not in reasons:
                reasons[each] = reason
        numbers.add(reached.number)
    return reasons


def _users(
    reached: Reached, region: str, images: Collection[AssessedImage], shared: Collection[str]
) -> list[tuple[str, Reason]]:
    place = reached.place
    try:
        if reached.account is None:
            return _unknown(images, f"{place.name} could not be read: {reached.problem}")
        copies = _copies(reached.account, place.region, images)
        direct = _used(reached.account, region, {image_id: image_id for image_id in shared}, place.name)
        return [*direct, *_used(reached.account, place.region, copies, place.name)]
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        problem = explained(error, f"reading the images of {place.name}").problem
        return _unknown(images, f"{place.name} could not be read: {problem}")


def _used(account: Account, region: str, sources: Mapping[str, str], name: str) -> list[tuple[str, Reason]]:
    """Why sources are kept; `sources` has the image that is deleted, by the id of what may be used instead of it."""
    if not sources:
        return []
    usage = read_usage(account, region, tuple(sources))
    reasons: list[tuple[str, Reason]] = []
    for image_id, source in sources.items():
        what = f"its copy {image_id} in {region}" if image_id != source else "it"
        if image_id in usage.users:
            reasons.append((source, (Retention.IN_USE, f"{what} is used in {name} by {usage.users[image_id]}")))
        elif usage.unreadable:
            doubt = f"nobody can say whether {what} is used in {name}: {usage.unreadable[0]}"
            reasons.append((source, (Retention.UNKNOWN, doubt)))
    return reasons


def _copies(account: Account, region: str, images: Collection[AssessedImage]) -> dict[str, str]:
    """The images of the account in the region that are copies of `images`: the source by the copy's id.

    EC2 names the source since 2024 (`SourceImageId`). An older copy has its source in its description (CopyImage's own), or
    the same name (Packer's `ami_regions`, and CopyImage in the console).
    """
    by_id = {image.image_id: image.image_id for image in images}
    by_name = {image.name: image.image_id for image in images if image.name}
    copies = {}
    ec2 = account.ec2(region)
    for answer in own_images(ec2, {}):
        copied = _COPIED.match(answer.get("Description", ""))
        source = by_id.get(answer.get("SourceImageId", "")) or (by_id.get(copied[1]) if copied else None)
        source = source or by_name.get(answer.get("Name", ""))
        if source and answer["ImageId"] not in by_id:
            copies[answer["ImageId"]] = source
    return copies


def _unknown(images: Collection[AssessedImage], reason: str) -> list[tuple[str, Reason]]:
    return [(image.image_id, (Retention.UNKNOWN, reason)) for image in images]
