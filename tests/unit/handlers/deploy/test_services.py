"""The services of an environment: named, listed, offered in the modal; their old images and their repositories."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.config import read
from bot.operations.operation import Operation
from bot.operations.registry import Click
from bot.slack.blocks.part_list import MOST_BUTTONS
from bot.store.operations import Request
from handlers.deploy import command as deploy_command, service_views
from handlers.plan.images import deploy_newer_code
from runners.results import ApplyResult, Commit
from tests.unit.bot.drawn import buttons, read as text_of
from tests.unit.handlers.conftest import FILE, Desk, filled, refusal_of, sent_off, typed

DEPLOY = "    deploy: {github_actions: {workflow: d.yml, ref: trunk}}\n"
SERVICES = """    machines: [backend, web]
    deploy:
      services:
        api: {repository: o/api, machines: [backend], github_actions: {workflow: api.yml, ref: main}}
        web: {machines: [web], github_actions: {workflow: web.yml, ref: main}}
    terraform: {stacks: {network: {directory: n}}}
"""


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """A desk whose dev has two services and a stack."""
    desk.config = read(FILE.replace(DEPLOY, SERVICES))
    return desk


async def test_a_service_is_deployed_by_its_name(shop: Desk) -> None:
    for text in ("dev api", "dev/api v1.2", 'dev web "api"'):
        assert await deploy_command.handle(shop.services, typed(text)) is None
    begun = [(item.environment, item.title, dict(item.arguments)) for item in shop.engine.begun]
    assert begun == [
        ("dev/api", "Deploy main to dev/api", {"ref": "main"}),
        ("dev/api", "Deploy v1.2 to dev/api", {"ref": "v1.2"}),
        ("dev/web", "Deploy api to dev/web", {"ref": "api"}),
    ]


async def test_services_are_listed_with_what_they_run_and_deployed_by_a_button(shop: Desk) -> None:
    commit = Commit("o/api", "a" * 40, "main", "Change", "lee", "https://github.com/o/api/commit/a")
    number = await shop.operations.create(Request("k", "deploy", "dev/api", "U0ANA", "Deploy", "C0DEV", {}))
    await shop.services.deployments.add(await shop.operations.get(number), commit)
    listed = await deploy_command.handle(shop.services, typed("dev"))
    assert listed is not None
    text = text_of(listed)
    assert "dev has 2 services" in text
    assert "`api` runs `aaaaaaa` since" in text
    assert "`web`: no deploy by Signalbox yet" in text
    assert buttons(listed) == [service_views.DEPLOY_LISTED] * 2
    click = Click("U0ANA", "C0DEV", "1.0", service_views.DEPLOY_LISTED, "dev/web", "1.2", "")
    await deploy_command.deploy_listed(shop.services, click)
    assert [item.title for item in shop.engine.begun] == ["Deploy main to dev/web"]


def test_slack_takes_the_list_of_many_services() -> None:
    lines = [service_views.ServiceLine(f"service-{number}", "", 0.0) for number in range(60)]
    message = service_views.services("prod", lines)
    assert "/deploy prod <service>" in text_of(message)
    assert len(buttons(message)) == MOST_BUTTONS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dev apu", "dev has no service “apu”; did you mean “api”?"),
        ("dev main", "dev has no service “main”; there are api, web."),
        ("dev/network", "dev has no service “network”; there are api, web."),
    ],
)
async def test_a_wrong_service_is_answered_with_the_nearest(shop: Desk, text: str, words: str) -> None:
    assert words in await refusal_of(shop, deploy_command.handle(shop.services, typed(text)))
    assert not shop.engine.begun


async def test_an_environment_without_deploy_says_which_have_one(desk: Desk) -> None:
    desk.config = read(FILE.replace(DEPLOY, ""))
    words = await refusal_of(desk, deploy_command.handle(desk.services, typed("dev")))
    assert words.startswith("dev has no deploy in the configuration; staging, prod have.")


async def test_the_modal_offers_the_services(shop: Desk) -> None:
    await deploy_command.handle(shop.services, typed(""))
    await filled()
    (view,) = shop.chat.views
    offered = [option["value"] for option in view["blocks"][0]["element"]["options"]]
    assert offered == ["dev/api", "dev/web", "staging", "prod"]
    assert await deploy_command.submitted(shop.services, sent_off(environment="dev/api", ref="")) == {}
    assert [item.environment for item in shop.engine.begun] == ["dev/api"]


async def operation_on(shop: Desk, environment: str) -> Operation:
    number = await shop.operations.create(Request(environment, "plan", environment, "U0ANA", "Plan", "C0DEV", {}))
    operation = Operation(shop.services, await shop.operations.get(number))

    async def step(_: str, work: Any) -> Any:
        return await work()

    return cast("Operation", SimpleNamespace(**vars(operation), environment=operation.environment, step=step))


async def test_an_operation_reads_the_repository_of_its_service(shop: Desk) -> None:
    expected = {
        "dev/api": "o/api",
        "dev/api/run 7": "o/api",
        "dev/web": "o/r",
        "staging": "o/r",
        "image builds/run 1": "o/r",
    }
    for environment, repository in expected.items():
        number = await shop.operations.create(Request(environment, "x", environment, "U0ANA", "X", "C0DEV", {}))
        assert Operation(shop.services, await shop.operations.get(number)).repository == repository


@pytest.mark.parametrize(
    ("machines", "setting", "words", "begun"),
    [
        (("backend",), "offer", "Deploy the code again: `/deploy dev api`.", []),
        (("backend", "web"), "offer", "`/deploy dev api`, `/deploy dev web`.", []),
        (("backend", "web"), "start", "The code deploys have been started.", ["dev/api", "dev/web"]),
        (("web",), "start", "The code deploy has been started.", ["dev/web"]),
        (("web",), "off", "", []),
    ],
)
async def test_old_images_need_the_services_of_their_machines(
    shop: Desk, machines: tuple[str, ...], setting: str, words: str, begun: list[str]
) -> None:
    shop.config = read(FILE.replace(DEPLOY, f"{SERVICES}    code_deploy_after_old_image: {setting}\n"))
    operation = await operation_on(shop, "dev/network")
    text, offered = await deploy_newer_code(operation, machines, ApplyResult(True, 1, 0, 0))
    assert words in text
    assert not offered
    assert [item.environment for item in shop.engine.begun] == begun
