"""Lines of the audit log in a file and in syslog: each at least once and in order, whatever interrupts the writer."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runners import audit_streams
from runners.audit_streams import Purpose
from runners.errors import RunnerError

if TYPE_CHECKING:
    from pathlib import Path

PURPOSE = Purpose("copying the audit log", "audit.copy_to")


def test_a_file_gets_each_line_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for lines in (["one"], ["one"], ["one", "two"], ["two"], []):
        audit_streams.append(path, lines, PURPOSE)
    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("one\ntw")  # a full disk cut it
    audit_streams.append(path, ["two", "three"], PURPOSE)
    assert path.read_text() == "one\ntw\ntwo\nthree\n"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunnerError, match=r"cannot be written to") as refused:
        audit_streams.append(path, ["one"], PURPOSE)
    assert refused.value.remedy == "Check audit.copy_to."


@given(st.integers(1, 30), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_batch_that_was_cut_anywhere_is_completed(
    tmp_path_factory: pytest.TempPathFactory, count: int, data: st.DataObject
) -> None:
    """The next attempt has the same lines and perhaps more, as the cursor has not moved."""
    path = tmp_path_factory.mktemp("cut") / "audit.jsonl"
    lines = [f"{number} {'x' * data.draw(st.integers(0, 9))}" for number in range(count)]
    before, more = ["earlier"], [f"later {number}" for number in range(data.draw(st.integers(0, 3)))]
    whole = "".join(f"{line}\n" for line in (*before, *lines))
    cut = data.draw(st.integers(len("earlier\n"), len(whole)))
    path.write_text(whole[:cut])
    audit_streams.append(path, [*lines, *more], PURPOSE)
    written = path.read_text().splitlines()
    assert [line for line in dict.fromkeys(written) if line in {*before, *lines, *more}] == [*before, *lines, *more]
    assert len(set(written) - {*before, *lines, *more}) <= 1, "what was cut"
    audit_streams.append(path, [*lines, *more], PURPOSE)
    assert path.read_text().splitlines() == written


@pytest.mark.parametrize("kind", ["udp", "tcp", "unix"])
def test_syslog_gets_messages_in_order(tmp_path: Path, kind: str) -> None:
    messages = [audit_streams.syslog_message(f"line {n} äöü", 1_700_000_000.25, "serve", "entry") for n in range(3)]
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)) as server:
        server.settimeout(10)
        server.bind(str(tmp_path / "log") if kind == "unix" else ("127.0.0.1", 0))
        name = server.getsockname()
        address = name if kind == "unix" else f"{kind}://127.0.0.1:{name[1]}"
        if kind == "tcp":
            server.listen()
        sender = threading.Thread(target=audit_streams.send_syslog, args=(address, messages, PURPOSE))
        sender.start()
        if kind == "tcp":
            with closing(server.accept()[0]) as connection, connection.makefile("rb") as received:
                counted = b"".join(b"%d %b" % (len(message), message) for message in messages)
                assert received.read() == counted
        else:
            assert [server.recv(9_000) for _ in messages] == messages
        sender.join()
