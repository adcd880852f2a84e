"""A deploy's inputs: given with the command or in its window, bound to the approval, refused when they are not allowed."""

from __future__ import annotations

import base64
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read as read_config
from bot.errors import Denied, UserError
from bot.operations.registry import NextPage
from handlers.build import begin, command as build_command
from handlers.deploy import command, inputs, workflow
from handlers.deploy.ansible import backend as ansible_backend
from handlers.deploy.ansible.scope import work_of
from handlers.deploy.github_actions import backend
from handlers.deploy.views import Release
from runners.ansible.files import variables_text
from runners.results import Commit, RefStanding
from sandbox.slack.block_kit import check_view
from tests.unit.handlers.conftest import FILE, Desk, filled, sent_off, typed

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView

CONFIG = read_config(
    FILE.replace(
        "{workflow: d.yml, ref: trunk}",
        "{workflow: d.yml, ref: trunk, inputs: {where: dev}, command_inputs: {version: , size: [s, l]}}",
    ).replace("images: {workflow: build.yml}", "images: {workflow: build.yml, command_inputs: [version]}")
)
DEV = CONFIG.environments["dev"]
FILE_TEXT = """
on: {workflow_dispatch: {inputs: {where: {}, version: {REQUIRED}, size: {type: choice, options: [s, l, xl]}, other: {}}}}
"""


class Hub:
    """GitHub with one workflow file."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def get(self, *_: object, **__: object) -> Any:
        return SimpleNamespace(data={"content": base64.b64encode(self.text.encode()).decode()})


@pytest.fixture
def desk_with_inputs(desk: Desk) -> Desk:
    desk.config = CONFIG
    desk.github = Hub(FILE_TEXT.replace("REQUIRED", "required: true"))
    return desk


async def test_inputs_are_part_of_the_request(desk_with_inputs: Desk) -> None:
    await command.handle(desk_with_inputs.services, typed('dev v1 version="1 2" size=l'))
    (begun,) = desk_with_inputs.engine.begun
    assert begun.title == 'Deploy v1 to dev with version="1 2", size=l'
    assert begun.arguments == {"ref": "v1", "input:version": "1 2", "input:size": "l"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dev vresion=1", "Deploys to dev take no input “vresion”; did you mean “version”?"),
        ("dev where=prod", "Deploys to dev take no input “where”"),
        ("dev size=xxx", "size cannot be “xxx”; it is one of s, l."),
        ("staging version=1", "environments.staging.deploy.ansible.command_inputs in signalbox.yaml lists none"),
    ],
)
async def test_an_input_that_is_not_allowed_begins_nothing(desk_with_inputs: Desk, text: str, problem: str) -> None:
    with pytest.raises(UserError) as refused:
        await command.handle(desk_with_inputs.services, typed(text))
    assert problem in str(refused.value)
    assert not desk_with_inputs.engine.begun


async def test_a_missing_input_is_asked_for(desk_with_inputs: Desk) -> None:
    await command.handle(desk_with_inputs.services, typed("dev v1"))
    await filled()
    (view,) = desk_with_inputs.chat.views
    assert [block["block_id"] for block in view["blocks"] if block["type"] == "input"] == [
        "input:version",
        "input:size",
    ]
    assert not desk_with_inputs.engine.begun
    sent = replace(sent_off(**{"input:version": "2", "input:size": ""}), private_metadata=view["private_metadata"])
    assert await command.submitted_inputs(desk_with_inputs.services, sent) == {}
    assert desk_with_inputs.engine.begun[0].arguments == {"ref": "v1", "input:version": "2"}


async def test_nobody_is_asked_where_nothing_is_missing(desk_with_inputs: Desk) -> None:
    desk_with_inputs.github = Hub(FILE_TEXT.replace("REQUIRED", "default: newest"))
    await command.handle(desk_with_inputs.services, typed("dev"))
    assert desk_with_inputs.engine.begun[0].arguments == {"ref": "trunk"}
    assert not desk_with_inputs.chat.views


async def test_the_window_has_a_second_page_for_inputs(desk_with_inputs: Desk) -> None:
    page = await command.submitted(desk_with_inputs.services, sent_off(environment="dev", ref="v2"))
    assert isinstance(page, NextPage)
    check_view(page.view, "modal")
    assert not desk_with_inputs.engine.begun
    sent = replace(sent_off(**{"input:version": "x\ny"}), private_metadata=page.view["private_metadata"])
    refused = await command.submitted_inputs(desk_with_inputs.services, sent)
    assert refused.keys() == {"input:version"}
    assert "line break" in refused["input:version"]
    assert not desk_with_inputs.engine.begun


async def test_who_may_not_deploy_is_asked_nothing(desk_with_inputs: Desk) -> None:
    with pytest.raises(Denied):
        await command.handle(desk_with_inputs.services, replace(typed("dev"), user="U0GUS"))
    refused = await command.submitted(desk_with_inputs.services, sent_off("U0GUS", environment="dev", ref=""))
    assert isinstance(refused, dict)
    assert "You may not run" in refused["environment"]


def operation(**arguments: str) -> Operation:
    services = SimpleNamespace(config=CONFIG, github=Hub(FILE_TEXT.replace("REQUIRED", "required: true")))

    async def step(_: str, work: Any) -> Any:
        return await work()

    record = SimpleNamespace(kind="deploy", requester="U0ANA", arguments={"ref": "v1", **arguments})
    return cast(
        "Operation",
        SimpleNamespace(
            number=7, repository="o/r", environment=DEV, target=DEV, record=record, services=services, step=step
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"input:version": "1"}, ""),
        ({}, "d.yml at v1 needs version: add version=…"),
        ({"input:version": "1", "input:size": "m"}, "size cannot be “m”"),
        ({"input:version": "1", "input:other": "m"}, "take no input “other”"),
    ],
)
async def test_the_file_at_the_ref_is_asked_before_anybody_approves(arguments: dict[str, str], problem: str) -> None:
    if not problem:
        await backend.verify(operation(**arguments), "v1")
        return
    with pytest.raises(UserError) as refused:
        await backend.verify(operation(**arguments), "v1")
    assert problem in str(refused.value)


COMMIT = Commit("o/r", "a" * 40, "v1", "Subject", "Lee", "https://github.com/o/r/commit/1")


async def binding_of(release: Release) -> str:
    bound: list[str] = []

    async def approved(binding: str, *_: object) -> ApprovalView:
        bound.append(binding)
        return cast("ApprovalView", None)

    asking = cast("Any", operation())
    asking.environment = asking.target = CONFIG.environments["prod"]
    asking.approved = approved
    await workflow._approval(asking, release, cast("RefStanding", SimpleNamespace(allowed=True)))
    return bound[0]


async def test_an_approval_is_for_exactly_these_inputs() -> None:
    release = Release(COMMIT, "x", "y")
    some = [{}, {"where": "dev"}, {"where": "prod"}, {"where": "dev", "version": "1"}, {"where": "dev", "version": "2"}]
    assert len({await binding_of(replace(release, inputs=inputs)) for inputs in some}) == len(some)


async def test_inputs_that_the_configuration_changed_are_not_sent() -> None:
    asked = operation(**{"input:version": "1"})
    all_inputs = inputs.inputs_of(DEV, asked.record.arguments)
    assert all_inputs == {"where": "dev", "version": "1"}
    release = Release(COMMIT, "x", "y", inputs=all_inputs, given={"version": "1"})
    await inputs.check_unchanged(asked, release)
    with pytest.raises(UserError, match="have changed since this was requested"):
        await inputs.check_unchanged(asked, replace(release, inputs={"where": "prod", "version": "1"}))


async def test_a_build_takes_inputs_beside_its_words(desk_with_inputs: Desk) -> None:
    await begin.handle(desk_with_inputs.services, typed("backend version=9 ref=a=b"))
    (begun,) = desk_with_inputs.engine.begun
    assert begun.title == "Build backend images at a=b with version=9"
    request = build_command.request_from(begun.arguments)
    assert request.given == {"version": "9"}
    assert request.command == '/build backend "a=b" version=9'
    with pytest.raises(UserError, match="Builds take no input “size”"):
        await begin.handle(desk_with_inputs.services, typed("size=1"))


ANSIBLE = read_config(
    FILE.replace(
        "user: deployer, ref", "user: deployer, extra_vars: {a: b}, command_inputs: {version: , size: [s]}, ref"
    )
).environments["staging"]


async def test_playbooks_get_inputs_as_variables(desk: Desk) -> None:
    asked = operation(**{"input:version": "{{ lookup('pipe', 'id') }}"})
    cast("Any", asked).environment = ANSIBLE
    variables = work_of(asked, COMMIT).variables
    assert variables == {"a": "b", "version": "{{ lookup('pipe', 'id') }}", "signalbox_commit": COMMIT.sha}
    text = variables_text(variables, {})
    assert "!unsafe \"{{ lookup('pipe', 'id') }}\"" in text
    declared = await ansible_backend.asks(desk.services, ANSIBLE, "main")
    assert [(each.name, each.options) for each in declared] == [("version", ()), ("size", ("s",))]
    with pytest.raises(UserError, match="size cannot be"):
        inputs.inputs_of(ANSIBLE, {"input:size": "l"})
