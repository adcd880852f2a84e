"""/build without words: a window, or the list of image workflows; what it asks for starts as if it had been typed."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bot.config import read as read_config
from bot.operations.registry import Click
from handlers.build import begin, window
from runners.errors import UnavailableError
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE, filled, refusal_of, sent_off, typed

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

ONE = "images: {workflow: build.yml, command_inputs: {size: [s, l]}}"
SEVERAL = "images: {workflow: build.yml, workflows: {base: {workflow: base.yml, ref: stable}}}"


class GitHubDown:
    """A GitHub that does not answer: the window has the inputs as the configuration has them."""

    async def get(self, *_: object, **__: object) -> object:
        raise UnavailableError("reading a workflow", "GitHub does not answer")


@pytest.fixture
def single(desk: Desk) -> Desk:
    desk.config = read_config(FILE.replace("images: {workflow: build.yml}", ONE))
    desk.github = GitHubDown()
    return desk


@pytest.fixture
def workflows(desk: Desk) -> Desk:
    desk.config = read_config(FILE.replace("images: {workflow: build.yml}", SEVERAL))
    return desk


async def test_a_bare_word_starts_nothing_but_asks(single: Desk) -> None:
    assert await begin.handle(single.services, typed("")) is None
    await filled()
    assert single.engine.begun == []
    (view,) = single.chat.views
    check_view(view, "modal")
    assert [block["block_id"] for block in view["blocks"][1:]] == ["roles", "environments", "branch", "input:size"]


@pytest.mark.parametrize(
    ("values", "arguments", "title"),
    [
        ({}, {"machines": "", "environments": "", "ref": "main"}, "Build all images at main"),
        (
            {"roles": "backend", "environments": "staging", "branch": " fix/apt ", "input:size": "l"},
            {"machines": "backend", "environments": "staging", "ref": "fix/apt", "input:size": "l"},
            "Build backend images for staging at fix/apt with size=l",
        ),
        (
            {"roles": "", "environments": "", "branch": "backend", "input:size": ""},
            {"machines": "", "environments": "", "ref": "backend"},
            "Build all images at backend",
        ),
    ],
)
async def test_what_the_window_asks_for_starts(
    single: Desk, values: dict[str, str], arguments: dict[str, str], title: str
) -> None:
    await begin.handle(single.services, typed(""))
    await filled()
    sent = replace(sent_off(**values), private_metadata=single.chat.views[0]["private_metadata"])
    assert await begin.submitted(single.services, sent) == {}
    (begun,) = single.engine.begun
    assert (begun.arguments, begun.title, begun.environment) == (arguments, title, "image builds")


async def test_several_image_workflows_are_listed_and_each_has_a_window(workflows: Desk) -> None:
    page = await begin.handle(workflows.services, typed(""))
    assert page is not None
    assert "*base*: `base.yml` at `stable`" in read(page)
    assert [block["accessory"]["value"] for block in page.blocks[:2]] == [window.MAIN, "base"]
    for value, environment in (("base", "image builds of base"), (window.MAIN, "image builds")):
        await begin.open_window(workflows.services, Click("U0ANA", "C0OPS", "1.0", window.OPEN, value, "1.2", ""))
        sent = replace(sent_off(), private_metadata=workflows.chat.views[-1]["private_metadata"])
        await begin.submitted(workflows.services, sent)
        assert workflows.engine.begun[-1].environment == environment


async def test_who_may_run_no_commands_gets_no_window_and_starts_nothing(workflows: Desk) -> None:
    click = Click("U0GUS", "C0OPS", "1.0", window.OPEN, "base", "1.2", "")
    await begin.open_window(workflows.services, click)
    assert workflows.chat.views == []
    sent = replace(sent_off(), user="U0GUS", private_metadata='["base", ""]')
    assert "may" in await refusal_of(workflows, begin.submitted(workflows.services, sent))
    assert workflows.engine.begun == []


class Hub:
    """A GitHub whose image workflow requires a version."""

    async def get(self, *_: object, **__: object) -> object:
        text = "on: {workflow_dispatch: {inputs: {machines: {}, version: {required: true}, size: {}}}}\njobs: {a: {}}\n"
        return SimpleNamespace(data={"content": b64encode(text.encode()).decode()})


NEEDING = "images: {workflow: build.yml, command_inputs: {version: , size: [s, l]}}"


@pytest.fixture
def needing(desk: Desk) -> Desk:
    desk.config = read_config(FILE.replace("images: {workflow: build.yml}", NEEDING))
    desk.github = Hub()
    return desk


async def test_a_required_input_is_asked_for_with_what_was_typed(needing: Desk) -> None:
    await begin.handle(needing.services, typed("backend staging fix/apt size=l"))
    await filled()
    assert needing.engine.begun == []
    (view,) = needing.chat.views
    check_view(view, "modal")
    elements = {block["block_id"]: block["element"] for block in view["blocks"][1:]}
    chosen = [elements[name]["initial_options"][0]["value"] for name in ("roles", "environments")]
    assert chosen == ["backend", "staging"]
    assert elements["branch"]["initial_value"] == "fix/apt"
    assert elements["input:size"]["initial_option"]["value"] == "l"
    sent = sent_off(roles="backend", environments="staging", branch="fix/apt", **{"input:version": "9"})
    await begin.submitted(needing.services, replace(sent, private_metadata=view["private_metadata"]))
    assert [begun.title for begun in needing.engine.begun] == [
        "Build backend images for staging at fix/apt with version=9"
    ]


async def test_a_build_with_its_required_input_starts_at_once(needing: Desk) -> None:
    await begin.handle(needing.services, typed("backend version=9"))
    assert needing.chat.views == []
    assert [begun.arguments["input:version"] for begun in needing.engine.begun] == ["9"]
