"""Starts bots for tests by fork from a process that has imported them: an import takes a second, a fork 10 ms.

Each bot is still a process of its own: its environment, session, log, exit status, and an end by SIGKILL.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from tests.fork_servers import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sandbox.bot_process import Launch

# Seconds that the bot waits and that no scenario is about: between polls of its queue and of a run on GitHub, for GitHub's
# answer, and for GitHub after an apply. A bot that is started as people start it waits for 1, 5, 15 and 30.
TURN_INTERVAL, RUN_INTERVAL, ANSWER_TIMEOUT, CODE_TIMEOUT = 0.2, 1.0, 3, 2.0
# Imported by the bot only when it needs them, which most tests would wait for at each start.
LATE = ("bot.check", "pytfe", "dbos", "alembic.command", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql")
SERVICES = ("ec2", "sts", "autoscaling", "backup", "iam", "imagebuilder", "pricing", "rbin", "ssm")
MODULE = "tests.forked_bot"
_PR_SET_PDEATHSIG = 1


class ForkedBot:
    """A bot that the server has forked; the part of `asyncio.subprocess.Process` that `BotProcess` needs."""

    def __init__(self, pid: int, connection: socket.socket, status: bytes) -> None:
        self.pid = pid
        # A bare descriptor: no task and no stream that a test would have to end before its loop does.
        self._descriptor = connection.detach()
        self._read = status
        self._ended: int | None = None

    @property
    def returncode(self) -> int | None:
        """Its exit status as `subprocess` gives it, negative for a signal; None while it runs."""
        if self._ended is None:
            with suppress(BlockingIOError):
                while content := _received(self._descriptor):
                    self._read += content
                # Without a status the server has ended, and all its children with it.
                self._ended = int(self._read) if self._read else -signal.SIGKILL
                os.close(self._descriptor)
        return self._ended

    async def wait(self) -> int:
        """Its exit status."""
        while (status := self.returncode) is None:  # noqa: ASYNC110  -- another process ends
            await asyncio.sleep(0.02)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _received(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 32)
    except ConnectionResetError:
        return b""


@contextmanager
def fork_server() -> Iterator[Launch]:
    """A server of one's own; it ends with the block. Yields what starts a bot."""
    with served(MODULE) as address:
        yield launch_at(address)


def launch_at(address: str) -> Launch:
    """What starts a bot by the server at this address."""

    async def launch(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> ForkedBot:
        # All after `python -m bot`, which is what the server has imported.
        request = {"arguments": argv[3:], "environment": dict(environment), "log": str(log)}
        connection, loop = socket.socket(socket.AF_UNIX), asyncio.get_running_loop()
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, address)
            await loop.sock_sendall(connection, json.dumps(request).encode() + b"\n")
            answer = await loop.sock_recv(connection, 32)  # written at once, so read at once
            pid, _, status = answer.partition(b"\n")
        except ConnectionError:
            pid = b""
        if not pid:
            connection.close()
            raise RuntimeError("the process that forks bots has ended; its errors are above")
        return ForkedBot(int(pid), connection, status)

    return launch


def main() -> NoReturn:
    """Import the bot, then fork on each request; this returns from `_serve` in the children alone."""
    gc.disable()
    _preload()
    _shorten_waiting()
    gc.freeze()
    gc.enable()
    # A fork copies one thread: a lock that another one holds would stay locked for ever.
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError(f"an import has started threads: {threading.enumerate()}")
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = ["bot", *request["arguments"]]
    # As `python -m bot` does first; what a forked bot gets of its environment is not in its initial one anyway.
    importlib.import_module("bot.process.protection").apply()
    _put_clock_off(request["environment"].get("TEST_CLOCK_OFF"))
    _be_of_version(request["environment"].get("TEST_APPLICATION_VERSION"))
    sys.exit(importlib.import_module("bot.__main__").main(request["arguments"]))


def _put_clock_off(seconds: str | None) -> None:
    """Let this process read another time. libfaketime is no help: under it `time.sleep` fails with EINVAL."""
    if seconds:
        clock, off = time.time, float(seconds)
        vars(time)["time"] = lambda: clock() + off


def _be_of_version(version: str | None) -> None:
    """Let this process be of another version of the workflows, with the same steps."""
    if version:
        for name in ("bot.engine.versions", "bot.service"):
            vars(importlib.import_module(name))["APPLICATION_VERSION"] = version


def _preload() -> None:
    for name in ("bot.__main__", "bot.service", *LATE):
        importlib.import_module(name)
    for package in ("handlers", "runners"):
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    _read_service_descriptions()


def _read_service_descriptions() -> None:
    """Read what botocore knows of AWS's services: each bot would parse it again, for 0.3 s. The made-up key spares a search for one."""
    from botocore.session import get_session  # noqa: PLC0415 - as in _shorten_waiting

    from runners.aws import sessions  # noqa: PLC0415

    session = get_session()
    session.register_component("data_loader", sessions.loader())
    for service in SERVICES:
        session.create_client(service, "us-west-2", aws_access_key_id="none", aws_secret_access_key="none")


def _shorten_waiting() -> None:
    from bot import service  # noqa: PLC0415 - the tests' own processes need not import the bot
    from bot.engine.engine import EngineSettings  # noqa: PLC0415
    from handlers.plan import local_backend  # noqa: PLC0415
    from runners.github import GitHub  # noqa: PLC0415
    from runners.github.runs.poller import watch_run  # noqa: PLC0415

    vars(service)["EngineSettings"] = partial(EngineSettings, queue_interval=TURN_INTERVAL)
    vars(local_backend)["CODE_TIMEOUT"] = CODE_TIMEOUT
    _set_default(GitHub.__init__, answer_timeout=ANSWER_TIMEOUT)
    _set_default(watch_run, interval=RUN_INTERVAL)


def _set_default(function: Any, **value: float) -> None:
    if not function.__kwdefaults__.keys() >= value.keys():
        raise LookupError(f"{function.__qualname__} has no {', '.join(value)}")
    function.__kwdefaults__.update(value)


def _serve(listener: socket.socket) -> dict[str, Any]:
    """Fork for each connection and report the child's end to it; a child whose connection is closed is killed.

    Returns, in each child, what it was asked for.
    """
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    running: dict[int, tuple[int, socket.socket]] = {}  # by the child's pidfd
    while True:
        for key, _ in selector.select():
            if key.fd in running:
                selector.unregister(key.fd)
                pid, connection = running.pop(key.fd)
                os.close(key.fd)
                if connection in selector.get_map():
                    selector.unregister(connection)
                _report(pid, connection)
                continue
            if key.fileobj is not listener:  # the process that has started this bot has ended
                selector.unregister(key.fileobj)
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(key.data, signal.SIGKILL)
                continue
            connection, _ = listener.accept()
            with connection.makefile() as lines:
                request = cast("dict[str, Any]", json.loads(lines.readline()))
            server = os.getpid()
            pid = os.fork()
            if not pid:
                _close(selector, listener, connection, running)
                _become(request, server)
                return request
            connection.sendall(f"{pid}\n".encode())
            watched = os.pidfd_open(pid)
            running[watched] = (pid, connection)
            selector.register(watched, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ, watched)


def _report(pid: int, connection: socket.socket) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with connection:
        try:
            connection.sendall(f"{status}\n".encode())
        except OSError:
            return  # the test that started it waits for nothing any more


def _close(
    selector: selectors.BaseSelector,
    listener: socket.socket,
    connection: socket.socket,
    running: Mapping[int, tuple[int, socket.socket]],
) -> None:
    selector.close()
    listener.close()
    connection.close()
    for watched, (_, other) in running.items():
        os.close(watched)
        other.close()


def _become(request: Mapping[str, Any], server: int) -> None:
    """Make this process what it would be if it had been started: see `BotProcess`."""
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)  # the server died before it was known to the kernel that this one dies with it
    os.environ.clear()
    os.environ.update(request["environment"])
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)


if __name__ == "__main__":
    main()
