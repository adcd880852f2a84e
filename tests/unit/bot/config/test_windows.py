"""Windows follow the clock on the wall of their time zone, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from bot.config import Window

OFFICE = Window.parse("Mon-Thu 09:00-16:00 America/Los_Angeles")


def at(text: str, zone: str = "UTC", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23 08:59:59", False),  # a Monday
        ("2026-11-23 09:00:00", True),
        ("2026-11-26 15:59:59", True),
        ("2026-11-26 16:00:00", False),
        ("2026-11-27 12:00:00", False),  # a Friday
        ("2026-11-29 12:00:00", False),
    ],
)
def test_open_between_its_hours_on_its_days(moment: str, is_open: bool) -> None:
    assert OFFICE.contains(at(moment, "America/Los_Angeles")) is is_open


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("Mon", {0}),
        ("mon,WED", {0, 2}),
        ("Mon-Wed", {0, 1, 2}),
        ("Fri-Mon", {4, 5, 6, 0}),
        ("Mon,Fri-Sat", {0, 4, 5}),
        ("Mon-Sun", set(range(7))),
        ("Tue-Mon", set(range(7))),
    ],
)
def test_days_are_lists_and_ranges_that_may_wrap(days: str, expected: set[int]) -> None:
    assert Window.parse(f"{days} 09:00-10:00 UTC").days == expected


def test_a_span_over_midnight_belongs_to_the_day_it_starts_on() -> None:
    night = Window.parse("Fri 22:00-04:00 UTC")
    assert night.contains(at("2026-11-27 23:00"))
    assert night.contains(at("2026-11-28 03:59"))
    assert not night.contains(at("2026-11-28 04:00"))
    assert not night.contains(at("2026-11-27 03:00"))


def test_a_whole_day_can_be_written() -> None:
    day = Window.parse("Sat 00:00-24:00 UTC")
    assert day.contains(at("2026-11-28 00:00"))
    assert day.contains(at("2026-11-28 23:59:59"))
    assert not day.contains(at("2026-11-29 00:00"))


@pytest.mark.parametrize(
    "text", ["", "Mon", "Mon 9-10 UTC", "Mon 09:00-10:60 UTC", "Mon 24:00-01:00 UTC", "Mon- 1:00-2:00 U"]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|time|minute"):
        Window.parse(text)


@pytest.mark.parametrize(
    ("window", "moment", "opening"),
    [
        ("Mon-Thu 09:00-16:00 America/Los_Angeles", "2026-11-27 00:00", "2026-11-30 17:00"),
        ("Mon-Thu 09:00-16:00 America/Los_Angeles", "2026-11-23 18:00", "2026-11-23 18:00"),
        ("Mon 12:07-12:09 UTC", "2026-11-23 12:09:30", "2026-11-30 12:07"),
        # The night of 8 March 2026 has no 02:30 in Los Angeles: open at the first minute that the wall's clock shows.
        ("Sun 02:30-05:00 America/Los_Angeles", "2026-03-08 09:00", "2026-03-08 10:00"),
        # ... and a span that lies wholly in the gap comes a week later.
        ("Sun 02:10-02:40 America/Los_Angeles", "2026-03-08 00:00", "2026-03-15 09:10"),
        # On 1 November 2026 the clock shows 01:00 to 02:00 twice, and so the span comes twice.
        ("Sun 01:10-01:20 America/Los_Angeles", "2026-11-01 00:00", "2026-11-01 08:10"),
        ("Sun 01:10-01:20 America/Los_Angeles", "2026-11-01 08:30", "2026-11-01 09:10"),
        # Samoa had no 30 December 2011.
        ("Fri 09:00-10:00 Pacific/Apia", "2011-12-24 00:00", "2012-01-05 19:00"),
    ],
)
def test_the_next_opening(window: str, moment: str, opening: str) -> None:
    assert Window.parse(window).next_opening(at(moment)) == at(opening)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        OFFICE.contains(datetime(2026, 11, 23, 12))  # noqa: DTZ001  -- what is being refused


ZONES = st.sampled_from([
    "UTC", "America/Los_Angeles", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
])  # fmt: skip
MINUTES = st.integers(min_value=0, max_value=24 * 60 - 1)
SPANS = st.tuples(MINUTES, MINUTES).filter(lambda span: span[0] != span[1])
DAYS = st.lists(st.sampled_from(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]), min_size=1, unique=True)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    opens, closes = draw(SPANS)
    hours = f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    return Window.parse(f"{','.join(draw(DAYS))} {hours} {draw(ZONES)}")


# Two years with every change of the clocks in them, to the second.
MOMENTS = st.integers(min_value=0, max_value=2 * 366 * 86400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(windows(), MOMENTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(window: Window, moment: datetime) -> None:
    opening = window.next_opening(moment)
    assert opening >= moment
    assert window.contains(opening)
    between = int((opening - moment) / timedelta(minutes=1))
    assert not any(window.contains(moment + timedelta(minutes=minute)) for minute in range(between))


@given(windows(), MOMENTS)
def test_a_span_and_its_complement_share_the_week(window: Window, moment: datetime) -> None:
    local = moment.astimezone(window.zone)
    minute = local.hour * 60 + local.minute
    day = local.weekday() if minute >= window.opens else (local.weekday() - 1) % 7
    inside = (minute - window.opens) % 1440 < (window.closes - window.opens) % 1440
    assert window.contains(moment) is (inside and day in window.days)
