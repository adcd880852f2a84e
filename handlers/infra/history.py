"""/infra history and /infra show: what happened, newest first, and the whole story of one operation."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.access import arguments, policy, since
from bot.config.targets import shared_targets, without_lane
from bot.errors import UserError
from bot.operations.follow_ups import linked
from bot.operations.registry import Button, Topic
from bot.slack.blocks import kit
from bot.store.audit import CONFIGURATION
from bot.store.history import Position, Wanted
from bot.store.operations import Record
from handlers.infra import entry_lines, history_views, visibility
from handlers.infra.history_views import EntryRow, OperationRow, StepRow, Story
from handlers.shared import permissions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config
    from bot.operations.registry import Click, Invocation, Registry
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.audit import StoredEntry

MOST = 15  # lines of a page
HINT = "[environment] [@person] [kind] [since]"
USAGE = f"/infra history {HINT}, for example /infra history prod deploy 2d"
SHOW_USAGE = "/infra show 12"
# What may be asked for beside the kinds of operations, with the actions of the entries.
ACTIONS: Mapping[str, frozenset[str]] = {
    "approvals": frozenset({"approved", "rejected", "superseded"}),
    "refusals": frozenset({"refused", "click refused", "refused to start"}),
    "comments": frozenset({"commented"}),
    "locks": frozenset({"lock", "unlock", "freeze", "unfreeze"}),
    "configuration": frozenset({CONFIGURATION}),
}
_VALUE = re.compile(r"(\d{1,10}) (\d{1,10})((?: \S+)*)")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks for: its parts as typed, by their names, and what of the history that is."""

    wanted: Wanted
    parts: dict[str, str] = field(default_factory=dict)

    def with_part(self, name: str, word: str, wanted: Wanted) -> Question:
        """The question with one more part. Raises UserError where it has that part already."""
        if name in self.parts:
            raise UserError(f"{arguments.quoted(word)} is a second {name}. Usage: {USAGE}")
        return Question(wanted, {**self.parts, name: word})


async def history(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The newest page of what was asked for."""
    question = await _question(services, invocation.registry, invocation.user, words)
    return await _page(services, invocation.registry, invocation.user, question)


async def older(services: Services, click: Click) -> Message:
    """The next page, after the same checks as for the first."""
    await permissions.check_may_use(services, permissions.attempt(click.user, "history"), "/infra history", "see")
    value = _VALUE.fullmatch(click.value)
    if value is None:
        raise UserError(f"I cannot read this button. Type {USAGE}.")
    question = await _question(services, click.registry, click.user, value[3].split())
    return await _page(services, click.registry, click.user, question, Position(int(value[1]), int(value[2])))


async def show(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """Everything on record about an operation."""
    digits = words[0].removeprefix("#") if words else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
        raise UserError(f"Which operation? Usage: {SHOW_USAGE}")
    visible = await visibility.targets_for(services, invocation.user)
    record = await _record(services, int(digits))
    if record is None or (visible is not None and without_lane(record.environment) not in visible):
        raise UserError(f"There is no operation #{int(digits)} that you may see. `/infra history` lists the newest.")
    steps = await services.history.steps(record.number)
    [row] = await _rows(services, [record])
    lines = tuple(
        StepRow(
            each.at,
            each.entry.actor,
            "requested" if each.entry.action == record.kind else each.entry.action,
            entry_lines.describe(each.entry.detail),
            str(each.entry.detail.get("url") or ""),
            intact,
        )
        for each, intact in steps
    )
    assert isinstance(row, OperationRow)  # noqa: S101  -- of a record
    page = services.page_links.link(record.number, invocation.user)
    return history_views.story(Story(row, record.activity, record.ended_at, lines, page))


async def _record(services: Services, number: int) -> Record | None:
    try:
        return await services.operations.get(number)
    except LookupError:
        return None


async def _page(
    services: Services, registry: Registry, user: str, question: Question, below: Position | None = None
) -> Message:
    visible = await visibility.targets_for(services, user)
    wanted = question.wanted
    if visible is not None:
        wanted = replace(wanted, targets=visible & (visible if wanted.targets is None else wanted.targets))
    begins = [kind.name for kind in registry.kinds]
    answer = await services.history.page(wanted, begins, MOST, below)
    words = " ".join(question.parts.values())
    value = f"{answer.rest.operation} {answer.rest.entry} {words}".rstrip() if answer.rest else ""
    rows = await _rows(services, answer.items)
    return history_views.page(_in_words(question), rows, older=value, first=below is None)


async def _rows(services: Services, items: Sequence[Record | StoredEntry]) -> list[OperationRow | EntryRow]:
    records = {item.number: item for item in items if isinstance(item, Record)}
    about = {item.entry.operation for item in items if not isinstance(item, Record)} - {None, *records}
    others = await asyncio.gather(*(_record(services, number) for number in about if number is not None))
    records |= {record.number: record for record in others if record}
    links = await asyncio.gather(*(linked(services, record) for record in records.values()))
    urls = {link.head.number: link.url for link in links}
    ends = await services.history.ends(list(records))
    return [
        _operation(item, urls[item.number], ends.get(item.number, {}))
        if isinstance(item, Record)
        else _entry(item, urls)
        for item in items
    ]


def _operation(record: Record, url: str, end: Mapping[str, object]) -> OperationRow:
    outcome, why = str(end.get("outcome") or ""), str(end.get("why") or "")
    status = record.status.value
    why = why if record.status.ended else ""
    outcome = outcome if record.status.ended else record.activity
    return OperationRow(
        record.number, record.title, status, outcome or status, why, record.requester, record.created_at, url
    )


def _entry(stored: StoredEntry, urls: Mapping[int, str]) -> EntryRow:
    entry, number = stored.entry, stored.entry.operation
    url = urls.get(number, "") if number is not None else ""
    return EntryRow(entry.actor, entry_lines.done(entry), entry_lines.describe(entry.detail), stored.at, number, url)


async def _question(services: Services, registry: Registry, user: str, words: Sequence[str]) -> Question:
    """What these words ask for. Raises UserError for a word that is none of the parts."""
    question = Question(Wanted())
    zone = await services.directory.zone(user)
    kinds = _kinds(registry)
    for word in words:
        wanted = question.wanted
        if targets := _targets(services.config, word):
            question = question.with_part("environment", word, replace(wanted, targets=targets))
        elif word == "me" or arguments.PERSON.fullmatch(word):
            person = user if word == "me" else word.removeprefix("@")
            question = question.with_part("person", f"@{person}", replace(wanted, person=person))
        elif word in ACTIONS:
            question = question.with_part("kind", word, replace(wanted, kinds=frozenset(), actions=ACTIONS[word]))
        elif word in kinds:
            question = question.with_part("kind", word, replace(wanted, kinds=kinds[word], actions=frozenset()))
        elif (begin := since.since(word, services.clock(), zone)) is not None:
            question = question.with_part("time", word, replace(wanted, since=begin))
        else:
            visible = policy.visible_to(services.config, await services.directory.person(user))
            choices = [*visible.environments, *kinds, *ACTIONS, "yesterday", "today"]
            guess = arguments.nearest(word, choices, otherwise=".")
            raise UserError(
                f"{arguments.quoted(word)} is no environment, person, kind or time{guess} "
                f"Kinds are {', '.join([*kinds, *ACTIONS])}; times are {since.FORMS}. Usage: {USAGE}"
            )
    return question


def _targets(config: Config, word: str) -> frozenset[str]:
    """The environment of this name with its parts, or what is shared ("image-builds"); empty where nothing has the name."""
    if named := config.find(word):
        parts = [each.name for each in config.environments.values() if not named.part and each.whole == named.name]
        return frozenset({named.name, *parts})
    return frozenset(name for name in shared_targets(config) if name.replace(" ", "-") == word)


def _kinds(registry: Registry) -> dict[str, frozenset[str]]:
    """The kinds of operations by each word of their names: "deploy" is also what follows a deploy."""
    by_word: dict[str, set[str]] = {}
    for kind in registry.kinds:
        for word in re.split("[ -]", kind.name):
            if word not in _FILLERS:
                by_word.setdefault(word, set()).add(kind.name)
    return {word: frozenset(names) for word, names in sorted(by_word.items())}


_FILLERS = frozenset({"follow", "propose", "remove", "orphaned", "up", "stacks"})


def _in_words(question: Question) -> str:
    """What is asked for, to continue "History": "of prod, deploy, by @ana, since yesterday"."""
    parts, words = question.parts, list[str]()
    if "environment" in parts:
        words.append(f"of {kit.escape(parts['environment'])}")
    if "kind" in parts:
        words.append(f"of {kit.escape(parts['kind'])}" if not words else kit.escape(parts["kind"]))
    if question.wanted.person:
        words.append(f"by {kit.user(question.wanted.person)}")
    if question.wanted.since:
        words.append(f"since {kit.moment(question.wanted.since)}")
    return ", ".join(words)


TOPICS = (
    Topic("history", HINT, "What happened, newest first: operations, approvals, refusals.", history, most=4),
    Topic("show", "12", "The whole story of an operation: steps, plan, runs, decisions, outcome.", show),
)
BUTTONS = (Button(history_views.OLDER, older, repeatable=True),)
