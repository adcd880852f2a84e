"""Whether an image can be deleted. Pure: everything that was read comes as arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners import phrases
from runners.results import ImageStanding, Standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from runners.aws.images.usage import Usage
    from runners.results import KeepRule, Unreadable

NEWEST = "the newest one: Terraform's most_recent would pick it"


@dataclass(frozen=True, slots=True)
class Marks:
    """What an image's own description says against its removal."""

    keep_tag: bool = False
    protected: bool = False


def judged(
    images: Iterable[tuple[ImageStanding, Marks]],
    *,
    usage: Usage,
    unread: Collection[Unreadable],
    keep: KeepRule,
    named_elsewhere: Mapping[str, str],
    now: datetime,
) -> list[ImageStanding]:
    """The images of one group and region with their standing, the newest first.

    `unread` is what could not be read in this region: then none of them may be called free.
    """
    ordered = sorted(images, key=lambda pair: (pair[0].created_at, pair[0].image_id), reverse=True)
    available = [image for image, _ in ordered if image.state == "available"]
    newest = available[0].created_at if available else None
    by_rule = {image.image_id for image in available[: keep.newest]}
    doubt = _doubt(unread)
    result = []
    for image, marks in ordered:
        standing, reason = (
            _used(image, usage, named_elsewhere)
            # Two of the same second are both the newest.
            or ((Standing.NEWEST, NEWEST) if image.state == "available" and image.created_at == newest else None)
            or _kept(image, marks, keep, by_rule, now)
            or ((Standing.UNKNOWN, doubt) if doubt else None)
            or (Standing.FREE, "")
        )
        result.append(_with_users(image, usage, standing, reason))
    return result


def _used(image: ImageStanding, usage: Usage, named_elsewhere: Mapping[str, str]) -> tuple[Standing, str] | None:
    for identifier in _ids(image):
        if identifier in usage.users:
            by = str(usage.users[identifier])
            return (
                Standing.IN_USE,
                f"used by {by}" if identifier == image.image_id else f"its snapshot {identifier} is used by {by}",
            )
    if image.image_id in named_elsewhere:
        return Standing.IN_USE, named_elsewhere[image.image_id]
    return (Standing.IN_USE, "it is public: others may launch it") if image.public else None


def _kept(
    image: ImageStanding, marks: Marks, keep: KeepRule, by_rule: Collection[str], now: datetime
) -> tuple[Standing, str] | None:
    if image.state in ("pending", "transient"):
        return Standing.BY_RULE, "it is still being made"
    if marks.keep_tag:
        return Standing.BY_RULE, "the tag signalbox:keep protects it"
    if marks.protected:
        return Standing.BY_RULE, "it is protected from deregistration in EC2"
    if image.image_id in by_rule:
        return Standing.BY_RULE, f"one of the newest {keep.newest}"
    if now - image.created_at < keep.younger_than:
        return Standing.BY_RULE, f"younger than {phrases.span(keep.younger_than)}"
    return None


def _doubt(unread: Collection[Unreadable]) -> str:
    if not unread:
        return ""
    more = "".join(f" ({line})" for line in phrases.rest(len(unread) - 1))
    return f"nobody can say whether it is used: {next(iter(unread))}{more}"


def _with_users(image: ImageStanding, usage: Usage, standing: Standing, reason: str) -> ImageStanding:
    users = [usage.users[identifier] for identifier in _ids(image) if identifier in usage.users]
    named = tuple(name for user in users for name in user.named)
    return replace(image, standing=standing, reason=reason, used_by=named, users=sum(user.count for user in users))


def _ids(image: ImageStanding) -> Sequence[str]:
    return (image.image_id, *(snapshot.snapshot_id for snapshot in image.snapshots))
