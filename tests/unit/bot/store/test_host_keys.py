"""Trusted host keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.store.host_keys import HostKeys
from runners.results import ChangedKey
from runners.ssh.host_keys import HostKey
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    import sqlalchemy as sa

ED = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
OTHER = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")
THIRD = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC")


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[HostKeys]:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield HostKeys(store, lambda: 1.0)
    store.close()


class Recorder:
    def __init__(self) -> None:
        self.recorded: list[ChangedKey] = []

    def __call__(self, connection: sa.Connection, accepted: Sequence[ChangedKey]) -> None:
        assert connection.in_transaction()
        self.recorded += accepted


async def test_an_instance_is_trusted_on_first_use_alone(keys: HostKeys) -> None:
    assert await keys.trust({"i-1": (ED,), "i-2": (OTHER,)}) == ("i-1", "i-2")
    assert await keys.trust({"i-1": (OTHER,), "i-3": (ED,)}) == ("i-3",)
    assert await keys.trusted(["i-1", "i-2", "i-9"]) == {"i-1": (ED,), "i-2": (OTHER,)}


async def test_another_key_counts_only_once_it_is_accepted(keys: HostKeys) -> None:
    recorder = Recorder()
    await keys.trust({"i-1": (ED,)})
    await keys.record_changed(7, {"i-1": (OTHER,)})
    assert await keys.trusted(["i-1"]) == {"i-1": (ED,)}
    accepted = await keys.accept(7, "U0LEE", recorder)
    assert accepted == (ChangedKey("i-1", "i-1", ED.fingerprint, OTHER.fingerprint),)
    assert recorder.recorded == list(accepted)
    assert await keys.trusted(["i-1"]) == {"i-1": (OTHER,)}
    assert await keys.accept(7, "U0MAX", recorder) == ()


async def test_an_earlier_key_cannot_be_accepted_after_a_third_was_presented(keys: HostKeys) -> None:
    await keys.trust({"i-1": (ED,)})
    await keys.record_changed(7, {"i-1": (OTHER,)})
    await keys.record_changed(8, {"i-1": (THIRD,)})
    assert await keys.accept(7, "U0LEE", Recorder()) == ()
    assert await keys.trusted(["i-1"]) == {"i-1": (ED,)}
