"""The windows of /plan: what is chosen, how values are checked, and that maps and lists are displayed as Terraform gets them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

from bot.config import read
from bot.errors import UserError
from bot.operations.registry import NextPage
from handlers.plan import command, variables, window
from handlers.plan.settings import USAGE
from handlers.plan.window_command import submitted, submitted_values, submitted_variables
from runners.errors import NotFoundError
from sandbox.slack.block_kit import check_view
from tests.unit.handlers.conftest import FILE, Desk, filled, sent_off, typed

CODE = """
variable "zones" {
  description = "Where it runs."
  type        = map(object({ cidr = string, public = optional(bool) }))
}
variable "count" { type = number }
variable "fast" { type = bool }
"""
FILES = {"variables.tf": CODE, "main.tf": "", "notes.md": "x"}
VARIABLES = FILE.replace("variables: [backend_ami, count]", "variables: [backend_ami, count, zones, fast]")


class Hub:
    """GitHub with one folder."""

    def __init__(self) -> None:
        self.read: list[str] = []

    async def get(self, repository: str, path: str, *, doing: str) -> Any:
        address, _, ref = path.removeprefix(f"/repos/{repository}/contents/").partition("?ref=")
        self.read.append(f"{unquote(address)}@{unquote(ref)}")
        if address == "instances/staging":
            return SimpleNamespace(data=[{"name": name, "type": "file"} for name in FILES])
        name = unquote(address).removeprefix("instances/staging/")
        if name not in FILES:
            raise NotFoundError(doing, "no such file")
        return SimpleNamespace(data={"content": base64.b64encode(FILES[name].encode()).decode()})


@pytest.fixture
def planning(desk: Desk) -> Desk:
    desk.config, desk.github = read(VARIABLES), Hub()
    return desk


async def page_for(desk: Desk, ref: str = "") -> dict[str, Any]:
    page = await submitted(desk.services, sent_off(environment="staging", ref=ref))
    assert isinstance(page, NextPage)
    check_view(page.view, "modal")
    return page.view


def answered(view: dict[str, Any], **values: str) -> Any:
    given = {f"input:{name}": value for name, value in values.items()}
    return replace(sent_off(**given), private_metadata=view["private_metadata"])


async def test_the_window_preselects_the_environment_of_the_channel(planning: Desk) -> None:
    for channel, name in (("C0STAGING", "staging"), ("C0RANDOM", None)):
        await command.handle(planning.services, replace(typed(""), channel=channel))
        await filled()
        element = planning.chat.views[-1]["blocks"][0]["element"]
        assert element.get("initial_option", {}).get("value") == name
        assert [option["value"] for option in element["options"]] == ["staging", "prod"]


async def test_the_fields_are_those_of_the_variables_at_the_ref(planning: Desk) -> None:
    view = await page_for(planning, "feature/x")
    assert set(planning.github.read) == {
        "instances/staging@feature/x", "instances/staging/variables.tf@feature/x", "instances/staging/main.tf@feature/x",
    }  # fmt: skip
    fields = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert fields["input:zones"]["multiline"] is True
    assert "multiline" not in fields["input:count"]
    assert fields["input:fast"]["type"] == "static_select"
    hint = next(block["hint"]["text"] for block in view["blocks"] if block.get("block_id") == "input:zones")
    assert "map(object({cidr = string, public = optional(bool)})). Where it runs" in hint


async def test_a_map_is_shown_as_terraform_gets_it_before_it_is_planned(planning: Desk) -> None:
    view = await page_for(planning, "feature/x")
    typed_in = '{\n  "a": {"cidr": "10.0.0.0/8", "public": "true"}\n}'
    page = await submitted_variables(planning.services, answered(view, zones=typed_in, count="2", fast=""))
    assert isinstance(page, NextPage)
    check_view(page.view, "modal")
    displayed = json.dumps(page.view["blocks"])
    assert '{a = {cidr = \\"10.0.0.0/8\\", public = true}}' in displayed
    assert not planning.engine.begun
    again = replace(sent_off(), private_metadata=page.view["private_metadata"])
    assert await submitted_values(planning.services, again) == {}
    (begun,) = planning.engine.begun
    assert begun.arguments == {
        "zones": '{a = {cidr = "10.0.0.0/8", public = true}}', "count": "2", "-hcl": "zones", "-ref": "feature/x",
    }  # fmt: skip
    assert command.chosen(begun.arguments).hcl == {"zones"}
    assert begun.title == "Plan for staging zones={…} count=2 -ref=feature/x"
    assert variables.cut_in_title(begun.arguments) == {"zones": begun.arguments["zones"]}


async def test_texts_alone_are_planned_at_once(planning: Desk) -> None:
    view = await page_for(planning)
    assert await submitted_variables(planning.services, answered(view, count="3", backend_ami="ami-1 two")) == {}
    assert planning.engine.begun[0].arguments == {"count": "3", "backend_ami": "ami-1 two"}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("zones", "{a = {}}", "at a: cidr is missing"),
        ("zones", "{a = ", "line 1 has its end where a value must be"),
        ("zones", "prod", "a text needs quotes"),
        ("count", "two", "it is a number, not the text “two”"),
        ("backend_ami", "a\nb", "A text is one line"),
        ("backend_ami", "{a = 1", "its end"),
        ("zones", f'{{a = {{cidr = "{"<" * 900}"}}}}', "too long to display"),
    ],
)
async def test_what_terraform_would_refuse_is_said_under_its_field(
    planning: Desk, name: str, value: str, problem: str
) -> None:
    view = await page_for(planning)
    faults = await submitted_variables(planning.services, answered(view, **{name: value}))
    assert isinstance(faults, dict)
    assert problem in faults[f"input:{name}"]
    assert not planning.engine.begun


async def test_while_github_is_away_maps_are_taken_without_their_type(planning: Desk) -> None:
    planning.config = read(VARIABLES.replace("instances/staging", "elsewhere"))
    view = await page_for(planning)
    assert all(block["element"].get("multiline") for block in view["blocks"] if block["type"] == "input")
    assert await submitted_variables(planning.services, answered(view, backend_ami="ami-1")) == {}
    assert planning.engine.begun[0].arguments == {"backend_ami": "ami-1"}
    page = await submitted_variables(planning.services, answered(view, zones="[1,2]"))
    assert isinstance(page, NextPage)


async def test_what_may_not_be_planned_begins_nothing(planning: Desk) -> None:
    assert await submitted(planning.services, sent_off(environment="staging", ref="a..b")) == {
        "ref": f"“a..b” cannot be a branch, tag or commit. Usage: {USAGE}"
    }
    view = await page_for(planning)
    planning.config = read(FILE)
    with pytest.raises(UserError, match="take no variable “zones”"):
        await submitted_variables(planning.services, answered(view, zones="{}"))
    await command.handle(planning.services, typed("", user="U0GUS"))
    await filled()
    assert "You may not run" in planning.chat.notices[0]
    assert not planning.engine.begun


def test_values_that_the_title_cuts_are_shown_whole() -> None:
    lines = window.given_lines({"zones": '{a = "<b>"}'})
    assert '*zones:* `{a = "&lt;b&gt;"}`' in lines[0]["text"]["text"]
