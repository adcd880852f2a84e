"""Real programs for the tests that name them: the terraform on PATH, and a browser on the chat page."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from runners import terraform
from tests.real.terraform_support import SEARCH_PATH, HttpState, http_state, running, workspace_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from runners.terraform import Program, Workspace
    from tests.real.chat_page_support import Chat


@pytest.fixture(scope="session")
def program() -> Program:
    return asyncio.run(terraform.find_program(None, SEARCH_PATH))


@pytest.fixture
async def workspace(tmp_path: Path, program: Program) -> AsyncIterator[Workspace]:
    made = workspace_in(tmp_path, program)
    yield made
    for item in running(made):
        with suppress(ProcessLookupError):
            os.kill(item, signal.SIGKILL)


@pytest.fixture
async def remote_state() -> AsyncIterator[HttpState]:
    async for state in http_state():
        yield state


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    from tests.real.chat_page_support import chromium  # noqa: PLC0415  -- half a second that only these tests pay

    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def chat(browser: Browser) -> AsyncIterator[Chat]:
    from tests.real.chat_page_support import small_world  # noqa: PLC0415  -- as above

    async with small_world(browser) as world:
        yield world
