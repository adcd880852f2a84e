"""The window of /build without words: what to build, at which branch, with which inputs; and the list of image workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit, modals
from handlers.shared import input_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Images
    from bot.slack.blocks.kit import Block, Message
    from handlers.build.command import BuildRequest
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
    request: BuildRequest,
    images: Images,
    machines: Sequence[str],
    environments: Sequence[str],
    declared: Sequence[Input],
) -> Block:
    """Asks what to build, with what is requested already; the image workflow's name comes back with the submission."""
    head = f"{kit.code(images.workflow)}: without a choice it builds all of its images."
    window = input_views.window(
        CALLBACK, head, (request.build, ""), declared, title=TITLE, submit="Build", given=request.given
    )
    first, *fields = window["blocks"]
    choices = [
        modals.some_of(name, label, [(each, each) for each in values], chosen=chosen)
        for name, label, values, chosen in (
            (ROLES, "Roles (all if none is chosen)", machines, request.machines),
            (ENVIRONMENTS, "Environments (all if none is chosen)", environments, request.environments),
        )
        if values
    ]
    hint = f"{images.ref} unless you name another branch or tag."
    written = request.ref if request.ref != images.ref else ""
    branch = modals.text(BRANCH, "Branch or tag", longest=LONGEST_REF, hint=hint, optional=True, written=written)
    return {**window, "blocks": [first, *choices, branch, *fields]}
