"""Processes that escaped from their process group, found by a mark in their environment and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MARK = "SIGNALBOX_RUN"


def marked(value: str) -> list[int]:
    """The processes whose environment has MARK=value; on Linux only, and only those of our own user."""
    wanted = f"{MARK}={value}".encode()
    processes = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            if wanted in (directory / "environ").read_bytes().split(b"\0"):
                processes.append(int(directory.name))
    return processes


async def end_marked(value: str, grace: float = 2.0) -> None:
    """End them all: SIGTERM, and SIGKILL for what is left after `grace` seconds."""
    end = time.monotonic() + grace
    number = signal.SIGTERM
    while remaining := await asyncio.to_thread(marked, value):
        for pid in remaining:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if time.monotonic() > end:
            if number is signal.SIGKILL and time.monotonic() > end + grace:
                return  # not killable: the kernel holds them
            number = signal.SIGKILL
        await asyncio.sleep(0.1)
