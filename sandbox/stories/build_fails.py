"""A build fails: the thread says where and why, the board what came out all the same, and what failed runs again by a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a build fails, its thread says why; it is cancelled once, and what failed is run again by a click"
CHANNELS = ("#ops",)
OPTIONS = Options(speed=60.0)
OWN_AWS = True
LOG = (
    "TASK [Install the packages] **********",
    'fatal: [default]: FAILED! => {"msg": "No package matching \'supercron\' is available"}',
)


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    repository.fail_next("build-images.yml", job="cron, staging", log=LOG)
    await types(world, "ana", "#ops", f"/build cron,sftp dev,staging {BUILD_SOME}")
    failed = await shows(world, "#ops", ":x:", "#1 Build cron and sftp images", "failed", "Rerun failed", timeout=120)
    thread = world.channel("#ops").replies(failed.ts)
    text = "\n".join(reply.rendered for reply in thread)
    first = text.partition("First error")[2].partition("The last lines")[0]
    marked = [line for line in first.splitlines() if line.lstrip().startswith("> ")]
    expect("at step" in text and "supercron" in "".join(marked), "the thread does not say why the job failed")
    expect(any(reply.files for reply in thread), "the log is not in the thread")

    held = repository.hold_next("build-images.yml", job="cron, staging")
    await clicks(world, "lee", failed, "Rerun failed")
    again = await shows(world, "#ops", "#2 Rerun the failed jobs of #1", "rerun 1", "🔄 running")
    await shows(world, "#ops", "#1 Build cron and sftp images", "run again in #2")
    await clicks(world, "ana", again, "Cancel")
    announce("ana asked for neither, and may approve: so she may cancel")
    cancelled = await shows(world, "#ops", ":octagonal_sign:", "#2 Rerun the failed jobs of #1", "cancelled by @ana")
    held.release()

    await clicks(world, "max", cancelled, "Rerun failed")
    done = await shows(
        world, "#ops", ":white_check_mark:", "#3 Rerun the failed jobs of #2", "4 of 4 images", timeout=120
    )
    expect("rerun 2" in done.rendered, "the board does not say how often the job was run again")
    mended = await shows(world, "#ops", ":white_check_mark:", "It ended well when it was run again", "Before that:")
    expect(mended.ts in [reply.ts for reply in world.channel("#ops").replies(failed.ts)], "that is in another thread")
    run = next(iter(repository.runs.values()))
    expect(run.attempt == 3, f"the run has {run.attempt} attempts")
