"""Copies of the audit log: each destination gets each entry at least once and in order, whatever is interrupted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from contextlib import closing, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.config.models.audit import Stream
from bot.operations import audit_copies, dropped
from bot.operations.audit_copies import AuditCopies, _Copy
from bot.redaction import Redactor
from bot.store.audit import Audit, Entry
from bot.store.copies import TURN, Copies
from runners import audit_streams
from runners.errors import RunnerError
from tests.migrated import migrated

if TYPE_CHECKING:
    from pathlib import Path

    from bot.services import Services
    from bot.store.database import Store


class Log:
    """An audit log, and processes that copy it."""

    def __init__(self, store: Store, directory: Path, destination: Stream) -> None:
        self.now = 1_000.0
        self.store = store
        self.directory = directory
        (directory / "var").mkdir(exist_ok=True)
        self.destination = destination
        self.audit = Audit(store, lambda: self.now, Redactor(), store.keyring)

    def services(self, worker: str = "serve") -> Services:
        made = SimpleNamespace(
            config=SimpleNamespace(audit=SimpleNamespace(copy_to=(self.destination,))),
            copies=Copies(self.store, lambda: self.now, worker),
            lease=SimpleNamespace(lease=SimpleNamespace(executor=worker)),
            workplace=self.directory / "var",
            clock=lambda: self.now,
            redact=Redactor(),
        )
        return cast("Services", made)

    def copier(self, worker: str = "serve") -> _Copy:
        return _Copy(self.services(worker), self.destination)

    async def add(self, count: int = 1) -> None:
        for _ in range(count):
            await self.audit.record(Entry("U0ANA", "deploy", "prod", 7, {"ref": "maïn", "n": {"b": 1, "a": [2.5]}}))


def chained(lines: list[str]) -> list[int]:
    """The numbers of exported entries, after checking the chain as docs/audit-log.md says how; each may be repeated."""
    previous, numbers = "0" * 64, list[int]()
    for line in dict.fromkeys(lines):
        whole = json.loads(line)
        names = ("action", "actor", "at", "detail", "environment", "number", "operation", "previous")
        text = json.dumps({name: whole[name] for name in names}, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == whole["digest"]
        assert whole["previous"] == previous
        previous = whole["digest"]
        numbers.append(whole["number"])
    return numbers


async def test_a_file_is_the_export_and_its_chain_can_be_checked_without_signalbox(
    store: Store, tmp_path: Path
) -> None:
    log = Log(store, tmp_path, Stream(file="audit.jsonl"))
    await log.add(3)
    await log.copier().send_missing()
    await log.add(2)
    await log.copier().send_missing()
    await log.copier().send_missing()
    assert chained((tmp_path / "audit.jsonl").read_text().splitlines()) == [1, 2, 3, 4, 5]
    (tmp_path / "audit.jsonl").rename(tmp_path / "audit.jsonl.1")
    await log.add()
    await log.copier().send_missing()
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 1


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["works", "not sent", "sent and killed"])), max_size=8))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_interruption_loses_an_entry_or_changes_the_order(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[tuple[int, str]]
) -> None:
    directory = tmp_path_factory.mktemp("copies")

    async def go() -> None:
        store = await migrated(f"sqlite:///{directory}/signalbox.sqlite")
        log = Log(store, directory, Stream(file="audit.jsonl"))
        for added, what in (*rounds, (1, "works")):
            await log.add(added)
            with pytest.MonkeyPatch.context() as patch, suppress(RunnerError):
                if what == "not sent":
                    patch.setattr(audit_streams, "append", _fails)
                if what == "sent and killed":
                    patch.setattr(Copies, "advance", _fails)
                await log.copier().send_missing()
        total = sum(added for added, _ in rounds) + 1
        lines = (directory / "audit.jsonl").read_text().splitlines()
        assert chained(lines) == list(range(1, total + 1))
        assert len(lines) == total, "a file shows what it has already"
        store.close()

    asyncio.run(go())


def _fails(*_: object) -> None:
    raise RunnerError("copying the audit log", "no answer")


async def test_syslog_gets_an_entry_again_after_a_crash_and_in_order(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as server:
        server.bind(str(tmp_path / "log"))
        server.setblocking(False)
        log = Log(store, tmp_path, Stream(syslog=str(tmp_path / "log")))
        await log.add(2)
        with monkeypatch.context() as patch:
            patch.setattr(Copies, "advance", _fails)
            with pytest.raises(RunnerError):
                await log.copier().send_missing()
        await log.add()
        await log.copier().send_missing()
        messages = received(server)
    assert all(message.startswith("<109>1 1970-01-01T00:16:40.000Z ") for message in messages)
    assert all(" signalbox serve entry - {" in message for message in messages)
    lines = [message[message.index("{") :] for message in messages]
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 1, 2, 3]
    assert chained(lines) == [1, 2, 3]


def received(server: socket.socket) -> list[str]:
    messages = []
    with suppress(BlockingIOError):
        while True:
            messages.append(server.recv(65_000).decode())
    return messages


async def test_of_two_processes_one_copies_until_it_has_been_away_for_a_while(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(audit_streams, "send_syslog", lambda _, messages, __: sent.extend(messages))
    log = Log(store, tmp_path, Stream(syslog="/dev/log"))
    await log.add()
    await asyncio.gather(*(log.copier(worker).send_missing() for worker in ("one", "two")))
    assert len(sent) == 1
    first = "one" if b" one entry" in sent[0] else "two"
    second = "two" if first == "one" else "one"
    await log.add()
    await log.copier(second).send_missing()
    assert len(sent) == 1
    await log.copier(first).send_missing()
    assert len(sent) == 2, "after a restart it has its turn at once"
    await log.add()
    log.now += TURN + 1
    await log.copier(second).send_missing()
    assert len(sent) == 3


async def test_each_machine_writes_its_own_file(store: Store, tmp_path: Path) -> None:
    await Log(store, tmp_path, Stream(file="audit.jsonl")).add(2)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        await Log(store, tmp_path / name, Stream(file="audit.jsonl")).copier(name).send_missing()
        assert chained((tmp_path / name / "audit.jsonl").read_text().splitlines()) == [1, 2]


async def test_what_was_made_last_is_copied_at_a_polite_stop(store: Store, tmp_path: Path) -> None:
    log = Log(store, tmp_path, Stream(file="audit.jsonl"))
    copies = AuditCopies(log.services())
    await log.add()
    await copies.close()
    assert chained((tmp_path / "audit.jsonl").read_text().splitlines()) == [1]


async def test_a_destination_that_stays_away_is_reported_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[Any] = []

    async def report(*given: Any, **_: Any) -> None:
        reports.append(given[2])

    monkeypatch.setattr(dropped, "report", report)
    log = Log(store, tmp_path, Stream(file="missing/audit.jsonl"))
    copy = log.copier()
    error = RunnerError("copying", "no answer")
    for seconds, count in ((0, 0), (audit_copies.REPORT_AFTER - 1, 0), (1, 1), (60, 1)):
        log.now += seconds
        await copy._report_lasting(error)
        assert len(reports) == count
    assert reports == ["file missing/audit.jsonl"]
