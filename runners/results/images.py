"""Machine images: their origin, their rollouts, and their removal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.results.aws import Outcome
from runners.stored import stored

if TYPE_CHECKING:
    from datetime import datetime

    from runners.results.aws import Step


@stored("image")
@dataclass(frozen=True, slots=True)
class Image:
    """A machine image; all but its id is None where EC2 does not report it. `created_at` is aware UTC.

    `name_tag` is its tag `Name`, which names the machine role; `size_gb` is the most that its snapshots take. `base` is the
    id of the image that it was made from.
    """

    image_id: str
    name: str | None = None
    created_at: datetime | None = None
    commit: str | None = None
    name_tag: str | None = None
    size_gb: int | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image with its origin: the commit, the run and the job that built it. Times are Unix seconds.

    `operation` is the number of the operation that followed its build.
    """

    image_id: str
    machine: str
    environment: str
    repository: str
    sha: str
    run_id: int
    run_number: int
    run_url: str
    attempt: int
    job_id: int
    job_url: str
    operation: int
    name: str
    size_gb: int | None
    created_at: float | None


@stored("log-warning")
@dataclass(frozen=True, slots=True)
class ImageWarning:
    """A warning against the image of a successful job. The user `dismissed_by` gave the reason why it is harmless.

    `id` is opaque; `operation` followed the build. `pattern` names the failure pattern that the line matches; without a
    `line` (0) the warning is about the image itself; `text` is the line, with some lines `before` and `after` it, all
    redacted; `step` is the heading that it was printed under.
    """

    id: str
    operation: int
    run_id: int
    job_id: int
    job_name: str
    job_url: str
    machine: str
    environment: str
    pattern: str
    line: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    step: str | None = None
    dismissed_by: str = ""
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody has dismissed it."""
        return not self.dismissed_by


@dataclass(frozen=True, slots=True)
class StartedFrom:
    """An instance that was started from an image; `type_tag` is its tag `type`, `state` is EC2's."""

    instance_id: str
    name: str
    type_tag: str
    state: str


@dataclass(frozen=True, slots=True)
class RollOut:
    """An apply that put an image on a machine. `at` is in Unix seconds, `person` its requester."""

    image_id: str
    operation: int
    environment: str
    machine: str
    person: str
    at: float


@stored("image-change")
@dataclass(frozen=True, slots=True)
class ImageChange:
    """A machine that gets another image; `before` is None for a new machine.

    `warnings` say why the planned image should not be trusted, as far as its build showed it.
    """

    machine: str
    before: Image | None
    after: Image
    warnings: tuple[str, ...] = ()

    @property
    def goes_back(self) -> bool:
        """Whether the planned image is older than the one that runs: it brings back the code baked into it."""
        before = self.before.created_at if self.before else None
        return bool(before and self.after.created_at and self.after.created_at < before)


@stored("snapshot")
@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of an image; `size_gb` is its volume's size, the most that its storage takes."""

    snapshot_id: str
    size_gb: int


@stored("removal")
@dataclass(frozen=True, slots=True)
class Removal:
    """What the removal of an image deletes. Store it before `remove`: a deregistered image no longer lists its snapshots."""

    region: str
    image_id: str
    name: str
    name_tag: str
    snapshots: tuple[Snapshot, ...]


@stored("removed")
@dataclass(frozen=True, slots=True)
class RemovalResult:
    """The outcome of removing (disabling, enabling) an image: the image first, then each of its snapshots."""

    removal: Removal
    steps: tuple[Step, ...]

    @property
    def refused(self) -> str:
        """Why no changes were made; empty when the image is removed, disabled or enabled as requested."""
        first = self.steps[0]
        return first.reason if first.outcome in (Outcome.REFUSED, Outcome.SKIPPED) else ""

    @property
    def complete(self) -> bool:
        """Whether all that can be deleted is deleted; if not, call again, or read the reasons."""
        return not self.refused and all(step.final for step in self.steps)

    @property
    def freed_gb(self) -> int:
        """The most that the deleted snapshots took; those in the Recycle Bin take it until they leave it."""
        freed = (Outcome.DONE, Outcome.ABSENT)
        removed = {step.resource for step in self.steps if step.outcome in freed and step.what == "snapshot"}
        return sum(snapshot.size_gb for snapshot in self.removal.snapshots if snapshot.snapshot_id in removed)


@stored("resource-type")
class What(StrEnum):
    """What kind of resource a candidate is."""

    IMAGE = "image"
    SNAPSHOT = "snapshot"  # of a deleted image
    VOLUME = "volume"  # that a build left behind


@stored("removal-candidate")
@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that can be deleted. `removal` names it (a volume's id takes the image's field) and its snapshots.

    `made_at` is in Unix seconds; `group` is "backend staging" for an image; `excluded_by` the user who excluded it.
    """

    what: What
    removal: Removal
    group: str
    made_at: float
    excluded_by: str = ""

    @property
    def size_gb(self) -> int:
        """The most that it takes."""
        return sum(snapshot.size_gb for snapshot in self.removal.snapshots)
