"""Pure: the end of a freeze as people type it ("until tomorrow 18:00 Europe/Berlin"). What is unclear or over is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from bot.access.arguments import quoted
from bot.config.windows import zone_of
from bot.errors import UserError
from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Sequence

UNTIL = "until"
FORMS = "until 18:00, until tomorrow 18:00, until Mon 09:00 or until 2026-12-31 18:00, with UTC or Europe/Berlin after it if you like"
LONGEST = timedelta(days=366)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ZONE = re.compile(
    r"(Africa|America|Antarctica|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific|US)/[\w+/-]+", re.ASCII
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Read:
    """The end (None: not given), and the words after it."""

    until: datetime | None
    rest: tuple[str, ...]


def read(words: Sequence[str], now: datetime, zone: tzinfo) -> Read:
    """Read `until ...` at the start of these words, in this zone unless one is typed. Raises UserError."""
    if not words or words[0].lower() != UNTIL:
        return Read(None, tuple(words))
    day, rest = _day_word(words[1:])
    match = _TIME.fullmatch(rest[0]) if rest else None
    if match is None:
        given = f"{quoted(rest[0])} is no time of day" if rest else "the time is missing"
        raise UserError(f"Until when? {given}. Write {FORMS}. Nothing was changed.")
    zone, after = _typed_zone(rest[1:], zone)
    until = _moment(day, time(int(match[1]), int(match[2])), now.astimezone(zone), zone)
    if until > now + LONGEST:
        raise UserError(
            f"{kit.moment(until.timestamp())} is more than a year from now. Write an earlier time. Nothing was changed."
        )
    return Read(until, tuple(after))


def _day_word(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The word that names the day ("" for today), and the words after it."""
    first = words[0].lower() if words else ""
    named = first in ("today", "tomorrow", *_DAYS, *_LONG_DAYS) or _DATE.fullmatch(first)
    return (first, words[1:]) if named else ("", words)


def _typed_zone(words: Sequence[str], zone: tzinfo) -> tuple[tzinfo, Sequence[str]]:
    first = words[0] if words else ""
    if first == "UTC":
        return UTC, words[1:]
    if not _ZONE.fullmatch(first):
        return zone, words
    try:
        return zone_of(first), words[1:]
    except ValueError as error:
        raise UserError(f"{error}. Nothing was changed.") from None


def _moment(day: str, at: time, now: datetime, zone: tzinfo) -> datetime:
    """The time that is meant. Raises UserError for one that is over, or that the clocks skip."""
    local = datetime.combine(_date(day, at, now), at, zone)
    # Where the clocks go back, a time comes twice: the later one, so that nothing opens early.
    moment = local.replace(fold=1).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise UserError(f"The clocks skip {at:%H:%M} on that day. Write another time. Nothing was changed.")
    if moment <= now:
        words = kit.moment(moment.timestamp())
        hint = f" For tomorrow write until tomorrow {at:%H:%M}." if day in ("", "today") else ""
        raise UserError(f"{words} is over already.{hint} Nothing was changed.")
    return moment


def _date(day: str, at: time, now: datetime) -> date:
    today = now.date()
    if day in ("", "today"):
        return today
    if day == "tomorrow":
        return today + timedelta(days=1)
    names = _DAYS if day in _DAYS else _LONG_DAYS
    if day in names:
        ahead = (names.index(day) - today.weekday()) % 7
        return today + timedelta(days=ahead or (0 if at > now.time() else 7))
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise UserError(f"{quoted(day)} is no date. Write {FORMS}. Nothing was changed.") from None
