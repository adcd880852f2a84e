"""Takes Ansible's results apart: a line `changed: [host] => {...}` holds the output of other tools.

Ansible prints a result as JSON on one line (-v), as JSON over several lines (-vvv, debug), or as YAML
(`callback_result_format = yaml`, the callback `community.general.yaml`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners.logs import yaml_results

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runners.logs.carriers import Carriers

LARGEST = 1 << 21  # characters of a result over several lines
DEEPEST = 6  # results of loops and of variables that `debug` prints
# A result on one line counts if its task failed, ran a program, or is `debug`. Other modules judge output themselves.
ONE_LINE = (
    r'^(?:(?:failed|fatal): \[.* => \{|(?:ok|changed): \[.* => \{(?:.*"rc": |"(?:changed": false, ")?msg": '
    r'|.*"[\w.]+\.std(?:out|err)(?:_lines)?": ))'
)
SEVERAL_LINES = r"^(?:ok|changed|failed|fatal): \[.* =>\s*(?:\{|changed=\S+.*)?\s*$"
IGNORING = "...ignoring"  # after a failed result whose task has `ignore_errors`
ANNOUNCEMENT = "[ERROR]: Task failed"  # before a failed result, since ansible-core 2.19
_OPENING = re.compile(
    r"(ok|changed|failed|fatal): \[[^\]]*\](?:: [A-Z]+!)?(?:(?: =>)? \(item=.*?\))? =>(?: |$)(.*)$", re.DOTALL
)
_ENTRY = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Output:
    """Lines that a tool printed. `ignored`: its exit code is not 0, and the task does not count that as a failure."""

    lines: tuple[str, ...]
    ignored: bool = False


@dataclass
class Result:
    """A result that is read line by line, of a task that Ansible calls `failed`, or not."""

    failed: bool
    first: str
    kinds: Sequence[re.Pattern[str]]
    rest: list[str] = field(default_factory=list)
    complete: bool = False
    _size: int = 0

    def take(self, line: str) -> bool:
        """Read the next line of the log; false when it is no part of the result."""
        for kind in self.kinds:
            match = kind.match(line)
            line = line[match.end() :] if match else line
        if self._is_json:
            self.complete = line.startswith("}")
        elif line and not line.startswith((" ", "\t")):
            self.complete = True
            return False
        self._size += len(line)
        self.complete = self.complete or self._size > LARGEST
        self.rest.append(line)
        return True

    @property
    def _is_json(self) -> bool:
        return self.first.startswith("{")

    def outputs(self) -> list[Output]:
        """What tools printed, by the result. Of JSON that cannot be parsed, each text counts."""
        if not self._is_json:
            lines, ignored = yaml_results.printed(self.rest, failed=self.failed, changed=bool(self.first))
            return [Output(lines, ignored)] if lines else []
        try:
            return list(_outputs(self._parsed(), DEEPEST, failed=self.failed))
        except (ValueError, RecursionError):
            return [Output(tuple(self._texts()))]

    def heading(self, line: str) -> str:
        """The line of the log that the result begins with, which has its message when the task failed."""
        message = " ".join(self.message()) if self.failed else ""
        return line if message in line else f"{line.partition('=>')[0]}=> {message}"

    def message(self) -> tuple[str, ...]:
        """The lines of Ansible's own message; empty without one."""
        if not self._is_json:
            return yaml_results.lines_of(self.rest, {"msg"})
        try:
            parsed = self._parsed()
        except (ValueError, RecursionError):
            return ()
        return tuple(_lines_of(parsed.get("msg"))) if isinstance(parsed, dict) else ()

    def _parsed(self) -> Any:
        return json.loads("\n".join((self.first, *self.rest)), strict=False)

    def _texts(self) -> Iterator[str]:
        for line in (self.first, *self.rest):
            for text in _ENTRY.findall(line):
                yield from _unescaped(text).splitlines()


def opening(line: str, carriers: Carriers) -> Result | None:
    """The result that begins on a line of the log; one on a single line is complete."""
    for end in (0, *carriers.ends(line)):
        bare = line[end:].lstrip(" \t")
        match = _OPENING.match(bare)
        if match:
            state, first = match[1], match[2].strip()
            kinds = (*carriers.kinds(line[:end]), re.compile(f"[ \\t]{{0,{len(line) - end - len(bare)}}}"))
            complete = first not in ("", "{") and not first.startswith("changed=")
            return Result(state in ("failed", "fatal"), first, kinds, complete=complete)
    return None


def _outputs(value: object, depth: int, *, failed: bool) -> Iterator[Output]:
    if not depth:
        return
    if isinstance(value, list):
        for item in value:
            yield from _outputs(item, depth - 1, failed=failed)
    elif isinstance(value, dict):
        code = value.get("rc")
        if isinstance(code, int) or failed or _is_of_debug(value):
            lines = tuple(_printed(value))
            if lines:
                yield Output(lines, ignored=bool(code) and not failed)
        for item in value.values():
            yield from _outputs(item, depth - 1, failed=failed)


def _is_of_debug(value: dict[Any, Any]) -> bool:
    return not value.keys() & {"changed", "invocation"} or value.keys() <= {"changed", "msg"}


def _printed(value: dict[Any, Any]) -> Iterator[str]:
    """The lines of a result's outputs; "stdout" has the same lines as "stdout_lines". `debug` names them x.stdout."""
    for key, item in value.items():
        name = str(key).rpartition(".")[2]
        whole = name.removesuffix("_lines")
        if name == "msg" or (whole in yaml_results.OUTPUT and not (name == whole and value.get(f"{key}_lines"))):
            yield from _lines_of(item)


def _lines_of(item: object) -> Iterator[str]:
    parts: Sequence[object] = item if isinstance(item, list) else [item]
    for part in parts:
        if isinstance(part, str):
            yield from part.splitlines()
        elif isinstance(part, list):
            yield from _lines_of(part)


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
