"""Programs that outlive the bot: found again, their exit code kept, never started twice."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from runners.errors import NotFoundError, ProgramMissingError, RunnerError, TimedOutError
from runners.processes import supervise
from runners.processes.child import child_environment
from runners.processes.detached import Detached
from runners.processes.wall import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "job"
    yield directory
    for pid in pids(directory):
        if pid != os.getpid() and psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


def pids(directory: Path) -> list[int]:
    record = directory / "pid"
    return [int(line.split()[0]) for line in record.read_text().splitlines()] if record.exists() else []


async def start(place: Path, code: str) -> Detached:
    env = child_environment(place.parent)
    return await Detached.start(place, [sys.executable, "-c", code], cwd=place.parent, env=env, room=OUTSIDE)


async def ended(pid: int) -> bool:
    for _ in range(100):
        if supervise.started_at(pid) is None:
            return True
        await asyncio.sleep(0.05)
    return False


async def appears(path: Path) -> None:
    for _ in range(200):
        if path.exists() and path.read_text():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path.name} was never written")


async def test_prints_line_by_line_and_leaves_its_exit_code(place: Path) -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); print('end', end=''); sys.exit(7)"
    job = await start(place, code)
    assert sorted([line async for line in job.lines()]) == ["end", "one", "two"]
    assert await job.wait(10) == 7
    assert not job.running
    assert job.tail(1) == "end"


async def test_what_it_leaves_on_disk_is_private(place: Path) -> None:
    job = await start(place, "print('x')")
    await job.wait(10)
    modes = {item.name: stat.S_IMODE(item.stat().st_mode) for item in place.iterdir()}
    assert modes == dict.fromkeys(["claim", "exit", "output", "pid"], 0o600)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


async def test_lines_follow_while_it_runs(place: Path) -> None:
    job = await start(place, "import time; print('first', flush=True); time.sleep(3600)")
    assert await anext(job.lines()) == "first"
    assert job.running
    await job.cancel(5)


async def test_much_output_arrives_whole(place: Path) -> None:
    job = await start(place, "for i in range(200_000): print(i, 'x' * 90)")
    count, last = 0, ""
    async for line in job.lines():
        count, last = count + 1, line
    assert (count, last) == (200_000, f"199999 {'x' * 90}")


async def test_another_process_finds_it_after_the_starter_was_killed(place: Path, tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from runners.processes.detached import Detached\n"
        "from runners.processes.wall import OUTSIDE\n"
        "from runners.processes.child import child_environment\n"
        "async def main():\n"
        f"    home = pathlib.Path({str(tmp_path)!r})\n"
        "    argv = [sys.executable, '-c', \"import time; print('at work', flush=True); time.sleep(2); exit(5)\"]\n"
        "    job = await Detached.start(home / 'job', argv, cwd=home, env=child_environment(home), room=OUTSIDE)\n"
        "    async for line in job.lines(): print(line, flush=True)\n"
        "asyncio.run(main())"
    )
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert starter.stdout
    assert await starter.stdout.readline() == b"at work\n"
    starter.kill()
    await starter.wait()
    job = Detached.attach(place)
    assert job is not None
    assert job.running
    assert [line async for line in job.lines()] == ["at work"]
    assert await job.wait(10) == 5


async def test_neither_the_starters_group_nor_its_terminal_reaches_it(place: Path) -> None:
    job = await start(place, "import time; time.sleep(30)")
    supervisor, program = pids(place)
    assert os.getpgid(program) == program
    assert os.getsid(program) == os.getsid(supervisor) == supervisor
    os.kill(supervisor, signal.SIGTERM)
    os.kill(supervisor, signal.SIGHUP)
    await asyncio.sleep(0.2)
    assert job.running
    await job.cancel(5)


async def test_a_directory_serves_one_program_once(place: Path) -> None:
    job = await start(place, "open('ran', 'a').write('x')")
    with pytest.raises(RunnerError, match="at most once"):
        await start(place, "open('ran', 'a').write('x')")
    await job.wait(10)
    with pytest.raises(RunnerError, match="at most once"):
        await start(place, "open('ran', 'a').write('x')")
    assert (place.parent / "ran").read_text() == "x"


def test_none_was_ever_started(place: Path) -> None:
    assert Detached.attach(place) is None
    place.mkdir()
    assert Detached.attach(place) is None


async def test_a_start_cut_short_before_the_supervisor_counts_as_none_and_can_be_made_again(place: Path) -> None:
    place.mkdir()
    (place / "output").touch()
    assert Detached.attach(place) is None
    job = await start(place, "print('now')")
    assert await job.wait(10) == 0


async def test_a_supervisor_that_comes_too_late_starts_nothing(place: Path) -> None:
    place.mkdir()
    assert supervise.claim(place)
    argv = [sys.executable, "-I", "-S", supervise.__file__, str(place), "--", "touch", str(place / "ran")]
    late = await asyncio.create_subprocess_exec(*argv)
    assert await late.wait() == 1
    assert not (place / "ran").exists()


async def test_a_program_killed_by_a_signal_has_a_negative_code(place: Path) -> None:
    job = await start(place, "import os; os.kill(os.getpid(), 9)")
    assert await job.wait(10) == -9


async def test_killed_with_its_supervisor_it_has_no_exit_code_and_its_children_end(place: Path) -> None:
    child = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    job = await start(place, child + "open('child', 'w').write(str(c.pid)); c.wait()")
    await appears(place.parent / "child")
    for pid in pids(place):
        os.kill(pid, signal.SIGKILL)
    assert await job.wait(10) is None
    assert await ended(int((place.parent / "child").read_text()))


async def test_without_its_supervisor_the_program_is_still_seen(place: Path) -> None:
    job = await start(place, "import time; print('on', flush=True); time.sleep(1); print('done')")
    supervisor, _ = pids(place)
    os.kill(supervisor, signal.SIGKILL)
    assert await ended(supervisor)
    again = Detached.attach(place)
    assert again is not None
    assert again.running
    assert [line async for line in again.lines()] == ["on", "done"]
    assert await job.wait(10) is None


async def test_a_number_that_another_process_has_now_is_not_taken_for_it(place: Path) -> None:
    job = await start(place, "pass")
    await job.wait(10)
    (place / "exit").unlink()
    (place / "pid").write_text(f"{os.getpid()} another-boot/1\n{os.getpid()} another-boot/2\n")
    assert not job.running
    assert await job.wait(10) is None  # and this very process is still there to say so


async def test_what_it_left_running_ends_with_it(place: Path) -> None:
    code = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(c.pid)"
    job = await start(place, code)
    child = [line async for line in job.lines()]
    assert await job.wait(10) == 0
    assert await ended(int(child[0]))


async def test_cancel_interrupts_first(place: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: (print('stopping'), sys.exit(3)));"
        "print('up', flush=True); time.sleep(60)"
    )
    job = await start(place, code)
    await anext(job.lines())
    await job.cancel(10)
    assert job.exit_code == 3
    assert job.tail() == "up\nstopping"


async def test_cancel_kills_what_does_not_listen(place: Path) -> None:
    code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    job = await start(place, code)
    await anext(job.lines())
    await job.cancel(0.2)
    assert job.exit_code == -9


async def test_an_interrupt_ignored_by_the_starter_still_reaches_the_program(place: Path) -> None:
    job = await start(place, "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)")
    assert [line async for line in job.lines()] == ["True"]


async def test_waiting_has_an_end_and_the_program_goes_on(place: Path) -> None:
    job = await start(place, "import time; time.sleep(30)")
    with pytest.raises(TimedOutError, match=r"still runs after 0\.1 seconds"):
        await job.wait(0.1)
    assert job.running
    await job.cancel(5)


async def test_a_missing_program_or_directory_starts_nothing(place: Path) -> None:
    env = child_environment(place.parent)
    with pytest.raises(ProgramMissingError, match="no program terrafrom"):
        await Detached.start(place, ["terrafrom"], cwd=place.parent, env=env, room=OUTSIDE)
    with pytest.raises(NotFoundError, match="no directory gone"):
        await Detached.start(place, ["env"], cwd=place.parent / "gone", env=env, room=OUTSIDE)
    assert Detached.attach(place) is None


async def test_the_supervisor_imports_little_and_so_is_up_quickly() -> None:
    code = "import sys, runpy; runpy.run_path(sys.argv[1], run_name='imported'); print(len(sys.modules))"
    argv = [sys.executable, "-I", "-S", "-c", code, supervise.__file__]
    imported = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    assert int((await imported.communicate())[0]) < 90


async def test_a_long_line_without_an_end_comes_in_pieces(place: Path) -> None:
    job = await start(place, "import sys; sys.stdout.write('x' * 20_000_000)")
    pieces = [len(line) async for line in job.lines()]
    assert sum(pieces) == 20_000_000
    assert max(pieces) < 10_000_000


async def test_killing_the_starter_at_any_moment_leaves_one_run_or_none(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from runners.processes.detached import Detached\n"
        "from runners.processes.wall import OUTSIDE\n"
        "from runners.processes.child import child_environment\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "argv = [sys.executable, '-S', '-c', \"open('ran', 'a').write('x')\"]\n"
        "print('go', flush=True)\n"
        "asyncio.run(Detached.start(home / 'job', argv, cwd=home, env=child_environment(home), room=OUTSIDE))"
    )
    ends = []
    for number in range(12):
        home = tmp_path / str(number)
        home.mkdir()
        starter = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(home), stdout=asyncio.subprocess.PIPE
        )
        assert starter.stdout
        assert await starter.stdout.readline() == b"go\n"
        await asyncio.sleep(number * 0.008)
        with suppress(ProcessLookupError):  # on a quick machine the last ones have ended by themselves
            starter.kill()
        await starter.wait()
        job = Detached.attach(home / "job")
        ends.append(await job.wait(10) if job else None)
    await asyncio.sleep(0.5)
    ran = [len(file.read_text()) if (file := tmp_path / str(number) / "ran").exists() else None for number in range(12)]
    assert ran == [None if end is None else 1 for end in ends]
    assert set(ends) <= {None, 0}
