"""A secret is found in every spelling that programs print, by encoders that are not the product's."""

from __future__ import annotations

import base64
import binascii
import html
import json
import shlex
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, strategies as st

from runners.spellings import Masker, pieces

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = "[hidden]"
plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]"), max_size=20)
secrets = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="[]"), min_size=6, max_size=40
).filter(lambda text: text.strip() == text)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in JSON": json.dumps,
    "in JSON, not only ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "in JSON within JSON": lambda text: json.dumps(json.dumps(text)),
    "as Go's JSON": lambda text: (
        json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "in an error of Python": repr,
    "in an error of Python, within a text": lambda text: repr(f"it's {text}"),
    "in an error of Python, within other quotes": lambda text: repr(f'the "{text}"'),
    "for a shell": shlex.quote,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in small letters": lambda text: "".join(
        chr(byte)
        if chr(byte) in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"
        else f"%{byte:02x}"
        for byte in text.encode()
    ),
    "in a form": quote_plus,
    "in HTML": lambda text: html.escape(text, quote=False),
    "in hexadecimal digits": lambda text: binascii.hexlify(text.encode()).decode(),
    "in large hexadecimal digits": lambda text: binascii.hexlify(text.encode()).decode().upper(),
    "in code of Slack": lambda text: text.replace("`", "'"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(secret=secrets, before=plain, after=plain)
def test_no_spelling_remains(spelling: str, secret: str, before: str, after: str) -> None:
    spelt = SPELLINGS[spelling](secret)
    inner = spelt.strip("\"'\\") or spelt
    mask = Masker([secret], HIDDEN)
    assert inner not in mask(spelt)
    assert HIDDEN in mask(f"{before}{spelt}{after}")


@given(
    secret=st.binary(min_size=6, max_size=40).map(lambda data: base64.b85encode(data).decode()),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
    url=st.booleans(),
)
def test_base64_of_more_than_the_secret_does_not_give_it_away(
    secret: str, before: bytes, after: bytes, url: bool
) -> None:
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    encoded = encode(before + secret.encode() + after).decode()
    rendered = Masker([secret], HIDDEN)(f"data: {encoded}.")
    assert HIDDEN in rendered
    ends = rendered.removeprefix("data: ").split(HIDDEN)
    # At both ends remain only characters that also hold bits of what stands beside the secret.
    assert len(ends[0]) <= len(before) * 8 // 6 + 1
    assert len(ends[-1]) <= len(encoded) + 1 - (len(before) + len(secret)) * 8 // 6


@pytest.mark.parametrize("secret", ["it's $HOME", 'a"b\\c`d!', "tab and space", "x;y|z&w"])
@pytest.mark.parametrize("form", ["%q", "%s"])
def test_what_bash_prints_is_masked(secret: str, form: str) -> None:
    printed = subprocess.run(
        ["bash", "-c", f"printf '{form}' \"$1\"", "-", secret], capture_output=True, text=True, check=True
    )
    assert Masker([secret], HIDDEN)(f"+ echo {printed.stdout} done") == f"+ echo {HIDDEN} done"


def test_the_password_of_an_address_is_a_secret_of_its_own() -> None:
    assert {"p%40ssword", "p@ssword"} <= pieces("mysql://ana:p%40ssword@db.example/x")
    mask = Masker(["mysql://ana:p%40ssword@db.example/x"], HIDDEN)
    assert mask("login with p@ssword or p%40ssword") == f"login with {HIDDEN} or {HIDDEN}"


def test_each_line_of_more_than_eight_characters_is_a_secret_of_its_own() -> None:
    mask = Masker(["first line\nlast\nthird line"], HIDDEN)
    assert mask("first line, last, third line") == f"{HIDDEN}, last, {HIDDEN}"


def test_secrets_that_overlap_leave_no_end() -> None:
    assert Masker(["secret-one", "one-secret-two"], HIDDEN)("a secret-one-secret-two b") == f"a {HIDDEN} b"


def test_words_are_masked_only_where_they_stand_alone() -> None:
    mask = Masker(["hunter", "a much longer secret"], HIDDEN, words=True)
    assert mask("hunter, hunters, the_hunter, (hunter)") == f"{HIDDEN}, hunters, the_hunter, ({HIDDEN})"
    assert mask("xa much longer secretx") == f"x{HIDDEN}x"


@given(st.text(max_size=100))
def test_any_text_is_taken_also_one_that_is_no_utf8(text: str) -> None:
    assert Masker(["a secret that is nowhere"], HIDDEN)(f"{text}\ud800") != ""


odd = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="[]"), min_size=6, max_size=20)
LIBPQ = str.maketrans({"'": "\\'", "\\": "\\\\"})
CONNECTIONS: dict[str, Callable[[str], str]] = {
    "PostgreSQL": lambda word: f"postgres://app:{quote(word, safe='')}@db.example.org:5432/app?sslmode=require",
    "Redis, without a user": lambda word: f"redis://:{quote(word, safe='')}@cache.example.org/0",
    "several hosts": lambda word: f"mongodb+srv://app:{quote(word, safe='')}@one.example.org,two.example.org/app",
    "a query": lambda word: f"jdbc:postgresql://db.example.org/app?user=app&password={quote(word, safe='')}&ssl=true",
    "a form's query": lambda word: f"https://example.org/hook?a=b&access_token={quote_plus(word)}",
    "libpq": lambda word: f"host=db.example.org user=app password='{word.translate(LIBPQ)}' dbname=app",
    "a line of several": lambda word: f"# staging\npostgres://app:{quote(word, safe='')}@db.example.org/app\n",
}


@pytest.mark.parametrize("kind", CONNECTIONS)
@given(word=odd)
def test_the_password_of_a_connection_is_a_secret_of_its_own(kind: str, word: str) -> None:
    mask = Masker([CONNECTIONS[kind](word)], HIDDEN)
    assert mask(f"denied for ({word})") == f"denied for ({HIDDEN})"


@pytest.mark.parametrize(
    "value",
    [
        "postgres://app:p/a#s?s:w0rd@db.example.org/app",
        "postgres://app:p/a#s?s:w0rd@db.example.org:5432",
        "app:p/a#s?s:w0rd@tcp(db.example.org:3306)/app?parseTime=true",
        "host=db.example.org password=p/a#s?s:w0rd user=app",
        "Server=db.example.org;User Id=app;Password=p/a#s?s:w0rd;Encrypt=true",
        'Server=db.example.org;Pwd="p/a#s?s:w0rd"',
        "amqp://app:p%2Fa%23s%3Fs%3Aw0rd@mq.example.org//",
        "https://p/a#s?s:w0rd",
    ],
)
def test_passwords_that_should_be_encoded_and_are_not(value: str) -> None:
    rendered = Masker([value], HIDDEN)("denied: p/a#s?s:w0rd, app on db.example.org")
    if value.startswith("https:"):
        assert rendered.startswith("denied: p/a"), "it has neither user nor password"
    else:
        assert rendered == f"denied: {HIDDEN}, app on db.example.org"


def test_a_token_in_the_place_of_the_user_is_a_secret_and_a_user_is_none() -> None:
    assert pieces("https://0123456789abcdef01@github.com/o/r") >= {"0123456789abcdef01"}
    assert pieces("ssh://deploy@host.example.org/r") == {"ssh://deploy@host.example.org/r"}
    assert pieces("http://host.example.org:8080/a@b") == {"http://host.example.org:8080/a@b"}


@pytest.mark.parametrize(
    "value", ["a:" * 2_000 + "@", "password=" * 400, "x://" + "a:b@" * 900, "'" * 4_000, "sig='" + "\\'" * 1_900]
)
def test_no_value_takes_long(value: str) -> None:
    assert pieces(value)
