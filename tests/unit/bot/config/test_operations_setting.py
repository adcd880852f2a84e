"""operations.lease and operations.at_once: what would stop work by itself, or let none begin, is refused in words."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.config import read
from bot.errors import ConfigError
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from bot.config.models.general import Operations


def operations_of(text: str) -> Operations:
    return read(f"{CONFIG}operations:\n  {text}\n", "signalbox.yaml").operations


@pytest.mark.parametrize(("text", "seconds"), [("3s", 3), ("2m", 120), ("1h", 3_600)])
def test_a_lease_is_a_length_of_time(text: str, seconds: int) -> None:
    assert operations_of(f"lease: {text}").lease == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["1s", "2s"])
def test_a_lease_in_which_no_heartbeat_fits_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is shorter than 3 s: a process renews its lease six times"):
        operations_of(f"lease: {text}")


def test_how_many_run_together_is_configured_or_left_to_the_machine() -> None:
    assert (operations_of("directory: var").at_once.machine, operations_of("directory: var").at_once.total) == (
        None,
        None,
    )
    configured = operations_of("at_once: {machine: 2, total: 9}").at_once
    assert (configured.machine, configured.total) == (2, 9)


@pytest.mark.parametrize("text", ["{machine: 0}", "{total: 0}", "{machine: many}", "4", "{machines: 2}"])
def test_no_room_at_all_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="at_once"):
        operations_of(f"at_once: {text}")
