"""Splits a log into blocks of clean lines, and a line into the texts that a terminal showed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK = 1 << 16  # bytes read at once; a block is rarely more than twice as large
LONGEST_LINE = 1 << 20  # bytes of a line that are always read; the rest of a longer line is skipped
LONGEST_READABLE = 500  # characters of a line that are kept
LONGEST_MATCHED = 4000  # characters of a line that patterns are matched against

TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
SCRIPT_COLOUR = b"\x1b[36;1m"  # GitHub prints the lines of the script that a step is about to run in this colour

_TIMESTAMP = re.compile(rb"(?:\xef\xbb\xbf)?(?:%s:? ?)?" % TIMESTAMP.encode())
# The colour of a script follows the timestamp. It stays, because it separates the script from its output.
_COLOURS = re.compile(rb"\x1b(?!(?<=Z \x1b)\[36;1m)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
_ALL_COLOURS = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_COMMAND = re.compile(r"##\[(\w+)\]")
_PACKERS_COMMA = b"%!(PACKER_COMMA)"  # in the output of `packer -machine-readable`
_LABELS = {"error": "Error: ", "warning": "Warning: "}


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file in blocks of whole lines; only the last may lack its line break. Memory stays bounded.

    A line that is far too long is cut at the end of a word.
    """
    rest, skipping = b"", False
    while piece := file.read(BLOCK):
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield (_cut_line(rest, head) if skipping else rest + head) + newline
            rest, skipping = tail, False
        elif len(rest) < LONGEST_LINE:
            rest += piece
        else:
            skipping = True
    if rest:
        yield _cut_line(rest, b"") if skipping else rest


def _cut_line(line: bytes, head: bytes) -> bytes:
    """The beginning of a line that is too long, and the lines of `head` that follow it."""
    word = max(map(line.rfind, (b" ", b"\t", b"\r"))) + 1
    _, newline, following = head.partition(b"\n")
    return line[:word] + "\N{HORIZONTAL ELLIPSIS}".encode() + newline + following


def clean(block: bytes) -> bytes:
    """The block without colours and as valid UTF-8, so that an expression matches what a person would read."""
    if b"\x1b" in block:
        block = _COLOURS.sub(b"", block)
    if _PACKERS_COMMA in block:
        block = block.replace(_PACKERS_COMMA, b",")
    return block if block.isascii() else block.decode("utf-8", "replace").encode()


def is_script(line: bytes) -> bool:
    """Whether the line belongs to a script that GitHub shows, rather than to the output of one."""
    return line.startswith(SCRIPT_COLOUR, _start_of_text(line))


def screens(line: bytes, *, longest: int = LONGEST_MATCHED) -> list[str]:
    """The texts that a line showed, one after the other, without timestamp: a carriage return starts the next.

    Only the first `longest` characters of each count.
    """
    parts = _ALL_COLOURS.sub(b"", line[_start_of_text(line) :]).split(b"\r")
    return [text for part in parts if (text := _text(part, longest))]


def _start_of_text(line: bytes) -> int:
    timestamp = _TIMESTAMP.match(line)
    return timestamp.end() if timestamp else 0


def _text(part: bytes, longest: int) -> str:
    text = part[: longest * 4].decode("utf-8", "replace")
    return (text if text.isprintable() else _INVISIBLE.sub("", text)).rstrip()[:longest]


def readable(line: bytes) -> str:
    """The last text that a line showed, cut to LONGEST_READABLE characters; empty if there is none."""
    texts = screens(line)
    return cut(texts[-1]) if texts else ""


def cut(text: str) -> str:
    """At most LONGEST_READABLE characters of a text, with GitHub's commands as words.

    It is cut between words: redaction would not recognise a part of a secret.
    """
    command = _COMMAND.match(text)
    plain = _LABELS.get(command.group(1), "") + text[command.end() :] if command else text
    if len(plain) <= LONGEST_READABLE:
        return plain
    beginning = plain[: LONGEST_READABLE - 1]
    return beginning[: max(map(beginning.rfind, " \t\"'`")) + 1] + "…"


def command_of(text: str) -> str:
    """The name of GitHub's command at the start of a line (group, endgroup, error, ...); empty if there is none."""
    command = _COMMAND.match(text)
    return command.group(1) if command else ""


def is_content(line: bytes) -> bool:
    """Whether a line is anything but GitHub's own brackets and debug output."""
    texts = screens(line)
    return not texts or command_of(texts[-1]) not in ("endgroup", "debug")
