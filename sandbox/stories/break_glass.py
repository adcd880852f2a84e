"""It burns outside of prod's window: somebody on call declares an emergency with a reason; one other person approves, and the channel is notified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, gets_notice, shows, types
from sandbox.stories._closed import PROD
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "an emergency passes prod's window, its order and one of two approvals; the channel and #ops are notified, with the reason"
CHANNELS = ("#prod", "#ops")
_APPROVERS = '  approvers: ["usergroup:S0INFRA"]\n'
_INCIDENT = f"{_APPROVERS}  roles:\n    incident: {{people: [U0ANA], may: [emergency], environments: [prod]}}\n"
OPTIONS = Options(speed=60.0, config={**PROD, _APPROVERS: _INCIDENT})
REASON = "the site is down"


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "lee", "#prod", f"/deploy prod! because {REASON}")
    await gets_notice(world.person("lee"), "You may not act in an emergency in prod")
    await types(world, "ana", "#prod", "/deploy prod!")
    await gets_notice(world.person("ana"), "An emergency needs a reason")

    await types(world, "ana", "#prod", "/deploy prod")
    refused = await gets_notice(world.person("ana"), "prod is only changed during")
    await clicks(world, "ana", refused, "declare-emergency")
    view = await world.person("ana").wait_for_view()
    await world.person("ana").submit(view, {"reason": REASON})
    ask = await shows(world, "#prod", "EMERGENCY: Deploy main to prod", "needs an approval", REASON)
    await shows(world, "#prod", "EMERGENCY: Deploy main to prod", "@ana", REASON, notice=True)
    await shows(world, "#prod", "@leads", "EMERGENCY: Deploy main to prod", "Decide until", notice=True)
    lee = world.person("lee").id
    mentioned = [each for each in world.slack.workspace.notifications if (each.why, each.person) == ("mention", lee)]
    expect(len(mentioned) == 1, f"lee was mentioned {len(mentioned)} times")
    await shows(world, "#ops", "EMERGENCY: Deploy main to prod", "@ana", REASON, notice=True)
    await clicks(world, "ana", ask, "approve")
    await gets_notice(world.person("ana"), "You asked for this yourself")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#prod", ":white_check_mark:", "EMERGENCY: Deploy main to prod", "deployed", timeout=120)
    expect(not done.buttons, "a finished deploy still has buttons")

    await types(world, "max", "#ops", "/infra access @ana")
    access = await gets_notice(world.person("max"), "What @ana may do")
    expect("emergency: `access.roles.incident`" in access.rendered, f"the rule is not named: {access.rendered}")
    audit_log = await types(world, "max", "#ops", "/infra audit 20")
    expect("emergency in prod" in audit_log.ephemerals[0].rendered, "the audit log does not have the emergency")
