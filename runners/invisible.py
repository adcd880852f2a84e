"""Characters that display nothing, or that change how others are displayed: each is named instead. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Characters that display nothing, or join what is before them, though Unicode counts them as letters, marks or symbols.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\ufffc") | frozenset(
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)
# Control, format, private, unassigned and surrogate characters; separators of lines, paragraphs and words.
_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Zs"})
# A font may have the newest emoji before Python's Unicode has them, and other spaces are displayed as spaces.
_HARMLESS = frozenset({"Cn", "Zs"})
_CONTROL_NAMES = {
    "\t": "TAB",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x00": "NULL",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
    "\x08": "BACKSPACE",
}
# Everything that `named` may have to replace: neither printable ASCII nor a letter of a common script.
_SUSPECT = re.compile("[^\t\n -~\u00a1-\u00ac\u00ae-\u033f\u0370-\u05ff\u3041-\u30ff\u4e00-\u9fff]")
# Colours and other commands to a terminal (ECMA-48, control sequences).
_TERMINAL = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]")
_LINE_ENDS = re.compile("\r+\n?")  # also of a progress bar, which returns to the start of its line
_EMOJI_STYLE, _JOINER, _KEYCAP, _KEYS = "\ufe0f", "\u200d", "\u20e3", frozenset("0123456789#*")
# Emoji that Unicode counts as punctuation or as symbols of mathematics.
_OTHER_EMOJI = frozenset("\u203c\u2049\u2194\u25fd\u25fe\u3030\u303d\u2934\u2935\u27a1\u2b05")


@cache
def is_invisible(character: str) -> bool:
    """Whether the character displays nothing, or looks like a plain space."""
    return character in _BLANK or (character != " " and unicodedata.category(character) in _CATEGORIES)


def name_of(character: str) -> str:
    """The code and the Unicode name of a character, for example "U+200B ZERO WIDTH SPACE"."""
    name = unicodedata.name(character, "") or _CONTROL_NAMES.get(character, "unnamed character")
    return f"U+{ord(character):04X} {name}"


def named(text: str) -> str:
    """The text with "[U+200B ZERO WIDTH SPACE]" in place of a character that displays nothing or turns others around.

    Line breaks, tabs and spaces stay, and so does what only joins or colours emoji. Commands to a terminal are removed.
    """
    if _SUSPECT.search(text) is None:
        return text
    text = _LINE_ENDS.sub("\n", _TERMINAL.sub("", text))
    return _SUSPECT.sub(lambda match: _displayed(text, match.start()), text)


def _displayed(text: str, at: int) -> str:
    character = text[at]
    if not _is_hidden(character) or (character in (_EMOJI_STYLE, _JOINER) and _in_emoji(text, at)):
        return character
    return f"[{name_of(character)}]"


@cache
def _is_hidden(character: str) -> bool:
    return is_invisible(character) and unicodedata.category(character) not in _HARMLESS


def _in_emoji(text: str, at: int) -> bool:
    """Whether the character after which this one stands is an emoji; a joiner needs one after it as well.

    A digit, "#" or "*" is one only in a keycap: elsewhere "v1" and "v1" with a style look alike.
    """
    before = text[at - 1 : at].replace(_EMOJI_STYLE, text[at - 2 : at - 1])
    after = text[at + 1 : at + 2]
    if text[at] == _EMOJI_STYLE:
        return _is_symbol(before) or (before in _KEYS and after == _KEYCAP)
    return _is_symbol(before) and _is_symbol(after)


def _is_symbol(character: str) -> bool:
    # Skin tones are modifier symbols.
    return len(character) == 1 and (
        character in _OTHER_EMOJI
        or unicodedata.category(character) == "So"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
