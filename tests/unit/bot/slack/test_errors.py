"""Every code that Slack's methods answer with has one meaning, and what is not known is not taken for harmless."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import sandbox.slack
from bot.slack import errors
from bot.slack.errors import Verdict, verdict
from bot.slack.web_api import ChatError

CODES = [code for codes in errors._CODES.values() for code in codes.split()]
NEVER_ANSWERED = {"invalid_response"}  # the stand-in's own word for a wrong answer to a window's submission


def codes_of_the_stand_in() -> set[str]:
    """The first argument of every ApiError and `refused` in the stand-in's source."""
    codes: set[str] = set()
    for path in Path(sandbox.slack.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"ApiError", "refused"} and node.args:
                codes |= {str(item.value) for item in ast.walk(node.args[0]) if isinstance(item, ast.Constant)}
    return codes


def test_each_code_has_one_verdict() -> None:
    assert [code for code, count in Counter(CODES).items() if count > 1] == []
    assert {verdict(code) for code in CODES} == set(Verdict) - {Verdict.UNKNOWN}


def test_what_the_stand_in_answers_is_known() -> None:
    codes = codes_of_the_stand_in() - NEVER_ANSWERED
    assert len(codes) > 40
    assert {code for code in codes if verdict(code) is Verdict.UNKNOWN} == set()


@pytest.mark.parametrize("details", ["", " must be a string [json-pointer:/blocks/0]", " (TimeoutError)"])
@pytest.mark.parametrize("code", CODES)
def test_details_after_a_code_change_nothing(code: str, details: str) -> None:
    assert verdict(code + details) is verdict(code)
    assert ChatError("chat.update", code + details).transient is (verdict(code) is Verdict.PASSES)


@given(st.from_regex(r"[a-z]+(_[a-z]+){0,5}", fullmatch=True))
def test_a_code_of_tomorrow_is_unknown_and_does_not_pass(code: str) -> None:
    if code not in CODES and not code.startswith("invalid_blocks"):
        assert verdict(code) is Verdict.UNKNOWN
        assert not ChatError("chat.update", code).transient


def test_blocks_that_are_refused_for_a_new_reason_are_still_refused_for_their_content() -> None:
    assert verdict("invalid_blocks_of_tomorrow") is Verdict.CONTENT
