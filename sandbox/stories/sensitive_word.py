"""Sensitive values that are everyday words: they are masked where Terraform marks them, and all else stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "sensitive values are everyday words: they are masked where Terraform marks them, and nothing else of the message changes"
CHANNELS = ("#staging",)
_VARIABLES = "      variables: [backend_ami, ready_when]\n"
OPTIONS = Options(without_aws=True, config={_VARIABLES: f"{_VARIABLES}      protected: [terraform_data]\n"})
# "context" is a type of Slack's blocks, "primary" a style of its buttons, "staging" this environment.
_CODE = """
variable "words" {
  type      = map(string)
  sensitive = true
  default   = { one = "staging", two = "primary", three = "context", four = "terraform_data" }
}

resource "terraform_data" "primary_db" {
  input = { plain = "the primary of staging", secret = var.words["two"] }
}

resource "terraform_data" "context" {
  input = var.words
}
"""


async def play(world: World) -> None:
    """Act it out."""
    announce("main gets a sensitive variable whose values are everyday words")
    path = f"{fleet.DIRECTORIES['staging']}/main.tf"
    code = world.github.repository(INFRASTRUCTURE).graph.resolve("main").files[path].decode()
    commit(world, {path: code + _CODE}, "Keep the words of the primary database")

    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "#1 Plan for staging", "terraform_data.primary_db", "Waiting for approval")
    thread = "\n".join(reply.rendered for reply in world.channel("#staging").replies(ask.ts))
    expect("(sensitive)" in thread, f"the thread masks nothing: {thread}")
    expect("the primary of staging" in thread, f"a word outside of the sensitive lines was masked: {thread}")
    expect("Protected" in ask.rendered, f"what is protected is not named: {ask.rendered}")
    expect("terraform_data.context" in ask.rendered, f"an address changed: {ask.rendered}")
    expect("[redacted]" not in ask.rendered, f"a word of the bot's own was redacted: {ask.rendered}")
    expect("Approve and apply to staging" in ask.buttons, f"a button changed: {ask.buttons}")

    lee = world.person("lee")
    await clicks(world, "lee", ask, "approve")
    view = await lee.wait_for_view()
    announce("lee types “staging”, which the modal asks for")
    answer = await lee.submit(view, {"word": "staging"})
    expect(answer.closed, f"the right word was refused: {answer.errors}")
    done = await shows(world, "#staging", "#1 Plan for staging", "applied, ", "approved by @lee")
    expect("[redacted]" not in done.rendered, f"a word of the bot's own was redacted: {done.rendered}")

    announce("the next plan of the same words finds nothing to do")
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", "#2 Plan for staging", "up to date")
