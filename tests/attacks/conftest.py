"""The databases of the unit tests of the bot, and the worlds of the scenarios: the real bot, the stand-ins around it."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import aws, forked, shared_world, start_aws, start_world
from tests.unit.bot.conftest import clock, postgres, store, url

__all__ = ["aws", "clock", "forked", "postgres", "shared_world", "start_aws", "start_world", "store", "url"]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A world that the tests of a module share lives on one event loop, so those that use it run on it."""
    for item in items:
        in_world = {"start_world", "shared_world"} & set(getattr(item, "fixturenames", ()))
        if item.path.parent == _HERE and in_world and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
