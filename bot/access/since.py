"""The beginning of a time span as people type it: 2d, yesterday, monday, 2026-11-01."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from bot.errors import UserError

FORMS = "2d, 3h, today, yesterday, monday or 2026-11-01"
_SPAN = re.compile(r"([1-9][0-9]{0,3})(m|h|d|w)")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}))?")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS = {"today": 0, "yesterday": 1}


def since(word: str, now: float, zone: tzinfo = UTC) -> float | None:
    """The Unix time that the word means to a person in this time zone; None if it means none.

    A weekday is the last one before today. Raises UserError for a date that does not exist, and for the future.
    """
    text = word.lower()
    if span := _SPAN.fullmatch(text):
        return now - int(span[1]) * _SECONDS[span[2]]
    here = datetime.fromtimestamp(now, zone)
    today = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in _DAYS:
        return (today - timedelta(days=_DAYS[text])).timestamp()
    if text in _WEEKDAYS:
        return (today - timedelta(days=(here.weekday() - _WEEKDAYS.index(text) - 1) % 7 + 1)).timestamp()
    if date := _DATE.fullmatch(word.upper()):
        return _of_date(word, date, here)
    return None


def _of_date(word: str, date: re.Match[str], here: datetime) -> float:
    try:
        at = datetime(*(int(part or 0) for part in date.groups()), tzinfo=here.tzinfo)  # type: ignore[misc, arg-type]
    except ValueError:
        raise UserError(f"There is no date {word}.") from None
    if at > here:
        raise UserError(f"{word} is in the future.")
    return max(at, datetime.fromtimestamp(0, UTC)).timestamp()
