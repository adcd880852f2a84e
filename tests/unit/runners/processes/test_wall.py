"""The wall: what a child sees of the machine, its limits, its signals, and what stays of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from runners.errors import TimedOutError
from runners.processes import child, supervise, wall
from runners.processes.detached import Detached
from runners.processes.wall import OUTSIDE, WALL, Isolation, Limits

if TYPE_CHECKING:
    from runners.processes.wall import Room

pytestmark = pytest.mark.needs_bwrap


@pytest.fixture
def work(tmp_path: Path) -> Path:
    directory = tmp_path / "work"
    directory.mkdir(mode=0o700)
    return directory


async def run(
    work: Path, script: str, *, room: Room | None = None, timeout: float = 30, grace: float = 5
) -> child.Output:
    env = child.child_environment(work)
    room = room or WALL.room(writable=[work])
    return await child.run(
        ["sh", "-c", script], cwd=work, env=env, timeout=timeout, doing="testing", room=room, grace=grace
    )


async def appears(path: Path) -> None:
    async with asyncio.timeout(30):
        while not path.exists():  # noqa: ASYNC110 - a shell sends no event
            await asyncio.sleep(0.02)


async def ended(pids: set[int]) -> bool:
    for _ in range(200):
        if not any(supervise.started_at(pid) for pid in pids):
            return True
        await asyncio.sleep(0.02)
    return False


def inside_of(mark: str) -> set[int]:
    """The processes with this text in their command lines, by their numbers outside of the wall."""
    numbers = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in command and int(entry.name) != os.getpid():
            numbers.add(int(entry.name))
    return numbers


async def test_streams_exit_codes_and_signals_are_those_of_the_program(work: Path) -> None:
    assert await run(work, "echo out; echo err >&2; exit 7") == child.Output(7, "out\n", "err\n")
    assert (await run(work, "kill -KILL $$")).exit_code == -signal.SIGKILL
    assert (await run(work, "kill -TERM $$")).exit_code == -signal.SIGTERM


@given(code=st.integers(-64, 255))
def test_only_a_signals_number_becomes_negative(code: int) -> None:
    assert wall.exit_code(code) == (128 - code if 129 <= code <= 192 else code)


async def test_its_user_is_another_without_capabilities_or_a_way_to_them(work: Path) -> None:
    answer = await run(
        work, "id -u; grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status; unshare -Ur true"
    )
    user, *lines = answer.stdout.split("\n")
    assert int(user) == wall.FIRST_USER
    status = dict(line.split(":\t") for line in lines if line)
    assert status.pop("NoNewPrivs") == "1"
    assert {int(value, 16) for value in status.values()} == {0}
    assert answer.exit_code
    assert "unshare failed" in answer.stderr


async def test_it_sees_programs_its_own_directory_and_nothing_else(work: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret").write_text("secret")
    answer = await run(work, f"ls -A / /tmp /etc /run /root /home {tmp_path} 2>/dev/null; ls /proc | grep -c '^[0-9]'")
    visible = answer.stdout.splitlines()
    assert "other" not in visible
    assert not {"shadow", "ssh_host_ed25519_key", "sudoers", ".ssh", ".aws", "docker.sock", "run", "systemd"} & set(
        visible
    )
    assert int(visible[-1]) < 9


async def test_links_and_dots_lead_nowhere_else(work: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (work / "link").symlink_to(secret)
    (work / "shadow").symlink_to("/etc/shadow")
    (work / "up").symlink_to("../secret")
    answer = await run(work, "for name in link shadow up ../secret /proc/1/root/secret; do cat $name; done")
    assert answer.stdout == ""
    assert answer.stderr.count("No such file") + answer.stderr.count("Permission denied") == 5


async def test_what_is_given_or_shared_cannot_be_changed(work: Path, tmp_path: Path) -> None:
    given_file, shared = tmp_path / "key", tmp_path / "shared"
    given_file.write_text("key")
    given_file.chmod(0o600)
    shared.mkdir()
    (shared / "file").write_text("shared")
    room = WALL.room(writable=[work], given=[given_file], shared=[shared])
    script = f"cat {given_file} {shared}/file; echo x > {given_file}; echo x > {shared}/file; rm -rf {shared}; mv {shared} {work}"
    answer = await run(work, script, room=room)
    assert answer.stdout == "keyshared"
    assert answer.exit_code
    assert (given_file.read_text(), (shared / "file").read_text()) == ("key", "shared")


async def test_a_daemon_ends_with_the_program(work: Path) -> None:
    mark = f"31.{os.getpid()}"
    await run(
        work, f"setsid sh -c 'exec sleep {mark}' >/dev/null 2>&1 & until pgrep -f '^sleep {mark}'; do :; done; exit 0"
    )
    assert await ended(inside_of(mark))


async def test_sigint_reaches_the_program_which_may_end_in_its_own_way(work: Path) -> None:
    script = "trap 'echo graceful > end; exit 3' INT; touch ready; sleep 30 & wait"
    with pytest.raises(TimedOutError):
        await run(work, script, timeout=3)
    assert (work / "end").read_text() == "graceful\n"


async def test_what_does_not_hear_is_killed_with_all_that_it_started(work: Path) -> None:
    mark = f"32.{os.getpid()}"
    with pytest.raises(TimedOutError):
        await run(work, f"trap '' INT TERM; setsid sleep {mark} & sleep {mark}", timeout=2, grace=0.5)
    assert await ended(inside_of(mark))


async def test_a_long_program_outlives_its_starter_and_keeps_its_record_to_itself(work: Path, tmp_path: Path) -> None:
    script = f"ls {tmp_path}/job; echo forged > {tmp_path}/job/exit; trap 'exit 5' INT; touch ready; sleep 30 & wait"
    env, room = child.child_environment(work), WALL.room(writable=[work])
    job = await Detached.start(tmp_path / "job", ["sh", "-c", script], cwd=work, env=env, room=room)
    await appears(work / "ready")
    assert job.running
    await job.cancel(grace=10)
    assert job.exit_code == 5
    assert job.tail().count("o such file") + job.tail().count("nonexistent") == 2


@pytest.mark.parametrize("killed", [0, 1])
async def test_the_loss_of_the_supervisor_or_of_the_wall_is_no_exit(work: Path, tmp_path: Path, killed: int) -> None:
    mark = f"33{killed}.{os.getpid()}"
    env, room = child.child_environment(work), WALL.room(writable=[work])
    argv = ["sh", "-c", f"touch ready; exec sleep {mark}"]
    job = await Detached.start(tmp_path / "job", argv, cwd=work, env=env, room=room)
    await appears(work / "ready")
    pids = [int(line.split()[0]) for line in (tmp_path / "job" / "pid").read_text().splitlines()]
    os.kill(pids[killed], signal.SIGKILL)
    if killed:
        assert await job.wait(20) == -signal.SIGKILL
    else:  # the program ends with its supervisor, sooner or later
        await job.cancel(0.5)
        assert job.exit_code is None
    assert await ended(inside_of(mark))


async def test_a_fork_bomb_meets_its_limit_and_the_bot_does_not(work: Path) -> None:
    room = replace(WALL, limits=Limits(processes=40)).room(writable=[work])
    script = "for i in $(seq 200); do sleep 20 & done; echo all"
    answer = await run(work, script, room=room)
    assert "all" not in answer.stdout
    assert "ork" in answer.stderr
    assert (await run(work, "echo well", room=OUTSIDE)).stdout == "well\n"


async def test_files_memory_and_the_private_tmp_have_limits(work: Path) -> None:
    limits = Limits(memory=256, open_files=64, file_size=1, temporary=4)
    room = replace(WALL, limits=limits).room(writable=[work])
    answer = await run(work, "head -c 2000000 /dev/zero > big", room=room)
    assert answer.exit_code
    assert (work / "big").stat().st_size == 1 << 20
    answer = await run(work, "for i in $(seq 9); do head -c 1000000 /dev/zero > /tmp/$i; done", room=room)
    assert "No space left" in answer.stderr
    python = f"{sys.executable} -I -S -c"
    assert "MemoryError" in (await run(work, f"{python} 'bytearray(500 << 20)'", room=room)).stderr
    opened = await run(
        work,
        f"""{python} 'print(len([open("/") if False else __import__("os").open("/", 0) for _ in range(99)]))'""",
        room=room,
    )
    assert "Too many open files" in opened.stderr
    assert (await run(work, "ulimit -c; cat /proc/self/oom_score_adj", room=room)).stdout.split() == ["0", "800"]


async def test_its_environment_is_as_given_beside_the_metadata_switch(work: Path) -> None:
    env = child.child_environment(work, {"AWS_REGION": "us-west-2"})
    answer = await child.run(["env"], cwd=work, env=env, timeout=30, doing="testing", room=WALL.room(writable=[work]))
    visible = dict(line.split("=", 1) for line in answer.stdout.splitlines())
    assert visible.pop("AWS_EC2_METADATA_DISABLED") == "true"
    assert {name: value for name, value in visible.items() if name not in ("PWD", "OLDPWD", "_", "SHLVL")} == env
    room = replace(WALL, metadata_service=True).room(writable=[work])
    assert (
        "METADATA" not in (await child.run(["env"], cwd=work, env=env, timeout=30, doing="testing", room=room)).stdout
    )


@settings(max_examples=8)
@given(words=st.lists(st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=12), max_size=5))
def test_arguments_pass_the_wall_as_they_are(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    work = tmp_path_factory.mktemp("work")
    argv = [sys.executable, "-I", "-S", "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *words]
    env = child.child_environment(work)
    room = WALL.room(writable=[work])
    answer = asyncio.run(child.run(argv, cwd=work, env=env, timeout=30, doing="testing", room=room))
    assert json.loads(answer.stdout) == words


async def test_python_and_its_locks_work_inside(work: Path) -> None:
    code = (
        "import multiprocessing, ssl, socket, pwd, os; multiprocessing.Lock(); print(pwd.getpwuid(os.getuid()).pw_dir)"
    )
    env, room = child.child_environment(work), WALL.room(writable=[work])
    argv = [sys.executable, "-c", code]
    answer = await child.run(argv, cwd=work, env=env, timeout=30, doing="testing", room=room)
    assert answer == child.Output(0, f"{work}\n", "")


async def test_a_program_beyond_the_usual_directories_is_visible_alone(work: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    (tools / "real").mkdir(parents=True)
    (tools / "real" / "tool").write_text("#!/bin/sh\nls $(dirname $0) " + str(tools) + "\n")
    (tools / "real" / "tool").chmod(0o755)
    (tools / "real" / "beside").touch()
    (tools / "tool").symlink_to(tools / "real" / "tool")
    env, room = child.child_environment(work), WALL.room(writable=[work])
    answer = await child.run([str(tools / "tool")], cwd=work, env=env, timeout=30, doing="testing", room=room)
    assert answer.exit_code == 0
    assert "beside" not in answer.stdout


async def test_the_bots_own_directories_stay_hidden_in_what_is_granted(work: Path, tmp_path: Path) -> None:
    granted, own = tmp_path / "granted", tmp_path / "granted" / "var"
    (own / "7").mkdir(parents=True)
    (own / "signalbox.sqlite").write_text("votes")
    (own / "7" / "file").write_text("mine")
    room = Isolation(readable=(granted,), hidden=(own,)).room(writable=[work, own / "7"])
    answer = await run(work, f"ls -A {own}; cat {own}/7/file; cat {own}/signalbox.sqlite", room=room)
    assert answer.stdout == "7\nmine"
