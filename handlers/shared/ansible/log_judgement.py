"""Judges the logs of playbooks that ended well, as those of workflow runs: what tasks printed although Ansible calls them done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from handlers.shared.ansible import playbooks
from handlers.shared.log_judgement import NO_FINDINGS, JudgedLogs, Playbook, record_judgement
from handlers.shared.log_reading import ReadLog, read_file
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation
    from handlers.shared.ansible.rollout import Rollout

NO_LOG = "Ansible left no log of it"


async def judge(rollout: Rollout, cancelled_by: str | None) -> JudgedLogs:
    """Durable: read the logs of the playbooks, if all ended well and nobody cancelled; what each host got is decided by Ansible's events alone.

    A check changes nothing, so its log proves nothing. An operation of before this existed reads none.
    """
    operation = rollout.operation
    if cancelled_by or rollout.work.scope.check or not (rollout.results and rollout.succeeded):
        return NO_FINDINGS
    if not await operation.services.engine.patched("logs of playbooks"):
        return NO_FINDINGS
    read = [
        (Playbook(role), await operation.step(f"judge log of {role}", partial(_read, operation, role)))
        for role in rollout.results
    ]
    return await record_judgement(operation, read)


async def _read(operation: Operation, role: str) -> ReadLog:
    path, doing = playbooks.scratch_of(operation, role) / "judged.log", f"reading the log of {role}"
    try:
        text = await playbooks.log_text(operation, role)
        if not text:
            return ReadLog(None, NO_LOG)
        await run_blocking(partial(_write, path, text), timeout=playbooks.READ_TIMEOUT, doing=doing)
        return await read_file(operation.services, path, operation.services.config.images)
    except (OSError, RunnerError) as error:
        return ReadLog(None, operation.services.redact(str(error))[:200])
    finally:
        path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
