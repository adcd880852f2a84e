"""What a task said, in words: why it failed, and the end of what it printed."""

from __future__ import annotations

import json
import re
from typing import Any

LONGEST_LINE = 500
OUTPUT_LINES = 20
OUTPUT_LENGTH = 2000
MOST_PRINTED = 200_000  # characters of a program's output that the log has: its end
HIDDEN = "(hidden by no_log)"
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


def describe(res: dict[str, Any]) -> str:
    """Why a task failed: its message, then what it printed as an error (else what it printed at all)."""
    if "censored" in res or res.get("_ansible_no_log") is True:
        return HIDDEN
    items = [item for item in res.get("results") or () if isinstance(item, dict) and item.get("failed")]
    if items:
        return "\n".join(f"({_label(item)}) {describe(item)}" for item in items)
    message = _text(res.get("msg")) or _text(res.get("reason"))  # an include that fails has the latter
    if res.get("rc") not in (None, 0):
        message += f" (exit code {res['rc']})"
    printed = [_text(res.get(key)) for key in ("stderr", "module_stderr")]
    if not any(printed):
        printed = [_text(res.get(key)) for key in ("stdout", "module_stdout")]
    return "\n".join(part for part in (message, *printed) if part)


def _label(item: dict[str, Any]) -> str:
    return _text(item.get("_ansible_item_label", item.get("item", "")))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return ANSI.sub("", value).strip()
    if isinstance(value, list):
        return "\n".join(_text(entry) for entry in value)
    return json.dumps(value, default=str)


def tail_of(text: str) -> str:
    """The first line, which says what is wrong, and the last ones; within 20 lines and 2,000 characters."""
    lines = [line[:LONGEST_LINE] for line in text.splitlines() if line.strip()]
    if len(lines) > OUTPUT_LINES:
        lines = [lines[0], "…", *lines[-(OUTPUT_LINES - 2) :]]
    whole = "\n".join(lines)
    if len(whole) <= OUTPUT_LENGTH:
        return whole
    first = lines[0]
    return f"{first}\n…{whole[-(OUTPUT_LENGTH - len(first) - 2) :]}"


def printed_by_programs(data: dict[str, Any]) -> str:
    """The result of a task that ran programs, as Ansible prints one with -v: it prints none by itself. Else empty.

    So what reads logs (runners/logs/ansible_results.py) finds in it what the programs said.
    """
    res = data.get("res")
    result = _programs(res) if isinstance(res, dict) and "censored" not in res else {}
    if not isinstance(res, dict) or not result:
        return ""
    state = "changed" if res.get("changed") else "ok"
    return f"{state}: [{data.get('host', '')}] => {json.dumps(result, ensure_ascii=False, default=str)}"


def _programs(res: dict[str, Any]) -> dict[str, Any]:
    """The exit code and the texts of a result, and of each item of a loop; empty where no program printed anything."""
    texts = {key: _text(res.get(key))[-MOST_PRINTED:] for key in ("stdout", "stderr")}
    printed = {key: text for key, text in texts.items() if text}
    own = {"rc": res["rc"], **printed} if isinstance(res.get("rc"), int) and printed else {}
    listed = res.get("results")
    items = [_programs(item) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    items = [item for item in items if item]
    return own | ({"results": items} if items else {})


def short_path(path: str, root: str) -> str:
    """A task's file:line within the project `root` (with "/" at its end), or the last parts of a path outside of it."""
    return path.removeprefix(root) if path.startswith(root) else "/".join(path.split("/")[-3:])
