"""Short programs: what they see, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import json
import resource
import stat
import sys
from pathlib import Path

import psutil
import pytest

from runners.errors import NotFoundError, ProgramMissingError, TimedOutError
from runners.processes import child
from runners.processes.wall import OUTSIDE


async def run_python(
    tmp_path: Path, code: str, *, timeout: float = 30, stdout_to: Path | None = None, grace: float = 5
) -> child.Output:
    env = child.child_environment(tmp_path)
    argv = [sys.executable, "-c", code]
    return await child.run(
        argv, cwd=tmp_path, env=env, timeout=timeout, doing="testing", room=OUTSIDE, stdout_to=stdout_to, grace=grace
    )


async def eventually_ended(pid: int) -> bool:
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.05)
    return False


async def pid_in(path: Path) -> int:
    for _ in range(200):
        if path.exists() and path.read_text():
            return int(path.read_text())
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} was never written")


async def test_hands_back_both_streams_and_the_exit_code(tmp_path: Path) -> None:
    answer = await run_python(tmp_path, "import sys; print('út'); print('err', file=sys.stderr); sys.exit(3)")
    assert answer == child.Output(3, "út\n", "err\n")


async def test_a_signal_is_a_negative_exit_code(tmp_path: Path) -> None:
    assert (await run_python(tmp_path, "import os; os.kill(os.getpid(), 15)")).exit_code == -15


async def test_a_child_sees_its_own_environment_and_nothing_of_the_bots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    env = child.child_environment(tmp_path, {"AWS_REGION": "us-west-2"})
    answer = await child.run(["env"], cwd=tmp_path, env=env, timeout=30, doing="testing", room=OUTSIDE)
    names = {line.split("=")[0] for line in answer.stdout.splitlines()}
    assert names - {"_", "PWD", "SHLVL"} == {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "AWS_REGION"}
    assert "canary" not in answer.stdout


def test_the_temporary_directory_is_private_and_short_enough_for_sockets(tmp_path: Path) -> None:
    tmpdir = Path(child.child_environment(tmp_path / "a")["TMPDIR"])
    assert stat.S_IMODE(tmpdir.stat().st_mode) == 0o700
    assert child.child_environment(tmp_path / ("long" * 20))["TMPDIR"] == "/tmp"


async def test_stdin_is_empty(tmp_path: Path) -> None:
    assert (await run_python(tmp_path, "import sys; print(repr(sys.stdin.read()))")).stdout == "''\n"


async def test_arguments_reach_the_program_as_they_are(tmp_path: Path) -> None:
    odd = ["; rm -rf /", "$(id)", "a\nb", "--upload-pack=x", "ü", "'\""]
    argv = [sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *odd]
    answer = await child.run(
        argv, cwd=tmp_path, env=child.child_environment(tmp_path), timeout=30, doing="testing", room=OUTSIDE
    )
    assert json.loads(answer.stdout) == odd


async def test_much_output_neither_blocks_nor_fills_memory(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for i in range(1600):\n"
        "    sys.stdout.write('o' * 65535 + '\\n'); sys.stderr.write('e' * 65535 + '\\n')\n"
        "print('the end')"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await run_python(tmp_path, code, timeout=120)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert answer.stdout.endswith("the end\n")
    assert len(answer.stdout) == len(answer.stderr) == child.LONGEST_OUTPUT
    assert grown < 30_000, f"{grown} kB"


async def test_stdout_goes_whole_into_a_private_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    answer = await run_python(tmp_path, "print('x' * 3_000_000)", stdout_to=target)
    assert (answer.stdout, target.stat().st_size) == ("", 3_000_001)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


async def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        await run_python(tmp_path, "print(1)", stdout_to=tmp_path / "out")
    assert not (tmp_path / "elsewhere").exists()


async def test_a_child_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(0.3); open('late', 'w').close(); os._exit(4)"
    assert (await run_python(tmp_path, code)).exit_code == 4
    assert (tmp_path / "late").exists()


async def test_a_grandchild_that_holds_the_pipe_delays_nothing_and_ends(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
        "open('pid', 'w').write(str(child.pid)); print('done')"
    )
    answer = await run_python(tmp_path, code)
    assert (answer.exit_code, answer.stdout) == (0, "done\n")
    assert await eventually_ended(await pid_in(tmp_path / "pid"))


async def test_after_the_timeout_the_whole_group_ends(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
        "open('pid', 'w').write(str(child.pid)); print('why', file=sys.stderr, flush=True); time.sleep(60)"
    )
    with pytest.raises(TimedOutError, match="longer than 1 seconds") as caught:
        await run_python(tmp_path, code, timeout=1)
    assert "why" in caught.value.log_tail
    assert await eventually_ended(await pid_in(tmp_path / "pid"))


async def test_a_cancelled_call_interrupts_first(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time\n"
        "def stop(*_): open('interrupted', 'w').close(); sys.exit(0)\n"
        "signal.signal(signal.SIGINT, stop); open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    )
    task = asyncio.create_task(run_python(tmp_path, code))
    pid = await pid_in(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "interrupted").exists()
    assert await eventually_ended(pid)


@pytest.mark.parametrize("cancels", [1, 2], ids=["waits for the grace", "a second cancel does not wait"])
async def test_one_that_ignores_the_interrupt_is_killed(tmp_path: Path, cancels: int) -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN); open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    )
    task = asyncio.create_task(run_python(tmp_path, code, grace=0.5 if cancels == 1 else 50))
    pid = await pid_in(tmp_path / "pid")
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await eventually_ended(pid)


async def test_a_missing_program_and_a_missing_directory_are_told_apart(tmp_path: Path) -> None:
    env = child.child_environment(tmp_path)
    with pytest.raises(ProgramMissingError, match="no program terrafrom"):
        await child.run(["terrafrom"], cwd=tmp_path, env=env, timeout=5, doing="planning", room=OUTSIDE)
    with pytest.raises(NotFoundError, match="no directory gone"):
        await child.run(["env"], cwd=tmp_path / "gone", env=env, timeout=5, doing="planning", room=OUTSIDE)


async def test_no_file_stays_open(tmp_path: Path) -> None:
    await run_python(tmp_path, "print(1)")
    before = psutil.Process().num_fds()
    for _ in range(5):
        await run_python(tmp_path, "print(1)")
    await asyncio.sleep(0)
    assert psutil.Process().num_fds() == before
