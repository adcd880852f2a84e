"""A plan through the runner, beside `terraform init`, `plan` and `show` typed one after the other."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from runners import terraform
from runners.processes.child import child_environment
from runners.terraform import Program, Workspace
from sandbox.bot_process import PROJECT
from tests.bench.figures import Figure

FACTOR, OVERHEAD = 1.1, 0.5  # limits: times the time by hand, and seconds
TIMEOUT = 120.0
CODE = PROJECT / "sandbox" / "infrastructure" / "instances"


async def measure(*, quick: bool) -> list[Figure]:
    """Plan the sandbox's staging environment in turn by hand and through the runner."""
    tasks = 2 if quick else 8
    search_path = os.environ.get("PATH", os.defpath)
    program = await terraform.find_program(None, search_path)
    pairs = [(await _by_hand(program), await _by_runner(program, search_path)) for _ in range(tasks)]
    overheads = [runner - FACTOR * hand for hand, runner in pairs]
    hand, runner = (median(seconds) for seconds in zip(*pairs, strict=True))
    detail = f"median of {tasks} rounds; {runner:.2f} s beside {hand:.2f} s by hand"
    return [
        Figure(f"a plan beyond {FACTOR:g} times its time by hand", median(overheads), " s", OVERHEAD, detail=detail)
    ]


async def _by_runner(program: Program, search_path: str) -> float:
    with tempfile.TemporaryDirectory(prefix="plan-runner-") as directory:
        base = _code(directory)
        env = child_environment(Path(directory), {"PATH": search_path})
        workspace = Workspace(program, base / "staging", Path(directory) / "scratch", env)
        began = time.perf_counter()
        await terraform.init(workspace, timeout=TIMEOUT)
        planned = await terraform.plan(workspace, variables={}, timeout=TIMEOUT)
        seconds = time.perf_counter() - began
    if not planned.summary.changes:
        raise RuntimeError("the plan is empty: this measures nothing")
    return seconds


async def _by_hand(program: Program) -> float:
    with tempfile.TemporaryDirectory(prefix="plan-hand-") as directory:
        where = _code(directory) / "staging"
        began = time.perf_counter()
        for arguments in (("init", "-input=false"), ("plan", "-input=false", "-out=plan"), ("show", "plan")):
            child = await asyncio.create_subprocess_exec(
                *program.command,
                *arguments,
                cwd=where,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            if await child.wait():
                raise RuntimeError(f"terraform {arguments[0]} by hand ended with {child.returncode}")
        return time.perf_counter() - began


def _code(directory: str) -> Path:
    return Path(shutil.copytree(CODE, Path(directory) / "instances"))
