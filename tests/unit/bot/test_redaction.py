"""A secret survives in nothing that passes the redactor, in whatever form it comes and wherever it stands."""

from __future__ import annotations

import html
import json
import logging
import time
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, strategies as st

from bot.redaction import HIDDEN, RedactingFormatter, Redactor
from bot.slack.blocks import kit
from runners.results import State

# Brackets would let the word that replaces a secret complete another one.
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), max_size=30)
secrets = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), min_size=5, max_size=60),
    st.text(".*+?^$(){}|\\/-&<>\"'`", min_size=5, max_size=20),
).filter(lambda text: len(text.strip()) >= 5 and text.strip() not in HIDDEN)

KEY_LINES = [f"{chr(65 + number) * 40}{number}+/=" for number in range(5)]
KEY = "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *KEY_LINES, "-----END OPENSSH PRIVATE KEY-----", ""])
TOKENS = [
    "xoxb-1234567890-abcdefghij",
    "xapp-1-A0123-456-deadbeefdeadbeef",
    "ghp_" + "a1B2" * 9,
    "ghs_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 12,
    "AKIA" + "IOSFODNN7EXAMPLE",
    "abcdefghij1234.atlasv1." + "a-_Z" * 16,
    "https://hooks.slack.com/commands/T0SANDBOX/123/abcDEF",
    KEY.strip(),
    "-----BEGIN RSA PRIVATE KEY-----\ncut off in the mid",
]


@given(st.lists(secrets, min_size=1, max_size=5), plain, plain)
def test_no_secret_survives_in_any_text(values: list[str], before: str, after: str) -> None:
    redact = Redactor(values)
    rendered = redact(after.join([before, *values, *reversed(values)]))
    assert not [secret for secret in values if secret.strip() in rendered]
    assert redact(rendered) == rendered


@given(secrets, plain)
def test_no_secret_survives_quoting_or_drawing(secret: str, beside: str) -> None:
    redact, text = Redactor([secret]), f"{beside}{secret}{beside}"
    for drawn in (json.dumps(text), kit.escape(text), html.escape(json.dumps(text), quote=False)):
        rendered = redact(drawn)
        assert secret.strip() not in rendered
        assert html.escape(secret.strip(), quote=False) not in rendered
        assert json.dumps(secret.strip())[1:-1] not in rendered


@given(secrets, secrets)
def test_a_secret_that_begins_with_another_leaves_no_tail(secret: str, more: str) -> None:
    assume(more.strip() == more and secret.strip() == secret)
    assert Redactor([secret, secret + more])(f"({secret}{more})") == f"({HIDDEN})"


@given(secrets)
def test_no_secret_survives_in_nested_values(secret: str) -> None:
    redact = Redactor([secret])
    value = {"a": [secret, ("x" + secret, {secret: 1})], "b": None, "c": 2.5, "d": True}
    cleaned = redact.within(value)
    assert secret.strip() not in str(cleaned).replace("\\\\", "\\")
    assert isinstance(cleaned, dict)
    assert (cleaned["b"], cleaned["c"], cleaned["d"]) == (None, 2.5, True)


@dataclass(frozen=True)
class Recorded:
    state: State
    lines: tuple[str, ...]
    count: int


def test_a_dataclass_keeps_its_shape() -> None:
    recorded = Redactor(["failed", "hunter2"]).within(Recorded(State.FAILED, ("a hunter2",), 3))
    assert recorded == Recorded(State.FAILED, (f"a {HIDDEN}",), 3)
    assert recorded.state is State.FAILED


@pytest.mark.parametrize("token", TOKENS)
def test_what_looks_like_a_token_is_hidden_though_nobody_named_it(token: str) -> None:
    redact = Redactor()
    assert redact(f"before {token} after").startswith(f"before {'https://' if token[:5] == 'https' else ''}{HIDDEN}")
    assert redact.holds_secret(f"x={token}")


@pytest.mark.parametrize(
    "harmless", ["xoxb-short", "main", "ghp_", "AKIA", "a1b2c3d", "i-0123456789abcdef0", "sha256:" + "a" * 64]
)
def test_what_only_begins_like_one_stays(harmless: str) -> None:
    assert Redactor()(harmless) == harmless
    assert not Redactor().holds_secret(harmless)


def test_each_line_of_a_key_is_hidden_also_alone() -> None:
    redact = Redactor([KEY])
    for line in KEY_LINES:
        assert redact(f"debug1: {line}") == f"debug1: {HIDDEN}"
    assert KEY_LINES[2] not in redact(KEY.replace("\n", "\r\n"))
    assert KEY_LINES[2] not in redact(json.dumps(KEY))


@pytest.mark.parametrize("short", ["", " ", "true", "db", "1234"])
def test_short_values_do_not_blank_out_everything(short: str) -> None:
    assert Redactor([short])("true db 1234 of everything") == "true db 1234 of everything"


def test_a_known_value_is_taken_for_a_secret_only_when_it_is_long() -> None:
    redact = Redactor(["staging", "a-long-enough-secret-value"])
    assert not redact.holds_secret("staging main")
    assert redact.holds_secret("staging a-long-enough-secret-value")


@given(st.text(max_size=200))
def test_without_a_secret_nothing_changes(text: str) -> None:
    assert Redactor(["hunter2-and-more"])(text) == text


def test_a_log_of_megabytes_takes_seconds_at_most() -> None:
    redact = Redactor([f"secret number {number} of many &<>" for number in range(200)])
    text = "aws_instance.backend[0]: Still creating... [10s elapsed] secret nu\n" * 80_000
    began = time.process_time()
    assert redact(text) == text
    assert time.process_time() - began < 10


def test_the_log_hides_secrets_in_messages_arguments_and_tracebacks() -> None:
    formatter = RedactingFormatter(Redactor(["hunter2-and-more"]))
    try:
        raise ValueError("the password is hunter2-and-more")  # noqa: TRY301  -- what is logged is an exception caught
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "f", 1, "with %s", ("hunter2-and-more",), (type(error), error, error.__traceback__)
        )
    rendered = formatter.format(record)
    assert "with [redacted]" in rendered
    assert "ValueError: the password is [redacted]" in rendered
    assert "hunter2" not in rendered
    assert "Traceback" in rendered
