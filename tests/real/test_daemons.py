"""Real daemons, watched over real OpenSSH servers."""

from __future__ import annotations

import asyncio
import getpass
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from runners.daemons import Timeouts, restart, verify
from runners.results import Host, Inventory
from runners.ssh.remote import reaching
from tests.real.daemon_support import Real, make_daemon
from tests.real.ssh_support import running_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from runners.results import DaemonObservation
    from runners.ssh.remote import Access

pytestmark = pytest.mark.needs_sshd
QUICK = Timeouts(pause=0.6, stop=1.0, term=1.0)


@pytest.fixture
async def access(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Access]:
    async with AsyncExitStack() as ends:
        (server,) = await ends.enter_async_context(running_servers(tmp_path, unused_tcp_port, ["127.0.0.1"]))
        host = Host("staging-backend", "backend", "i-1", "127.0.0.1", "ami-1", "us-west-2a")
        there = Inventory("staging", (host,), getpass.getuser(), unused_tcp_port, "ssh")
        given = {"private_key": server.user_key, "known_hosts": server.known_hosts}
        made = reaching(there, tmp_path / "access", **given, doing="looking")
        yield await ends.enter_async_context(made)


@pytest.fixture
def daemon(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Real]:
    made = make_daemon(tmp_path, getattr(request, "param", "forks twice"))
    yield made
    made.end()


async def look(access: Access, daemon: Real, *, began: float | None = None, remedy: bool = False) -> DaemonObservation:
    (observed,) = await verify(access, {"backend": [daemon.configured]}, QUICK, began=began, remedy=remedy)
    return observed


def modes(*names: str) -> Callable[..., object]:
    return pytest.mark.parametrize("daemon", names, indirect=True)


@modes("forks once", "forks twice", "has a worker")
async def test_one_that_runs_once_is_as_it_should_be(access: Access, daemon: Real) -> None:
    began = time.monotonic()
    daemon.start()
    observed = await look(access, daemon, began=began)
    assert (observed.problem, observed.instances, observed.host) == ("", 1, "staging-backend")
    assert observed.age is not None


async def test_one_that_does_not_run_is_started(access: Access, daemon: Real) -> None:
    assert (await look(access, daemon)).problem == "it does not run"
    observed = await look(access, daemon, remedy=True)
    assert (observed.problem, observed.did) == ("", "stopped and started because it does not run")
    assert len(daemon.processes) == 1


@modes("forks twice", "has a worker")
async def test_one_that_runs_twice_is_made_one(access: Access, daemon: Real) -> None:
    daemon.start()
    daemon.start()
    before = {process.pid for process in daemon.processes}
    observed = await look(access, daemon)
    assert observed.problem.startswith("it runs 2 times (processes ")
    assert observed.instances == 2
    observed = await look(access, daemon, remedy=True)
    assert (observed.problem, observed.instances) == ("", 1)
    assert not before & {process.pid for process in daemon.processes}


async def test_one_that_was_not_started_again_by_the_deploy_is_told(access: Access, daemon: Real) -> None:
    daemon.start()
    time.sleep(2.5)  # noqa: ASYNC251 - as long as ps needs to show its age
    began = time.monotonic()
    observed = await look(access, daemon, began=began)
    assert "it was not started again" in observed.problem
    assert (await look(access, daemon, began=began, remedy=True)).ok


@modes("refuses")
async def test_one_that_refuses_to_stop_is_said_and_no_second_one_started(access: Access, daemon: Real) -> None:
    daemon.start()
    daemon.start()
    observed = await look(access, daemon, remedy=True)
    first, second = sorted(process.pid for process in daemon.processes)
    still = f"it does not stop: 1 s after its stop and 1 s after TERM {first}, {second} still run"
    assert observed.problem == f"{still}. It was not started again"
    assert (observed.stuck, observed.instances) == (True, 2)


@modes("dies")
async def test_one_that_dies_at_once_is_still_wrong_after_the_remedy(access: Access, daemon: Real) -> None:
    observed = await look(access, daemon, remedy=True)
    assert observed.problem == "it does not run"
    assert observed.did


async def test_a_wrong_pid_file_is_told(access: Access, daemon: Real) -> None:
    daemon.start()
    assert (await look(access, daemon)).ok
    daemon.pid_file.write_text("1")
    assert "its PID file names 1, and it runs as" in (await look(access, daemon)).problem
    daemon.pid_file.unlink()
    assert "its PID file is not there, or empty" in (await look(access, daemon)).problem


@pytest.mark.parametrize("starts", [0, 1, 2])
async def test_a_process_that_a_wrong_pid_file_names_survives_the_remedy(
    access: Access, daemon: Real, starts: int
) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        for _ in range(starts):
            daemon.start()
        daemon.pid_file.write_text(str(stranger.pid))
        before = {process.pid for process in daemon.processes}
        observed = await look(access, daemon, remedy=True)
        assert stranger.returncode is None
        assert psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE
        assert observed.problem == ""
        assert observed.did.endswith(
            f"its own stop was left out, for its PID file names {stranger.pid}, which is not it"
        )
        (now,) = daemon.processes
        assert now.pid not in before
        assert daemon.pid_file.read_text() == str(now.pid)
    finally:
        stranger.kill()
        await stranger.wait()


@modes("refuses")
async def test_one_with_a_wrong_pid_file_that_refuses_to_end_is_not_started_again(access: Access, daemon: Real) -> None:
    daemon.start()
    (before,) = daemon.processes
    daemon.pid_file.write_text("1")
    observed = await look(access, daemon, remedy=True)
    assert f"it does not stop: 1 s after TERM {before.pid} still runs. It was not started again" in observed.problem
    assert observed.stuck
    assert [process.pid for process in daemon.processes] == [before.pid]


async def test_restart_gives_it_a_new_process(access: Access, daemon: Real) -> None:
    daemon.start()
    (before,) = daemon.processes
    (observed,) = await restart(access, "backend", daemon.configured, QUICK)
    assert (observed.problem, observed.did) == ("", "stopped and started")
    (now,) = daemon.processes
    assert now.pid != before.pid
    assert await restart(access, "cron", daemon.configured, QUICK) == ()


async def test_a_start_that_a_killed_bot_has_begun_is_waited_for(access: Access, daemon: Real) -> None:
    slow = replace(daemon.configured, start=f"sleep 4; {daemon.configured.start}")
    (host,) = access.inventory.hosts
    remaining = await asyncio.create_subprocess_exec(*access.argv(host, slow.mark), stdin=asyncio.subprocess.PIPE)
    assert remaining.stdin
    remaining.stdin.write(f"( {slow.start} ) </dev/null >/dev/null 2>&1\n".encode())
    remaining.stdin.close()
    await asyncio.sleep(1)
    (observed,) = await restart(access, "backend", daemon.configured, QUICK)
    await remaining.wait()
    assert (observed.problem, observed.did, len(daemon.processes)) == ("", "stopped and started", 1)


async def test_a_host_out_of_reach_is_told_and_left_alone(access: Access, daemon: Real) -> None:
    away = replace(access, inventory=replace(access.inventory, port=1))
    (observed,) = await verify(away, {"backend": [daemon.configured]}, QUICK, began=None, remedy=True)
    assert not observed.reached
    assert "could not be reached: " in observed.problem
    assert "Connection refused" in observed.problem


async def test_a_host_whose_key_is_on_no_record_is_not_trusted_unseen(access: Access, daemon: Real) -> None:
    daemon.start()
    (access.directory / "known_hosts").write_text("")
    (observed,) = await verify(access, {"backend": [daemon.configured]}, QUICK, began=None, remedy=True)
    assert not observed.reached
    assert (
        observed.problem
        == "the host could not be reached: its host key is on no record, where only a deploy to it puts it"
    )
    assert (access.directory / "known_hosts").read_text() == ""


async def test_here_works_as_there(access: Access, daemon: Real) -> None:
    here = replace(access, inventory=replace(access.inventory, connection="local"))
    daemon.start()
    assert (await look(here, daemon)).ok


async def test_nothing_of_the_key_is_left(access: Access, tmp_path: Path) -> None:
    there = access.inventory
    key = (access.directory / "key").read_text()
    async with reaching(there, tmp_path / "other", private_key=key, known_hosts="", doing="x") as made:
        assert (made.directory / "key").stat().st_mode & 0o777 == 0o600
        assert made.directory.stat().st_mode & 0o777 == 0o700
        assert key not in " ".join(made.argv(there.hosts[0]))
    assert not (tmp_path / "other").exists()
