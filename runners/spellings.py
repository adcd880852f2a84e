"""Finds secrets in texts, in every spelling in which programs print them: the one list for chat, Ansible and Terraform.

Pure. The search takes time for the text, and hardly for the number of secrets (Aho-Corasick).
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from ahocorasick_rs import AhoCorasick

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 5  # characters of a secret: shorter ones ("true", "db") are parts of many texts
SHORTEST_LINE = 9  # characters of a line of a secret that has several
SHORTEST_ENCODED = 6  # characters in base64: what five bytes leave when both ends are trimmed
# Up to this length, a plan's value of letters, digits and simple separators is a word: masked only where it stands alone.
_LONGEST_WORD = 15
_WORD = re.compile(r"[^\W_]+(?:[-_. /:][^\W_]+)*")
LONGEST_NAME = 16  # characters; a user of an address that is longer, and has no password, is a token
_LONGEST_ADDRESS = 4_096
_MOST_ENDS = 5  # of a password with @ in it
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)//([^\s\"<>]+)")
# As Go's MySQL driver has it, `user:password@tcp(host)/database`, and URLs that lack a scheme.
_WITHOUT_SCHEME = re.compile(r"[\w.%+-]+:(?!//)(\S+)@(?:\w*\([^)]*\)|[\w.-]+(?::\d+)?)(?:/\S*)?")
_PARAMETER = re.compile(
    r"(?:^|(?<=[\s;&?,\"']))(?:\w*(?:password|passwd|passphrase|pwd|secret|token)|pass|api_?key|access_?key|sig|signature)\s*=\s*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"")
_PART_OF_WORD = re.compile(r"\w")
_MUST_PERCENT_ENCODE = ("", "/", "!'()*", "!$&'()*+,;=:@/")  # urllib, its default, encodeURIComponent, RFC 3986's path


class Masker:
    """Replaces secrets by `hidden` in a text, in every spelling.

    With `words`, short secrets that look like words are replaced only where they stand as whole words: values that
    Terraform marks sensitive may be "primary". `shortest` is the least length of a secret, in characters.
    """

    def __init__(self, secrets: Iterable[str], hidden: str, *, words: bool = False, shortest: int = SHORTEST) -> None:
        self._hidden = hidden
        whole: dict[str, bool] = {}
        for secret in secrets:
            for piece in pieces(secret, shortest):
                for spelling, alone in _spellings(piece, words=words):
                    whole[spelling] = whole.get(spelling, True) and alone
        self._whole = tuple(whole.values())
        self._search = AhoCorasick(list(whole), store_patterns=False) if whole else None

    def __call__(self, text: str) -> str:
        """The text with the secrets replaced."""
        if self._search is None:
            return text
        text = well_formed(text)
        parts, end = [], 0
        for start, stop in self._places(text):
            parts += [text[end:start], self._hidden]
            end = stop
        return "".join([*parts, text[end:]]) if end else text

    def finds_any(self, text: str) -> bool:
        """Whether there is a secret in the text."""
        return next(self._places(well_formed(text)), None) is not None

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the secrets are, in order; those that overlap are one place, so that no end of any remains."""
        if self._search is None:
            return
        places = sorted(
            (start, stop)
            for pattern, start, stop in self._search.find_matches_as_indexes(text, overlapping=True)
            if not self._whole[pattern] or _stands_alone(text, start, stop)
        )
        if not places:
            return
        begin, end = places[0]
        for start, stop in places[1:]:
            if start >= end:
                yield begin, end
                begin = start
            end = max(end, stop)
        yield begin, end


def well_formed(text: str) -> str:
    """The text with single surrogates, which no UTF-8 has, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def pieces(secret: str, shortest: int = SHORTEST) -> frozenset[str]:
    """The parts of a secret that are secrets on their own: the whole, its longer lines, an address's password."""
    secret = well_formed(secret)
    whole = secret.strip()
    lines = [line.strip() for line in whole.splitlines()] if len(whole.splitlines()) > 1 else []
    passwords = [password for password in set(_passwords(whole)) - {whole} if len(password) >= shortest]
    places = {line for line in lines if len(line) >= max(shortest, SHORTEST_LINE)} | set(passwords)
    return frozenset(places | {whole} if len(whole) >= shortest else places)


def spellings(secret: str) -> frozenset[str]:
    """Every text that a `Masker` of this secret searches for."""
    return frozenset(spelling for piece in pieces(secret) for spelling, _ in _spellings(piece, words=False))


def _passwords(text: str) -> Iterator[str]:
    """The passwords in addresses and connection strings: as they stand there, and decoded.

    A password with characters that should be percent-encoded there has several ends; what is beyond it makes it only longer.
    Sources: RFC 3986, libpq's "Connection Strings", ADO.NET's, the DSN of Go's MySQL driver.
    """
    for line in text.splitlines():
        if len(line) > _LONGEST_ADDRESS:
            continue
        for password in (*_of_user(line), *_of_parameters(line)):
            yield from (password, unquote(password), unquote_plus(password))


def _of_user(line: str) -> Iterator[str]:
    """The password between the user and the host; a long user without one is a token."""
    for match in _AUTHORITY.finditer(line):
        user, colon, rest = match[2].partition(":")
        own = re.split(r"[/?#\s]", match[2], maxsplit=1)[0]
        if "@" in own:
            user, colon, rest = own.rpartition("@")[0].partition(":")
            yield rest if colon else user if len(user) >= LONGEST_NAME else ""
        elif re.match(r"\d*(?:[/?#]|$)", rest) is None:  # else a port
            ends = [at for at, character in enumerate(rest) if character == "@"]
            yield from (rest[:end] for end in ends[:_MOST_ENDS])
    if without_scheme := _WITHOUT_SCHEME.fullmatch(line.strip()):
        yield without_scheme[1]


def _of_parameters(line: str) -> Iterator[str]:
    """The values of parameters that are named like passwords: in a URL's query, and in lists of keys and values."""
    for match in _PARAMETER.finditer(line):
        rest = line[match.end() :]
        quoted = _QUOTED.match(rest)
        if quoted:
            inner = quoted[0][1:-1]
            yield from (inner, re.sub(r"\\(.)", r"\1", inner), inner.replace(quoted[0][0] * 2, quoted[0][0]))
        else:
            yield from (re.split(end, rest, maxsplit=1)[0].strip() for end in (r"[&;\s]", r"[;]", r"[&\s]", r"\s"))


def _spellings(text: str, *, words: bool) -> Iterator[tuple[str, bool]]:
    """Each spelling, and whether it counts only where it stands alone."""
    is_word = words and len(text) <= _LONGEST_WORD and _WORD.fullmatch(text) is not None
    for spelling in _escaped(text):
        yield spelling, is_word
    for encoded in _encoded(text.encode()):
        yield encoded, False


def _escaped(text: str) -> frozenset[str]:
    """As texts, programs, shells and addresses escape it, and as Slack's mrkdwn shows these."""
    in_json = set(_in_json(text))
    forms = in_json | {twice for once in in_json for twice in _in_json(once)} | {*_in_shell(text), *_in_python(text)}
    escaped = {text, *forms, *_percent_encoded(text)}
    escaped |= {html.escape(form, quote=quotes) for form in escaped for quotes in (False, True)}
    # A backtick would end inline code, see bot/slack/blocks/kit.py.
    return frozenset(escaped | {form.replace("`", "'") for form in escaped})


def _in_json(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
        # Go writes these so in JSON, Terraform among others.
        yield escaped.translate({ord(special): f"\\u{ord(special):04x}" for special in "<>&\u2028\u2029"})


def _in_python(text: str) -> Iterator[str]:
    """As Python's repr writes it within a longer text, whose quotes may be of either kind: errors quote values so."""
    for quoted in (repr, ascii):
        single = quoted(f"\"{text}'")[2:-3]  # both kinds of quotes are in it: the single ones are escaped
        yield single
        yield single.replace("\\'", "'")


def _in_shell(text: str) -> Iterator[str]:
    yield shlex.quote(text).removeprefix("'").removesuffix("'")
    yield text.replace("'", r"'\''")
    yield re.sub(r'([$`"\\!])', r"\\\1", text)  # within double quotes
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text, flags=re.ASCII)  # printf %q


def _percent_encoded(text: str) -> Iterator[str]:
    for encoded in (quote_plus(text), *(quote(text, safe=safe) for safe in _MUST_PERCENT_ENCODE)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)


def _encoded(data: bytes) -> Iterator[str]:
    """In hexadecimal digits, and in base64 at each offset in what was encoded with it."""
    yield data.hex()
    yield data.hex().upper()
    for offset in range(3):
        # Characters that hold bits of what stands before or behind the secret are trimmed.
        first = -(-offset * 8 // 6)
        last = (offset + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(bytes(offset) + data).decode()[first:last]
            if len(core) >= SHORTEST_ENCODED:
                yield core
    yield base64.b64encode(data).decode()
    yield base64.urlsafe_b64encode(data).decode()


def _stands_alone(text: str, start: int, stop: int) -> bool:
    return not (_PART_OF_WORD.match(text[start - 1 : start]) or _PART_OF_WORD.match(text[stop : stop + 1]))
