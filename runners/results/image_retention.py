"""Which machine images exist, which of them can be deleted, and orphaned resources of images and builds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.results.images import Removal, Snapshot, What

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from runners.results.aws import Unreadable
    from runners.results.builders import OrphanedVolume


class Retention(StrEnum):
    """Whether an image can be deleted; all but `DELETABLE` are kept."""

    IN_USE = "in use"
    MANAGED = "managed"  # by a service of AWS, in which it has to be deleted
    PROTECTED = "protected"  # from deregistration, in EC2
    NEWEST = "newest"
    BY_RULE = "kept by rule"
    UNKNOWN = "unknown"
    DELETABLE = "free"


# The environment of an image that is for no one environment, as a base image that others are built from.
NO_ENVIRONMENT = "no one environment"


@dataclass(frozen=True, slots=True)
class ImageGroup:
    """The images of a machine role in an environment: those whose tag `Name` is `name_tag`."""

    environment: str
    machine: str
    name_tag: str


@dataclass(frozen=True, slots=True)
class KeepRule:
    """Of each group, the `newest` images are kept, and all that are younger."""

    newest: int
    younger_than: timedelta


@dataclass(frozen=True, slots=True)
class AssessedImage:
    """An image of ours with whether it can be deleted. Times are aware UTC.

    `reason` says why it is kept; `used_by` names the first of its users, `users` counts them. `disabled`: nobody
    can launch it. `state` is EC2's.
    """

    region: str
    image_id: str
    name: str
    group: ImageGroup
    created_at: datetime
    state: str
    retention: Retention
    reason: str = ""
    used_by: tuple[str, ...] = ()
    users: int = 0
    snapshots: tuple[Snapshot, ...] = ()
    public: bool = False

    @property
    def size_gb(self) -> int:
        """The most that its snapshots take."""
        return sum(snapshot.size_gb for snapshot in self.snapshots)

    @property
    def disabled(self) -> bool:
        """Whether it was disabled, which can be undone."""
        return self.state == "disabled"

    @property
    def removal(self) -> Removal:
        """What its removal deletes."""
        return Removal(self.region, self.image_id, self.name, self.group.name_tag, self.snapshots)


@dataclass(frozen=True, slots=True)
class OrphanedSnapshot:
    """A snapshot of a deleted image."""

    region: str
    snapshot_id: str
    image_id: str
    size_gb: int
    created_at: datetime

    @property
    def removal(self) -> Removal:
        """For `remove`, which checks again, finds no image, and deletes the snapshot."""
        return Removal(self.region, self.image_id, "", "", (Snapshot(self.snapshot_id, self.size_gb),))


@dataclass(frozen=True, slots=True)
class Recycled:
    """A deregistered image, or a deleted snapshot, that AWS's Recycle Bin keeps `until` (aware UTC; None where unknown)."""

    what: What
    region: str
    resource: str
    name: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class RecycleRule:
    """A rule by which deregistered images, or deleted snapshots, stay in AWS's Recycle Bin for some `days`."""

    region: str
    what: What
    days: int


@dataclass(frozen=True, slots=True)
class RecycleBin:
    """What AWS's Recycle Bin keeps, and by which rules."""

    resources: tuple[Recycled, ...] = ()
    rules: tuple[RecycleRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageList:
    """The images of all groups and regions, by group in the order given, the newest first.

    What could not be read is in `unreadable`: images that depend on it are `UNKNOWN`, and kept.
    """

    images: tuple[AssessedImage, ...]
    unreadable: tuple[Unreadable, ...] = ()
    bin: RecycleBin = RecycleBin()

    @property
    def deletable(self) -> tuple[AssessedImage, ...]:
        """The images that can be deleted."""
        return tuple(image for image in self.images if image.retention is Retention.DELETABLE)

    @property
    def deletable_gb(self) -> int:
        """The most that removing all of these frees."""
        return sum(image.size_gb for image in self.deletable)


@dataclass(frozen=True, slots=True)
class OrphanedImageResources:
    """Orphaned storage of images and builds."""

    snapshots: tuple[OrphanedSnapshot, ...]
    volumes: tuple[OrphanedVolume, ...]
    unreadable: tuple[Unreadable, ...] = ()
