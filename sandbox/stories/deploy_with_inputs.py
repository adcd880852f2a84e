"""A deploy with inputs for its workflow: typed with the command or chosen in a window, approved, sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, gets_notice, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "inputs of the workflow are typed or chosen, checked before anybody approves, and sent as they were approved"
CHANNELS = ("#prod",)


async def play(world: World) -> None:
    """Act it out."""
    ana, repository = world.person("ana"), world.github.repository(INFRASTRUCTURE)
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "Deploy main to dev")

    await types(world, "ana", "#prod", "/deploy prod versoin=2.14.0")
    await gets_notice(ana, "Deploys to prod take no input “versoin”; did you mean “version”?")
    await types(world, "ana", "#prod", "/deploy prod version=latest")
    await gets_notice(ana, "does not have the form")
    await types(world, "ana", "#prod", "/deploy prod restart=rollin")
    await shows(world, "#prod", ":x:", "restart cannot be “rollin”; did you mean “rolling”?")

    await types(world, "ana", "#prod", "/deploy prod version=2.14.0 restart=all")
    ask = await shows(world, "#prod", "Deploy main to prod with version=2.14.0, restart=all", "Waiting for approval")
    expect("Inputs: version 2.14.0, restart all" in ask.rendered.replace("*", "").replace("`", ""), ask.rendered)
    await clicks(world, "lee", ask, "approve")
    await clicks(world, "max", ask, "approve")
    await shows(world, "#prod", ":white_check_mark:", "with version=2.14.0, restart=all", "deployed")
    sent = [dict(run.inputs) for run in repository.runs.values() if run.workflow.filename == "deploy-prod.yml"]
    expect(sent == [{"version": "2.14.0", "restart": "all", "migrations": "true"}], f"GitHub got {sent}")

    announce("ana opens the window, which offers what the workflow declares")
    await types(world, "ana", "#prod", "/deploy")
    await ana.submit(await ana.wait_for_view(), {"Environment": "prod"})
    page = await ana.wait_for_view()
    expect("How the daemons are restarted" in page.rendered, page.rendered)
    reply = await ana.submit(page, {"restart": "none", "migrations": "false"})
    expect(reply.closed, f"the window has {reply.errors}")
    ask = await shows(world, "#prod", "Deploy main to prod with restart=none, migrations=false", "Waiting for approval")
    await rejects(world, "lee", ask)
    await shows(world, "#prod", ":no_entry_sign:", "with restart=none, migrations=false")
