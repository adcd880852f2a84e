"""Counts, plurals, lists and durations in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from runners import phrases

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(("count", "words"), [(0, "0 hosts"), (1, "1 host"), (2, "2 hosts")])
def test_a_count_has_the_form_of_its_noun(count: int, words: str) -> None:
    assert phrases.counted(count, "host") == words


def test_an_irregular_form_is_given() -> None:
    assert [phrases.counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
    assert [phrases.plural(count, "runs", "run") for count in (0, 1, 2)] == ["run", "runs", "run"]


@pytest.mark.parametrize(
    ("most", "words"), [(1, "a and 3 more"), (3, "a, b, c and 1 more"), (4, "a, b, c, d"), (9, "a, b, c, d")]
)
def test_a_list_names_the_first_and_counts_the_others(most: int, words: str) -> None:
    assert phrases.listed(NAMES, most) == words
    assert phrases.listed_of(NAMES[:most], len(NAMES)) == words


def test_an_empty_list_is_empty() -> None:
    assert phrases.listed([], 3) == ""


@given(names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=30), most=st.integers(1, 10))
def test_a_list_accounts_for_every_name(names: list[str], most: int) -> None:
    named, _, more = phrases.listed(names, most).partition(" and ")
    assert len(named.split(", ")) + int(more.split()[0] if more else 0) == len(names)


def test_the_rest_of_a_cut_list_is_a_line() -> None:
    assert phrases.rest(0) == phrases.rest(-2) == []
    assert phrases.rest(3) == ["and 3 more"]
    assert phrases.rest(3, "… and", "tasks") == ["… and 3 more tasks"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.9, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (125, "2 min 5 s"), (3_840, "1 h 4 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert phrases.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "under a minute"), (59, "under a minute"), (60, "1 min"), (3_599, "59 min"), (4_000, "1 h 6 min")],
)
def test_durations_in_minutes(seconds: float, words: str) -> None:
    assert phrases.minutes(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 min"), (59, "0 min"), (3_599, "59 min"), (3_600, "1 h"), (86_399, "23 h"), (86_400, "1 d")],
)
def test_an_age_is_in_its_largest_unit(seconds: float, words: str) -> None:
    assert phrases.age(seconds) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(hours=47, minutes=5), "47 h 5 min"),
        (timedelta(days=12), "12 d"),
    ],
)
def test_spans_in_words(span: timedelta, words: str) -> None:
    assert phrases.span(span) == words
