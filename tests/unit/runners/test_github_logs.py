"""The telling end of a job's log."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runners.github.logs import LONGEST_LINE, LogTail


def tail(text: str, lines: int = 5, piece: int = 7) -> str:
    log = LogTail(lines)
    raw = text.encode()
    for start in range(0, len(raw), piece):
        log.feed(raw[start : start + piece])
    return log.text()


def test_timestamps_and_colours_are_gone() -> None:
    text = "\ufeff2026-11-23T12:00:00.1234567Z \x1b[36;1mtask\x1b[0m café\r\n2026-11-23T12:00:01Z done\n"
    assert tail(text) == "task café\ndone"


def test_only_the_last_lines_are_kept() -> None:
    assert tail("".join(f"{number}\n" for number in range(100)), lines=3) == "97\n98\n99"


def test_the_end_is_the_last_marked_error_not_the_clean_up() -> None:
    text = "one\ntwo\n##[error]Process completed with exit code 1.\n##[group]Post job\ncleaning\n##[endgroup]\n"
    assert tail(text, lines=2) == "two\nError: Process completed with exit code 1."


def test_marks_are_words() -> None:
    assert tail("##[group]Run it\n##[debug]x\n##[warning]careful\n##[endgroup]\n") == "Run it\nWarning: careful"


@pytest.mark.parametrize("length", [LONGEST_LINE + 1, 1_000_000])
def test_a_long_line_is_cut(length: int) -> None:
    assert tail("x" * length + "\nnext", piece=1 << 16).splitlines() == ["x" * (LONGEST_LINE - 1) + "…", "next"]


def test_an_empty_log_is_empty() -> None:
    assert tail("") == ""


@given(st.text(), st.integers(1, 9))
def test_how_it_is_cut_into_pieces_does_not_matter(text: str, piece: int) -> None:
    assert tail(text, piece=piece) == tail(text, piece=1 << 20)
