"""One slip in a signalbox.yaml is one line of `check`, with the nearest right name: generated from the twelve repositories."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import yaml

from bot.check import check, lines
from bot.config import ConfigError, read
from bot.redaction import Redactor
from bot.slack.client import Chat
from bot.slack.web_api import make_client
from bot.store.database import Store
from runners.github import GitHub
from runners.terraform import validation
from sandbox import wall
from sandbox.aws import AwsHandle, AwsStandIn
from tests.mistakes import Mistake, leaves, nightly, slips
from tests.scenarios.conftest import running
from tests.scenarios.styles import STYLES, options_of, repository_of
from tests.scenarios.test_styles import images_built_before

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Container, Iterator, Sequence
    from pathlib import Path

    from runners.terraform.validation import Validation
    from sandbox.bot_process import Launch
    from sandbox.world import World

# What nothing can be compared with, by paths.
_FREE = {
    r"(^|\.)(description|pattern)$": "text of people",
    r"\.(aliases\.\d+|stacks\.\w+|services\.\w+|workflows\.\w+)$": "names that are given here",
    r"^environments\.\w+$": "names that are given here; what refers to one is a leaf of its own",
    r"^operations\.(?!\w+$)[\w-]+$": "names that are given here",
    r"\.backend_config(\..*)?$": "the sandbox has its own",
    r"^operations\.directory$": "a directory of this machine",
    r"\.(extra_vars|isolation)(\..+)$": "the sandbox has its own",
    r"\.user$": "a login on servers that nobody has",
    r"\.role$": "IAM lists no roles to whom it does not know",
    r"\.workspace$": "only a plan reads which workspaces a state has",
    r"\.secret_environment\.\w+$": "the variable of a child, which may have any name",
    r"^images\.ami_name_tag\.\*$": "a pattern for all machines",
    r"\.region$": "the sandbox has its own",
}
_WORKSPACE_OF_HCP = re.compile(r"\.hcp\.workspace$")
# The keys below these are names that each team gives.
_GIVEN = re.compile(
    r"\b(environments|stacks|services|workflows|daemons|operations|inputs|command_inputs)\.[\w-]+|\b\d+"
)
# GitHub takes any case of these.
_ANY_CASE = re.compile(r"(^github|\.)\.?repository$|\.windows\.")
_NAMED_FIRST = re.compile(
    r"(?:[Dd]id you mean|There is|[Tt]here are the (?:tags|groups)|sees the organizations|\bhas the inputs|\bhas|\bhave|\bsees?|\btakes) "
    r"[`\"'“]*((?:#|usergroup:)?[^\s,;?`\"'”]+(?: [^\s,;?`\"'”]+(?='))?)"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_aws() -> AsyncIterator[AwsHandle]:
    stand_in = AwsStandIn()
    yield await stand_in.start()
    await stand_in.stop()


def kind_of(path: Sequence[str | int]) -> str:
    """The key of the documentation: a path without the names that a team gives."""
    return _GIVEN.sub(r"\1.*", ".".join(map(str, path)))


@cache
def tried_before(style: str) -> frozenset[str]:
    """The kinds of places that a style before this one has: an ordinary run tries each kind in one style."""
    earlier = STYLES[: STYLES.index(style)]
    return frozenset(kind_of(path) for each in earlier for path, _ in leaves(repository_of(each).config))


def mistakes_in(config: dict[str, Any], but: Container[str] = ()) -> Iterator[Mistake]:
    texts = {right for _, right in leaves(config)}
    for path, right in leaves(config):
        name = ".".join(map(str, path))
        if kind_of(path) in but:
            continue
        if any(re.search(pattern, name) for pattern in _FREE) and not _WORKSPACE_OF_HCP.search(name):
            continue
        for wrong in slips(right, name, cases=not _ANY_CASE.search(name)):
            if wrong not in texts:
                yield Mistake(path, right, wrong)


class Checking:
    """Runs `check` in this process, with the world's environment."""

    def __init__(self, world: World, tmp_path: Path) -> None:
        self._environ = dict(world.bot._environment)
        self._world, self._directory, self._number = world, tmp_path, 0

    async def faults(self, config: dict[str, Any]) -> list[str]:
        try:
            read_config = read(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        except ConfigError as error:
            return [f"{fault.key}: {fault.problem}" for fault in error.faults]
        self._number += 1
        place = self._directory / str(self._number)
        place.mkdir()
        github = GitHub(self._environ["GITHUB_API_URL"], token=self._environ["GITHUB_TOKEN"], read_pause=0.0)
        try:
            connections = await check(
                read_config,
                self._environ,
                slack=Chat(make_client(self._environ["SLACK_BOT_TOKEN"], self._environ["SLACK_API_URL"]), Redactor()),
                github=github,
                make_store=lambda: Store(f"sqlite:///{place}/signalbox.sqlite"),
                workplace=place / "var",
                file=self._world.files / "signalbox.yaml",
            )
        finally:
            await github.close()
        return [line for line in lines(connections) if line.startswith("FAIL")]


@pytest.fixture
def validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform reads each directory once: no mistake in signalbox.yaml changes what is in it."""
    read_before: dict[str, Validation] = {}
    validate = validation.validate

    async def once(workspace: Any, *, timeout: float) -> Validation:
        name = str(workspace.directory.relative_to(workspace.root))
        if name not in read_before:
            read_before[name] = await validate(workspace, timeout=timeout)
        return read_before[name]

    monkeypatch.setattr("bot.check.code_terraform.validate", once)


def wrong_with(mistake: Mistake, faults: list[str]) -> str:
    """Why these lines are not the one line that helps; "" where they are."""
    if len(faults) != 1:
        return f"{len(faults)} lines"
    [fault] = faults
    named = _NAMED_FIRST.findall(fault)
    right = mistake.right.rpartition(" ")[2] if ".windows." in ".".join(map(str, mistake.path)) else mistake.right
    if "placeholder" in fault:
        return "" if any(each in fault for each in re.findall(r"\{\w+\}", right)) else "no placeholder"
    plain = right.replace("{environment}", "prod")
    if not any(plain in name or (len(name) > 2 and name in plain) for name in named):
        return f"names {named}"
    return ""


@pytest.mark.slow("checks each slip with the real programs")
@pytest.mark.needs_bwrap
@pytest.mark.needs_terraform
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.usefixtures("validated_once")
async def test_each_slip_is_one_line_with_the_nearest_name(
    style: str, own_aws: AwsHandle, forked: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in own_aws.environment().items():
        monkeypatch.setenv(name, value)
    async with running(replace(options_of(style, own_aws), rate_limits=False), launch=forked) as world:
        assert world.options.own
        answers = wall.metadata_service_answers()
        config = yaml.safe_load(world.options.own.config_text(world.files, metadata_service=answers))
        if style == "services":
            world.github.repository("lanternworks/api").checks.check("main", "test", "success")
        checking = Checking(world, tmp_path)
        wrong: dict[str, list[str]] = {}
        with images_built_before(own_aws):
            assert await checking.faults(config) == []
            for mistake in mistakes_in(config, () if nightly() else tried_before(style)):
                faults = await checking.faults(mistake.put_into(config))
                if why := wrong_with(mistake, faults):
                    wrong[f"{mistake} ({why})"] = faults
        assert not wrong, "\n".join(f"{title}\n    " + "\n    ".join(faults) for title, faults in wrong.items())
