"""The log of a playbook that ran on another machine comes from the store of artifacts."""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from handlers.shared.ansible import playbooks

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation


class Stored:
    """A store of artifacts that all machines share."""

    def __init__(self, *, shared: bool = True) -> None:
        self.shared = shared
        self.kept: dict[tuple[int, str], bytes] = {}

    async def put(self, operation: int, name: str, content: bytes, _: str) -> None:
        self.kept[operation, name] = content

    async def get(self, operation: int, name: str, _: str) -> bytes | None:
        return self.kept.get((operation, name))


def operation_on(machine: Path, artifacts: Stored) -> Operation:
    services = SimpleNamespace(artifacts=artifacts, redact=SimpleNamespace(within=lambda value: value))
    made = SimpleNamespace(scratch=machine / "operations" / "7", number=7, services=services)
    return cast("Operation", made)


async def test_the_log_of_a_playbook_is_read_from_the_store_where_its_file_is_not(tmp_path: Path) -> None:
    stored = Stored()
    here, there = operation_on(tmp_path / "a", stored), operation_on(tmp_path / "b", stored)
    log = here.scratch / "playbook-backend" / "ansible" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("TASK [Migrate] ü\n")
    await playbooks._store_log(here, "backend")
    assert zlib.decompress(stored.kept[7, "log of backend"]).decode() == "TASK [Migrate] ü\n"
    assert (
        await playbooks.log_text(here, "backend") == await playbooks.log_text(there, "backend") == "TASK [Migrate] ü\n"
    )
    assert await playbooks.log_text(there, "cron") == ""
