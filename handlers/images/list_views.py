"""The page of /infra amis: images with their retention, orphaned storage, and the button to clean up."""

from __future__ import annotations

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
    from runners.results import AssessedImage, ImageList, OrphanedImageResources

CLEAN_UP = "clean-up-images"
BLOCK = "clean-up"
RETENTIONS = {
    Retention.IN_USE: "in use",
    Retention.NEWEST: "newest: plans take it",
    Retention.BY_RULE: "kept by rule",
    Retention.UNKNOWN: "❔ not known, so kept",
    Retention.DELETABLE: "✅ may go",
}
MOST_ROWS = 20  # a longer table may be cut, so a hint says how to list fewer images


def page(images: ImageList, orphans: OrphanedImageResources, now: float, *, whole: bool = True) -> Message:
    """The images with their retention; with a button to clean up when they are the `whole` of them. `now` in Unix seconds."""
    count = phrases.counted(len(images.images), "image")
    deletable = (
        f"{len(images.deletable)} may go ({images.deletable_gb} GB at most)" if images.deletable else "none may go"
    )
    head = f"{count}, {deletable}"
    ordered = sorted(images.images, key=lambda image: image.retention is not Retention.DELETABLE)
    rows = [_row(image, now) for image in ordered]
    columns = ["Image", "Machine", "Age", "Snapshots", "Standing", "Why"]
    blocks = [
        kit.header(head),
        *([tables.table(columns, rows, right=(2, 3))] if rows else []),
        *_orphans(orphans),
        *common.unreadable_parts((*images.unreadable, *orphans.unreadable)),
    ]
    foot = []
    if whole and len(rows) > MOST_ROWS:
        foot.append(kit.context("Some of them: `/infra amis &lt;machine&gt; &lt;environment&gt;`"))
    if whole and (images.deletable or orphans.snapshots or orphans.volumes):
        foot.append(kit.actions(BLOCK, kit.button("Clean up…", CLEAN_UP, "all")))
        foot.append(kit.context("Nothing goes before somebody has approved it."))
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
    return [kit.section(f"Left over, of images and builds that are no more: {' and '.join(counts)}.")] if counts else []
