"""`python -m bot init`: asks, reads, writes a configuration that the loader accepts, and says what comes next."""

from __future__ import annotations

import itertools
import re
import sys
from typing import TYPE_CHECKING

from bot.config import read
from bot.errors import ConfigError, UserError
from bot.proposal import facts, repository
from bot.proposal.compose import compose
from bot.proposal.questions import answers

if TYPE_CHECKING:
    from pathlib import Path

    from bot.check.slack import SlackCalls
    from bot.errors import Fault
    from bot.proposal.questions import Ask

_NEXT = """Wrote {file}.
Next:
  1. read it: what is guessed or left out is in its comments
  2. python -m bot schema > {schema}   (for your editor)
  3. python -m bot --config {file} check --offline
  4. docs/github.md and the README, sections 2 to 6: Slack, GitHub, AWS, the environment"""


def ask(question: str, default: str) -> str:
    """Ask at the terminal."""
    print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() or default


def default(_: str, answer: str) -> str:
    """Ask nobody."""
    return answer


async def propose(directory: Path, ask: Ask, slack: SlackCalls | None) -> str:
    """The text of a configuration for the clone in a directory.

    Raises:
        UserError: it is no directory with files, or an answer is wrong.
    """
    clone = repository.read(directory)
    given = await answers(ask, repository=clone.name, slack=slack)
    text = compose(facts.read(clone), given, branch=clone.branch)
    return _accepted(text)


def _accepted(text: str) -> str:
    """The text with each line in a comment that the loader refuses, and why: what people write is beyond any rules here."""
    lines = text.splitlines()
    while faults := _faults("\n".join(lines)):
        refused = {number: fault for fault in faults for number in _refused(lines, fault)}
        if not refused:
            remarks = [f"# {fault.key or 'the file'}: {fault.problem}" for fault in faults]
            lines += ["# The loader does not accept this yet:", *remarks]
            break
        for number, fault in refused.items():
            lines[number - 1] = _left_out(lines[number - 1], fault.problem)
        _leave_out_empty(lines)
    return "\n".join(lines) + "\n"


def _faults(text: str) -> tuple[Fault, ...]:
    try:
        read(text)
    except ConfigError as error:
        return error.faults
    return ()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _refused(lines: list[str], fault: Fault) -> list[int]:
    """The numbers of the lines that are left out for a fault: its own, or all of `images`."""
    if not fault.line:
        return []
    if _can_be_left_out(lines[fault.line - 1]):
        return [fault.line]
    if lines[fault.line - 1] != "images:":
        return []
    below = itertools.takewhile(lambda number: _indent(lines[number]) > 0, range(fault.line, len(lines)))
    return [fault.line, *(number + 1 for number in below)]


def _can_be_left_out(line: str) -> bool:
    """Whether it is a key of an environment or of the images: the rest of the file goes on without it."""
    ends_with_value = bool(re.match(r"  \S+: [^ #]", line))
    return (_indent(line) > 2 or ends_with_value) and not _is_comment(line)


def _left_out(line: str, why: str) -> str:
    return f"{' ' * _indent(line)}# {line.strip()}   # {why}"


def _leave_out_empty(lines: list[str]) -> None:
    """Leave out each key whose lines below are all left out."""
    for number in reversed(range(len(lines))):
        line = lines[number]
        if not line.endswith(":") or _is_comment(line) or not _indent(line):
            continue
        rest = [each for each in lines[number + 1 :] if not _is_comment(each)]
        if not rest or _indent(rest[0]) <= _indent(line):
            lines[number] = _left_out(line, "nothing is left of it")


async def init(directory: Path, file: Path, ask: Ask, slack: SlackCalls | None) -> str:
    """Write the file; returns what comes next.

    Raises:
        UserError: the file exists, or as `propose` does.
    """
    if file.exists():
        raise UserError(f"{file} exists, and is not overwritten. Name another file with --config, or use --print")
    text = await propose(directory, ask, slack)
    file.write_text(text, encoding="utf-8")
    return _NEXT.format(file=file, schema=file.parent / "signalbox.schema.json")
