"""Anchors of the audit log reach their destinations once, stay there, and are read back by `audit verify`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import sqlalchemy as sa
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from bot import __main__ as command_line, audit_commands
from bot.config import read
from bot.config.models.audit import Destination
from bot.operations import dropped
from bot.operations.registry import DueRun
from bot.store.anchors import AnchorError, anchors, read_anchors
from bot.store.audit import Entry
from bot.store.audit_export import as_json
from bot.store.audit_table import audit
from bot.store.audit_verification import read_all
from bot.store.database import Store
from bot.store.migrations import migrate
from handlers.infra import anchors as sending
from runners import anchoring, audit_streams
from runners.errors import RunnerError, UnavailableError
from tests.attacks.test_audit_log import KEY, KEYRING, Log, parse_line
from tests.unit.bot.conftest import Clock, clock, postgres, store, url
from tests.unit.bot.store.audit_tampering import drop_triggers
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["clock", "postgres", "store", "url"]  # fixtures


@pytest.mark.parametrize("kind", ["udp", "tcp", "unix"])
def test_syslog_gets_a_message_of_rfc_5424(tmp_path: Path, kind: str, log_line: str) -> None:
    message = audit_streams.syslog_message(log_line, 1_700_000_000.25, "serve", "anchor")
    assert message.startswith(b"<109>1 2023-11-14T22:13:20.250Z ")
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)) as server:
        server.settimeout(10)
        server.bind(str(tmp_path / "log") if kind == "unix" else ("127.0.0.1", 0))
        name = server.getsockname()
        address = name if kind == "unix" else f"{kind}://127.0.0.1:{name[1]}"
        if kind != "tcp":
            audit_streams.send_syslog(address, [message], anchoring.PURPOSE)
            assert server.recv(9_000) == message
        else:
            server.listen()
            sender = threading.Thread(target=audit_streams.send_syslog, args=(address, [message], anchoring.PURPOSE))
            sender.start()
            with closing(server.accept()[0]) as connection:
                sender.join()
                assert connection.recv(9_000) == b"%d %b" % (len(message), message)
    assert read_anchors([message.decode(), "another line"], KEYRING, strict=False)[0].line == log_line
    with pytest.raises(RunnerError, match="cannot be reached"):
        audit_streams.send_syslog(str(tmp_path / "nobody"), [message], anchoring.PURPOSE)


@pytest.fixture
def log_line(tmp_path: Path) -> str:
    async def made() -> str:
        store = Store(f"sqlite:///{tmp_path}/one.sqlite")
        await migrate(store)
        log = Log(store, Clock())
        await log.add(1)
        await log.anchor()
        store.close()
        return log.lines[0]

    return asyncio.run(made())


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environ = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-west-2")
    where = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    client.create_bucket(Bucket="locked-anchors", ObjectLockEnabledForBucket=True, **where)
    client.create_bucket(Bucket="open-anchors", **where)
    yield client
    server.stop()


def test_a_bucket_with_object_lock_keeps_anchors_that_nobody_can_delete(s3: Any, log_line: str) -> None:
    bucket = anchoring.Bucket("locked-anchors", "audit/", "us-west-2", None)
    bucket.put(1, log_line, timedelta(days=30))
    stored = s3.list_object_versions(Bucket="locked-anchors")["Versions"][0]
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="locked-anchors", Key=stored["Key"], VersionId=stored["VersionId"])
    s3.put_object(Bucket="locked-anchors", Key=stored["Key"], Body=b"forged")
    with pytest.raises(AnchorError, match="line 2 of the anchors is no anchor"):
        read_anchors(bucket.lines(), KEYRING, strict=True)
    assert next(iter(bucket.lines())) == log_line
    assert bucket.lock_problem() == ""
    assert "has no object lock" in anchoring.Bucket("open-anchors", "audit/", "us-west-2", None).lock_problem()
    with pytest.raises(RunnerError):
        anchoring.Bucket("no-such-bucket", "audit/", "us-west-2", None).put(1, log_line, timedelta(days=1))


@pytest.mark.parametrize(
    "given",
    [{}, {"file": "a", "syslog": "/dev/log"}, {"syslog": "http://x"}, {"syslog": "udp://a b"}, {"s3": {"bucket": "A"}}],
)
def test_a_destination_is_exactly_one(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Destination.model_validate(given)


ANCHORED = CONFIG + "audit: {anchor: {every: 30s, entries: 5, to: [{file: anchors.jsonl}, {syslog: /nowhere/log}]}}\n"


async def test_the_periodic_task_sends_to_each_destination_and_raises_what_failed(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    log = Log(store, clock)
    await log.add(3)

    class Desk:
        config = read(ANCHORED)
        anchors = log.anchors
        workplace = tmp_path / "var"

    for _ in range(2):
        with pytest.raises(RunnerError, match="syslog at /nowhere/log"):
            await sending.send_newest(Desk())  # type: ignore[arg-type]
    log.lines = (tmp_path / "anchors.jsonl").read_text().splitlines()
    assert len(log.lines) == 1
    assert log.verdict().fault == ""
    assert set(sending.PERIODIC_TASKS[0].intervals(Desk.config)) == {"file anchors.jsonl", "/nowhere/log"}
    assert sending.PERIODIC_TASKS[0].intervals(read(CONFIG)) == {}


async def test_a_forged_newest_anchor_in_the_database_delays_none(store: Store, clock: Clock) -> None:
    log = Log(store, clock)
    await log.add(1)
    await log.anchor()
    forged = dataclasses.replace(parse_line(log.lines[0]), at=9e15, number=2).line
    await log.store.run(lambda connection: connection.execute(sa.update(anchors).values(line=forged)))
    await log.add(1)
    await log.anchor()
    with pytest.raises(AnchorError, match="two different anchors 1"):
        log.verdict()


async def test_an_outage_of_a_destination_is_reported_only_when_it_lasts(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(store, clock)
    await log.add(1)

    class Desk:
        config = read(ANCHORED)
        anchors = log.anchors

    async def away(*_: object) -> None:
        raise UnavailableError(anchoring.DOING, "S3 does not answer")

    monkeypatch.setattr(sending, "_deliver", away)
    Desk.clock = clock  # type: ignore[attr-defined]
    for waited, passes in ((0, True), (sending.OUTAGE, False)):
        clock.now += waited
        with pytest.raises(RunnerError, match="S3 does not answer") as failed:
            await sending.send_due(Desk(), DueRun("file anchors.jsonl", 0.0))  # type: ignore[arg-type]
        assert dropped.passes(failed.value) is passes


def test_the_region_of_a_bucket_is_the_configured_one() -> None:
    to = "[{s3: {bucket: far-anchors, region: eu-north-1}}, {s3: {bucket: near-anchors}}]"
    config = read(f"{CONFIG}audit: {{anchor: {{to: {to}}}}}\n")
    named = [audit_commands._region(name, config) for name in ("far-anchors", "near-anchors", "other")]
    assert [config.bucket_in(region).region for region in named] == ["eu-north-1", "us-west-2", "us-west-2"]


@pytest.mark.parametrize(
    "change",
    [
        "detail = 'nope'", "detail = X'ff'", "at = 1e300", "at = 'x'", "actor = X'ff'", "seal = X'ff'",
        "detail = '" + "[" * 50_000 + "'",
    ],
)  # fmt: skip
def test_a_value_that_nothing_can_read_is_a_verdict_and_no_traceback(
    command: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    store = Store(f"sqlite:///{command.parent}/var/signalbox.sqlite")
    with store.engine.begin() as connection:
        drop_triggers(connection)
        connection.exec_driver_sql(f"UPDATE signalbox_audit SET {change} WHERE number = 3000")  # noqa: S608
    store.close()
    assert command_line.main(["audit", "verify", "--config", str(command)]) == 1
    assert capsys.readouterr().out.startswith("entry 3000 ")
    assert command_line.main(["audit", "export", "--config", str(command)]) in {0, 2}


def test_an_overdue_anchor_is_a_warning(command: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def add() -> None:
        store = Store(f"sqlite:///{command.parent}/var/signalbox.sqlite", KEYRING)
        await Log(store, Clock()).add(1)
        store.close()

    arguments = ["audit", "verify", "--config", str(command), "--anchor", str(command.parent / "anchors.jsonl")]
    assert command_line.main(arguments) == 0
    assert "WARNING" not in capsys.readouterr().out  # no entry waits for an anchor
    asyncio.run(add())
    assert command_line.main(arguments) == 0
    assert "WARNING: the newest anchor is overdue" in capsys.readouterr().out


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration beside a database with 3,000 entries and a file of anchors."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SIGNALBOX_KEY", KEY)
    (tmp_path / "signalbox.yaml").write_text(ANCHORED)
    (tmp_path / "var").mkdir()

    async def fill() -> None:
        store = Store(f"sqlite:///{tmp_path}/var/signalbox.sqlite")
        await migrate(store)
        log = Log(store, Clock())
        await asyncio.gather(*(log.audit.record(Entry("U0ANA", f"deploy {number}")) for number in range(3_000)))
        await log.anchor()
        (tmp_path / "anchors.jsonl").write_text(f"{log.lines[0]}\n")
        store.close()

    asyncio.run(fill())
    return tmp_path / "signalbox.yaml"


def test_the_command_line_gives_a_verdict_and_an_exit_code(command: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["audit", "verify", "--config", str(command), "--anchor", str(command.parent / "anchors.jsonl")]
    assert command_line.main(arguments) == 0
    assert "1 anchor agrees" in capsys.readouterr().out
    store = Store(f"sqlite:///{command.parent}/var/signalbox.sqlite")
    with store.engine.begin() as connection:
        drop_triggers(connection)
        connection.execute(sa.delete(audit).where(audit.c.number > 2_995))
    assert command_line.main(arguments) == 1
    assert capsys.readouterr().out.startswith("entries 2996 to 3000 are missing")
    assert command_line.main([*arguments[:-1], str(command.parent / "none")]) == 2
    store.close()


def test_an_export_that_nobody_reads_to_its_end_stops_in_silence(command: Path) -> None:
    arguments = [sys.executable, "-m", "bot", "audit", "export", "--config", str(command)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root, env={**os.environ}
    ) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["number"] == 1
        store = Store(f"sqlite:///{command.parent}/var/signalbox.sqlite")
        with store.engine.begin() as connection:  # the reader waits, and no transaction of the export is open
            assert connection.scalar(sa.select(sa.func.count()).select_from(audit)) == 3_000
        store.close()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_an_entry_as_json_has_its_seal(command: Path) -> None:
    store = Store(f"sqlite:///{command.parent}/var/signalbox.sqlite")
    first = as_json(next(iter(read_all(store.engine))))
    assert KEYRING.verify("audit entry", {"digest": first["digest"]}, first["seal"])
    store.close()
