"""Real terraform for the tests that name it: the one on PATH."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from tests.real.terraform_support import SEARCH_PATH, HttpState, http_state, running, workspace_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.terraform import Program, Workspace


@pytest.fixture(scope="session")
def program() -> Program:
    return asyncio.run(terraform.find_program(None, SEARCH_PATH))


@pytest.fixture
async def workspace(tmp_path: Path, program: Program) -> AsyncIterator[Workspace]:
    made = workspace_in(tmp_path, program)
    yield made
    for one in running(made):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


@pytest.fixture
async def remote_state() -> AsyncIterator[HttpState]:
    async for state in http_state():
        yield state
