"""A real systemd as the first process of namespaces of its own, with an OpenSSH server among its units."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.programs import systemd
from tests.real.ssh_support import Server, make_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

NAMESPACES = ("--pid", "--fork", "--mount", "--mount-proc", "--uts", "--ipc", "--cgroup", "--kill-child")
# Nothing outside is changed: its own cgroups, /run and units; nothing of the machine's own units is started.
BEGIN = """set -e
mount --make-rprivate /
umount -R -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs none /run
mount -t tmpfs none /etc/systemd/system
mkdir -p /run/systemd/system /run/sshd
cp "$1"/* /run/systemd/system/
exec env -i PATH="$PATH" container=test "$2" --system --unit=test.target
"""
TARGET = "[Unit]\nDefaultDependencies=no\nWants=%s\n"
SSHD = "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/usr/sbin/sshd -D -e -f %s\n"


def unit(start: str, *settings: str) -> str:
    """A service that stands alone."""
    return "\n".join(["[Unit]", "DefaultDependencies=no", "[Service]", f"ExecStart={start}", *settings, ""])


@asynccontextmanager
async def machine(directory: Path, port: int, units: Mapping[str, str]) -> AsyncIterator[Server]:
    """A machine that runs systemd with these services, all started, and answers by ssh; gone after, whatever it runs.

    Skips the test where the machine under it lets nobody have cgroups and namespaces, as in a plain container.
    """
    group = _own_group()
    key = make_key(directory / "user_key")
    server = Server(directory / "sshd", port, key, (directory / "user_key.pub").read_text())
    kept = directory / "units"
    kept.mkdir()
    services = {"ssh": SSHD % server.config, **units}
    for name, text in services.items():
        (kept / f"{name}.service").write_text(text)
    (kept / "test.target").write_text(TARGET % " ".join(f"{name}.service" for name in services))
    with (directory / "systemd.log").open("ab") as log:
        started = await asyncio.create_subprocess_exec(
            *("sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec unshare "$@"', "sh", str(group)),
            *(*NAMESPACES, "sh", "-c", BEGIN, "sh", str(kept), systemd() or ""),
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(20):
            while not await server.answers():
                assert started.returncode is None, (directory / "systemd.log").read_text()
                await asyncio.sleep(0.05)
        yield server
    finally:
        with suppress(ProcessLookupError):
            started.send_signal(signal.SIGKILL)
        await started.wait()
        await _remove(group)


def _own_group() -> Path:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    found = next((Path(words[1]) for words in mounts if words[2] == "cgroup2"), None)
    if os.geteuid() != 0 or found is None:
        pytest.skip("systemd needs root and cgroup2 here")
    group = found / f"signalbox-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"this machine lets nobody make cgroups: {error.strerror}")
    return group


async def _remove(group: Path) -> None:
    """Its processes end with the first of them; the kernel takes a moment."""
    async with asyncio.timeout(10):
        while any(path.read_text() for path in group.rglob("cgroup.procs")):  # noqa: ASYNC110  -- the kernel tells nobody
            await asyncio.sleep(0.05)
    for path in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
        path.rmdir()
    group.rmdir()


def running(command: str) -> list[int]:
    """The processes whose whole command line is this, as this machine numbers them; what they have forked is left out."""
    found = {one.pid: one.ppid() for one in psutil.process_iter(["cmdline"]) if _is(one, command)}
    return [pid for pid, parent in found.items() if parent not in found]


def _is(process: psutil.Process, command: str) -> bool:
    return " ".join(process.info["cmdline"] or ()) == command


def program(directory: Path, name: str, text: str) -> Path:
    """A shell script to be run as a daemon."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path
