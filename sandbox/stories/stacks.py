"""An environment with three Terraform states: its stacks are listed, planned singly, and all in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, gets_notice, rejects, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "an environment with several stacks: one is planned alone, all in order, and none after one that was rejected"
CHANNELS = ("#dev",)
_DEV = """      directory: instances/dev
      backend_config: {path: "{files}/state/dev/terraform.tfstate"}
"""
_STACKS = """      stacks:
        network: {directory: stacks/network, backend_config: {path: "{files}/state/dev/network.tfstate"}}
        dns: {directory: stacks/dns, backend_config: {path: "{files}/state/dev/dns.tfstate"}, after: [network]}
        app: {directory: stacks/app, backend_config: {path: "{files}/state/dev/app.tfstate"}, after: [network, dns], variables: [label]}
"""
OPTIONS = Options(config={_DEV: _STACKS})
STACKS = ("network", "dns", "app")


def code_of(stack: str) -> str:
    """Terraform code with one resource, which needs no provider, and of app with a variable."""
    label = 'variable "label" {\n  default = "app"\n}\n' if stack == "app" else f'locals {{\n  label = "{stack}"\n}}\n'
    value = "var.label" if stack == "app" else "local.label"
    return f'terraform {{\n  backend "local" {{}}\n}}\n\n{label}\nresource "terraform_data" "{stack}" {{\n  input = {value}\n}}\n'


async def play(world: World) -> None:
    """Act it out."""
    commit(world, {f"stacks/{stack}/main.tf": code_of(stack) for stack in STACKS}, "Describe dev in three stacks")

    await types(world, "ana", "#dev", "/plan dev dsn")
    await gets_notice(world.person("ana"), "no stack “dsn”; did you mean “dns”?")
    await types(world, "ana", "#dev", "/plan dev")
    listed = await gets_notice(world.person("ana"), "dev has 3 stacks")
    await clicks(world, "ana", listed, "Plan network")
    ask = await shows(world, "#dev", "#1 ", "Plan for dev/network", "to create", "Waiting for approval")
    await rejects(world, "lee", ask)
    await shows(world, "#dev", "#1 ", "rejected")

    announce("ana plans all: each stack waits for those before it")
    await types(world, "ana", "#dev", "/plan dev all")
    ask = await shows(world, "#dev", "#3 ", "Plan for dev/network", "Waiting for approval")
    await shows(world, "#dev", "#2 ", "0 of 3 stacks done", "waits for approval", "waits for network, dns")
    await clicks(world, "lee", ask, "approve")
    ask = await shows(world, "#dev", "#4 ", "Plan for dev/dns", "Waiting for approval")
    await rejects(world, "lee", ask)
    await shows(world, "#dev", ":x:", "#2 ", "1 of 3 stacks", "was rejected", "not planned: dns was rejected")

    announce("the second time nothing is left to do in the first stack, and a variable is for one of them")
    await types(world, "ana", "#dev", "/plan dev all label=blue")
    await shows(world, "#dev", "#5 ", "label", "blue", "not for", "which do not take it")
    await shows(world, "#dev", "#6 ", "Plan for dev/network", "up to date")
    for number, stack in ((7, "dns"), (8, "app")):
        ask = await shows(world, "#dev", f"#{number} ", f"Plan for dev/{stack}", "Waiting for approval")
        announce("the bot is restarted")
        await world.bot.restart()
        await clicks(world, "lee", ask, "approve")
    await shows(world, "#dev", ":white_check_mark:", "#5 ", "3 of 3 stacks applied or without changes")
