"""The table of likely causes: each row by a real output, on outputs it was not written from, and on what only mentions the words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies as st

from runners.errors import RunnerError
from runners.explain import MOST, ROWS, explain, remedy_of
from runners.explain.rows import CauseRow  # noqa: TC001  -- hypothesis reads it
from tests.unit.runners.explain.harmless import HARMLESS
from tests.unit.runners.explain.held_out import HELD_OUT

# What may stand between the lines of an output; a group of GitHub's hides what follows, until it ends.
BETWEEN = [line for line in HARMLESS if not line.startswith("##[group]")]
NOISE = st.lists(st.sampled_from([*BETWEEN, "", "ok", "Get:1 http://archive.ubuntu.com noble InRelease"]), max_size=6)
LINE = st.sampled_from([row for row in ROWS if "\n" not in row.example])
# Carriers that a program's own line can stand behind at any place.
PREFIXES = [
    "==> amazon-ebs.cron: ",
    "2026-11-29T12:00:00.1234567Z ",
    "##[error]",
    "err: ",
    "\u2502 ",
    "#13 0.581 ",
    "    ",
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_each_cause_is_seen_in_a_real_output_and_not_in_a_mention(row: CauseRow) -> None:
    cause = explain(row.example)
    assert cause is not None
    assert (cause.name, explain(row.harmless)) == (row.name, None)
    assert cause.then
    assert not {"{", "}"} & {*cause.text}
    assert "  " not in cause.text


def test_keys_are_unique_and_sentences_complete() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
    assert all(row.then.endswith((".", "?")) and not row.likely.endswith(".") for row in ROWS)


@pytest.mark.parametrize(("output", "name"), HELD_OUT)
def test_outputs_that_the_table_was_not_written_from(output: str, name: str) -> None:
    cause = explain(output)
    assert (cause.name if cause else "") == name


@pytest.mark.parametrize("output", HARMLESS)
def test_a_mention_is_no_cause(output: str) -> None:
    assert explain(output) is None


@given(LINE, NOISE, NOISE, st.sampled_from(["", *PREFIXES]))
def test_noise_and_carriers_hide_no_cause(row: CauseRow, before: list[str], after: list[str], prefix: str) -> None:
    cause = explain("\n".join([*before, f"{prefix}{row.example}", *after]))
    assert cause is not None
    assert cause.name == row.name


@given(st.text(max_size=2000))
def test_any_text_is_taken(text: str) -> None:
    cause = explain(text)
    assert cause is None or cause.likely


def test_the_missing_action_and_the_place_are_named() -> None:
    denied = explain(next(row.example for row in ROWS if row.key == "permission denied at AWS"))
    assert denied is not None
    assert denied.likely == "AWS forbids ec2:RunInstances"
    unreachable = explain("ssh: connect to host 10.0.1.12 port 22: No route to host")
    assert unreachable is not None
    assert unreachable.likely == "10.0.1.12 cannot be reached by SSH"


def test_the_remedy_of_a_runner_comes_first() -> None:
    tail = "tar: x: Cannot write: No space left on device"
    assert remedy_of(RunnerError("running it", "it failed", remedy="Do this.", log_tail=tail)) == "Do this."
    assert remedy_of(RunnerError("running it", "it failed", log_tail=tail)).startswith(
        "Likely cause: the disk is full. "
    )
    assert not remedy_of(RunnerError("running it", "it failed"))


def test_a_long_text_counts_with_its_end_and_takes_linear_time() -> None:
    end = "tar: x: Cannot write: No space left on device"
    assert explain("x" * (MOST + 10) + "\n" + end) is not None
    assert explain(end + "\n" + "ok\n" * MOST) is None

    def took(times: int) -> float:
        text = "An error occurred (" * times
        begin = time.perf_counter()
        explain(text)
        return time.perf_counter() - begin

    took(100)
    assert took(8000) < 40 * max(took(1000), 0.001)
