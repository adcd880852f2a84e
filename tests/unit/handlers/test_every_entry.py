"""Every way in, by every kind of account: no effect without a right, and each refusal is friendly and recorded.

The ways in are read from what the handlers register, so that a new one is tried as well.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access import policy
from bot.access.policy import Person
from bot.access.rights import need_of, needed_for
from bot.config import read
from bot.errors import Denied, UserError
from bot.inbound.app import find_handlers
from bot.operations import attendance, periodic
from bot.operations.attendance import Attendance
from bot.operations.registry import Click, Invocation, NextPage, ShortcutUse, Submission
from bot.operations.thread_replies import ThreadReply
from bot.slack.blocks import markup
from bot.store.approvals import Outcome
from tests.unit.handlers import conftest, directory, test_refused_clicks as clicks
from tests.unit.handlers.conftest import WATCHED, Desk, filled

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.operations.registry import Topic
    from bot.services import Services

REGISTRY = find_handlers()
ACCESS = 'access: {operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"]}'
ROLES = """access:
  operators: ["usergroup:S0INFRA"]
  approvers: ["usergroup:S0LEADS"]
  roles:
    planners: {people: [U0PLAN], may: [plan], environments: [staging]}
    developers: {people: [U0DEV], may: [see, plan, run, approve, unlock, emergency], environments: [dev]}
"""
FILE = WATCHED.replace(ACCESS, ROLES).replace(
    "    machines: [backend]\n", "    machines: [backend]\n    daemons: {backend: [queue]}\n"
)
CONFIG = read(FILE + "operations: {tidy: {workflow: tidy.yml, environment: staging, description: Tidy up}}\n")
BOTH = frozenset({"S0INFRA", "S0LEADS"})
NO_ANSWER = {"S0INFRA": "missing_scope", "S0LEADS": "no_such_subteam"}
PEOPLE = {
    "guest": Person("U0GUEST", BOTH, {}, "your account is a guest's"),
    "deactivated": Person("U0GONE", BOTH, {}, "your account is deactivated"),
    "bot": Person("U0BOT", BOTH, {}, "a bot's account may do nothing here"),
    "another workspace": Person("U0EXT", BOTH, {}, "your account belongs to another workspace"),
    "former member": Person("U0LEFT", frozenset()),
    "unreadable groups": Person("U0WHO", frozenset(), NO_ANSWER),
    "stranger": Person("U0GUS", frozenset()),
    "operator": Person("U0ANA", frozenset({"S0INFRA"})),
    "approver": Person("U0LEE", BOTH),
    "planner": Person("U0PLAN", frozenset()),
    "of dev alone": Person("U0DEV", frozenset()),
}
WITHOUT_RIGHTS = list(PEOPLE)[:7]
REFUSAL = re.compile(r"You may not [^.;]+(: .*|[;.] .* may[.:])|I could not look up in Slack who is in ", re.DOTALL)
HELP = "/infra help"  # says whom to ask, which is no attempt
# What is sent off with each modal; the inputs are those of all, since each handler reads its own.
VALUES = {"environment": "staging", "ref": "", "reason": "because", "stay": "", "hours": "2", "word": "staging", "from": "22", "to": "7",
    "operation": "tidy", "run": "10"}  # fmt: skip
METADATA = {
    "build-images": json.dumps(["images", ""]), "dismissal": "", "builder-claim": "1", "deploy": "", "emergency": "/deploy staging",
    "deploy-inputs": json.dumps(["staging", "main"]), "deploy-anyway-reason": "1", "image-choice": "1", "quiet-hours": "", "plan": "",
    "plan-variables": json.dumps(["staging", "main"]), "plan-values": json.dumps(["staging", "main", {}, {}]),
    "run": json.dumps(["tidy", "main", "", ""]), "run-choice": json.dumps(""), "typed-approval": "", "rejection": "",
    "roll-back-confirmed": "1 2", "roll-back-images-confirmed": json.dumps([1, {}]),
}  # fmt: skip
APPROVALS = ("typed-approval", "rejection")  # their metadata is the approval's id
PREFERENCES = ("prefer-turn", "prefer-ended", "prefer-quiet", "quiet-hours")  # everybody's own, who may see anything


@dataclass(frozen=True)
class Entry:
    """A way in: its name, and what does it for a person with the text or value that belongs to it."""

    name: str
    use: Callable[[Desk, str, str], Awaitable[object]]
    texts: tuple[str, ...] = ("",)


def _command(name: str, handle: Any, opening: str = "") -> Callable[[Desk, str, str], Awaitable[object]]:
    async def use(desk: Desk, user: str, text: str) -> object:
        words = f"{opening} {text}".strip()
        typed = Invocation(user, "C0STAGING", words, "1.2.abc", "", f"key {user} {name} {words}", REGISTRY)
        return await handle(desk.services, typed)

    return use


def _button(button: Any) -> Callable[[Desk, str, str], Awaitable[object]]:
    async def use(desk: Desk, user: str, value: str) -> object:
        click = Click(user, "C0STAGING", "1.0", button.action_id, value, "1.2", "", REGISTRY)
        return await button.handle(desk.services, click)

    return use


def _modal(modal: Any) -> Callable[[Desk, str, str], Awaitable[object]]:
    async def use(desk: Desk, user: str, metadata: str) -> object:
        key = f"view {user} {modal.callback_id}"
        return await modal.handle(
            desk.services, Submission(user, modal.callback_id, metadata, dict(VALUES), key, REGISTRY)
        )

    return use


def _shortcut(shortcut: Any) -> Callable[[Desk, str, str], Awaitable[object]]:
    async def use(desk: Desk, user: str, _: str) -> object:
        return await shortcut.handle(desk.services, ShortcutUse(user, "1.2", "C0STAGING", "1.0"))

    return use


def _words_of(topic: Topic) -> tuple[str, ...]:
    if topic.usage.startswith(HELP):
        return ("",)
    return ("", "staging", "1", *(["staging because it burns", "all sale"] if topic.free_text else []))


def _entries() -> list[Entry]:
    infra = next(command for command in REGISTRY.commands if command.name == "/infra")
    words, urgent = ("staging", "dev", "1", ""), dict.fromkeys(("/deploy", "/plan"), ("staging! because it burns",))
    topics = [
        Entry(f"/infra {each.name}", _command("/infra", infra.handle, each.name), _words_of(each))
        for each in REGISTRY.topics
    ]
    commands = [
        Entry(each.name, _command(each.name, each.handle), (*words, *urgent.get(each.name, ())))
        for each in REGISTRY.commands
        if each is not infra
    ]
    buttons = [Entry(f"button {each.action_id}", _button(each)) for each in clicks.BUTTONS.values()]
    modals = [Entry(f"modal {each.callback_id}", _modal(each)) for each in REGISTRY.modals]
    shortcuts = [Entry(f"shortcut {each.callback_id}", _shortcut(each)) for each in REGISTRY.shortcuts]
    return [*commands, *topics, *buttons, *modals, *shortcuts]


ENTRIES = {entry.name: entry for entry in _entries()}


class Directory(directory.Directory):
    """Who is who."""

    async def person(self, user_id: str) -> Person:
        return next((each for each in PEOPLE.values() if each.id == user_id), Person(user_id, frozenset()))

    async def name(self, _: str) -> str:
        return "somebody"


@pytest.fixture
def everybody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk with all these people."""
    desk.config = CONFIG
    monkeypatch.setattr(conftest, "Directory", Directory)

    async def attended(_: object) -> Attendance:
        return Attendance((), {}, None, {})

    monkeypatch.setattr(attendance, "read", attended)
    made = type(desk).services.fget  # type: ignore[attr-defined]

    def services(_: Desk) -> Services:
        all_of_them = made(desk)
        all_of_them.lease = SimpleNamespace(workers=SimpleNamespace(length=60.0))
        return cast("Services", all_of_them)

    monkeypatch.setattr(type(desk), "services", property(services))
    return desk


async def arranged(desk: Desk, entry: Entry) -> tuple[str, ...]:
    """The world in which the entry does what it does; the texts or values to try."""
    kind, _, name = entry.name.partition(" ")
    if kind == "button":
        return (await clicks._arrange(desk, name),)
    approval_id = await clicks._arrange(desk, "approve")
    if kind != "modal":
        return entry.texts
    if name == "dismissal":
        return (f"{await clicks._arrange(desk, 'dismiss-sign')} C0STAGING 1.0",)
    return (approval_id if name in APPROVALS else METADATA[name],)


async def answered(desk: Desk, entry: Entry, user: str, text: str) -> str:
    """All that this person reads. Systems outside are absent: what asks them fails after its checks."""
    desk.chat.notices.clear()
    try:
        answer: object = await entry.use(desk, user, text)
    except UserError as refused:
        answer = str(refused)
    except (AttributeError, KeyError, TypeError, LookupError) as absent:
        answer = f"absent: {absent!r}"
    await filled()
    view = answer.view if isinstance(answer, NextPage) else ""
    return markup.plain(f"{answer} {view} {desk.chat.notices}")


def effects(desk: Desk) -> tuple[object, ...]:
    """What was begun, woken and displayed."""
    chat = desk.chat
    return (tuple(desk.engine.begun), tuple(desk.engine.woken), len(chat.views), len(chat.says), len(chat.posted))


def test_each_modal_has_something_to_send_off() -> None:
    assert set(METADATA) == {modal.callback_id for modal in REGISTRY.modals}


def test_what_runs_by_itself_is_nobodys_request() -> None:
    assert REGISTRY.periodic_tasks
    assert not policy.is_user(periodic.REQUESTER)


@pytest.mark.parametrize("name", ENTRIES)
async def test_who_has_no_right_does_nothing_and_reads_why(everybody: Desk, name: str) -> None:
    texts = await arranged(everybody, ENTRIES[name])
    before, displayed = await clicks._contents(everybody), effects(everybody)
    for kind in WITHOUT_RIGHTS:
        person = PEOPLE[kind]
        for text in texts:
            answer = await answered(everybody, ENTRIES[name], person.id, text)
            assert REFUSAL.search(answer), f"{kind}, {text}: {answer}"
        if person.account and not re.search(r" may[.:]", answer):  # else no rule names them, whatever their account is
            assert markup.plain(person.account) in answer
        recorded = [action for actor, action in await everybody.audit_log() if actor == person.id]
        assert recorded in (["refused"], ["click refused"], *([[HELP]] if name == HELP else [])), kind
    assert effects(everybody) == displayed
    assert await clicks._contents(everybody) == before


@pytest.mark.parametrize("kind", ["operator", "approver", "planner", "of dev alone"])
@pytest.mark.parametrize("name", ENTRIES)
async def test_what_somebody_begins_or_decides_they_have_the_right_to(everybody: Desk, name: str, kind: str) -> None:
    texts, person = await arranged(everybody, ENTRIES[name]), PEOPLE[kind]
    before = await clicks._contents(everybody)
    for text in texts:
        everybody.engine.begun.clear()
        await answered(everybody, ENTRIES[name], person.id, text)
        for request in everybody.engine.begun:
            target = policy.target_of(everybody.config, request.environment)
            need = need_of(request.kind, request.arguments)
            assert policy.may(everybody.config, person, need, target), f"{text}: {request}"
            assert request.requester == person.id
    await _check_decisions(everybody, person, before)


async def _check_decisions(desk: Desk, person: Person, before: Mapping[str, list[Any]]) -> None:
    """Whatever has changed, this person may change: votes, locks, what they chose for an operation."""
    after = await clicks._contents(desk)
    changed = {table for table in after if after[table] != before[table]} - {"signalbox_preferences"}
    if person.id in ("U0PLAN", "U0DEV"):  # neither may change staging, or what is shared
        assert not changed
    operation = await desk.operations.get(1)
    target = policy.target_of(desk.config, operation.environment)
    for row in after["signalbox_votes"]:
        check = policy.check_may_approve if row.decision == Outcome.APPROVED.value else policy.check_may_reject
        check(desk.config, target, person, operation.requester, needed_for(operation))
    for row in after["signalbox_closures"]:
        if row.kind == "freeze" and row.person == person.id:
            policy.check_allowed(person, desk.config.access.approvers, "froze")


async def test_the_home_of_who_has_no_right_shows_nothing(everybody: Desk) -> None:
    await clicks._arrange(everybody, "approve")
    for home in REGISTRY.homes:
        for kind in WITHOUT_RIGHTS:
            await home.publish(everybody.services, PEOPLE[kind].id)
            rendered = str(everybody.chat.homes[PEOPLE[kind].id])
            assert not [name for name in CONFIG.environments if name in rendered], rendered
            assert "Deploy it" not in rendered


async def test_comments_of_who_has_no_right_are_not_recorded(everybody: Desk) -> None:
    await clicks._arrange(everybody, "approve")
    for listener in REGISTRY.thread_listeners:
        for kind in (*WITHOUT_RIGHTS, "of dev alone"):
            await listener.handle(everybody.services, ThreadReply(PEOPLE[kind].id, "C0STAGING", "1.0", "2.0", "Hello"))
    assert await everybody.audit_log() == []


def test_somebody_who_may_is_not_refused_by_these_tests() -> None:
    """The people who have rights do: else the tests above would prove nothing."""
    staging = CONFIG.environments["staging"]
    policy.check_may_approve(CONFIG, staging, PEOPLE["approver"], "U0ANA", need_of("deploy", {}))
    policy.check_may(CONFIG, PEOPLE["operator"], need_of("deploy", {}), staging)
    with pytest.raises(Denied):
        policy.check_may(CONFIG, PEOPLE["planner"], need_of("deploy", {}), staging)
