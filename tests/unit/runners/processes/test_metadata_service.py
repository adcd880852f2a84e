"""Whether children reach the instance metadata service, and what follows from it."""

from __future__ import annotations

import errno
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError
from runners.processes import connecting, metadata_service
from runners.processes.wall import OUTSIDE, WALL

if TYPE_CHECKING:
    from pathlib import Path

    from runners.processes.wall import Isolation

NONE = OUTSIDE.isolation


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_an_address_that_accepts_is_found_and_one_that_refuses_is_not(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with listener:
        assert connecting.accepting(["127.0.0.1", "127.0.0.2", "::1"], port, 1) == ["127.0.0.1"]
    assert connecting.accepting(["127.0.0.1"], port, 1) == []


def test_an_address_that_cannot_be_tried_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", full)
    with pytest.raises(OSError, match="EMFILE"):
        connecting.accepting(["127.0.0.1"], 80, 1)


@pytest.mark.parametrize("isolation", [pytest.param(WALL, marks=pytest.mark.needs_bwrap), NONE], ids=["wall", "none"])
async def test_a_child_tries_the_addresses(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, isolation: Isolation
) -> None:
    monkeypatch.setattr(metadata_service, "ADDRESSES", ("127.0.0.1", "127.0.0.2"))
    monkeypatch.setattr(metadata_service, "PORT", listener.getsockname()[1])
    with listener:
        assert await metadata_service.reached(isolation, tmp_path) == ("127.0.0.1",)
    assert list(tmp_path.iterdir()) == []


async def test_a_child_that_fails_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_service, "ADDRESSES", ("no address",))
    with pytest.raises(RunnerError, match="checking whether children reach") as error:
        await metadata_service.reached(NONE, tmp_path)
    assert "IPAddressDeny=" in str(error.value.remedy)


def test_only_a_service_that_is_reached_unasked_through_a_wall_is_refused() -> None:
    reached = ("169.254.169.254",)
    with pytest.raises(RunnerError, match=r"\(169\.254\.169\.254\).*staging, prod must not have it") as error:
        metadata_service.refuse(WALL, reached, ("staging", "prod"))
    for words in ("IPAddressDeny=169.254.0.0/16 fd00:ec2::/32", "nftables", "isolation.metadata_service: true"):
        assert words in str(error.value.remedy)
    metadata_service.refuse(WALL, (), ("prod",))
    metadata_service.refuse(WALL, reached, ())
    metadata_service.refuse(replace(WALL, wall=False), reached, ("prod",))
