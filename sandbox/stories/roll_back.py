"""What ran before is deployed again: with the same approvals, and with what does not go back with the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, gets_notice, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.github.commits import Commit
    from sandbox.world import World

SUMMARY = "a rollback to what ran before, through GitHub at a tag and through Ansible at a commit, with the files that do not go back"
CHANNELS = ("#dev", "#staging")
_WORKFLOW = "github_actions: {workflow: deploy-dev.yml, ref: main}"
_ANSIBLE = "        directory: provisioners\n"
_IRREVERSIBLE = 'irreversible: ["db/migrations/**"]'
OPTIONS = Options(
    config={
        _WORKFLOW: f"github_actions: {{workflow: deploy-dev.yml, ref: main, {_IRREVERSIBLE}}}",
        _ANSIBLE: f"        {_IRREVERSIBLE}\n{_ANSIBLE}",
    }
)


async def play(world: World) -> None:
    """Act it out."""
    before = world.github.repository(INFRASTRUCTURE).graph.resolve("main")
    await types(world, "ana", "#dev", "/rollback dev")
    await gets_notice(world.person("ana"), "Signalbox has not deployed to dev yet")
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "#1 ", "deployed")
    await _deploy_staging(world, 2)
    announce("the next commit has a migration, and a fault that nobody saw")
    migration = {"db/migrations/0042_drop_column.sql": "ALTER TABLE files DROP COLUMN legacy;\n"}
    after = commit(world, migration, "Drop the legacy column")
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "#3 ", "deployed")
    await _deploy_staging(world, 4)

    await _roll_back_dev(world, before)
    await _roll_back_staging(world, before, after)


async def _roll_back_dev(world: World, before: Commit) -> None:
    announce("GitHub starts workflows at branches and tags only")
    await types(world, "ana", "#dev", "/rollback dev")
    await shows(
        world,
        "#dev",
        f"#5 Roll back dev to {before.short}",
        "Nothing was deployed. Tag the commit",
        f"git tag rollback-{before.short}",
    )
    world.github.repository(INFRASTRUCTURE).graph.tag(f"rollback-{before.short}", before.sha)
    await types(world, "ana", "#dev", "/rollback dev")
    await shows(world, "#dev", ":white_check_mark:", f"#6 Roll back dev to {before.short}", "deployed")


async def _roll_back_staging(world: World, before: Commit, after: Commit) -> None:
    announce("staging is rolled back by its commit, once somebody approves")
    await types(world, "ana", "#staging", "/rollback staging to #2")
    ask = await shows(
        world,
        "#staging",
        f"#7 Roll back staging to {before.short}",
        "was deployed here by #2",
        "takes 1 commit back",
        "do not go back with the code:",
        "db/migrations/0042_drop_column.sql",
        "Waiting for approval",
    )
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", "#7 ", "to 4 hosts")
    await types(world, "ana", "#staging", f"/rollback staging {after.short}")
    ask = await shows(world, "#staging", f"#8 Roll back staging to {after.short}", "was deployed here by #4")
    await clicks(world, "ana", ask, "reject")
    await shows(world, "#staging", "#8 ", "rejected")


async def _deploy_staging(world: World, number: int) -> None:
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", f"#{number} ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", f"#{number} ", "to 4 hosts")
