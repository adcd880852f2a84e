"""The leash of a long program: the pipe by which its keeper lets it run, and the exit code that a full disk cannot hide."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from runners.processes import supervise
from runners.processes.child import child_environment
from runners.processes.detached import Detached, reserve, supervisor_argv
from runners.processes.supervise import Leash
from runners.processes.wall import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAITS = "import time; print('on', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WAITS}"
TIMES = st.floats(0, 100)
LINES = st.lists(
    st.one_of(st.tuples(TIMES, TIMES, TIMES).map(lambda numbers: "until {} {} {}".format(*sorted(numbers)[:2], numbers[2])),
              TIMES.map(lambda grace: f"stop {grace}")), max_size=6,
)  # fmt: skip


def test_without_a_word_it_runs_for_ever() -> None:
    leash = Leash()
    assert (leash.due(1e9), leash.pause(0.0), leash.expired(1e9)) == (None, None, False)


def test_it_is_interrupted_once_and_then_killed() -> None:
    leash = Leash()
    leash.take(b"until 10 20 5\n")
    assert [leash.due(at) for at in (9.0, 10.0, 11.0, 15.0)] == [None, signal.SIGINT, None, signal.SIGKILL]


def test_a_grace_beyond_the_lease_is_cut() -> None:
    leash = Leash()
    leash.take(b"until 10 20 500\n")
    assert [leash.due(at) for at in (10.0, 19.9, 20.0)] == [signal.SIGINT, None, signal.SIGKILL]


def test_a_renewal_moves_the_kill_and_undoes_no_interruption() -> None:
    leash = Leash()
    leash.take(b"until 10 20 500\n")
    assert leash.due(12.0) is signal.SIGINT
    leash.take(b"until 110 120 500\n")
    assert [leash.due(at) for at in (21.0, 119.0, 120.0)] == [None, None, signal.SIGKILL]


@pytest.mark.parametrize("end", [b"stop 3\n", b""], ids=["a stop", "the end of the lines"])
def test_it_is_stopped_when_told_and_when_nobody_tells_any_more(end: bytes) -> None:
    leash = Leash()
    leash.take(b"until 50 90 3\n")
    leash.take(end)
    assert [leash.due(at) for at in (1.0, 2.0, 4.0)] == [signal.SIGINT, None, signal.SIGKILL]


@settings(max_examples=60)
@given(LINES, st.lists(TIMES, min_size=1, max_size=8), st.integers(1, 9))
def test_whatever_comes_in_whatever_pieces(lines: list[str], times: list[float], size: int) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    leash = Leash()
    for start in range(0, len(text), size):
        leash.take(text[start : start + size])
    hard = [float(line.split()[2]) for line in lines if line.startswith("until")]
    sent = []
    for at in sorted(times):
        pause = leash.pause(at)
        due = leash.due(at)
        assert due is None or pause == 0.0 or due is signal.SIGKILL
        sent.append(due)
    assert sent.count(signal.SIGINT) <= 1
    if hard and max(times) >= hard[-1]:
        assert sent[-1] is signal.SIGKILL
    if not hard and not lines:
        assert set(sent) == {None}


@given(st.integers(-64, 255))
def test_an_exit_code_is_read_as_it_was_written(code: int) -> None:
    record = supervise.exit_record(code)
    assert len(record) == supervise.RESERVED
    assert supervise.recorded_exit(record) == code
    assert supervise.recorded_exit(f"{code}\n".encode()) == code  # of the version before
    assert supervise.recorded_exit(b" " * 63 + b"\n") is None


class Held:
    """A program on a leash that this test holds."""

    def __init__(self, home: Path) -> None:
        self.home, self.place = home, home / "job"
        self.leash = -1

    async def start(self, code: str, soft: float = math.inf, hard: float = math.inf) -> Detached:
        reserve(self.place, "starting")
        reading, self.leash = os.pipe()
        self.send(f"until {supervise.now() + soft} {supervise.now() + hard} 1")
        argv = supervisor_argv(self.place, supervise.LEASHED, [sys.executable, "-S", "-c", code])
        env = child_environment(self.home)
        done = await asyncio.to_thread(subprocess.run, argv, stdin=reading, env=env, cwd=self.home, check=False)
        os.close(reading)
        self.exit_code = done.returncode
        return Detached(self.place)

    def send(self, line: str) -> None:
        os.write(self.leash, f"{line}\n".encode())


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    made = Held(tmp_path)
    yield made
    Detached(made.place).kill_group()


async def test_the_end_of_its_keeper_stops_the_program(held: Held) -> None:
    job = await held.start(WAITS)
    assert await anext(job.lines()) == "on"
    os.close(held.leash)
    assert await job.wait(30) == -signal.SIGINT


async def test_the_end_of_its_lease_kills_what_does_not_listen(held: Held) -> None:
    job = await held.start(DEAF, soft=1.0, hard=1.5)
    assert await job.wait(30) == -signal.SIGKILL


async def test_renewals_let_it_run_to_its_end(held: Held) -> None:
    job = await held.start("import time; time.sleep(2)", soft=1.0, hard=30.0)
    held.send(f"until {supervise.now() + 60} {supervise.now() + 90} 1")
    assert await job.wait(30) == 0


async def test_it_does_not_start_when_the_lease_has_run_out(held: Held) -> None:
    job = await held.start("open('ran', 'w')", soft=-1.0)
    assert held.exit_code == 1
    assert not (held.place / "pid").exists()
    assert not (held.home / "ran").exists()
    assert job.exit_code is None


async def test_it_reads_no_line_of_its_leash(held: Held) -> None:
    job = await held.start("import os; print(os.read(0, 100), len(os.listdir('/proc/self/fd')))")
    assert [line async for line in job.lines()] == ["b'' 4"]  # three streams, and the one that lists them


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
async def test_it_dies_with_its_supervisor(held: Held) -> None:
    job = await held.start(WAITS)
    supervisor, program = [int(line.split()[0]) for line in (held.place / "pid").read_text().splitlines()]
    os.kill(supervisor, signal.SIGKILL)
    while supervise.started_at(program):  # noqa: ASYNC110  -- another process ends
        await asyncio.sleep(0.05)
    assert await job.wait(30) is None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root alone")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def fill(path: Path) -> None:
    """Fill the file system to the last page."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


async def test_an_end_on_a_full_disk_is_recorded(small_disk: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    code = (
        f"import os, time\nprint('on', flush=True)\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\nexit(3)"
    )
    env = child_environment(tmp_path)
    job = await Detached.start(small_disk / "job", [sys.executable, "-c", code], cwd=tmp_path, env=env, room=OUTSIDE)
    assert await anext(job.lines()) == "on"
    fill(small_disk / "filler")
    gate.touch()
    assert await job.wait(30) == 3
