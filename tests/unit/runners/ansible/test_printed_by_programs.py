"""What programs of a playbook print is in its log, as Ansible prints results with -v, so that the log's reader finds it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from runners.ansible.events import PlaybookRecord, masker
from runners.logs import failure_patterns
from runners.logs.scan import scan_file

MISSING = "configure.sh: line 41: composer: command not found"
TASK = "TASK [php : Configure the machine] ****"


def log_of(res: dict[str, Any], stdout: str = "changed: [web-1]") -> list[str]:
    lines: list[str] = []
    record = PlaybookRecord("deploy.yml", ["web-1"], "/code", masker(["pass-word"]), keep_line=lines.append)
    events = [
        {"event": "playbook_on_task_start", "stdout": TASK, "event_data": {"task": "Configure the machine"}},
        {"event": "runner_on_ok", "stdout": stdout, "event_data": {"host": "web-1", "res": res}},
    ]
    for event in events:
        record.take(json.dumps(event))
    return lines


def findings(lines: list[str]) -> list[tuple[str, str | None]]:
    reading = scan_file(io.BytesIO("\n".join([*lines, ""]).encode()), failure_patterns.BUILT_IN)
    return [(finding.text, finding.step) for finding in reading.findings]


@pytest.mark.parametrize(
    "res",
    [
        {"changed": True, "rc": 0, "stdout": "fine", "stderr": f"{MISSING}\nnext"},
        {"changed": True, "rc": 0, "stdout": MISSING, "stdout_lines": [MISSING], "stderr": ""},
        {"changed": True, "results": [{"rc": 0, "stdout": "fine"}, {"rc": 0, "stderr": MISSING, "item": "b"}]},
    ],
)
def test_a_line_of_a_program_in_a_task_that_is_done_is_found_with_its_task(res: dict[str, Any]) -> None:
    assert findings(log_of(res)) == [(MISSING, "TASK [php : Configure the machine]")]


@pytest.mark.parametrize(
    "res",
    [
        {"changed": True, "rc": 0, "stdout": "all is well", "stderr": ""},
        {"changed": True, "msg": MISSING, "dest": "/etc/motd"},  # no program ran
        {"censored": "the output has been hidden", "rc": 0, "stdout": MISSING},
        {"changed": False, "rc": 0, "stdout": "", "stderr": ""},
    ],
)
def test_other_results_show_nothing(res: dict[str, Any]) -> None:
    assert findings(log_of(res)) == []


def test_what_the_team_prints_by_itself_is_in_the_log_once_and_secrets_are_masked() -> None:
    res = {"changed": True, "rc": 0, "stdout": "the pass-word"}
    assert log_of(res)[-1] == 'changed: [web-1] => {"rc": 0, "stdout": "the ***"}'
    printed = 'changed: [web-1] => {"changed": true, "rc": 0}'
    assert log_of(res, printed)[-1] == printed
    assert len(log_of({"changed": False, "rc": 0, "stdout": "x" * 300_000})[-1]) < 210_000
