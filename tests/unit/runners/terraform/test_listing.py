"""The list of every difference, for the file: nothing that the message and the thread leave out is missing from it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from runners.terraform.listing import listing
from runners.terraform.summary import read_plan
from tests.unit.runners.terraform.plan_documents import resource

NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=200)


def listed(*resources: dict[str, Any], **more: Any) -> str:
    """The list of a plan with these resources."""
    document = {"format_version": "1.2", "resource_changes": list(resources), **more}
    return listing(read_plan(document, digest="d", program="terraform 1.11.4", complete=True))


def test_no_resource_and_no_attribute_is_left_out() -> None:
    many = {f"a{number}": str(number) for number in range(450)}
    wide = [
        resource(["update"], many, {name: f"new {value}" for name, value in many.items()}, address=f"x.web{at}")
        for at in range(3)
    ]
    narrow = [resource(["update"], {"a": "1"}, {"a": "2"}, address=f"x.one{at}") for at in range(700)]
    lines = listed(*wide, *narrow).splitlines()
    assert sum(line.startswith("      a") for line in lines) == 3 * 450 + 700
    assert "  update x.one699" in lines
    assert not [line for line in lines if "more" in line or "too much" in line]


def test_drift_outputs_and_warnings_are_in_it() -> None:
    drifted = resource(["update"], {"port": 80}, {"port": "80"}, address="x.drifted")
    output = {"actions": ["update"], "before": "a\u200bb", "after": "ab", "after_unknown": False}
    text = listed(resource_drift=[drifted], output_changes={"host": output}, applyable=True)
    assert 'Outside of Terraform\n  changed x.drifted\n      port: 80 → "80" (number becomes text)' in text
    assert r"    host: a\u200bb → ab (only invisible characters differ: U+200B ZERO WIDTH SPACE)" in text


@given(st.dictionaries(NAMES, st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_every_attribute_that_differs_has_lines_without_invisible_characters(sides: dict[str, tuple[str, str]]) -> None:
    before, after = ({name: pair[at] for name, pair in sides.items()} for at in (0, 1))
    text = listed(resource(["update"], before, after))
    paths = {line.strip().partition(":")[0] for line in text.splitlines() if line.startswith("      ")}
    assert paths == {name for name, (old, new) in sides.items() if old != new}
    assert not set("\u200b\u202e\u2066\x00\r\t\x1b") & set(text)
