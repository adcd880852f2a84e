"""Processes that have imported what many tests start, and fork it on request: one of each kind for a whole run."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from sandbox.bot_process import PROJECT, ends_with_parent, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

MODULES = ("tests.forked_bot", "tests.forked_aws")
_INPUT = "fork_servers"  # what a process of pytest-xdist is given: addresses by module


@contextmanager
def of_the_run(config: pytest.Config, module: str) -> Iterator[str]:
    """The address of the module's server that all processes of the run share; of one of its own without pytest-xdist."""
    addresses: dict[str, str] = getattr(config, "workerinput", {}).get(_INPUT, {})
    if module in addresses:
        yield addresses[module]
        return
    with served(module) as address:
        yield address


@contextmanager
def shared() -> Iterator[dict[str, dict[str, str]]]:
    """Servers for all processes of pytest-xdist; yields what each of them is given."""
    with ExitStack() as ends:
        yield {_INPUT: {module: ends.enter_context(served(module)) for module in MODULES}}


@contextmanager
def served(module: str) -> Iterator[str]:
    """Let `python -m MODULE DESCRIPTOR` accept connections at an address, which is yielded.

    It starts with the first connection and ends with the block, or with this process.
    """
    with tempfile.TemporaryDirectory(prefix="signalbox-fork-") as directory, ExitStack() as ends:
        address = str(Path(directory, "socket"))
        listener = ends.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(address)
        listener.listen(64)
        end, ended = os.pipe()
        thread = Thread(target=_serve_on_demand, args=(module, listener, end), daemon=True)
        thread.start()
        try:
            yield address
        finally:
            os.close(ended)
            thread.join()
            os.close(end)


def _serve_on_demand(module: str, listener: socket.socket, end: int) -> None:
    """Runs in a thread until the other end of `end` is closed: the server ends with the thread that has started it."""
    with listener:
        readable, _, _ = select.select([listener.fileno(), end], [], [])
        if end in readable:
            return
        server = subprocess.Popen(
            ends_with_parent((sys.executable, "-m", module, str(listener.fileno()))),
            cwd=PROJECT,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    # The listener is closed here: where the server ends, a connection fails instead of waiting for ever.
    select.select([end], [], [])
    server.kill()
    server.wait()
