"""Draws what one environment has that another has not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from handlers.infra.state_views import image_words
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.slack.blocks.kit import Message
    from handlers.infra.state_views import Card, RoleLine, ServiceLine
    from runners.results import Commit, Difference, Image

MOST_COMMITS = 12  # of a service, in the message of all sections
MOST_LINES = 15
SECTIONS = ("code", "images", "machines", "variables", "daemons")


@dataclass(frozen=True, slots=True)
class CodeChange:
    """What a service runs in both environments; `pulls` has number and URL by commit; `problem` is why nothing is known more."""

    name: str
    first: ServiceLine
    second: ServiceLine
    difference: Difference | None = None
    pulls: Mapping[str, tuple[int, str]] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class VariableChange:
    """A variable of a stack with the values in both environments; None where the code there does not set it."""

    stack: str
    name: str
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that differ; how many are secret; what could not be read, in plain text."""

    changes: tuple[VariableChange, ...] = ()
    hidden: int = 0
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two environments: their cards, what their services run, their variables, their daemons by role, images' bases by id."""

    first: Card
    second: Card
    code: tuple[CodeChange, ...]
    variables: Variables
    daemons: tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]
    bases: Mapping[str, Image]


def page(both: Comparison, section: str = "") -> Message:
    """What the first has that the second has not, in one message; of one section everything."""
    first, second = kit.escape(both.first.name), kit.escape(both.second.name)
    title = f"What {first} has that {second} has not"
    draw = {
        "code": lambda: _code(both, 100 if section else MOST_COMMITS),
        "images": lambda: _images(both),
        "machines": lambda: _machines(both),
        "variables": lambda: _variables(both, 200 if section else MOST_LINES),
        "daemons": lambda: _daemons(both),
    }
    blocks = [kit.section(f"*{title}*")]
    for name in [section] if section else SECTIONS:
        blocks += kit.sections([f"*{name.capitalize()}*", *draw[name]()])
    unread = dict.fromkeys((*both.first.unread, *both.second.unread))
    blocks += kit.sections(f":grey_question: {kit.escape(each)}" for each in unread)
    command = f"/infra diff {both.first.name.replace('/', ' ')} {both.second.name} {' | '.join(SECTIONS)}"
    foot = [] if section else [kit.context(f"All of one section: {kit.code(command)}")]
    return kit.message(title, blocks, foot=foot)


def _code(both: Comparison, most: int) -> list[str]:
    lines: list[str] = []
    for each in both.code:
        lines += _service(both, each, most)
    return lines or ["No deploys to compare."]


def _service(both: Comparison, change: CodeChange, most: int) -> list[str]:
    name = f"{kit.escape(change.name)}: " if change.name else ""
    here, there = change.first, change.second
    nothing = [kit.escape(card.name) for card, line in ((both.first, here), (both.second, there)) if not line.deployed]
    if nothing:
        return [f"{name}Signalbox has not deployed to {' and '.join(nothing)} yet"]
    pair = f"{kit.code(here.sha[:7])} and {kit.code(there.sha[:7])}"
    if change.difference is None:
        reason = f": {kit.escape(change.problem)}" if change.problem else ""
        return [f":grey_question: {name}{pair} could not be compared{reason}"]
    ahead, behind = change.difference.ahead, change.difference.behind
    if not ahead and not behind:
        return [f":white_check_mark: {name}both run {kit.code(here.sha[:7])}"]
    first, second = kit.escape(both.first.name), kit.escape(both.second.name)
    link = kit.link(phrases.counted(ahead, "commit"), change.difference.url)
    lines = [f"{name}{link} of {first} {phrases.plural(ahead, 'is', 'are')} not in {second} ({pair})"] if ahead else []
    lines += _commits(change, change.difference.commits, ahead, most)
    if behind:
        lost = phrases.counted(behind, "commit")
        lines.append(f":warning: {name}{lost} of {second} {phrases.plural(behind, 'is', 'are')} not in {first}")
        lines += _commits(change, change.difference.lost, behind, most)
    return [*lines, *([f":grey_question: {kit.escape(change.problem)}"] if change.problem else [])]


def _commits(change: CodeChange, commits: Sequence[Commit], total: int, most: int) -> Iterable[str]:
    for commit in commits[:most]:
        pull = (change.pulls or {}).get(commit.sha)
        number = f" {kit.link(f'#{pull[0]}', pull[1])}" if pull else ""
        yield f"• {common.commit_line(commit)}{number}"
    yield from phrases.rest(total - min(most, len(commits)))


def _by_role(card: Card) -> dict[str, RoleLine]:
    return {role.role: role for role in card.roles or ()}


def _roles(both: Comparison) -> list[str]:
    return list(dict.fromkeys((*_by_role(both.first), *_by_role(both.second))))


def _images(both: Comparison) -> list[str]:
    if both.first.roles is None or both.second.roles is None:
        return ["The instances were not read."]
    here, there = _by_role(both.first), _by_role(both.second)
    lines, same = list[str](), list[str]()
    for role in _roles(both):
        ours, theirs = (each[role].images if role in each else () for each in (here, there))
        if {_identity(image) for image in ours} == {_identity(image) for image in theirs}:
            same.append(kit.code(role))
            continue
        lines.append(f"• *{kit.escape(role)}*")
        for card, images in ((both.first, ours), (both.second, theirs)):
            words = ", ".join(_image(both, image) for image in images) or "no running instance"
            lines.append(f"      {kit.escape(card.name)}: {words}")
    return [*lines, *_same(same, "same image or commit")]


def _identity(image: Image) -> str:
    """What makes two images the same: each environment has an image of its own of the same commit."""
    return f"{image.commit} {image.base}" if image.commit else image.image_id


def _image(both: Comparison, image: Image) -> str:
    now = both.first.now
    if not image.base:
        return image_words(image, now)
    base = both.bases.get(image.base)
    made = base.created_at if base else None
    age = f" ({phrases.age(now - made.timestamp())} old)" if made else ""
    return f"{image_words(image, now)}, base {kit.code(image.base)}{age}"


def _machines(both: Comparison) -> list[str]:
    if both.first.roles is None or both.second.roles is None:
        return ["The instances were not read."]
    here, there = _by_role(both.first), _by_role(both.second)
    lines, same = list[str](), list[str]()
    for role in _roles(both):
        ours, theirs = (_types(each.get(role)) for each in (here, there))
        if ours == theirs:
            same.append(kit.code(role))
        else:
            first, second = kit.escape(both.first.name), kit.escape(both.second.name)
            lines.append(f"• *{kit.escape(role)}*: {first} {ours}, {second} {theirs}")
    return [*lines, *_same(same, "same types and counts")]


def _types(role: RoleLine | None) -> str:
    types = Counter(each.type for each in role.running) if role else Counter[str]()
    return " + ".join(f"{count} {kind}" for kind, count in sorted(types.items())) or "none"


def _variables(both: Comparison, most: int) -> list[str]:
    changes, lines = both.variables.changes, list[str]()
    first, second = kit.escape(both.first.name), kit.escape(both.second.name)
    for change in changes[:most]:
        stack = f"{kit.escape(change.stack)} " if change.stack else ""
        ours, theirs = _value(change.first), _value(change.second)
        lines.append(f"• {stack}{kit.code(change.name)}: {first} {ours}, {second} {theirs}")
    lines += phrases.rest(len(changes) - most)
    if not changes and not both.variables.unread:
        lines.append(":white_check_mark: the same values in the code")
    if both.variables.hidden:
        lines.append(f":lock: not displayed: {phrases.counted(both.variables.hidden, 'sensitive variable')}")
    return [*lines, *(f":grey_question: {kit.escape(each)}" for each in both.variables.unread)]


def _value(value: str | None) -> str:
    return "not set" if value is None else kit.code(value, 100)


def _daemons(both: Comparison) -> list[str]:
    ours, theirs = both.daemons
    first, second = kit.escape(both.first.name), kit.escape(both.second.name)
    lines = list[str]()
    for role in dict.fromkeys((*ours, *theirs)):
        here, there = set(ours.get(role, ())), set(theirs.get(role, ()))
        for name, only in ((first, here - there), (second, there - here)):
            if only:
                lines.append(f"• *{kit.escape(role)}*: {', '.join(map(kit.code, sorted(only)))} only in {name}")
    for card in (both.first, both.second):
        if card.daemons:
            checked = f"{kit.escape(card.daemons.outcome)}, checked {kit.moment(card.daemons.at)}"
            lines.append(f"• {kit.escape(card.name)}: {checked}")
    return lines or [":white_check_mark: the same daemons" if ours else "No daemons are configured."]


def _same(roles: Sequence[str], words: str) -> list[str]:
    return [f":white_check_mark: {words}: {', '.join(roles)}"] if roles else []
