"""Why a text is no YAML, in words: the line that is wrong, which is not always the one where a parser gives up."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from bot.errors import Fault
from runners import phrases

if TYPE_CHECKING:
    import yaml

# What PyYAML quotes from the file, but for single characters: an alias or a tag may be a part of a secret.
_QUOTED = re.compile(r"""'(?P<one>(?:[^'\\]|\\.)*)'|"(?P<two>(?:[^"\\]|\\.)*)\"""")
_TOKEN = re.compile(r"<[a-z ]+>")  # PyYAML's names of what it reads


def fault_of(error: yaml.MarkedYAMLError, text: str) -> Fault:
    """The fault at its line."""
    lines = text.splitlines()
    at = error.problem_mark or error.context_mark
    problem = str(error.problem or "")
    if at and "expected <block end>" in problem and (misplaced := _misplaced(lines, min(at.line, len(lines) - 1))):
        number, blanks, siblings = misplaced
        return Fault(number + 1, "", f"is indented by {phrases.counted(blanks, 'blank')}, its siblings by {siblings}")
    if "could not find expected ':'" in problem and error.context_mark:
        line = error.context_mark.line
        word = lines[line].strip() if line < len(lines) else ""
        named = f"`{word}` lacks its colon" if re.fullmatch(r"[a-z_]{1,24}", word) else "the line lacks a colon"
        return Fault(
            line + 1, "", f"is not valid YAML: {named}; write `key: value`, or `key:` above the lines below it"
        )
    return Fault(at.line + 1 if at else None, "", f"is not valid YAML: {_problem(error)}")


def _misplaced(lines: list[str], at: int) -> tuple[int, int, int] | None:
    """The line beside this one that is indented by a blank more or less than its siblings: its index, its blanks, theirs."""
    level = _indent(lines[at])
    written = [number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    position = written.index(at) if at in written else None
    if position is None:
        return None
    first = last = position
    while first > 0 and _indent(lines[written[first - 1]]) >= level - 1:
        first -= 1
    while last + 1 < len(written) and _indent(lines[written[last + 1]]) >= level - 1:
        last += 1
    near = [number for number in written[first : last + 1] if abs(_indent(lines[number]) - level) <= 1]
    siblings, _ = Counter(_indent(lines[number]) for number in near).most_common(1)[0]
    wrong = [number for number in near if abs(_indent(lines[number]) - siblings) == 1]
    return (wrong[0], _indent(lines[wrong[0]]), siblings) if len(wrong) == 1 else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _problem(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's message; common mistakes get a message of their own, with the remedy."""
    problem = " ".join(str(error.problem or error.context or "it cannot be read").split())
    if r"'\t'" in problem:
        return "it is indented with a tab; use spaces"
    if "mapping values are not allowed" in problem:
        return "the line has a second colon or a wrong indentation; put text with a colon in quotes"
    if "expected a single document" in str(error.context):
        return 'a second document starts here ("---"); keep one document'
    if re.match(r"expected ',' or '[]}]'", problem):
        return "a bracket, a quote or a comma is missing here or in a line above"
    return _QUOTED.sub(_displayed, problem)


def _displayed(quoted: re.Match[str]) -> str:
    """What PyYAML quotes, where it is no part of the file that somebody could want to hide."""
    inner = quoted["one"] or quoted["two"] or ""
    return quoted[0] if len(inner) < 4 or _TOKEN.fullmatch(inner) else "(not shown)"
