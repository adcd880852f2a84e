"""Units of Terragrunt as stacks of their environment: typed, listed, in order, each in a queue of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.config.targets import without_lane
from handlers.plan import all_stacks, command as plan_command, units
from handlers.plan.command import chosen
from handlers.plan.drift import _intervals
from handlers.shared.requests import UNIT
from runners.errors import NotFoundError, RunnerError
from runners.github import archive, commits
from runners.results import Commit
from runners.terraform import Program, Workspace
from tests.unit.bot.drawn import read as text_of
from tests.unit.handlers.conftest import FILE, Desk, refusal_of, typed

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation

UNITS = FILE.replace(
    "    terraform: {directory: instances/staging, variables: [backend_ami, count]}\n",
    "    terraform: {terragrunt: live/staging, variables: [count]}\n",
)
SOURCE = 'terraform {\n  source = "../x"\n}\n'
COMMIT = Commit("acme/infrastructure", "a" * 40, "main", "Add units", "ana", "https://x.example")


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code at the ref: two units, of which app depends on the other."""
    write(tmp_path, "network/vpc", SOURCE)
    write(tmp_path, "app", f'{SOURCE}dependency "vpc" {{\n  config_path = "../network/vpc"\n}}\n')

    async def commit(*_: Any) -> Commit:
        return COMMIT

    async def fetched(*_: Any) -> Path:
        return tmp_path

    monkeypatch.setattr(commits, "resolve", commit)
    monkeypatch.setattr(archive, "fetch_code", fetched)
    monkeypatch.setattr(units, "commit_of", commit)
    monkeypatch.setattr(units, "code_of", fetched)
    return tmp_path


def write(root: Path, unit: str, text: str) -> None:
    """Write a unit."""
    (root / "live" / "staging" / unit).mkdir(parents=True, exist_ok=True)
    (root / "live" / "staging" / unit / "terragrunt.hcl").write_text(text)


def operation_of(desk: Desk, **arguments: str) -> Operation:
    """An operation of the environment."""
    record = SimpleNamespace(arguments=arguments)
    environment = desk.config.environments["staging"]
    return cast("Operation", SimpleNamespace(environment=environment, record=record, services=desk.services))


async def test_units_are_listed_planned_singly_and_all(desk: Desk, code: Path) -> None:
    assert code.is_dir()
    desk.config = read(UNITS)
    listed = await plan_command.handle(desk.services, typed("staging"))
    assert listed is not None
    assert "staging has 2 stacks" in text_of(listed)
    assert "`app`, after `network/vpc`" in text_of(listed)
    for words in ("staging network/vpc count=1", "staging/network/vpc -target=a.b", "staging app", "staging all"):
        await plan_command.handle(desk.services, typed(words))
    assert [(item.kind, item.environment, item.title) for item in desk.engine.begun] == [
        ("plan", "staging/unit network:vpc", "Plan for staging network/vpc count=1"),
        ("plan", "staging/unit network:vpc", "Plan for staging network/vpc -target=a.b"),
        ("plan", "staging/unit app", "Plan for staging app"),
        ("plan-stacks", "staging/all stacks", "Plan all stacks of staging"),
    ]
    assert {without_lane(item.environment) for item in desk.engine.begun} == {"staging"}
    first = desk.engine.begun[0].arguments
    assert (first[UNIT], chosen(first).variables) == ("network/vpc", {"count": "1"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("staging count=1", "Name a unit of staging; /plan staging lists them."),
        ("staging ../prod", "must begin with a letter or digit"),
        ("staging -x", "takes no option"),
        ("staging a//b", "“a//b” cannot be a unit."),
        ("staging all count=1", "Variables are for one unit: type /plan staging <unit> count=…."),
        ("staging all -target=a.b", "Addresses are for one stack: type /plan staging <unit> -target=a.b."),
        (f"staging {'a' * 121}", "cannot be"),
    ],
)
async def test_wrong_words_are_answered_in_one_line(desk: Desk, text: str, words: str) -> None:
    desk.config = read(UNITS)
    assert words in await refusal_of(desk, plan_command.handle(desk.services, typed(text)))
    assert not desk.engine.begun


async def test_the_order_is_that_of_the_dependencies(desk: Desk, code: Path) -> None:
    assert code.is_dir()
    desk.config = read(UNITS)
    assert await all_stacks._order(operation_of(desk)) == {"app": ("network/vpc",), "network/vpc": ()}


@pytest.mark.parametrize(
    ("vpc", "problem"),
    [
        ('dependency "app" {\n  config_path = "../../app"\n}\n', "they wait for each other"),
        ('dependency "app" {\n  config_path = run_cmd("x")\n}\n', "their order is unknown (network/vpc: the path of"),
    ],
)
async def test_an_order_that_is_unknown_begins_nothing(desk: Desk, code: Path, vpc: str, problem: str) -> None:
    write(code, "network/vpc", SOURCE + vpc)
    desk.config = read(UNITS)
    with pytest.raises(RunnerError) as caught:
        await units.order(operation_of(desk))
    assert problem in caught.value.problem


async def test_a_unit_that_does_not_exist_comes_with_the_nearest(desk: Desk, code: Path) -> None:
    desk.config = read(UNITS)
    directory = code / "live" / "staging"

    async def check(unit: str) -> None:
        workspace = Workspace(Program("t", "terraform", "1.15.5"), directory / unit, code, {}, root=code)
        await units.check_unit(operation_of(desk, **{UNIT: unit} if unit else {}), workspace)

    await check("app")
    with pytest.raises(NotFoundError, match="staging has no unit network/vcp; did you mean “network/vpc”"):
        await check("network/vcp")
    with pytest.raises(NotFoundError, match="several units, and none is named"):
        await check("")


def test_units_are_not_checked_for_drift_under_the_name_of_their_environment() -> None:
    config = read(UNITS + "watch: {drift: {every: 6h}}\n")
    assert "staging" not in _intervals(config)
    assert "prod" in _intervals(config)
