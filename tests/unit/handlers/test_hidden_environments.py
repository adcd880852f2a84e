"""Whatever somebody types, no answer shows anything of an environment that they may not see."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.access.policy import Person
from bot.config import read as read_config
from bot.errors import UserError
from bot.inbound.app import find_handlers
from bot.operations import attendance
from bot.operations.attendance import Attendance
from bot.operations.registry import Invocation
from bot.slack.blocks import markup
from bot.store.audit import Entry
from bot.store.closures import Closure, ClosureKind
from bot.store.operations import Request, Status
from runners.errors import NotFoundError
from runners.github import Answer
from tests.unit.handlers import directory
from tests.unit.handlers.conftest import Desk, filled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

NAME, CONTENT = "vault9", "qux7"  # the hidden environment, and a part of every name in it
FILE = f"""
slack: {{channel: "#ops"}}
github: {{repository: o/r}}
aws: {{region: us-west-2}}
access:
  operators: ["usergroup:S0INFRA"]
  approvers: ["usergroup:S0LEADS"]
  roles:
    web: {{people: [U0WEB], may: [see, plan, run, approve, unlock, emergency], environments: [dev, shop/api]}}
    reader: {{people: [U0SEE], may: [see], environments: [dev]}}
    builder: {{people: [U0BLD], may: [run], environments: [dev], commands: [/build, /run]}}
environments:
  dev:
    channel: "#dev"
    machines: [backend]
    deploy: {{github_actions: {{workflow: d.yml}}}}
    terraform: {{directory: dev, variables: [count]}}
    approval: {{required: 0}}
  shop:
    channel: "#dev"
    deploy:
      services:
        api: {{github_actions: {{workflow: api.yml}}}}
        {CONTENT}-web: {{github_actions: {{workflow: web.yml}}}}
  {NAME}:
    aliases: [{CONTENT}-alias]
    channel: "#staging"
    machines: [{CONTENT}-db]
    deploy: {{ansible: {{directory: p, playbook: d.yml, user: {CONTENT}-user, command_inputs: {{{CONTENT}_input: [a, b]}}}}}}
    terraform: {{directory: vault, variables: [{CONTENT}_variable]}}
    daemons: {{{CONTENT}-db: [{CONTENT}-daemon]}}
images: {{workflow: build.yml}}
operations:
  {CONTENT}-tidy: {{workflow: tidy.yml, environment: {NAME}, description: {CONTENT}}}
"""
CONFIG = read_config(FILE, "signalbox.yaml")
REGISTRY = find_handlers()
COMMANDS = {command.name: command for command in REGISTRY.commands}
OPENINGS = [
    *(name for name in COMMANDS if name != "/infra"),
    *(f"/infra {topic.name}" for topic in REGISTRY.topics),
    "/infra",
]
PLACES = [NAME, f"{NAME}!", f"{NAME}/dns", NAME[:-1], "vault", "zzz", "shop", "shop/zzz", "dev", "all", "1", "#1", ""]
WORDS = [
    "zzz",
    "zzz=1",
    "check",
    "main",
    "because it burns",
    "later",
    "-target=zzz",
    "ref=zzz",
    "api",
    "qux",
    "to 1",
    "",
]
PEOPLE = ("U0WEB", "U0SEE", "U0BLD", "U0GUS", "U0BOT")
ACCOUNTS = {"U0BOT": "a bot's account may do nothing here"}


class Directory(directory.Directory):
    """The same, with accounts that may do nothing."""

    async def person(self, user_id: str) -> Person:
        return Person(user_id, frozenset({"S0INFRA"} if user_id in ACCOUNTS else ()), {}, ACCOUNTS.get(user_id, ""))


class Lists:
    """What GitHub lists of secrets, among them those of the hidden environment."""

    async def get(self, _: str, path: str, *, doing: str, etag: str | None = None) -> Answer:
        at = path.partition("?")[0]
        secret = {"name": f"{CONTENT}_KEY", "updated_at": "2026-01-02T03:04:05Z"}
        if at.endswith("/environments"):
            return Answer({"total_count": 2, "environments": [{"name": "dev"}, {"name": NAME}]}, etag)
        if at.endswith("secrets"):
            listed = [] if "/environments/dev/" in at else [secret]
            return Answer({"total_count": len(listed), "secrets": listed}, etag)
        raise NotFoundError(doing, f"there is no {CONTENT}")


@pytest.fixture
async def hidden(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A deploy that runs in the hidden environment, which is locked; its worker has ended."""
    desk.config, desk.github = CONFIG, Lists()
    title = f"Deploy {CONTENT}-branch to {NAME}"
    await desk.operations.create(
        Request("key", "deploy", NAME, "U0ANA", title, "C0STAGING", {"ref": f"{CONTENT}-branch"})
    )
    await desk.operations.set_message(1, "C0STAGING", "1.0")
    await desk.operations.set_status(1, Status.RUNNING)
    await desk.audit.record(Entry("U0ANA", "deploy", NAME, 1, {"ref": f"{CONTENT}-branch"}))
    lock = Closure(ClosureKind.LOCK, NAME, "U0ANA", f"{CONTENT} reason", desk.now, None)
    await desk.services.closures.close(lock, _nothing)

    async def attended(_: object) -> Attendance:
        return Attendance((), {"gone": (1,)}, None, {NAME: (f"{CONTENT}-label",)})

    monkeypatch.setattr(attendance, "read", attended)
    return desk


def _nothing(_: Connection) -> None:
    """Beside the closure nothing is written."""


async def answered(desk: Desk, user: str, text: str) -> str:
    """All that this person reads after typing the command, in plain text."""
    name, _, words = text.partition(" ")
    services = cast("Any", desk.services)
    services.directory = Directory()
    services.lease = SimpleNamespace(workers=SimpleNamespace(length=60.0))
    invocation = Invocation(user, "C0DEV", words, "1.2.abc", "", f"key {user} {text}", REGISTRY)
    desk.chat.views.clear()
    desk.chat.notices.clear()
    try:
        answer: Mapping[str, Any] | str = str(await COMMANDS[name].handle(services, invocation))
    except UserError as error:
        answer = str(error)
    await filled()
    return markup.plain(f"{answer} {desk.chat.views} {desk.chat.notices} {desk.chat.told}")


@pytest.mark.parametrize("opening", OPENINGS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(user=st.sampled_from(PEOPLE), place=st.sampled_from(PLACES), words=st.lists(st.sampled_from(WORDS), max_size=2))
async def test_no_answer_shows_what_is_hidden(
    hidden: Desk, opening: str, user: str, place: str, words: list[str]
) -> None:
    text = " ".join(filter(None, [opening, place, *words]))
    answer = await answered(hidden, user, text)
    assert CONTENT not in answer.replace(f"“{text}”", "")
    if NAME not in text:
        assert NAME not in answer
    assert not [each for each in hidden.engine.begun if each.environment.startswith(NAME)]
    assert (await hidden.operations.get(1)).status is Status.RUNNING
    assert await hidden.operations.cancel_requested(1) is None


async def test_the_help_is_free_and_names_nothing_to_who_has_no_right(hidden: Desk) -> None:
    for user in ("U0GUS", "U0BOT"):
        for text in ("/infra help", "/infra help dev"):
            answer = await answered(hidden, user, text)
            assert NAME not in answer
            assert "/deploy" not in answer


@pytest.mark.parametrize("opening", [each for each in OPENINGS if each != "/infra help"])
async def test_who_has_no_right_is_refused_and_that_is_recorded(hidden: Desk, opening: str) -> None:
    for user in ("U0GUS", "U0BOT"):
        before = len(await hidden.audit_log())
        answer = await answered(hidden, user, f"{opening} dev")
        assert "You may not" in answer
        newest = (await hidden.audit_log())[before:]
        assert newest == [(user, "refused")]
