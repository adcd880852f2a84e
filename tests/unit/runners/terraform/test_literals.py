"""Values in HCL and JSON: what is written is read again as the same, and what is no literal is refused with its place."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from runners.terraform import literals

if TYPE_CHECKING:
    from runners.terraform.literals import Value

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    '${}%"\\\n\t\r\u200b', max_size=8
)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_one_printable_line_and_is_read_again(value: Value) -> None:
    text = literals.write(value)
    assert text.isprintable()
    assert literals.parse(text) == value
    assert literals.write(literals.parse(text)) == text


@given(st.recursive(st.none() | st.booleans() | st.integers(-999, 999) | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8), st.booleans())  # fmt: skip
def test_json_is_read_as_json_reads_it(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=2)
    assert literals.parse(text) == json.loads(text, parse_int=Decimal)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{\n  a = 1 # one\n  "b c" : "x" // two\n\n  d = [1, /* three */ true,\n null,],\n}', {"a": Decimal(1), "b c": "x", "d": [Decimal(1), True, None]}),
        ('{for_all = {}, 1 = "one"}', {"for_all": {}, "1": "one"}),
        ('"a\\u00e9\\U0001F600$${x}%%{y}"', "aé😀${x}%{y}"),
        ('{"a": "${x}"}', {"a": "${x}"}),  # JSON has no templates
        ("- 5", Decimal(-5)),
    ],
)  # fmt: skip
def test_hcl_as_people_write_it(text: str, value: Value) -> None:
    assert literals.parse(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{a = 1 b = 2}", "line 1 has “b = 2}” where a comma, a line break or “}” must be"),
        ("{\n a = prod\n}", 'line 2 has “prod” where a value (a text needs quotes: "prod") must be'),
        ('{\n a = file("x")\n}', 'line 2 has “file("x")” where a value'),
        ('{a = "${var.x}"}', "“${” begins a template; write “$${” for these characters"),
        ("{a = 1, a = 2}", "a is given twice"),
        ('{"a": 1, "a": 2}', "a is given twice"),
        ("[1, 2", "line 1 has its end where “]” must be"),
        ("{a = <<EOT\nx\nEOT\n}", "where a value must be"),
        ('["a\\q"]', "\\q is no escape of HCL"),
        ("[1e9999]", "there is too large a number"),
        ("[1] [2]", "line 1 has “[2]” where its end must be"),
        ("[" * 60 + "]" * 60, "there are more than 40 lists and maps in each other"),
        ('["\\u0000"]', "there is a character that no text may have"),
        ("", "has its end where a value must be"),
        ("NaN", "NaN is no number"),
    ],
)  # fmt: skip
def test_what_is_no_literal_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        literals.parse(text)
    assert words in str(refused.value)


@given(st.text('{}[]()=,:"\\$%ab1. \n#/*-', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        value = literals.parse(text)
        assert literals.parse(literals.write(value)) == value
