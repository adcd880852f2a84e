"""The end of a freeze: read strictly, in the person's zone, and never in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from bot.access import until
from bot.errors import UserError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 29, 15, 0, tzinfo=UTC)  # a Sunday, 16:00 in Berlin


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        ("until 18:00 release", "2026-11-29T17:00"),
        ("until today 18:00 release", "2026-11-29T17:00"),
        ("until tomorrow 9:00 release", "2026-11-30T08:00"),
        ("until Mon 09:00 release", "2026-11-30T08:00"),
        ("until sunday 17:00 release", "2026-11-29T16:00"),
        ("until Sunday 15:00 release", "2026-12-06T14:00"),
        ("until 2026-12-24 18:00 release", "2026-12-24T17:00"),
        ("until 2026-12-24 18:00 UTC release", "2026-12-24T18:00"),
        ("until 2026-12-24 18:00 America/New_York release", "2026-12-24T23:00"),
        ("UNTIL 18:00 UTC release", "2026-11-29T18:00"),
        ("until 2027-10-31 02:30 release", "2027-10-31T01:30"),  # twice that night: the later one
    ],
)
def test_it_reads_the_end(typed: str, end: str) -> None:
    read = until.read(typed.split(), NOW, BERLIN)
    assert read.until == datetime.fromisoformat(f"{end}+00:00")
    assert read.rest == ("release",)


@pytest.mark.parametrize("typed", ["release", "", "release until 18:00", "the week"])
def test_without_an_end_everything_is_the_reason(typed: str) -> None:
    assert until.read(typed.split(), NOW, BERLIN) == until.Read(None, tuple(typed.split()))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("until", "the time is missing"),
        ("until tomorrow", "the time is missing"),
        ("until tomorrow release", "is no time of day"),
        ("until 24:00 release", "is no time of day"),
        ("until 18.00 release", "is no time of day"),
        ("until 6pm release", "is no time of day"),
        ("until 15:59 release", "is over already. For tomorrow write until tomorrow 15:59"),
        ("until 16:00 release", "is over already"),
        ("until 2026-11-28 18:00 release", "is over already"),
        ("until 2026-02-30 18:00 release", "is no date"),
        ("until 2028-01-01 18:00 release", "more than a year"),
        ("until 18:00 Europe/Berln release", "is not a time zone"),
        ("until 2027-03-28 02:30 release", "The clocks skip 02:30"),
    ],
)
def test_what_is_unclear_or_over_is_refused(typed: str, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        until.read(typed.split(), NOW, BERLIN)


@given(
    minutes=st.integers(1, 60 * 24 * 360),
    zone=st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC", "Australia/Lord_Howe"]),
)
def test_a_written_moment_is_read_back(minutes: int, zone: str) -> None:
    moment = NOW + timedelta(minutes=minutes)
    local = moment.astimezone(ZoneInfo(zone))
    read = until.read(f"until {local:%Y-%m-%d %H:%M} {zone} why".split(), NOW, BERLIN)
    assert read.until is not None
    assert read.rest == ("why",)
    # A time that comes twice is the later one.
    assert timedelta(0) <= read.until - moment <= timedelta(hours=1)
    assert f"{read.until.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == f"{local:%Y-%m-%d %H:%M}"


@given(words=st.lists(st.text("abcU/:T0123456789 -", max_size=8), max_size=5))
def test_whatever_is_typed_is_read_or_refused_and_never_over(words: list[str]) -> None:
    try:
        read = until.read(["until", *words], NOW, BERLIN)
    except UserError:
        return
    assert read.until is not None
    assert NOW < read.until <= NOW + until.LONGEST
