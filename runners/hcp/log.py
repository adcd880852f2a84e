"""Reads logs of HCP Terraform's runs: JSON lines ("structured run output"), or text for people. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.hcp.errors import plain_log
from runners.results import ApplyProgress
from runners.terraform import errors as terraform_errors
from runners.terraform.apply_progress import ApplyCounter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.results import Diagnostic

_BEGINS = re.compile(r"^(\S.*?): (?:Creating|Modifying|Destroying)\.\.\.")
_ENDS = re.compile(r"^(\S.*?): (Creation|Modifications|Destruction) complete after ")
_ACTIONS = {"Creation": "create", "Modifications": "update", "Destruction": "delete"}


def count(log: str) -> ApplyCounter:
    """The counts of an apply's log."""
    counter = ApplyCounter()
    for line in plain_log(log).splitlines():
        counter.take(_as_message(line) or line)
    return counter


def _as_message(line: str) -> str:
    """The JSON message equivalent to a line for people; empty for any other line."""
    if line.startswith("{"):
        return ""
    if match := _BEGINS.match(line):
        return _MESSAGE.format(kind="apply_start", action="", address=_quoted(match[1]))
    if match := _ENDS.match(line):
        return _MESSAGE.format(kind="apply_complete", action=_ACTIONS[match[2]], address=_quoted(match[1]))
    return ""


_MESSAGE = '{{"type":"{kind}","hook":{{"action":"{action}","resource":{{"addr":"{address}"}}}}}}'


def _quoted(address: str) -> str:
    return address.replace("\\", "\\\\").replace('"', '\\"')


def progress(counter: ApplyCounter, total: int) -> ApplyProgress:
    """The apply's progress; `total` is the plan's number of resources, for a log that does not name all of them."""
    progress = counter.progress
    return ApplyProgress(progress.done, max(progress.total, total), progress.current, progress.elapsed)


def diagnostics(log: str) -> list[Diagnostic]:
    """The distinct errors and warnings in a log of either form."""
    text = plain_log(log)
    diagnostics = [*terraform_errors.from_json_lines(text.splitlines()), *terraform_errors.from_text(for_people(text))]
    return terraform_errors.distinct(diagnostics)


def for_people(log: str) -> str:
    """The log as text: each JSON line as its message."""
    return "\n".join(_lines(plain_log(log))).strip()


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        message = terraform_errors.read_message(line)
        if not message:
            yield line
        elif message.get("type") not in ("diagnostic", "version"):
            yield str(message.get("@message", ""))


def tail(log: str, lines: int = 30) -> str:
    """The log's last lines, for people."""
    return "\n".join(for_people(log).splitlines()[-lines:])
