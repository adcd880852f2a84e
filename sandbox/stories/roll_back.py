"""What ran before is deployed again: with the same approvals, and with what does not go back with the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, gets_notice, rejects, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.github.commits import Commit
    from sandbox.world import World

SUMMARY = (
    "rollbacks to what ran before: through GitHub at a tag, through Ansible at a commit, by a button, and of an image; "
    "with the files that do not go back"
)
CHANNELS = ("#dev", "#staging")
_WORKFLOW = "github_actions: {workflow: deploy-dev.yml, ref: main}"
_ANSIBLE = "        directory: provisioners\n"
_VARIABLES = "variables: [backend_ami, ready_when]"
_IRREVERSIBLE = 'irreversible: ["db/migrations/**"]'
OPTIONS = Options(
    config={
        _WORKFLOW: f"github_actions: {{workflow: deploy-dev.yml, ref: main, {_IRREVERSIBLE}}}",
        _ANSIBLE: f"        {_IRREVERSIBLE}\n{_ANSIBLE}",
        _VARIABLES: f"{_VARIABLES}\n      image_variables: {{backend: backend_ami}}",
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
    await _press_the_button(world, before)
    await _roll_back_an_image(world)


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
    await rejects(world, "ana", ask)
    await shows(world, "#staging", "#8 ", "rejected")


async def _press_the_button(world: World, before: Commit) -> None:
    announce("the button under a deploy opens a window that says what goes back")
    await _deploy_staging(world, 9)
    done = await shows(world, "#staging", ":white_check_mark:", "#9 ", "to 4 hosts")
    expect("Roll back…" in done.buttons, f"it has the buttons {done.buttons}")
    await clicks(world, "ana", done, "Roll back…")
    ana = world.person("ana")
    view = await ana.wait_for_view(predicate=lambda view: view.callback_id == "roll-back-confirmed")
    expect(f"*staging* gets `{before.short}`" in view.rendered, f"the window says: {view.rendered}")
    expect("0042_drop_column.sql" in view.rendered, f"the window says: {view.rendered}")
    await ana.submit(view)
    ask = await shows(world, "#staging", f"#10 Roll back staging to {before.short}", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", "#10 ", "to 4 hosts")
    linked = await shows(world, "#staging", "#9 ", "rollback: #10")
    expect("Roll back…" not in linked.buttons, "the rollback can be begun twice")


async def _roll_back_an_image(world: World) -> None:
    announce("an image is rolled out, and the one before comes back by a plan")
    new = fleet.Image("staging", "backend", 2).image_id
    await types(world, "ana", "#staging", f"/plan staging backend_ami={new}")
    ask = await shows(world, "#staging", "#11 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "#11 ", "applied")
    expect("Roll back images…" in done.buttons, f"it has the buttons {done.buttons}")
    await types(world, "ana", "#staging", "/rollback staging images")
    answer = await gets_notice(world.person("ana"), "brings the images before back")
    old = answer.rendered.partition(" → ")[2].partition(" ")[0].strip("`")
    expect(old.startswith("ami-") and new in answer.rendered, f"the answer is {answer.rendered}")
    ask = await shows(world, "#staging", f"#12 Plan for staging backend_ami={old}", new, "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#12 ", "applied")
    await types(world, "ana", "#staging", "/rollback staging images")
    await gets_notice(world.person("ana"), "no record of an image before")


async def _deploy_staging(world: World, number: int) -> None:
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", f"#{number} ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", ":white_check_mark:", f"#{number} ", "to 4 hosts")
