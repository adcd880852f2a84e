"""What each command makes of its words, and who may say them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bot.access.rights import Need, inner_arguments, need_of
from bot.config.targets import without_lane
from bot.errors import Denied, UserError
from handlers.build import begin as build_command
from handlers.deploy import command as deploy_command
from handlers.infra import topics as infra_topics
from handlers.plan import command as plan_command
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import CHANNELS, SUNDAY, Desk, filled, refusal_of, sent_off, typed

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def refusal(call: Awaitable[Any]) -> str:
    with pytest.raises(UserError) as refused:
        await call
    return str(refused.value)


async def test_a_deploy_begins_with_the_ref_or_the_usual_one(desk: Desk) -> None:
    assert await deploy_command.handle(desk.services, typed("dev v1.2")) is None
    await deploy_command.handle(desk.services, typed("dev"))
    await deploy_command.handle(desk.services, typed("staging"))
    begun = [
        (item.kind, item.environment, item.title, item.channel, dict(item.arguments)) for item in desk.engine.begun
    ]
    assert begun == [
        ("deploy", "dev", "Deploy v1.2 to dev", "C0DEV", {"ref": "v1.2"}),
        ("deploy", "dev", "Deploy trunk to dev", "C0DEV", {"ref": "trunk"}),
        ("deploy", "staging", "Deploy stable to staging", "C0STAGING", {"ref": "stable"}),
    ]
    assert desk.engine.begun[0].key == "key of dev v1.2"


async def test_a_deploy_without_words_asks_for_them(desk: Desk) -> None:
    await deploy_command.handle(desk.services, typed(""))
    await filled()
    (view,) = desk.chat.views
    assert view["private_metadata"] == "C0OPS"
    assert [option["value"] for option in view["blocks"][0]["element"]["options"]] == ["dev", "staging", "prod"]
    check_view(view, "modal")
    assert not desk.engine.begun


@pytest.mark.parametrize(
    ("values", "ref"), [({"environment": "dev", "ref": ""}, "trunk"), ({"environment": "dev", "ref": " v2 "}, "v2")]
)
async def test_what_the_modal_asks_for_begins(desk: Desk, values: dict[str, str], ref: str) -> None:
    assert await deploy_command.submitted(desk.services, sent_off(**values)) == {}
    assert [item.arguments["ref"] for item in desk.engine.begun] == [ref]


async def test_faults_of_the_modal_are_under_their_field(desk: Desk) -> None:
    bad_ref = await deploy_command.submitted(desk.services, sent_off(environment="dev", ref="; rm -rf /"))
    assert isinstance(bad_ref, dict)
    assert "cannot be a branch" in bad_ref["ref"]
    guest = await deploy_command.submitted(desk.services, sent_off("U0GUS", environment="dev", ref=""))
    assert isinstance(guest, dict)
    assert "You may not run" in guest["environment"]
    assert not desk.engine.begun


@pytest.mark.parametrize(
    ("command", "text", "words"),
    [
        (deploy_command, "stagin", r"no environment “stagin”; did you mean “staging”\? Usage: /deploy"),
        (deploy_command, "dev a b", "“a” and “b”: I can deploy one branch, tag or commit"),
        (deploy_command, "dev ../x", r"“../x” must begin with a letter or digit"),
        (deploy_command, "prod", "cannot post to #gone"),
        (plan_command, "dev", "dev has no Terraform"),
        (plan_command, "staging count", "“count” is no variable=value"),
        (plan_command, "staging count=", "is no variable=value"),
        (plan_command, "staging conut=1", "Plans of staging take no variable “conut”; did you mean “count”"),
        (plan_command, "staging count=1 count=2", "count is given twice"),
        (plan_command, "staging x=1", r"Plans of staging take no variable “x”, only backend_ami, count\. Usage"),
        (
            plan_command,
            "prod x=1",
            "Plans of prod take no variables, .* lists none. Nothing was started; run /plan prod without “x”",
        ),
        (plan_command, " ".join(["staging", *["a=1"] * 12]), "13 words"),
        (infra_topics, "statsu", "did you mean “status”"),
        (infra_topics, "audit 0", "no number from 1 to 30"),
        (infra_topics, "audit 31", "no number from 1 to 30"),
        (infra_topics, "audit x", "no number"),
        (build_command, "bakend,dev", "“bakend” is no machine and no environment; did you mean “backend”"),
        (build_command, "backend dev main now", "4 words"),
    ],
)
async def test_what_is_not_understood_is_said_and_begins_nothing(
    desk: Desk, command: Any, text: str, words: str
) -> None:
    rendered = await refusal(command.handle(desk.services, typed(text)))
    assert re.search(words, rendered), rendered
    assert not desk.engine.begun


async def test_a_plan_with_variables_says_so_in_its_title(desk: Desk) -> None:
    await plan_command.handle(desk.services, typed("staging backend_ami=ami-0123 count=3"))
    (begun,) = desk.engine.begun
    assert begun.title == "Plan for staging backend_ami=ami-0123 count=3"
    assert begun.arguments == {"backend_ami": "ami-0123", "count": "3"}


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (deploy_command, "dev"),
        (deploy_command, ""),
        (plan_command, "staging"),
        (infra_topics, "status"),
        (infra_topics, "queue"),
        (build_command, "all"),
    ],
)
async def test_a_guest_may_do_nothing_and_that_is_kept(desk: Desk, command: Any, text: str) -> None:
    refusal = await refusal_of(desk, command.handle(desk.services, typed(text, "U0GUS")))
    assert "You may not run Signalbox's commands" in refusal
    assert not desk.engine.begun
    assert not desk.chat.views
    assert await desk.audit_log() == [("U0GUS", "refused")]


async def test_outside_of_its_windows_nothing_is_deployed_and_a_plan_is_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CHANNELS, "#gone", "C0PROD")
    desk.now = SUNDAY
    answer = await deploy_command.handle(desk.services, typed("prod"))
    assert answer is not None
    assert "The next window opens Monday" in read(answer)
    assert [(button["action_id"], button["value"]) for button in answer.blocks[1]["elements"]] == [
        ("start-later", "/deploy prod later")
    ]
    await deploy_command.handle(desk.services, typed("dev"))
    await plan_command.handle(desk.services, typed("prod"))
    assert [(item.kind, item.environment) for item in desk.engine.begun] == [("deploy", "dev"), ("plan", "prod")]
    assert await desk.audit_log() == [("U0ANA", "refused")]


async def test_a_deploy_is_requested_for_the_next_window(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHANNELS, "#gone", "C0PROD")
    desk.now = SUNDAY
    assert await deploy_command.handle(desk.services, typed("prod v1 later")) is None
    (request,) = desk.engine.begun
    assert (request.kind, request.title) == ("start later", "Deploy v1 to prod, when the window opens")
    assert without_lane(request.environment) == "prod"
    assert need_of(request.kind, request.arguments) == Need("run", "/deploy")
    assert inner_arguments(request.arguments) == {"ref": "v1"}
    with pytest.raises(Denied):
        await deploy_command.handle(desk.services, typed("prod later", "U0GUS"))


async def test_help_status_and_the_trail_are_for_the_person_alone(desk: Desk) -> None:
    for text in ("", "help"):
        answer = await infra_topics.handle(desk.services, typed(text))
        assert answer is not None
        assert "*What you may do here*" in read(answer)
        assert "`/build` Build machine images" in read(answer)
    answer = await infra_topics.handle(desk.services, typed("help deploy"))
    assert answer is not None
    assert (
        "`/deploy <environment> [service] [machine,machine] [branch, tag or commit] [check] [input=value ...]`"
        in read(answer)
    )
    answer = await infra_topics.handle(desk.services, typed("status"))
    assert answer is not None
    assert "*dev*: no deploy by Signalbox yet" in read(answer)
    answer = await infra_topics.handle(desk.services, typed("audit 2"))
    assert answer is not None
    assert read(answer).count("@ana /infra") == 2


@pytest.mark.parametrize(
    ("user", "words"), [("U0ANA", "*dev*: no deploy by Signalbox yet"), ("U0GUS", "Ask that team")]
)
async def test_the_home_tab_is_for_operators(desk: Desk, user: str, words: str) -> None:
    (home,) = infra_topics.HOMES
    await home.publish(desk.services, user)
    view = check_view(desk.chat.homes[user], "home")
    assert words in str(view)
