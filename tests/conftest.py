"""Settings for all tests, and what becomes of those whose program is not on this machine."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.programs import NEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable

# Moto would load some hundred of Amazon's own images for each test that asks EC2 anything: seconds each.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

# A shell lets what it starts in the background ignore SIGINT, and so would all programs that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says more about what else the machine does than about the code.
settings.register_profile("signalbox", deadline=None, print_blob=True)
settings.load_profile("signalbox")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with what may take longest, for begun last it is waited for alone; then skips what cannot run here."""
    items.sort(key=_longest, reverse=True)
    _skip_without_programs(items)


def _longest(item: pytest.Item) -> float:
    timeout = item.get_closest_marker("timeout")
    return float(timeout.args[0]) if timeout else 0


def _skip_without_programs(items: Iterable[pytest.Item]) -> None:
    """Skips tests whose program is missing; with CI=true or CI=1 they run, and fail, since there nothing may be missing."""
    if os.environ.get("CI") in {"true", "1"}:
        return
    remedies = {marker: need.remedy for marker, need in NEEDS.items() if need.find() is None}
    for item in items:
        for marker, remedy in remedies.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{marker}: {remedy}"))
