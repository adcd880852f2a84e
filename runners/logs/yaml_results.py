"""Reads the output of tools from Ansible's results in YAML, line by line.

A YAML parser would take longer than the scan of the whole log, and let aliases in a log fill the memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

OUTPUT = frozenset({"stdout", "stderr", "module_stdout", "module_stderr"})
_KEYS = OUTPUT | {f"{name}_lines" for name in OUTPUT} | {"msg"}
_KEY = re.compile(r"( *)(?:- )?([\w.-]+):(?: +(.*))?$")
_NO_VALUE = re.compile(r"(?:[|>][+-]?\d?|''|\"\"|<omitted>|\[\])?$")
_RESULT_KEYS = re.compile(r" *(?:changed|invocation):")
_EXIT_CODE = re.compile(r" *rc: (\d+)$")


def printed(lines: Sequence[str], *, failed: bool, changed: bool) -> tuple[tuple[str, ...], bool]:
    """The lines that tools printed, and whether their task ignores an exit code that is not 0.

    Only a task that runs a program has an exit code. `changed` says whether the first line of the result reports
    changes; `debug` reports none, and prints what another task printed.
    """
    code = next((int(match[1]) for line in lines if (match := _EXIT_CODE.match(line))), None)
    if code is None and not failed and (changed or any(map(_RESULT_KEYS.match, lines))):
        return (), False
    return lines_of(lines, _KEYS), bool(code) and not failed


def lines_of(lines: Sequence[str], keys: Collection[str]) -> tuple[str, ...]:
    """The lines of the values of some keys, each once."""
    content: list[str] = []
    inside: int | None = None
    for line in lines:
        indentation = len(line) - len(line.lstrip(" "))
        deeper = inside is not None and (
            indentation > inside or (indentation == inside and line.startswith("- ", inside))
        )
        if deeper or not line.strip():
            content.append(_plain(line))
            continue
        match = _KEY.match(line)
        inside = None
        if match and match[2].rpartition(".")[2] in keys:
            inside = indentation
            if not _NO_VALUE.match(match[3] or ""):
                content.append(_plain(match[3]))
    return tuple(dict.fromkeys(filter(None, content)))


def _plain(text: str) -> str:
    """A line of a value without the mark of a list and without quotes."""
    bare = text.strip().removeprefix("- ")
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        return bare[1:-1].replace("''", "'").replace('\\"', '"')
    return bare
