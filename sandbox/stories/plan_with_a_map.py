"""A plan with a map: typed in the window of /plan, checked against its type, displayed as Terraform gets it, applied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "/plan opens a window, which takes a map for a variable, checks it by its type, and displays it before it is planned"
CHANNELS = ("#dev",)
_DEV = """      directory: instances/dev
      backend_config: {path: "{files}/state/dev/terraform.tfstate"}
"""
_NETWORKS = """      directory: networks
      backend_config: {path: "{files}/state/dev/networks.tfstate"}
      variables: [networks, label]
"""
OPTIONS = Options(config={_DEV: _NETWORKS})
CODE = """terraform {
  backend "local" {}
}

variable "networks" {
  description = "The networks, by zone."
  type        = map(object({ cidr = string, public = optional(bool, false) }))
  default     = {}
}

variable "label" {
  type    = string
  default = "none"
}

resource "terraform_data" "network" {
  for_each = var.networks
  input    = "${each.value.cidr} ${each.value.public} ${var.label}"
}
"""
TYPED = """{
  a = { cidr = "10.0.0.0/24", public = "true" }
  # the second zone
  b = { cidr = "10.0.1.0/24" }
}"""
GIVEN = '{a = {cidr = "10.0.0.0/24", public = true}, b = {cidr = "10.0.1.0/24"}}'


async def play(world: World) -> None:
    """Act it out."""
    commit(world, {"networks/main.tf": CODE}, "Describe the networks of dev")
    ana = world.person("ana")
    await types(world, "ana", "#dev", "/plan")
    reply = await ana.submit(await ana.wait_for_view())  # the environment of #dev is preselected
    expect(not reply.errors, f"the window has {reply.errors}")
    page = await ana.wait_for_view(predicate=lambda view: view.callback_id == "plan-variables")
    expect("The networks, by zone" in page.rendered, page.rendered)
    reply = await ana.submit(page, {"networks": TYPED.replace("cidr =", "cird =", 1)})
    expect("there is no attribute “cird”; did you mean “cidr”?" in str(reply.errors), f"the window has {reply.errors}")
    await ana.submit(page, {"networks": TYPED, "label": "blue green"})
    page = await ana.wait_for_view(predicate=lambda view: view.callback_id == "plan-values")
    expect(GIVEN in page.rendered, page.rendered)
    reply = await ana.submit(page)
    expect(reply.closed, f"the window has {reply.errors}")

    ask = await shows(world, "#dev", "Plan for dev networks=", "2 to create", "Waiting for approval")
    expect(GIVEN in ask.rendered, ask.rendered)
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#dev", ":white_check_mark:", "Plan for dev networks=", "applied")
    state = json.loads((world.files / "state/dev/networks.tfstate").read_text())
    inputs = {each["index_key"]: each["attributes"]["input"]["value"] for each in state["resources"][0]["instances"]}
    expect(
        inputs == {"a": "10.0.0.0/24 true blue green", "b": "10.0.1.0/24 false blue green"}, f"the state has {inputs}"
    )
    announce("the state has what was typed")
