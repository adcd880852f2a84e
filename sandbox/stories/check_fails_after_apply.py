"""An apply ends well, and a check of the code fails after it: the message does not look as if all were well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "an apply succeeds and a check of the code fails after it: the message warns, and so does the next plan"
CHANNELS = ("#staging",)
OPTIONS = Options(without_aws=True)
# While planning, the new key's output is not known yet.
_CHECK = """
check "old_sessions" {
  assert {
    condition     = terraform_data.session_key.output.generation < var.session_key_generation
    error_message = "Old sessions are no longer accepted."
  }
}
"""


async def play(world: World) -> None:
    """Act it out."""
    announce("main gets a check that the new session key does not pass")
    path = f"{fleet.DIRECTORIES['staging']}/main.tf"
    code = world.github.repository(INFRASTRUCTURE).graph.resolve("main").files[path].decode()
    commit(world, {path: code + _CHECK}, "Check that old sessions are still accepted")

    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "#1 ", "Waiting for approval")
    expect("Old sessions" not in ask.rendered, "the check failed before the apply")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "#1 ", "applied, ", "approved by")
    for words in (":warning:", "1 check fails", "Check block assertion failed", "Old sessions are no longer accepted."):
        expect(words in done.rendered, f"the message does not warn: {done.rendered}")

    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", ":warning:", "#2 ", "nothing to do, but 1 check fails", "Old sessions are no longer")
