"""Images as a table: current and planned, with warnings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import kit, tables
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bot.slack.blocks.kit import Block
    from bot.slack.blocks.tables import Cell
    from runners.results import Image, ImageChange

CONSOLE = "https://{region}.console.aws.amazon.com/ec2/home?region={region}#ImageDetails:imageId={image}"
# The headings of the two image columns: before an apply, and after its success.
PLANNED, APPLIED = ("Current image", "Planned image"), ("Previous image", "Current image")


def table(
    changes: Sequence[ImageChange], region: str, observed_at: float, headings: tuple[str, str] = PLANNED
) -> Iterator[Block]:
    """A row per machine, what decides first; `observed_at` (Unix seconds) is when the images were read, for their ages."""
    if not changes:
        return
    rows: list[Sequence[Cell]] = []
    for change in changes:
        now = change.before
        rows.append(
            [
                _warning_cell(change),
                change.machine,
                _link(now, region, observed_at) if now else "(new machine)",
                _link(change.after, region, observed_at),
                (change.after.commit or "")[:7],
            ]
        )
    yield tables.table(["Warning", "Machine", *headings, "Commit"], rows)
    yield from _missing_details(image for change in changes for image in (change.before, change.after) if image)
    yield from _warnings(changes, done=headings == APPLIED)


def running(machines: Sequence[tuple[str, Image]], region: str, observed_at: float) -> Iterator[Block]:
    """A row per machine with its current image; `observed_at` as in `table`."""
    if machines:
        rows: list[Sequence[Cell]] = [
            [machine, _link(image, region, observed_at), (image.commit or "")[:7]] for machine, image in machines
        ]
        yield tables.table(["Machine", PLANNED[0], "Commit"], rows)
        yield from _missing_details(image for _, image in machines)


def _missing_details(images: Iterable[Image]) -> Iterator[Block]:
    """Why names and ages are missing, if EC2 described none of these images."""
    if all(image.name is None and image.created_at is None for image in images):
        yield kit.context(":information_source: EC2 does not describe these images: names and ages are unknown")


def _warning_cell(change: ImageChange) -> str:
    causes = [("older", change.goes_back), ("suspect", bool(change.warnings))]
    words = ", ".join(word for word, holds in causes if holds)
    return f"⚠️ {words}" if words else ""


def _warnings(changes: Sequence[ImageChange], *, done: bool) -> Iterator[Block]:
    back = [change.machine for change in changes if change.goes_back]
    if back and not done:  # after an apply its own message has this
        names = ", ".join(map(kit.code, back))
        yield kit.section(
            f":warning: *Older images:* {names} would go back to the code in the image. Deploy code after the apply."
        )
    commits = {change.after.commit for change in changes if change.after.commit}
    if len(commits) > 1:
        named = ", ".join(sorted(kit.code(commit[:7]) for commit in commits))
        yield kit.section(f":warning: *The images were built from different commits:* {named}.")


def names(changes: Sequence[ImageChange]) -> list[str]:
    """The names of the images for the thread: a line of mrkdwn for each machine whose images have one."""

    def named(image: Image) -> str:
        return f"{kit.code(image.image_id)} {kit.escape(image.name or '(no name)')}"

    return [
        f"• {kit.escape(change.machine)}: {f'{named(change.before)} → ' if change.before else ''}{named(change.after)}"
        for change in changes
        if change.after.name or (change.before and change.before.name)
    ]


def _link(image: Image, region: str, observed_at: float) -> Cell:
    """The image's id, which leads to the console, and its age."""
    address = CONSOLE.format(region=region, image=image.image_id)
    if image.created_at is None:
        return tables.Link(image.image_id, address)
    age = phrases.age((datetime.fromtimestamp(observed_at, UTC) - image.created_at).total_seconds())
    return tables.Link(image.image_id, address, after=age)
