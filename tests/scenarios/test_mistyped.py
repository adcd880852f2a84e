"""Words that are not understood, names that do not exist and unknown refs: answered to the person alone, before anything is numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.waiting import until
from tests.scenarios.acting import gets_notice, infrastructure, operations_in, types

if TYPE_CHECKING:
    from sandbox.world import World

NOWHERE = "GitHub knows no such branch, tag or commit"
ONLY_REFS = "GitHub starts workflows on a branch or tag only"
CASES = {
    # an environment
    "/deploy stagng": "There is no environment “stagng”; did you mean “staging”?",
    "/plan prd": "There is no environment “prd”; did you mean “prod”?",
    # a machine type, or a branch: nobody knows which
    "/deploy staging bakend": "“bakend” is neither a branch or tag nor a machine type of staging; did you mean “backend”?",
    "/deploy staging backend,crom": "staging has no machine type “crom”; did you mean “cron”?",
    "/build bakend": "“bakend” is no branch or tag on GitHub, no machine and no environment; did you mean “backend”?",
    "/build backend,crom": "“crom” is no machine and no environment; did you mean “cron”?",
    # a ref
    "/deploy dev no-such-branch": NOWHERE,
    "/deploy dev refs/heads/no-such-branch": NOWHERE,
    "/deploy dev 0123abc": ONLY_REFS,
    "/deploy staging 0123abc": NOWHERE,
    "/deploy staging backend nowhere": NOWHERE,
    "/deploy staging refs/pull/1/head": "is neither a branch nor a tag",
    "/deploy prod twice": "a branch and a tag: its meaning is ambiguous",
    "/plan staging -ref=nowhere": NOWHERE,
    "/build ref=nowhere": "“nowhere” is no branch or tag on GitHub",
    "/run restart-service nowhere machine=backend service=cron": NOWHERE,
    "/run restart-service 0123abc machine=backend service=cron": ONLY_REFS,
    # what a command does not take
    "/deploy staging main other": "I can deploy one branch, tag or commit",
    "/deploy dev cron": NOWHERE,
    "/deploy dev main check": "which takes no check",
    "/deploy prod versoin=1.2.3": "take no input “versoin”; did you mean “version”?",
    "/deploy prod version=latest": "does not have the form",
    "/plan staging bakend_ami=ami-1": "take no variable “bakend_ami”; did you mean “backend_ami”?",
    "/plan staging backend": "is no variable=value",
    "/plan staging -taget=aws_instance.a": "/plan takes no option",
    "/run restart-servce": "There is no operation “restart-servce”; did you mean “restart-service”?",
    "/run restart-service servce=x": "take no input “servce”; did you mean “service”?",
    "/infra statsu": "I do not know “statsu”; did you mean “status”?",
    "/infra audit many": "is no number from 1 to 30",
}


@pytest.mark.parametrize("text", CASES)
async def test_is_answered_to_the_person_alone(shared_world: World, text: str) -> None:
    world = shared_world
    graph = infrastructure(world).graph
    if text == "/deploy prod twice":
        graph.branch("twice", "main")
        graph.tag("twice", "main")
    await types(world, "ana", "#random", text)
    answer = await gets_notice(world.person("ana"), CASES[text])
    assert len(answer.rendered.splitlines()) == 1
    assert answer.channel == world.channel("#random").id
    assert not operations_in(world)
    assert not [message for each in world.slack.workspace.channels.values() for message in each.all_messages]


@pytest.mark.parametrize("text", ["/deploy", "/build"])
async def test_a_bare_word_opens_a_window_and_begins_nothing(shared_world: World, text: str) -> None:
    ana = shared_world.person("ana")
    await types(shared_world, "ana", "#random", text)
    view = await ana.wait_for_view()
    await ana.close(view)
    await until(lambda: ana.view is None, 10)
    assert not operations_in(shared_world)
