"""A real systemd as the first process of namespaces of its own, with an OpenSSH server among its units."""

from __future__ import annotations

import asyncio
import os
import secrets
import uuid
from contextlib import asynccontextmanager
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
# As systemd has it on a machine: what it mounts for a service, such as credentials, reaches that service.
mount --make-rshared /
exec env -i PATH="$PATH" container=test "$2" --system --unit=test.target
"""
# Ends all that runs in a cgroup once the holder of the other end of its stdin has ended, and removes it.
KEEPER = """trap '' HUP INT TERM
mkdir "$1" || exit 1
echo made
cat
tries=400
while [ -d "$1" ] && [ $tries -gt 0 ]; do
  find "$1" -name cgroup.procs -exec cat {} + | xargs -r kill -KILL
  find "$1" -depth -type d -exec rmdir {} +
  tries=$((tries - 1))
  sleep 0.05
done 2>/dev/null
[ ! -d "$1" ]
"""
GROUP = "signalbox-"
PRIVILEGED = "in a container, start it with --privileged"
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
    async with _own_group() as group:
        key = make_key(directory / "user_key")
        # An address of its own: what others begin at the same moment may have the same port.
        server = Server(directory / "sshd", port, key, (directory / "user_key.pub").read_text(), _own_address())
        stored = directory / "units"
        stored.mkdir()
        services = {"ssh": SSHD % server.config, **units}
        for name, text in services.items():
            (stored / f"{name}.service").write_text(text)
        (stored / "test.target").write_text(TARGET % " ".join(f"{name}.service" for name in services))
        with (directory / "systemd.log").open("ab") as log:
            started = await asyncio.create_subprocess_exec(
                *("sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec unshare "$@"', "sh", str(group)),
                *(*NAMESPACES, "sh", "-c", BEGIN, "sh", str(stored), systemd() or ""),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(60):
            while not await server.answers():
                assert started.returncode is None, (directory / "systemd.log").read_text()
                await asyncio.sleep(0.05)
        yield server


@asynccontextmanager
async def _own_group() -> AsyncIterator[Path]:
    """A cgroup, which ends with all that runs in it, also where this process is killed."""
    group = _mounted() / f"{GROUP}{uuid.uuid4().hex[:8]}"
    pipe = asyncio.subprocess.PIPE
    keeper = await asyncio.create_subprocess_exec(
        "sh", "-c", KEEPER, "sh", str(group), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    assert keeper.stdin
    assert keeper.stdout
    try:
        made = await keeper.stdout.readline()
        if made:
            await _have_namespaces()
            yield group
    finally:
        keeper.stdin.close()
        _, rendered = await keeper.communicate()
    if not made:
        pytest.skip(f"nobody may make cgroups here ({rendered.decode().strip()}): {PRIVILEGED}")
    assert not keeper.returncode, f"{group} is left: {rendered.decode()}"


def _mounted() -> Path:
    """Where cgroup2 is, if it may be used."""
    if os.geteuid() != 0:
        pytest.skip("a systemd of its own takes root: sudo --preserve-env=PATH .venv/bin/pytest -m needs_systemd")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    result = next((Path(words[1]) for words in mounts if words[2] == "cgroup2"), None)
    if result is None:
        pytest.skip(f"no cgroup2 is mounted: mount -t cgroup2 none /sys/fs/cgroup; or {PRIVILEGED}")
    return result


async def _have_namespaces() -> None:
    pipe = asyncio.subprocess.PIPE
    tried = await asyncio.create_subprocess_exec("unshare", *NAMESPACES, "true", stderr=pipe)
    _, rendered = await tried.communicate()
    if tried.returncode:
        pytest.skip(f"nobody may have namespaces here ({rendered.decode().strip()}): {PRIVILEGED}")


def _own_address() -> str:
    return ".".join(["127", *(str(secrets.randbelow(254) + 1) for _ in range(3))])


def running(command: str) -> list[int]:
    """The processes whose whole command line is this, as this machine numbers them; what they have forked is left out."""
    result = {item.pid: item.ppid() for item in psutil.process_iter(["cmdline"]) if _is(item, command)}
    return [pid for pid, parent in result.items() if parent not in result]


def mentioning(directory: Path) -> list[int]:
    """The processes with this directory in their command line."""
    its = f"{directory}/"
    return [item.pid for item in psutil.process_iter(["cmdline"]) if its in f"{' '.join(item.info['cmdline'] or ())}/"]


def group_of(pid: int) -> Path:
    """The cgroup of the machine that a process runs in."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    (path,) = (line.removeprefix("0::") for line in lines if line.startswith("0::"))
    return _mounted() / next(part for part in path.split("/") if part.startswith(GROUP))


def _is(process: psutil.Process, command: str) -> bool:
    return " ".join(process.info["cmdline"] or ()) == command


def program(directory: Path, name: str, text: str) -> Path:
    """A shell script to be run as a daemon."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path
