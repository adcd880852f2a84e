"""The page of /infra secrets: overdue first, then by age; what nobody has, what nobody names, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, tables
from runners import phrases
from runners.results.secrets import Keeper, key_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import Unreadable
    from runners.results.secrets import SecretEntry, SecretUse

MOST_NAMED = 20
AGELESS = (Keeper.OWN, Keeper.HCP)  # places that do not say when a value was set


@dataclass(frozen=True, slots=True)
class Line:
    """A secret in the list; `age` is in seconds, None where it is unknown."""

    entry: SecretEntry
    age: float | None
    overdue: bool
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What the page displays; `limit` is the age in seconds from which a secret is overdue, `where` the environment asked about."""

    lines: tuple[Line, ...]
    limit: float
    now: float
    missing: tuple[SecretUse, ...] = ()
    unnamed: tuple[SecretEntry, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    hints: tuple[str, ...] = ()
    where: str = ""

    @property
    def overdue(self) -> tuple[Line, ...]:
        """Those that are older than they should be."""
        return tuple(line for line in self.lines if line.overdue)


def page(content: Page) -> Message:
    """The list, for the person alone."""
    head = _head(content)
    ordered = sorted(content.lines, key=lambda line: (not line.overdue, -(line.age if line.age is not None else -1.0)))
    rows = [_row(line, content.now) for line in ordered]
    columns = ["Secret", "Where", "Age", "Last used", "Used by", "Note"]
    blocks = [
        kit.header(head),
        *([tables.table(columns, rows)] if rows else []),
        *kit.sections(list(content.hints)),
        *_findings(content),
        *common.unreadable_parts(content.unreadable),
    ]
    foot = [
        kit.context(
            f"Overdue: older than {phrases.age(content.limit)} (`watch.keys.older_than`). Values are never read."
        )
    ]
    return kit.message(head, blocks, foot=foot)


def reminder(content: Page) -> Message:
    """What is overdue, for the channel."""
    overdue = sorted(content.overdue, key=lambda line: -(line.age or 0.0))
    head = f"{_counted(len(overdue))} overdue for rotation"
    rows = [_row(line, content.now) for line in overdue]
    blocks = [
        kit.section(f":key: *{head}* (older than {phrases.age(content.limit)})"),
        tables.table(["Secret", "Where", "Age", "Last used", "Used by", "Note"], rows),
        *kit.sections(list(content.hints)),
    ]
    return kit.message(head, blocks, foot=[kit.context("All secrets: `/infra secrets`")])


def _head(content: Page) -> str:
    where = f" of {content.where}" if content.where else ""
    count = len(content.overdue)
    return f"{_counted(len(content.lines))}{where}, {count or 'none'} overdue"


def _counted(count: int) -> str:
    return phrases.counted(count, "secret")


def _row(line: Line, now: float) -> Sequence[Cell]:
    entry = line.entry
    used = phrases.age(now - entry.last_used.timestamp()) + " ago" if entry.last_used else ""
    if not used and entry.keeper is Keeper.IAM:
        used = "never"
    age = phrases.age(line.age) if line.age is not None else "unknown"
    return [
        key_name(entry.name) if entry.keeper is Keeper.IAM else entry.name,
        _place(entry),
        f"⚠️ {age}" if line.overdue else age,
        used,
        ", ".join(line.used_by),
        entry.note,
    ]


def _place(entry: SecretEntry) -> str:
    if entry.keeper is Keeper.ENVIRONMENT:
        return f"{entry.keeper.value} {entry.environment}"
    return (
        f"{entry.keeper.value}, {entry.owner}" if entry.keeper is Keeper.OWN else f"{entry.keeper.value} {entry.owner}"
    )


def _findings(content: Page) -> list[Block]:
    lines = []
    if content.missing:
        named = _cut(f"{kit.code(use.name)} in {kit.code(use.workflow)}{_of(use)}" for use in content.missing)
        lines.append(f":warning: *Workflows name these, and nobody has them:* {named}")
    if content.unnamed:
        named = _cut(f"{kit.code(entry.name)} ({kit.escape(_place(entry))})" for entry in content.unnamed)
        lines.append(f":wastebasket: *No workflow names these:* {named}")
    return kit.sections(lines)


def _of(use: SecretUse) -> str:
    return f" (environment {kit.escape(use.environment)})" if use.environment else ""


def _cut(parts: Iterable[str]) -> str:
    unique = list(dict.fromkeys(parts))
    return phrases.listed_of(unique[:MOST_NAMED], len(unique))


def oidc_hint(key: str, user: str, workflows: Sequence[str], asking: Sequence[str], roles: Sequence[str]) -> str:
    """How GitHub's OIDC can replace an overdue key: `asking` are the workflows that may ask for its token already."""
    needed = [workflow for workflow in workflows if workflow not in asking]
    steps = [f"set `role-to-assume` to the role {kit.code(roles[0])} in place of the stored key"]
    if needed:
        steps.insert(0, f"add `permissions: id-token: write` to {_cut(map(kit.code, needed))}")
    where = _cut(map(kit.code, workflows))
    return (
        f":bulb: {kit.code(key_name(key))} of {kit.escape(user)} can be replaced by GitHub's OIDC in {where}: {', '.join(steps)}. "
        "Then no key is stored."
    )
