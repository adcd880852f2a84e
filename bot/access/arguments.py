"""Arguments of a command: allow-lists, and replies that help after a typing error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapidfuzz import process

from bot.config.values import PART
from bot.errors import UserError
from runners import nearest as similar, phrases
from runners.git_refs import is_ref

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.config import Config, Environment
    from bot.redaction import Redactor

LONGEST = 500
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._,/=+:-]*")
# A person as Slack sends it with a command (docs.slack.dev/interactivity/implementing-slash-commands), and as a word here.
MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
OPERATION = re.compile(r"(?<!\S)#([0-9]+)(?!\S)")
PERSON = re.compile(r"@([UW][A-Z0-9]+)")
TAKEN = re.compile(r"[A-Za-z0-9._,/=+:-]")
MOST_NAMED = 5  # invalid characters
CLOSE_ENOUGH = 60
# A branch or tag as it is typed: letters and digits of any script. All other characters that git takes need quotes.
UNQUOTED_REF = re.compile(r"\w[\w.,/=+:#@%-]*")
# A word that is read as an input of a workflow (bot/access/inputs.py): its name, and its value.
INPUT = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,99})=(.*)")
QUOTES = ('""', "“”", "””", "„“")  # Slack's clients turn straight quotes into others
REFUSED_CREDENTIALS = (
    "There is a token or another secret in that, so I did nothing and kept nothing of it. Slack has seen it all the "
    "same: replace it by a new one."
)


class QuotedRef(str):
    """A word that stood in quotes: a branch, tag or commit, whatever else has that name."""

    __slots__ = ()


def split(text: str, usage: str, *, most: int, refs: bool = False, people: bool = False) -> list[str]:
    """The words of a command, of allowed characters. Raises UserError for anything else, without repeating it at length.

    With `refs` a word may be any branch or tag that git takes; with unusual characters in quotes, as a QuotedRef. With
    `people` a mention is a word, "@U0ANA", and #12 is 12.
    """
    if people:
        text = OPERATION.sub(r"\1", MENTION.sub(r" @\1 ", text))
    check_length(text, usage)
    if not text.isprintable():
        instead = " A branch with such a name is deployed by its commit." if refs else ""
        raise UserError(
            f"That has a line break or an invisible character in it, which I do not take.{instead} Usage: {usage}"
        )
    words = [unquoted(word) if refs else word for word in text.split()]
    for word in words:
        mentioned = people and PERSON.fullmatch(word)
        if not WORD.fullmatch(word) and not mentioned and not (refs and _is_typed_ref(word)):
            raise UserError(f"{quoted(word)} {_wrong_with(word, refs=refs)} Usage: {usage}")
    if len(words) > most:
        raise UserError(f"That is {len(words)} words, and I know what to do with {most}. Usage: {usage}")
    return words


def free_words(text: str, usage: str) -> list[str]:
    """The words of a text of a person, such as a reason. Raises UserError for one that is too long or has invisible characters."""
    check_length(text, usage)
    if not text.isprintable():
        raise UserError(f"That has a line break or an invisible character in it, which I do not take. Usage: {usage}")
    return text.split()


def check_length(text: str, usage: str) -> None:
    """Raises UserError for more than a command takes."""
    if len(text) > LONGEST:
        raise UserError(f"That is {len(text):,} characters long; a command takes {LONGEST} at most. Usage: {usage}")


def unquoted(word: str) -> str:
    """The word; a QuotedRef of what is in its quotes."""
    in_quotes = len(word) > 2 and word[0] + word[-1] in QUOTES
    return QuotedRef(word[1:-1]) if in_quotes else word


def _is_typed_ref(word: str) -> bool:
    return is_ref(word) and (isinstance(word, QuotedRef) or UNQUOTED_REF.fullmatch(word) is not None)


def typed_ref(name: str) -> str:
    """A branch, tag or commit as it is typed in a command: in quotes where these are needed."""
    return name if UNQUOTED_REF.fullmatch(name) and not INPUT.fullmatch(name) else f'"{name}"'


def _wrong_with(word: str, *, refs: bool = False) -> str:
    if isinstance(word, QuotedRef):
        return "cannot be a branch, tag or commit."
    if refs and is_ref(word):
        return f'has characters that need quotes: type "{quoted(word)[1:-1]}", or the commit.'
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
    """The environment, or part of one (prod/dns), of this name or alias. Raises UserError with the most similar name."""
    if named := config.find(name):
        return named
    aliases = [alias for each in config.whole_environments.values() for alias in each.aliases]
    names = [*config.environments] if PART in name else [*config.whole_environments, *aliases]
    raise UserError(f"There is no environment {quoted(name)}{nearest(name, names)} Usage: {usage}")


def ref(word: str, usage: str) -> str:
    """A branch, tag or commit, in quotes or not. Raises UserError for a name that git does not take, or nobody can read."""
    name = str(unquoted(word))
    if not is_ref(name) or not name.isprintable():
        raise UserError(f"{quoted(name)} cannot be a branch, tag or commit. Usage: {usage}")
    return name


def nearest(word: str, names: Collection[str], *, otherwise: str = "") -> str:
    """The end of a sentence: "did you mean" with the most similar name, else all names (or `otherwise`)."""
    best = near(word, names)
    return f"; did you mean “{best}”?" if best else otherwise or f"; there are {', '.join(names)}."


def near(word: str, names: Collection[str]) -> str:
    """The most similar name, or one that has the word in it (prod for production); empty if none is similar."""
    if best := similar.nearest(word, names):
        return best
    within = process.extractOne(word, list(names), processor=str.casefold, score_cutoff=CLOSE_ENOUGH)
    return str(within[0]) if within else ""


def quoted(word: str) -> str:
    """A word as a reply repeats it: short, on one line, in quotes."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in word)
    return f"“{printable[:40]}…”" if len(printable) > 40 else f"“{printable}”"
