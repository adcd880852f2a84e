"""What people type for the beginning of a time span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from bot.access.since import since
from bot.errors import UserError

NOW = datetime(2026, 3, 4, 15, 30, 20, tzinfo=UTC)  # a Wednesday
PACIFIC = ZoneInfo("America/Los_Angeles")


@pytest.mark.parametrize(
    ("word", "begin"),
    [
        ("90m", "2026-03-04T14:00:20"),
        ("3h", "2026-03-04T12:30:20"),
        ("2d", "2026-03-02T15:30:20"),
        ("1W", "2026-02-25T15:30:20"),
        ("today", "2026-03-04T00:00:00"),
        ("Yesterday", "2026-03-03T00:00:00"),
        ("tuesday", "2026-03-03T00:00:00"),
        ("wednesday", "2026-02-25T00:00:00"),
        ("thursday", "2026-02-26T00:00:00"),
        ("2026-03-01", "2026-03-01T00:00:00"),
        ("2026-03-01T09:05", "2026-03-01T09:05:00"),
        ("2026-03-01t09:05", "2026-03-01T09:05:00"),
    ],
)
def test_a_word_is_a_time_of_its_reader(word: str, begin: str) -> None:
    assert since(word, NOW.timestamp()) == datetime.fromisoformat(f"{begin}+00:00").timestamp()


def test_a_day_begins_at_midnight_also_where_the_clock_is_set_on_it() -> None:
    monday = datetime(2026, 3, 9, 12, tzinfo=PACIFIC).timestamp()  # a day after summer time began
    assert since("yesterday", monday, PACIFIC) == datetime(2026, 3, 8, tzinfo=PACIFIC).timestamp()
    assert since("saturday", monday, PACIFIC) == datetime(2026, 3, 7, tzinfo=PACIFIC).timestamp()


def test_days_begin_where_the_person_is() -> None:
    assert since("today", NOW.timestamp(), PACIFIC) == datetime(2026, 3, 4, 8, tzinfo=UTC).timestamp()
    early = datetime(2026, 3, 4, 7, 59, tzinfo=UTC).timestamp()
    assert since("today", early, PACIFIC) == datetime(2026, 3, 3, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("word", ["", "prod", "d", "0d", "2 d", "-2d", "2y", "99999d", "2026-3-1", "20260301", "d2"])
def test_any_other_word_is_no_time(word: str) -> None:
    assert since(word, NOW.timestamp()) is None


@pytest.mark.parametrize(
    ("word", "why"),
    [("2026-02-30", "no date"), ("2026-13-01", "no date"), ("2026-03-05", "future"), ("0000-01-01", "no date")],
)
def test_a_date_that_cannot_be_meant_is_refused(word: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        since(word, NOW.timestamp())


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  -- the offset is drawn
    st.integers(-12 * 4, 14 * 4).map(lambda quarters: quarters * 900),
    st.sampled_from(["today", "yesterday", "monday", "friday", "sunday", "5h", "3d"]),
)
def test_no_span_begins_in_the_future_or_longer_ago_than_it_says(here: datetime, offset: int, word: str) -> None:
    now = here.replace(tzinfo=timezone(timedelta(seconds=offset)))
    begin = since(word, now.timestamp(), now.tzinfo or UTC)
    assert begin is not None
    assert 0 <= now.timestamp() - begin < 8 * 86_400
    if word.endswith("day"):
        local = datetime.fromtimestamp(begin, now.tzinfo)
        assert (local.hour, local.minute, local.second) == (0, 0, 0)
        assert word in {"today", "yesterday", local.strftime("%A").lower()}
