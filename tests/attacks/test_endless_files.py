"""Attack: a child leaves files of many gigabytes, sparse, where the bot reads what Terraform wrote."""

from __future__ import annotations

import json
import os
import resource
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError, StalePlanError
from runners.terraform import apply_run, planning
from runners.terraform.program import Program, Workspace

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = 20_480 << 20  # bytes: the largest file that operations.limits lets a child make
MOST_MEMORY = 1 << 30  # bytes by which the bot's peak may grow
ERROR = {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "No such image", "detail": ""}}


def endless(path: Path, end: bytes = b"") -> None:
    path.touch()
    os.truncate(path, ENDLESS)
    with path.open("ab") as file:
        file.write(end)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def test_an_endless_plan_json_is_refused_in_words_and_deleted(tmp_path: Path) -> None:
    file, before = tmp_path / "plan.json", peak()
    endless(file)
    program = Program("/usr/bin/terraform", "terraform", "1.11.4")
    workspace = Workspace(program, tmp_path, tmp_path, {})
    with pytest.raises(RunnerError, match="the plan's JSON cannot be read: it has more than 536870912 bytes"):
        planning._read_json(workspace, "planning")
    assert not file.exists()
    assert peak() - before < MOST_MEMORY


def test_the_errors_at_the_end_of_an_endless_log_are_read(tmp_path: Path) -> None:
    log, before = tmp_path / "plan.log", peak()
    endless(log, b"\n" + json.dumps(ERROR).encode() + b"\n")
    diagnostics, _ = planning._read_log(log)
    assert [each.summary for each in diagnostics] == ["No such image"]
    assert not log.exists()
    assert peak() - before < MOST_MEMORY


def test_an_endless_saved_plan_is_not_applied(tmp_path: Path) -> None:
    plan, before = tmp_path / "plan", peak()
    endless(plan)
    with pytest.raises(StalePlanError, match="it has more than 536870912 bytes"):
        apply_run._checked_copy(plan, "0" * 64, tmp_path, "applying")
    assert peak() - before < MOST_MEMORY
