"""Arguments of a command: allow-lists, and replies that help after a typing error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapidfuzz import process

from bot.errors import UserError
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.config import Config, Environment
    from bot.redaction import Redactor

LONGEST = 500
# Git's own rules are wider (git-check-ref-format); these characters are enough for people, and harmless everywhere.
REF = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/+-]{0,198}[A-Za-z0-9_+-])?")
BAD_IN_REF = ("..", "//", "/.", "./", ".lock/")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,/=+:-]*")
TAKEN = re.compile(r"[A-Za-z0-9._,/=+:-]")
MOST_NAMED = 5  # invalid characters
CLOSE_ENOUGH = 60
REFUSED_CREDENTIALS = (
    "There is a token or another secret in that, so I did nothing and kept nothing of it. Slack has seen it all the "
    "same: replace it by a new one."
)


def split(text: str, usage: str, *, most: int) -> list[str]:
    """The words of a command, of allowed characters. Raises UserError for anything else, without repeating it at length."""
    if len(text) > LONGEST:
        raise UserError(f"That is {len(text):,} characters long; a command takes {LONGEST} at most. Usage: {usage}")
    if not text.isprintable():
        raise UserError(f"That has a line break or an invisible character in it, which I do not take. Usage: {usage}")
    words = text.split()
    for word in words:
        if not WORD.fullmatch(word):
            raise UserError(f"{quoted(word)} {_wrong_with(word)} Usage: {usage}")
    if len(words) > most:
        raise UserError(f"That is {len(words)} words, and I know what to do with {most}. Usage: {usage}")
    return words


def _wrong_with(word: str) -> str:
    foreign = list(dict.fromkeys(letter for letter in word if not TAKEN.fullmatch(letter)))
    if not foreign:
        return "must begin with a letter or digit."
    return (
        f"has characters that I do not take ({' '.join([*foreign[:MOST_NAMED], *phrases.rest(len(foreign) - MOST_NAMED)])}): "
        "letters, digits and . _ , / = + : - are fine."
    )


def no_secret(redact: Redactor, text: str) -> None:
    """Raises UserError if the text holds a secret: requests are stored and displayed."""
    if redact.holds_secret(text):
        raise UserError(REFUSED_CREDENTIALS)


def environment(config: Config, name: str, usage: str) -> Environment:
    """The environment of this name. Raises UserError with the most similar name."""
    if name in config.environments:
        return config.environments[name]
    raise UserError(f"There is no environment {quoted(name)}{nearest(name, config.environments)} Usage: {usage}")


def ref(word: str, usage: str) -> str:
    """A branch, tag or commit. Raises UserError for an invalid name."""
    if not REF.fullmatch(word) or any(bad in word for bad in BAD_IN_REF) or word.endswith((".lock", ".")):
        raise UserError(f"{quoted(word)} cannot be a branch, tag or commit. Usage: {usage}")
    return word


def nearest(word: str, names: Collection[str], *, otherwise: str = "") -> str:
    """The end of a sentence: "did you mean" with the most similar name, else all names (or `otherwise`)."""
    best = near(word, names)
    return f"; did you mean “{best}”?" if best else otherwise or f"; there are {', '.join(names)}."


def near(word: str, names: Collection[str]) -> str:
    """The most similar name; empty if none is similar."""
    best = process.extractOne(word, list(names), score_cutoff=CLOSE_ENOUGH)
    return str(best[0]) if best else ""


def quoted(word: str) -> str:
    """A word as a reply repeats it: short, on one line, in quotes."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in word)
    return f"“{printable[:40]}…”" if len(printable) > 40 else f"“{printable}”"
