"""Daemons under a real systemd, reached by ssh: what it says of them, and what Signalbox makes of it."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runners.daemons import Daemon, Timeouts, restart, verify
from runners.results import Host, Inventory
from runners.ssh.remote import reaching
from tests.real.systemd_support import group_of, machine, mentioning, program, running, unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from runners.results import DaemonObservation
    from runners.ssh.remote import Access

pytestmark = [pytest.mark.needs_sshd, pytest.mark.needs_systemd]
ROOT = Path(__file__).parents[2]
QUICK = Timeouts(pause=1.5, stop=2.0, term=1.0)
WORKS = "while :; do sleep 0.1; done\n"
FORKS = '( setsid sh -c \'echo $$ >"$0"; exec "$1"\' "$2" "$1" & ) </dev/null >/dev/null 2>&1\nsleep 0.3\n'


class Machine:
    """The machine with its services."""

    def __init__(self, access: Access, directory: Path) -> None:
        self.access = access
        self.directory = directory

    async def does(self, script: str) -> str:
        (host,) = self.access.inventory.hosts
        return (await self.access.run(host, script, timeout=30, doing="trying out")).stdout

    async def look(self, name: str, *, began: float | None = None, remedy: bool = False) -> DaemonObservation:
        (observed,) = await verify(self.access, {"backend": [Daemon(name)]}, QUICK, began=began, remedy=remedy)
        return observed


@pytest.fixture
async def backend(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Machine]:
    works, refuses = program(tmp_path, "works", WORKS), program(tmp_path, "refuses", f"trap '' TERM\n{WORKS}")
    starts = program(tmp_path, "starts", FORKS)
    crashes = program(tmp_path, "crashes", "sleep 0.4\nexit 1\n")
    slowly = program(tmp_path, "slowly", "sleep 6\nexit 1\n")
    pid_file = tmp_path / "forks.pid"
    again = ("Restart=always", "RestartSec=0.2", "StartLimitBurst=1000")
    services = {
        "works": unit(f"{works}"),
        "workers": unit(f"{program(tmp_path, 'workers', 'sleep 600 & sleep 600 & wait')}"),
        "forks": unit(f"{starts} {works}-twice {pid_file}", "Type=forking", f"PIDFile={pid_file}"),
        "refuses": unit(f"{refuses}", "TimeoutStopSec=1", "SendSIGKILL=no"),
        "crashes": unit(f"{crashes}", *again),
        "slowly": unit(f"{slowly}", *again),
        "over": unit("/bin/true", "Type=oneshot", "RemainAfterExit=yes"),
    }
    program(tmp_path, "works-twice", WORKS)
    async with AsyncExitStack() as ends:
        server = await ends.enter_async_context(machine(tmp_path, unused_tcp_port, services))
        host = Host("staging-backend", "backend", "i-1", server.address, "ami-1", "us-west-2a")
        there = Inventory("staging", (host,), getpass.getuser(), unused_tcp_port, "ssh")
        given = {"private_key": server.user_key, "known_hosts": server.known_hosts}
        made = reaching(there, tmp_path / "access", **given, doing="looking")
        yield Machine(await ends.enter_async_context(made), tmp_path)


async def test_services_that_run_once_are_as_they_should_be(backend: Machine) -> None:
    for name in ("works", "workers", "forks"):
        observed = await backend.look(name)
        assert (observed.problem, observed.instances) == ("", 1), name


async def test_one_that_is_stopped_is_started(backend: Machine) -> None:
    await backend.does("systemctl stop works")
    stopped = "it does not run: systemd calls it inactive (dead)"
    assert (await backend.look("works")).problem == stopped
    observed = await backend.look("works", remedy=True)
    assert (observed.problem, observed.did) == ("", f"stopped and started because {stopped}")


async def test_a_second_one_outside_of_the_unit_is_ended(backend: Machine) -> None:
    await backend.does(f"setsid {backend.directory}/works </dev/null >/dev/null 2>&1 &")
    assert "it runs 2 times" in (await backend.look("works")).problem
    observed = await backend.look("works", remedy=True)
    assert (observed.problem, observed.instances) == ("", 1)
    assert len(running(f"/bin/sh {backend.directory}/works")) == 1


async def test_one_that_systemd_restarts_again_and_again_is_told(backend: Machine) -> None:
    observed = await backend.look("crashes", remedy=True)
    assert any(words in observed.problem for words in ("again and again", "does not stay", "auto-restart"))
    assert observed.did.startswith("stopped and started because ")


async def test_one_that_crashes_more_slowly_than_it_is_watched_is_told_after_a_deploy(backend: Machine) -> None:
    began = time.monotonic() - 60
    while int((await backend.does("systemctl show -P NRestarts slowly")).strip()) < 2:  # noqa: ASYNC110  -- no event is sent
        await asyncio.sleep(0.3)
    observed = await backend.look("slowly", began=began)
    assert "again and again" in observed.problem or "auto-restart" in observed.problem
    assert (await backend.look("works", began=began)).ok


async def test_one_that_refuses_to_stop_is_not_started_a_second_time(backend: Machine) -> None:
    (before,) = running(f"/bin/sh {backend.directory}/refuses")
    (observed,) = await restart(backend.access, "backend", Daemon("refuses"), QUICK)
    assert "it does not stop" in observed.problem
    assert "It was not started again" in observed.problem
    assert running(f"/bin/sh {backend.directory}/refuses") == [before]


async def test_one_that_forked_gets_another_process_by_a_restart(backend: Machine) -> None:
    before = await backend.does("systemctl show -P MainPID forks")
    (observed,) = await restart(backend.access, "backend", Daemon("forks"), QUICK)
    assert (observed.problem, observed.did) == ("", "stopped and started")
    assert await backend.does("systemctl show -P MainPID forks") != before


async def test_one_that_the_deploy_did_not_start_again_is_told(backend: Machine) -> None:
    await asyncio.sleep(2.5)  # as long as ps needs to show its age
    assert "it was not started again" in (await backend.look("works", began=time.monotonic())).problem


async def test_a_unit_that_is_active_without_a_process_does_not_run(backend: Machine) -> None:
    assert (await backend.look("over")).problem == "it does not run: systemd calls it active (exited)"


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.real.systemd_support import machine

async def main():
    async with machine(Path(sys.argv[1]), int(sys.argv[2]), {}):
        print("there", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_machine_leaves_nothing_behind_when_its_tests_are_killed(
    backend: Machine, tmp_path_factory: pytest.TempPathFactory, unused_tcp_port_factory: Callable[[], int]
) -> None:
    assert (await backend.look("works")).ok, "here it may be had at all"
    directory = tmp_path_factory.mktemp("killed")
    argv = [sys.executable, "-c", KILLED, str(directory), str(unused_tcp_port_factory())]
    tests = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert tests.stdout
    try:
        assert await tests.stdout.readline() == b"there\n"
        (group,) = {group_of(item) for item in mentioning(directory) if item != tests.pid}
        assert group.is_dir()
    finally:
        tests.kill()
        await tests.wait()
    async with asyncio.timeout(60):
        while group.exists() or mentioning(directory):  # noqa: ASYNC110  -- the kernel sends no event
            await asyncio.sleep(0.05)
    assert (await backend.look("works")).ok, "one beside it goes on"
