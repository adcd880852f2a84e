"""A log as blocks of whole lines, and a line as a person would see it on a screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK = 1 << 16  # bytes read at once; a block is rarely more than twice as large
LONGEST_LINE = 1 << 16  # bytes of a line that are certainly read; of longer ones the rest is passed over
LONGEST_SHOWN = 500  # characters of a line that are kept
LONGEST_MATCHED = 4000  # characters of a line that patterns are tried on

_TIMESTAMP = re.compile(rb"(?:\xef\xbb\xbf)?(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?)?")
# A script that GitHub shows begins each of its lines with one colour; that mark, right after the time, stays.
_COLOURS = re.compile(rb"\x1b(?<!Z \x1b)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
_ALL_COLOURS = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_COMMAND = re.compile(r"##\[(\w+)\]")
_SPOKEN = {"error": "Error: ", "warning": "Warning: "}
_PACKER = re.compile(r"(?:==> |    )[\w.-]+: ")

SCRIPT_MARK = b"\x1b[36;1m"  # how GitHub colours the lines of the script that a step is about to run


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file in blocks of whole lines; only the last may lack its line break. Memory stays bounded.

    Of a line that is far too long the beginning is kept, up to the end of a word.
    """
    rest, passed = b"", False
    while piece := file.read(BLOCK):
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield (_beginning(rest, head) if passed else rest + head) + newline
            rest, passed = tail, False
        elif len(rest) < LONGEST_LINE:
            rest += piece
        else:
            passed = True
    if rest:
        yield _beginning(rest, b"") if passed else rest


def _beginning(line: bytes, head: bytes) -> bytes:
    """What is kept of a line that is passed over, and the lines of `head` that follow its end."""
    word = max(map(line.rfind, (b" ", b"\t", b"\r"))) + 1
    _, newline, following = head.partition(b"\n")
    return line[:word] + "\N{HORIZONTAL ELLIPSIS}".encode() + newline + following


def without_colours(block: bytes) -> bytes:
    """The block without colours, so that no word is split by one."""
    return _COLOURS.sub(b"", block) if b"\x1b" in block else block


def is_script(line: bytes) -> bool:
    """Whether GitHub shows a line of a script here, rather than what it printed."""
    return line[_end_of_timestamp(line) :].startswith(SCRIPT_MARK)


def screens(line: bytes) -> list[str]:
    """What the line showed, one after the other: a carriage return begins again. Without time, colours, unseen characters."""
    bare = _ALL_COLOURS.sub(b"", line[_end_of_timestamp(line) :])
    return [text for part in bare.split(b"\r") if (text := _text(part))]


def shown(line: bytes) -> str:
    """The line as it stood in the end, GitHub's marks as words, cut to LONGEST_SHOWN."""
    said = screens(line)
    return cut(said[-1]) if said else ""


def cut(text: str) -> str:
    """A line's text as it is kept: at most LONGEST_SHOWN, and no part of a word, which may be a secret's."""
    mark = _COMMAND.match(text)
    plain = _SPOKEN.get(mark.group(1), "") + text[mark.end() :] if mark else text
    if len(plain) <= LONGEST_SHOWN:
        return plain
    kept = plain[: LONGEST_SHOWN - 1]
    return kept[: max(map(kept.rfind, " \t\"'`")) + 1] + "…"


def mark_of(text: str) -> str:
    """GitHub's mark at the beginning of a line: group, endgroup, error, ...; empty without."""
    mark = _COMMAND.match(text)
    return mark.group(1) if mark else ""


def is_told(line: bytes) -> bool:
    """Whether a person would want the line: GitHub's own brackets and debug lines tell nothing."""
    said = screens(line)
    return not said or mark_of(said[-1]) not in ("endgroup", "debug")


def without_packer(text: str) -> str:
    """What a provisioner said, without the name of the build that Packer puts before it."""
    prefix = _PACKER.match(text)
    return text[prefix.end() :] if prefix else text


def _end_of_timestamp(line: bytes) -> int:
    found = _TIMESTAMP.match(line)
    return found.end() if found else 0


def _text(part: bytes) -> str:
    return _UNSEEN.sub("", part[: LONGEST_MATCHED * 4].decode("utf-8", "replace")).rstrip()[:LONGEST_MATCHED]
