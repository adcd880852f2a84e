"""Arguments of commands: an allow-list, and replies that help after a typing error."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bot.access import arguments
from bot.errors import UserError
from bot.redaction import Redactor

USAGE = "/deploy <environment> [ref]"
SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._,/=+:-")
BAD = ["; rm -rf /", "$(id)", "`id`", "--upload-pack=sh", "-x", "../..", "a|b", "a&b", "a>b", "a<b", "a'b", 'a"b', "a\\b",
       "a*b", "a?b", "a~b", "a^b", "a@{b", "päuschen", "日本", "\u202estaging", "a\nb", "a\x00b", "a\tb", "<!channel>", "%2e%2e", "#1"]  # fmt: skip


def refusal(call: object, *args: object, **more: object) -> str:
    with pytest.raises(UserError) as refused:
        call(*args, **more)  # type: ignore[operator]
    rendered = str(refused.value)
    assert len(rendered) < 400
    assert rendered.isprintable()
    assert rendered.endswith(USAGE)
    return rendered


@given(st.text(max_size=120))
def test_only_harmless_words_come_through(text: str) -> None:
    taken, rendered = outcome_of(text)
    assert len(taken) <= 2
    assert all(set(word) <= SAFE and word[0].isalnum() for word in taken)
    assert len(rendered) < 400
    assert rendered.isprintable()


def outcome_of(text: str) -> tuple[list[str], str]:
    try:
        return arguments.split(text, USAGE, most=2), ""
    except UserError as error:
        return [], str(error)


@pytest.mark.parametrize("bad", BAD)
def test_what_could_do_harm_is_refused_in_words(bad: str) -> None:
    refusal(arguments.split, f"staging {bad}", USAGE, most=9)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("../..", "“../..” must begin with a letter or digit."),
        ("--upload-pack=x", "“--upload-pack=x” must begin with a letter or digit."),
        ("-a;b;c$", "“-a;b;c$” has characters that I do not take (; $): letters,"),
        ("é!?*~^", "(é ! ? * ~ and 1 more): letters,"),
    ],
)
def test_what_is_wrong_with_a_word_is_said(bad: str, why: str) -> None:
    assert why in refusal(arguments.split, f"staging {bad}", USAGE, most=9)


@pytest.mark.parametrize(
    ("text", "words_of_it"),
    [
        ("", []),
        ("   ", []),
        ("staging", ["staging"]),
        ("  staging   v1.2.3 ", ["staging", "v1.2.3"]),
        ("a=b,c/d:e+f_g-h", ["a=b,c/d:e+f_g-h"]),
    ],
)
def test_words_are_taken_apart_at_spaces(text: str, words_of_it: list[str]) -> None:
    assert arguments.split(text, USAGE, most=2) == words_of_it


def test_too_much_is_counted_not_repeated() -> None:
    assert "10,000 characters" in refusal(arguments.split, "x" * 10_000, USAGE, most=2)
    assert "3 words" in refusal(arguments.split, "a b c", USAGE, most=2)


GOOD = [
    "main",
    "v1.2.3",
    "feature/a_b-c+d",
    "a",
    "a1b2c3d",
    "feature/#123-x",
    "renovate/@types/node",
    "päuschen",
    "日本",
]
ODD = ["@ana", "#1", "fix(ui)", "it's", 'say-"hi"', "a&b", "!", "🚀", "$x", "a`b", "<!channel>"]


@pytest.mark.parametrize("good", GOOD)
def test_branches_tags_and_commits_are_typed_as_they_are(good: str) -> None:
    assert arguments.split(f"dev {good}", USAGE, most=2, refs=True) == ["dev", good]
    assert arguments.ref(good, USAGE) == arguments.typed_ref(good) == good


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("quotes", ['""', "“”"])
def test_a_name_with_unusual_characters_is_taken_in_quotes(odd: str, quotes: str) -> None:
    assert "quotes" in refusal(arguments.split, f"dev {odd}", USAGE, most=2, refs=True) or not odd.isascii()
    words = arguments.split(f"dev {quotes[0]}{odd}{quotes[1]}", USAGE, most=2, refs=True)
    assert words == ["dev", odd]
    assert isinstance(words[1], arguments.QuotedRef)
    assert arguments.typed_ref(odd) == f'"{odd}"'
    assert arguments.ref(odd, USAGE) == odd


@pytest.mark.parametrize(
    "bad", ["", "a..b", "a//b", "/a", "a/", "a.", ".a", "a/.b", "a.lock", "a.lock/b", "x" * 245, "a b", "a@{b", "-x",
            "HEAD", "a~1", "a^", "a:b", "a?", "a*", "[a", "a\\b", "a\nb", "a\u202eb", "a\u200bb", "\ud800"]
)  # fmt: skip
def test_what_cannot_be_a_ref_is_refused(bad: str) -> None:
    assert "cannot be a branch, tag or commit" in refusal(arguments.ref, bad, USAGE)


def test_an_invisible_character_is_refused_and_the_commit_can_be_typed() -> None:
    assert "by its commit" in refusal(arguments.split, "dev a\u200bb", USAGE, most=2, refs=True)


@given(st.text(max_size=40))
def test_a_ref_is_typed_as_it_is_told_to_be(text: str) -> None:
    try:
        ref = arguments.ref(text, USAGE)
    except UserError:
        return
    assert arguments.split(f"dev {arguments.typed_ref(ref)}", USAGE, most=2, refs=True) == ["dev", ref]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("stagin", "did you mean “staging”?"),
        ("prd", "did you mean “prod”?"),
        ("STAGING", "did you mean “staging”?"),
        ("production", "did you mean “prod”?"),
        ("qqq", "there are dev, staging, prod."),
    ],
)
def test_the_nearest_match_is_offered(word: str, hint: str) -> None:
    assert hint in arguments.nearest(word, ["dev", "staging", "prod"])


@given(st.text())
def test_what_is_shown_back_is_short_and_on_one_line(text: str) -> None:
    displayed = arguments.quoted(text)
    assert len(displayed) <= 43
    assert displayed.isprintable()


def test_a_secret_that_was_typed_is_not_kept() -> None:
    redact = Redactor()
    arguments.no_secret(redact, "staging main")
    with pytest.raises(UserError, match="replace it by a new one"):
        arguments.no_secret(redact, "staging ghp_" + "a1" * 18)
