"""An environment with two services: each has its workflow, its record of what runs, and one its own repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import APPLICATION, INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.github import Repository
    from sandbox.world import World

SUMMARY = "an environment with two services: one from its own repository, deployed beside each other and recorded apart"
CHANNELS = ("#dev",)
_DEV = "      github_actions: {workflow: deploy-dev.yml, ref: main}\n"
_SERVICES = f"""      services:
        api: {{repository: {APPLICATION}, github_actions: {{workflow: deploy.yml, required_checks: false}}}}
        site: {{github_actions: {{workflow: deploy-dev.yml}}}}
"""
OPTIONS = Options(speed=60.0, webhooks=True, config={_DEV: _SERVICES, "    after: dev\n": "    after: dev/site\n"})
_WORKFLOW = """\
name: Deploy the API
on:
  workflow_dispatch:
jobs:
  api:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Upload
        run: make deploy
"""


async def play(world: World) -> None:
    """Act it out."""
    application, infrastructure = world.github.repository(APPLICATION), world.github.repository(INFRASTRUCTURE)
    commit = application.commit("main", {".github/workflows/deploy.yml": _WORKFLOW}, "Deploy the API by a workflow")

    await types(world, "ana", "#dev", "/deploy dev apu")
    await gets_notice(world.person("ana"), "dev has no service “apu”; did you mean “api”?")
    announce("both services are deployed at the same time: neither waits for the other")
    held = application.hold_next("deploy.yml", job="api")
    await types(world, "ana", "#dev", "/deploy dev api")
    await shows(world, "#dev", "#1 Deploy main to dev/api", "running", timeout=120)
    await types(world, "ana", "#dev", "/deploy dev site")
    await shows(world, "#dev", ":white_check_mark:", "#2 Deploy main to dev/site", "deployed", timeout=120)
    held.release()
    done = await shows(world, "#dev", ":white_check_mark:", "#1 Deploy main to dev/api", commit.short, timeout=120)
    expect(APPLICATION in done.rendered or APPLICATION in str(done.blocks), "the run is not that of its repository")
    expect([len(each.runs) for each in (application, infrastructure)] == [1, 1], "each has one run")

    await _recorded_apart(world, application)


async def _recorded_apart(world: World, application: Repository) -> None:
    await types(world, "ana", "#dev", "/deploy dev")
    listed = await gets_notice(world.person("ana"), "dev has 2 services")
    short = application.graph.resolve("main").short
    expect(f"`api` runs `{short}`" in listed.rendered, f"the list does not say what the API runs: {listed.rendered}")

    announce("lee starts the API's workflow on GitHub: it is followed as a deploy of the service")
    run = application.dispatch("deploy.yml", "main", actor="lee-park")
    await shows(world, "#dev", ":white_check_mark:", f"Deploy to dev/api, run {run.number}", "deployed", timeout=120)
    await clicks(world, "ana", listed, "Deploy site")
    await shows(world, "#dev", ":white_check_mark:", "#4 Deploy main to dev/site", "deployed", timeout=120)
