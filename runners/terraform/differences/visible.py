"""Texts as one line in which every character can be seen, and windows of two texts that show where they differ. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from runners.invisible import is_invisible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Spelling = Callable[[str], str]

CONTEXT = 24  # characters displayed before and after a difference
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_PLAIN = re.compile("[!-_a-~]+(?: [!-_a-~]+)*")  # printable ASCII without backticks, single spaces inside


def readable(character: str) -> str:
    """The character itself, or its escape if it is invisible."""
    return _escape(character) if is_invisible(character) else character


def unambiguous(character: str) -> str:
    """A spelling in ASCII that no other text has: as in JSON, and with backticks and spaces escaped."""
    if character == "\\":
        return r"\\"
    return character if " " < character < "\x7f" and character != "`" else _escape(character)


def _escape(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def one_line(text: str, limit: int) -> str:
    """The text on one line of about `limit` characters: both ends of a longer one."""
    if len(text) <= limit and _PLAIN.fullmatch(text):
        return text
    last = len(text) - 1
    fitting, whole = _fit(_spelled(text, 0, len(text), readable), limit)
    if whole:
        return fitting
    tail, _ = _fit(_spelled(text[::-1], 0, len(text), readable), limit // 3, backwards=True)
    head, _ = _fit(_spelled(text, 0, last, readable), limit - len(tail) - 1)
    return f"{head}…{tail}"


def windows(before: str, after: str, limit: int) -> tuple[str, str]:
    """Both texts, which differ, on a line of about `limit` characters each: of longer ones the part that differs first.

    The two results differ, also to the eye.
    """
    at = common_start(before, after)
    if max(len(before), len(after)) <= limit:
        both = one_line(before, limit), one_line(after, limit)
        if "…" not in both[0] + both[1] and not look_alike(*both):
            return both
    both = _window(before, at, limit, readable), _window(after, at, limit, readable)
    if not look_alike(*both):
        return both
    return _window(before, at, limit, unambiguous), _window(after, at, limit, unambiguous)


def look_alike(before: str, after: str) -> bool:
    """Whether the eye hardly sees a difference between the texts: other forms of a letter, letters of other scripts.

    A backtick is an apostrophe here: it is displayed as one where it would end a text in a fixed-width font.
    """
    before, after = (unicodedata.normalize("NFKC", text).replace("`", "'") for text in (before, after))
    if before == after:
        return True
    return len(before) == len(after) and all(
        old == new or _confusable(old, new) for old, new in zip(before, after, strict=True)
    )


@cache
def _confusable(first: str, second: str) -> bool:
    if first.isascii() and second.isascii():
        return False  # they differ in fixed-width fonts
    if _script(first) != _script(second):
        return True
    latin = _script(first) == "LATIN" and max(first, second) > _LAST_ACCENTED
    return latin or {unicodedata.category(first), unicodedata.category(second)} == {"Pd"}  # dashes


_LAST_ACCENTED = "\u017f"  # Latin letters up to it differ from each other by their accents


def _script(character: str) -> str:
    """The script of a letter, for example LATIN; for other characters, whether they are ASCII."""
    if character.isalpha():
        return unicodedata.name(character, "").partition(" ")[0]
    return str(character.isascii())


def common_start(before: str, after: str) -> int:
    """How many characters both texts begin with."""
    low, high = 0, min(len(before), len(after))
    if before[:high] == after[:high]:
        return high
    while high - low > 1:  # halves compare at the speed of memory
        middle = (low + high) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _window(text: str, at: int, limit: int, spelling: Spelling) -> str:
    """The text around the character `at`, before which it is the same as the other text."""
    start = max(0, at - CONTEXT)
    prefix, whole = _fit(_spelled(text[start:at][::-1], 0, at - start, spelling), limit // 3, backwards=True)
    rest, complete = _fit(_spelled(text, at, len(text), spelling), limit - len(prefix))
    return f"{'' if whole and not start else '…'}{prefix}{rest}{'' if complete else '…'}"


def _spelled(text: str, start: int, end: int, spelling: Spelling) -> Iterator[str]:
    """The characters' spellings. A space at either end, or beside another one, would be invisible."""
    for at in range(start, end):
        character = text[at]
        if character == " " and spelling is readable:
            beside = (at == 0 or text[at - 1].isspace()) or (at == len(text) - 1 or text[at + 1] == " ")
            yield "·" if beside else character
        else:
            yield spelling(character)


def _fit(spelled: Iterator[str], limit: int, *, backwards: bool = False) -> tuple[str, bool]:
    """As many as fit into `limit` characters, at least the first; and whether these are all."""
    pieces: list[str] = []
    room, whole = limit, True
    for piece in spelled:
        if pieces and len(piece) > room:
            whole = False
            break
        pieces.append(piece)
        room -= len(piece)
    return "".join(reversed(pieces) if backwards else pieces), whole
