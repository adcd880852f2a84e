"""The page of /infra amis: images with their retention, orphaned storage, and the button to clean up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, tables
from bot.slack.blocks.images import CONSOLE
from runners import phrases
from runners.results import Retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import AssessedImage, ImageList, OrphanedImageResources, RecycleBin, Recycled

CLEAN_UP = "clean-up-images"
BLOCK = "clean-up"
RETENTIONS = {
    Retention.IN_USE: "in use",
    Retention.MANAGED: "managed by another service",
    Retention.PROTECTED: "🔒 protected in EC2",
    Retention.NEWEST: "newest: plans take it",
    Retention.BY_RULE: "kept by rule",
    Retention.UNKNOWN: "❔ unknown, so kept",
    Retention.DELETABLE: "✅ can be deleted",
}
# What somebody can act on, before what needs nobody; Slack may cut the end of a long table.
_ACTIONABLE = (Retention.DELETABLE, Retention.UNKNOWN, Retention.PROTECTED, Retention.MANAGED)
FIRST = {retention: position for position, retention in enumerate(_ACTIONABLE)}
MOST_ROWS = 20  # a longer table may be cut, so a hint says how to list fewer images


MOST_RECYCLED = 5  # of the Recycle Bin, by name; the others are counted


_APPROVAL = "Nothing is deleted before somebody has approved it."


@dataclass(frozen=True, slots=True)
class Whole:
    """What a clean-up proposes when the page lists only some images: `candidates` of all machines and environments."""

    candidates: int


def page(images: ImageList, orphans: OrphanedImageResources, now: float, *, part_of: Whole | None = None) -> Message:
    """The images with their retention, and a button to clean up, which concerns the whole even on the page of a part.

    `now` is in Unix seconds.
    """
    count = phrases.counted(len(images.images), "image")
    deletable = (
        f"{len(images.deletable)} can be deleted ({images.deletable_gb} GB at most)"
        if images.deletable
        else "none can be deleted"
    )
    head = f"{count}, {deletable}"
    ordered = sorted(images.images, key=lambda image: FIRST.get(image.retention, len(FIRST)))
    rows = [_row(image, now) for image in ordered]
    columns = ["Image", "Machine", "Age", "Snapshots", "Standing", "Why"]
    blocks = [
        kit.header(head),
        *([tables.table(columns, rows, right=(2, 3))] if rows else []),
        *_orphans(orphans),
        *_recycle_bin(images.bin),
        *common.unreadable_parts((*images.unreadable, *orphans.unreadable)),
    ]
    foot = []
    if not part_of and len(rows) > MOST_ROWS:
        foot.append(kit.context("For a shorter list: `/infra amis &lt;machine&gt; &lt;environment&gt;`"))
    if part_of and part_of.candidates:
        foot.append(kit.actions(BLOCK, kit.button("Clean up all…", CLEAN_UP, "all")))
        what = phrases.counted(part_of.candidates, "candidate")
        foot.append(kit.context(f"This proposes {what} of all machines and environments. {_APPROVAL}"))
    elif not part_of and (images.deletable or orphans.snapshots or orphans.volumes):
        foot.append(kit.actions(BLOCK, kit.button("Clean up…", CLEAN_UP, "all")))
        foot.append(kit.context(_APPROVAL))
    return kit.message(head, blocks, foot=foot)


def _row(image: AssessedImage, now: float) -> Sequence[Cell]:
    age = (datetime.fromtimestamp(now, UTC) - image.created_at).total_seconds()
    disabled = " (disabled)" if image.disabled else ""
    return [
        tables.Link(image.image_id, CONSOLE.format(region=image.region, image=image.image_id)),
        f"{image.group.machine} {image.group.environment}",
        phrases.age(age),
        f"{len(image.snapshots)}, {image.size_gb} GB",
        f"{RETENTIONS[image.retention]}{disabled}",
        image.reason or ", ".join(image.used_by),
    ]


def _orphans(orphans: OrphanedImageResources) -> list[Block]:
    resources = ((len(orphans.snapshots), "snapshot"), (len(orphans.volumes), "volume"))
    counts = [phrases.counted(count, name) for count, name in resources if count]
    return [kit.section(f"Orphaned, of deleted images and builds: {' and '.join(counts)}.")] if counts else []


def _recycle_bin(recycle_bin: RecycleBin) -> list[Block]:
    """What AWS's Recycle Bin keeps and can restore, and the rules by which deleted images or snapshots go there."""
    lines = []
    if recycle_bin.resources:
        named = [_recycled(resource) for resource in recycle_bin.resources[:MOST_RECYCLED]]
        listed = phrases.listed_of(named, len(recycle_bin.resources))
        lines.append(f":recycle: In AWS's Recycle Bin: {listed}. Restore them in EC2's console, *Recycle Bin*.")
    lines += [
        f":recycle: In {kit.escape(rule.region)} a rule of the Recycle Bin keeps deleted {rule.what.value}s"
        f" for {phrases.counted(rule.days, 'day')}."
        for rule in recycle_bin.rules[:MOST_RECYCLED]
    ]
    return kit.sections(lines)


def _recycled(resource: Recycled) -> str:
    name = f" ({kit.escape(resource.name)})" if resource.name else ""
    until = f" until {kit.moment(resource.until.timestamp())}" if resource.until else ""
    return f"{resource.what.value} {kit.code(resource.resource)}{name}{until}"
