"""The bot as the sandbox starts it: what it would be without the sandbox, but for its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import psutil
import pytest

from sandbox.bot_process import PROJECT

# Starts a child as the sandbox starts the bot, says who it is once it is up, and waits.
PARENT = """
import subprocess, sys, time
from sandbox.bot_process import ends_with_parent
code = "import time; print('up', flush=True); time.sleep(60)"
argv = ends_with_parent([sys.executable, "-c", code])
child = subprocess.Popen(argv, env={"WORD": "x"}, start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_child_is_what_it_would_be_and_ends_with_its_parent(number: int) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT), cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    assert child.cmdline()[:2] == [sys.executable, "-c"]
    assert child.environ() == {"WORD": "x"}
    assert os.getpgid(child.pid) == child.pid
    os.kill(parent.pid, number)
    await parent.wait()
    assert await asyncio.to_thread(psutil.wait_procs, [child], 10) == ([child], [])
