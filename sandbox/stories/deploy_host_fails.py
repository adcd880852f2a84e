"""A deploy fails on one host: what was done elsewhere is said, and that host alone is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a deploy fails on one host: what was done elsewhere is said, and “Retry failed hosts” deploys to it alone"
CHANNELS = ("#staging",)
OPTIONS = Options()
_PLAYBOOK = "provisioners/deploy-cron.yml"


async def play(world: World) -> None:
    """Act it out."""
    full = world.machines_of("staging") / "the-disk-is-full"
    full.touch()
    text = world.github.repository(INFRASTRUCTURE).graph.resolve("main").files[_PLAYBOOK].decode()
    task = f"\n    - name: Install the crontab\n      ansible.builtin.command: test ! -e {full}\n"
    commit(world, {_PLAYBOOK: text.rstrip() + "\n" + task}, "Install the crontab")

    await types(world, "ana", "#staging", "/deploy staging backend,cron")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    failed = await shows(world, "#staging", "#1 ", "failed on staging-cron", "Done:", "staging-backend")
    expect(failed.buttons == ["Retry failed hosts"], f"it has the buttons {failed.buttons}")
    await shows(world, "#staging", "staging-cron", "failed at", "Install the crontab", "deploy-cron.yml:")

    announce("somebody makes room on the disk")
    full.unlink()
    await clicks(world, "max", failed, "Retry failed hosts")
    ask = await shows(world, "#staging", "#2 ", "1 failed host of staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", ":white_check_mark:", "to 1 host", "staging-cron")
