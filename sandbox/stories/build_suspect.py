"""A job is green although npm failed in it: its image is marked, and a person says why that is harmless, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a green job whose log shows that npm failed is marked suspect; a person may say why it is harmless"
CHANNELS = ("#ops",)
OPTIONS = Options(speed=60.0)
OWN_AWS = True
WORKFLOW = "build-images.yml"


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    repository.green_but_broken(WORKFLOW, job="cron, dev", tool="npm")
    await types(world, "ana", "#ops", f"/build cron,sftp dev {BUILD_SOME}")
    matrix = await shows(world, "#ops", ":warning:", "2 of 2 images, 1 suspect", "⚠️ suspect", "Plan dev", timeout=120)
    warning = next(reply for reply in world.channel("#ops").replies(matrix.ts) if "Not a failure" in reply.rendered)
    announce(f"the thread shows: {warning.rendered.splitlines()[0]}")
    expect("npm" in warning.rendered, "the thread does not name the sign")
    image = next(word for word in matrix.rendered.split() if word.startswith("ami-"))

    lee = world.person("lee")
    await clicks(world, "lee", warning, "Not a failure…")
    view = await lee.wait_for_view()
    announce("lee says why it is harmless")
    await lee.submit(view, {"Why is it harmless?": "the optional packages are not used on this machine"})
    await shows(world, "#ops", "harmless, says @lee", "the optional packages are not used", timeout=30)

    cleared = await shows(world, "#ops", ":white_check_mark:", "2 of 2 images", timeout=30)
    expect("suspect" not in cleared.rendered, "the board still calls it suspect")

    reply = await types(world, "ana", "#ops", f"/infra image {image}")
    answer = reply.ephemerals[0].rendered
    expect(image in answer, "where the image comes from is not shown")
    expect("(#1, requested by @ana)" in answer, "who asked for the build is not shown")
    expect("Its log of " in answer, "when its log was read is not shown")
