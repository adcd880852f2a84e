"""Deploy windows: "Mon-Thu 09:00-16:00 America/Los_Angeles", in the local time of that zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from runners.nearest import nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE = '"Mon-Thu 09:00-16:00 America/Los_Angeles"'
_SHAPE = re.compile(r"(\S+) +(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2}) +(\S+)", re.ASCII)
# A place in the zone that people mean: an abbreviation says nothing of summer time.
_ABBREVIATIONS = {
    **dict.fromkeys(["PT", "PST", "PDT"], "America/Los_Angeles"),
    **dict.fromkeys(["MT", "MDT"], "America/Denver"),
    **dict.fromkeys(["CT", "CST", "CDT"], "America/Chicago"),
    **dict.fromkeys(["ET", "EDT"], "America/New_York"),
    "BST": "Europe/London",
    "CEST": "Europe/Berlin",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    **dict.fromkeys(["AEST", "AEDT"], "Australia/Sydney"),
}
_DAY = 24 * 60
_QUARTER = timedelta(minutes=15)
# A weekly window that falls into a clock change opens again a week later; a skipped date adds a week.
_SEARCH = timedelta(days=22)


@dataclass(frozen=True, slots=True)
class Window:
    """A weekly span of time. `text` is the configured text; `opens` and `closes` are minutes after midnight.

    A span whose end is before its start runs over midnight and belongs to the day it starts on.
    Local time counts, also when the clocks change.
    """

    text: str
    days: frozenset[int]
    opens: int
    closes: int
    zone: ZoneInfo

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a window; days are ranges and lists ("Mon-Thu", "Mon,Wed", "Fri-Mon").

        Raises ValueError with the problem and its remedy.
        """
        match = _SHAPE.fullmatch(text.strip())
        if not match:
            raise ValueError(f'"{text[:60]}" is not a deploy window; {_remedy(text)}')
        days, *clock, zone = match.groups()
        opens, closes = _minute(clock[0], clock[1]), _minute(clock[2], clock[3])
        if opens in {closes, _DAY}:
            raise ValueError("opens and closes at the same minute; for a whole day write 00:00-24:00")
        return cls(text.strip(), _days(days), opens, closes, zone_of(zone))

    def __str__(self) -> str:
        return self.text

    def contains(self, moment: datetime) -> bool:
        """Whether the window is open at this moment (an aware time; ValueError for a naive one)."""
        if moment.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        local = moment.astimezone(self.zone)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.opens < self.closes:
            return day in self.days and self.opens <= minute < self.closes
        return (day in self.days and minute >= self.opens) or ((day - 1) % 7 in self.days and minute < self.closes)

    def next_opening(self, moment: datetime) -> datetime:
        """The first moment, not before this one, at which the window is open (UTC; `moment` itself when it is)."""
        if self.contains(moment):
            return moment.astimezone(UTC)
        start = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        at = start
        while at - start < _SEARCH:
            # Clocks change on quarters of an hour in every zone's present rules, but a span may be shorter.
            if self._may_open_within_quarter(at):
                for minute in range(15):
                    if self.contains(at + timedelta(minutes=minute)):
                        return at + timedelta(minutes=minute)
            at += _QUARTER
        raise LookupError(f"{self.text} does not open within {_SEARCH.days} days")

    def _may_open_within_quarter(self, at: datetime) -> bool:
        if self.contains(at + timedelta(minutes=14)):
            return True
        local = at.astimezone(self.zone)
        return (self.opens - local.hour * 60 - local.minute) % _DAY < 15


def _remedy(text: str) -> str:
    """Which part is not as it is written here; the whole example where there are not three parts."""
    days, hours, zone = parts if len(parts := text.split()) == 3 else ("", "", "")
    wrong = []
    if not re.fullmatch(r"\d{1,2}:\d{2}-\d{1,2}:\d{2}", hours, re.ASCII):
        whole = re.fullmatch(r"(\d{1,2})(?:h|am)?-(\d{1,2})(?:h)?", hours, re.ASCII)
        written = f"{int(whole[1]):02}:00-{int(whole[2]):02}:00" if whole else "09:00-16:00"
        wrong.append(f"write the hours {hours} as {written}")
    for part, check, name in ((days, _days, "days"), (zone, zone_of, "zone")):
        try:
            check(part)
        except ValueError as error:
            wrong.append(f"the {name}: {error}")
    if not days or not wrong:
        return f"write days, hours and a time zone: {EXAMPLE}"
    return "; ".join(wrong)


def _minute(hours: str, minutes: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > _DAY:
        raise ValueError(f"{hours}:{minutes} is not a time of day; write a time from 00:00 to 24:00")
    return minute


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, end = _day(first), _day(last or first)
        days.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(days)


def _day(name: str) -> int:
    if name.lower() not in DAYS:
        meant = nearest(name, DAYS).title()
        hint = f"did you mean {meant}?" if meant else "write Mon, Tue, Wed, Thu, Fri, Sat or Sun"
        raise ValueError(f'"{name[:20]}" is not a day; {hint}')
    return DAYS.index(name.lower())


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name. Raises ValueError with the remedy."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        meant = _ABBREVIATIONS.get(name.upper()) or nearest(name, available_timezones())
        hint = f"did you mean {meant}?" if meant else "write for example America/Los_Angeles, Europe/London or UTC"
        raise ValueError(f'"{name[:40]}" is not a time zone; {hint}') from None
