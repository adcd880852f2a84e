"""A team without AWS: it plans, applies and deploys by workflow; what needs AWS is refused in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sandbox.world import TEMPLATE
from tests.scenarios.acting import clicks, shows, types
from tests.scenarios.conftest import log_of
from tests.scenarios.staged import asked

if TYPE_CHECKING:
    from tests.scenarios.conftest import StartWorld


def without_aws() -> dict[str, str]:
    """The sandbox's configuration without `aws`, the images, and the playbooks, which find their hosts there."""
    text = TEMPLATE.read_text(encoding="utf-8")
    sections = [re.search(rf"^{name}:\n(?:  .*\n)+", text, re.MULTILINE) for name in ("aws", "images")]
    ansible = re.search(r"^      ansible:\n(?:        .*\n)+", text, re.MULTILINE)
    assert all(sections)
    assert ansible
    by_workflow = "      github_actions: {workflow: deploy-dev.yml}\n"
    return {section[0]: "" for section in sections if section} | {ansible[0]: by_workflow}


@pytest.mark.slow("a plan, an apply and a deploy by workflow")
async def test_it_plans_applies_and_deploys(start_world: StartWorld) -> None:
    world = await start_world(without_aws=True, config=without_aws(), speed=60)
    await asked(world, "/plan dev", "#dev", "#1 ", "up to date")
    message = await asked(world, "/plan staging", "#staging", "#2 ", "Waiting for approval")
    await clicks(world, "lee", message, "approve")
    await shows(world, "#staging", "#2 ", "applied, 3 replaced")
    await asked(world, "/deploy dev", "#dev", "#3 ", "deployed")
    for command, refusal in (
        ("/infra builders", "signalbox.yaml names no AWS account"),
        ("/infra daemons dev", "dev names no daemons"),
    ):
        reply = await types(world, "ana", "#ops", command)
        assert refusal in reply.ephemerals[0].rendered
    assert "Traceback" not in log_of(world)
