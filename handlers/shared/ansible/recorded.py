"""What plugins of the team's inventory have found: asked for when hosts are read, and the same for the playbooks after it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.ansible import ec2_plugin
from runners.aws.credentials import variables_of
from runners.concurrency import run_blocking
from runners.ssh.keys import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work
    from runners.ansible import PlaybookJob

RECORDED = "recorded-hosts.json"  # in the operation's directory, which no child sees as a whole
TIMEOUT = 60.0
_DOING = "reading the AWS credentials"


async def with_recorded(operation: Operation, work: Work, job: PlaybookJob, *, again: bool = False) -> PlaybookJob:
    """Within a step: the job with what plugins have found; they are asked where this machine has not asked them, or `again`.

    Raises UserError where the plugin needs `aws`, and RunnerError: see ec2_plugin.record.
    """
    source, path = work.settings.inventory_of(work.scope.environment.whole), operation.scratch / RECORDED
    if not source or not ec2_plugin.configurations(job.project / source):
        return job
    if not again and path.is_file():
        return replace(job, recorded=json.loads(path.read_text(encoding="utf-8")))
    credentials = await _credentials(operation, source)
    recorded = await ec2_plugin.record(job, source, credentials, f"reading the inventory {source}")
    _write(path, json.dumps(recorded))
    return replace(job, recorded=recorded)


async def _credentials(operation: Operation, source: str) -> Mapping[str, str]:
    place = operation.services.config.aws_of(operation.environment)
    if place is None:
        raise UserError(
            f"The inventory {source} asks AWS for its hosts, and signalbox.yaml has no `aws`. Add aws.region. "
            "No changes were made."
        )
    return await run_blocking(variables_of, place, timeout=TIMEOUT, doing=_DOING)


def _write(path: Path, text: str) -> None:
    """Replace the file as a whole: another role's playbook may read it."""
    temporary = path.with_suffix(f".{id(text)}")
    temporary.unlink(missing_ok=True)
    write_secret(temporary, text)
    temporary.replace(path)
