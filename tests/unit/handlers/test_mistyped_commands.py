"""A slip in a typed command is refused in one line with the nearest right word: generated from the twelve repositories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot.config import Config, read
from bot.inbound.app import find_handlers
from handlers.build.command import all_machines, no_such_ref
from handlers.shared.machine_types import neither
from runners.errors import NoSuchRefError
from runners.github import GitHub, commits
from sandbox.github import GitHubStandIn
from tests.mistakes import slips
from tests.scenarios.styles import STYLES, repository_of
from tests.unit.handlers.conftest import CHANNELS, refusal_of, typed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from sandbox.own import Own
    from tests.unit.handlers.conftest import Desk

REGISTRY = find_handlers()
TOKEN = "ghp_MadeUpMadeUpMadeUpMadeUpMadeUp01"


@dataclass(frozen=True)
class Word:
    """A word of a command that somebody may misspell; `cases`: whether its case counts."""

    command: str
    before: str
    right: str
    after: str = ""
    cases: bool = True

    def written(self, word: str) -> str:
        return f"{self.before}{word}{self.after}".strip()


def words_of(config: Config) -> Iterator[Word]:
    for each in config.environments.values():
        yield from _deploys(config, each)
        yield from _plans(config, each)
    for name, custom in config.operations.custom.items():
        yield Word("/run", "", name)
        for given, about in custom.inputs.items():
            value = about.choices[0] if about.choices else "1"
            yield Word("/run", f"{name} ", given, f"={value}")
            if about.choices:
                yield Word("/run", f"{name} {given}=", about.choices[-1])
    if config.images:
        machines, environment = all_machines(config), next(iter(config.whole_environments))
        yield Word("/build", f"{machines[0]} ", environment, f",{environment}", cases=False)
        yield Word("/build", f"{machines[0]},", machines[1], f" {environment}")
        for given in config.images.command_inputs:
            yield Word("/build", f"{machines[0]} {environment} ", given, "=1")


def _deploys(config: Config, environment: Any) -> Iterator[Word]:
    if not environment.deploy:
        return
    if environment.part and len(config.deployed(environment.whole)) > 1:
        yield Word("/deploy", f"{environment.whole} ", environment.part)
        yield Word("/deploy", f"{environment.whole}/", environment.part)
    yield Word("/deploy", "", environment.whole, f" {environment.part}", cases=False)
    for given, about in environment.deploy.settings.given_inputs.items():
        value = about.choices[0] if about.choices else "1.2.3"
        yield Word("/deploy", f"{environment.words} ", given, f"={value}")
        if about.choices:
            yield Word("/deploy", f"{environment.words} {given}=", about.choices[-1])


def _plans(config: Config, environment: Any) -> Iterator[Word]:
    if not environment.terraform:
        return
    if environment.part:
        yield Word("/plan", f"{environment.whole} ", environment.part)
        yield Word("/plan", f"{environment.whole}/", environment.part)
    yield Word("/plan", "", environment.whole, f" {environment.part}", cases=False)
    for variable in environment.terraform.variables:
        yield Word("/plan", f"{environment.words} ", variable, "=1")


@pytest.fixture(params=STYLES)
def own(request: pytest.FixtureRequest) -> Own:
    return repository_of(request.param)


@pytest.fixture
async def github(own: Own) -> AsyncIterator[GitHub]:
    stand_in = GitHubStandIn(token=TOKEN, repositories=own.repositories())
    await stand_in.start()
    client = GitHub(stand_in.url, token=TOKEN, read_pause=0.0)
    yield client
    await client.close()
    await stand_in.stop()


async def test_each_slip_is_refused_with_the_nearest_word(
    own: Own, desk: Desk, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for channel in own.channels:
        monkeypatch.setitem(CHANNELS, f"#{channel}", "C0OWN")
    desk.config, desk.github = read(own.config_text(tmp_path)), github
    handle = {command.name: command.handle for command in REGISTRY.commands}
    tried = 0
    for word in words_of(desk.config):
        right = await refusal_of(desk, handle[word.command](desk.services, typed(word.written(word.right), "U0LEE")))
        assert not right, word.written(word.right)
        begun = len(desk.engine.begun)
        for wrong in slips(word.right, str(word), cases=word.cases):
            tried += 1
            text = word.written(wrong)
            refusal = await refusal_of(desk, handle[word.command](desk.services, typed(text, "U0LEE")))
            assert f"“{word.right}”" in refusal or f"“{word.before}{word.right}”" in refusal, (
                f"{word.command} {text}: {refusal}"
            )
            assert "\n" not in refusal
            assert len(desk.engine.begun) == begun, text
    assert tried or not [*words_of(desk.config)]


async def test_a_slip_in_a_branch_names_the_right_one(own: Own, github: GitHub) -> None:
    for ref in sorted({"main", *own.refs}):
        for wrong in slips(ref, own.repository):
            with pytest.raises(NoSuchRefError) as caught:
                await commits.resolve(github, own.repository, wrong)
            assert caught.value.remedy == f"Did you mean {ref}?"


def test_a_slip_in_a_machine_that_could_be_a_branch_names_the_right_one(own: Own, tmp_path: Path) -> None:
    config = read(own.config_text(tmp_path))
    for environment in config.environments.values():
        for machine in environment.machines:
            for wrong in slips(machine, environment.name):
                assert f"“{machine}”" in no_such_ref(config, wrong)
                assert f"“{machine}”" in neither(wrong, environment.machines, environment.name)
