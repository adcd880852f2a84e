"""The window of /build without words: what to build, at which branch, with which inputs; and the list of image workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit, modals
from handlers.shared import input_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Images
    from bot.slack.blocks.kit import Block, Message
    from runners.github.runs.workflow_file import Input

CALLBACK, OPEN, TITLE = "build-images", "build-open", "Build images"
ROLES, ENVIRONMENTS, BRANCH = "roles", "environments", "branch"
LONGEST_REF = 200  # characters
MAIN = "-"  # the value of the button of the workflow without a name
MOST_LISTED = 40  # Slack takes fifty blocks in a message


def listing(builds: Mapping[str, Images]) -> Message:
    """The image workflows, each with a button that opens its window."""
    rows = [
        kit.section(f"*{kit.escape(name or 'all images')}*: {kit.code(images.workflow)} at {kit.code(images.ref)}")
        | {"accessory": kit.button(f"Build {kit.cut(name or 'images', 40)}…", OPEN, name or MAIN)}
        for name, images in list(builds.items())[:MOST_LISTED]
    ]
    hint = kit.context("Or type /build all, or /build with a name, roles, environments or a branch.")
    return kit.message("Image workflows", [*rows, hint])


def view(
    build: str, images: Images, machines: Sequence[str], environments: Sequence[str], declared: Sequence[Input]
) -> Block:
    """Asks what to build; the image workflow's name comes back with the submission."""
    head = f"{kit.code(images.workflow)}: without a choice it builds all of its images."
    window = input_views.window(CALLBACK, head, (build, ""), declared, title=TITLE, submit="Build")
    first, *fields = window["blocks"]
    choices = [
        modals.some_of(name, label, [(each, each) for each in values])
        for name, label, values in (
            (ROLES, "Roles (all if none is chosen)", machines),
            (ENVIRONMENTS, "Environments (all if none is chosen)", environments),
        )
        if values
    ]
    hint = f"{images.ref} unless you name another branch or tag."
    branch = modals.text(BRANCH, "Branch or tag", longest=LONGEST_REF, hint=hint, optional=True)
    return {**window, "blocks": [first, *choices, branch, *fields]}
