"""A promotion's merge starts the pipeline that builds the package: the deploy waits for it, and a failed one stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import APPLICATION
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "what is promoted is deployed only once its pipeline has built it; a pipeline that fails stops the deploy"
CHANNELS = ("#dev",)
_DEV = '    channel: "#dev"\n'
OPTIONS = Options(
    speed=60.0, config={_DEV: f"{_DEV}    promote: {{from: dev, to: staging, repositories: [{APPLICATION}]}}\n"}
)
BUILD = "build.yml"
_PIPELINE = """\
name: Build
on:
  push:
    branches: [staging]
jobs:
  package:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Build the package
        run: make package
"""


async def play(world: World) -> None:
    """Act it out."""
    application = world.github.repository(APPLICATION)
    application.commit("dev", {f".github/workflows/{BUILD}": _PIPELINE}, "Build a package on every push to staging")
    application.runs_on_push = True
    application.fail_next(BUILD, job="package", step="Build the package", log=["make: *** [package] Error 2"])

    await types(world, "ana", "#dev", "/deploy dev")
    ask = await shows(world, "#dev", "#1 ", "No pull request is open")
    await clicks(world, "ana", ask, "Open pull request")
    ask = await shows(world, "#dev", "#1 ", "ready to merge dev into staging")
    await clicks(world, "lee", ask, "Merge and deploy")
    stopped = await shows(
        world, "#dev", "#1 ", f"the pipeline of {APPLICATION} failed", "nothing was deployed", "Build, run 1"
    )
    expect("/deploy dev" in stopped.rendered, "what to type next is not said")
    (run,) = application.runs.values()
    expect(run.commit.sha == application.graph.branches["staging"], "another commit was built")

    announce("ana runs the pipeline again on GitHub, and deploys again")
    held = application.hold_next(BUILD, job="package")
    application.rerun(run, actor="ana-duarte")
    await types(world, "ana", "#dev", "/deploy dev")
    waits = await shows(world, "#dev", "#2 ", f"waiting for the pipeline of {APPLICATION}", "Build, run 1", "running")
    expect("Deploy without waiting" in str(waits.buttons), "nobody can go on without waiting")
    deploys = world.github.repository("PermanentOrg/infrastructure").runs
    expect(not deploys, "it was deployed before the package was built")
    held.release()
    done = await shows(
        world, "#dev", "#2 ", ":white_check_mark:", "Nothing to promote", "Pipeline of", "passed", "deployed"
    )
    expect(not done.buttons, "a finished deploy still has buttons")
    expect(len(deploys) == 1, "it was deployed more than once")
