"""Patterns of `images.suspicious` and `images.log_prefix` that RE2 cannot use are faults with a remedy."""

from __future__ import annotations

import pytest

from tests.unit.bot.config.test_faults import assert_faulted, text_of


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ("{workflow: b.yml, suspicious: ['(']}", "is not a valid regular expression"),
        ("{workflow: b.yml, suspicious: ['']}", "would match every line"),
        ("{workflow: b.yml, suspicious: ['x(?!y)']}", "write the surrounding text"),
        ("{workflow: b.yml, suspicious: ['(?<=x)y']}", "uses look-around, (?<="),
        ("{workflow: b.yml, suspicious: ['(a)\\1']}", "write the text again"),
        ("{workflow: b.yml, suspicious: ['(?P<n>a)(?P=n)']}", "write the text again"),
        ("{workflow: b.yml, suspicious: ['(?>ab)']}", "write a plain group"),
        ("{workflow: b.yml, suspicious: ['a++b']}", "write a plain group"),
        ("{workflow: b.yml, suspicious: ['(?x)a']}", "remove it"),
        ("{workflow: b.yml, suspicious: ['a\\Z']}", "write $"),
        ("{workflow: b.yml, suspicious: ['\\u00e9']}", "write the character itself"),
        ("{workflow: b.yml, suspicious: ['a{1001}']}", "write + or *"),
        ("{workflow: b.yml, suspicious: ['a{,3}']}", "write {0,...}"),
        ("{workflow: b.yml, suspicious: ['(?-m)^a']}", "switches off m"),
    ],
)
def test_an_unusable_pattern_is_a_fault_with_a_remedy(images: str, problem: str) -> None:
    assert_faulted(text_of({"images": images}, {}), "images.suspicious[0]", problem)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [("(", "is not a valid regular expression"), ("x*", "matches an empty text"), ("x(?!y)", "uses look-around")],
)
def test_an_unusable_prefix_is_a_fault_with_a_remedy(pattern: str, problem: str) -> None:
    images = f"{{workflow: b.yml, log_prefix: '{pattern}'}}"
    assert_faulted(text_of({"images": images}, {}), "images.log_prefix", problem)
