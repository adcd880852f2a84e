"""Names of branches and tags: git itself is asked about each generated name."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, strategies as st

from runners.git_refs import LONGEST, is_ref

NAMES = [
    "main",
    "feature/#123-x",
    "renovate/@types/node",
    "päuschen",
    "日本",
    "@",
    "@a",
    "a@",
    "a@b",
    "a@{",
    "a@{-1}",
    "@{-1}",
    "@{u}",
    "HEAD",
    "head",
    "HEAD/a",
    "a/HEAD",
    "a.lock",
    "a.lock/b",
    "a.locks",
    "lock",
    ".lock",
    "a/.lock",
    ".a",
    "a.",
    "a./b",
    "a..b",
    "a/b",
    "a//b",
    "/a",
    "a/",
    "-",
    "-a",
    "a-",
    "a/-b",
    "~",
    "a~1",
    "a^",
    "a:",
    "a?",
    "a*",
    "[a",
    "a]",
    "a\\b",
    "{a}",
    "a\\",
]
# Characters that the rules are about come often, alone and beside each other.
PIECES = st.one_of(
    st.sampled_from(
        ["a", "b", "/", ".", "..", ".lock", "@", "{", "@{", "-", "~", "^", ":", "?", "*", "[", "\\", " ", "HEAD"]
    ),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),  # no program is given a NUL
)


def git_takes(name: str) -> bool:
    checked = subprocess.run(
        ["git", "check-ref-format", "--branch", name], capture_output=True, check=False, cwd="/", timeout=30
    )
    return checked.returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_these_names_are_taken_where_git_takes_them(name: str) -> None:
    assert is_ref(name) is git_takes(name)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_a_name_is_taken_if_git_takes_it(name: str) -> None:
    assert is_ref(name) is git_takes(name)


def test_what_no_program_and_no_file_system_holds_is_not_taken() -> None:
    assert not is_ref("a\0b")
    assert not is_ref("\ud800")
    assert is_ref("x" * LONGEST)
    assert not is_ref("ü" * LONGEST)
