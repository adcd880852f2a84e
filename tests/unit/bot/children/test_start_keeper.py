"""A bot that stops while a keeper starts: the keeper still gets its spec, and no pipe to it stays open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from bot.children import following
from bot.children.spec import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from bot.children.spec import Spec

# Says that it began, answers when it is let go on, and leaves what it was sent.
KEEPER = """
import pathlib, sys, time
here = pathlib.Path({directory!r})
(here / "began").touch()
while not (here / "go").exists():
    time.sleep(0.01)
(here / "spec").write_text(sys.stdin.read())
print({answer!r})
"""


@dataclass(frozen=True)
class SomeSpec:
    def to_json(self) -> str:
        return "the spec"


async def test_whoever_is_cancelled_waits_until_the_keeper_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = KEEPER.format(directory=str(tmp_path), answer=Answer(started=True).to_json())
    monkeypatch.setattr(following, "_START", program)
    starting = asyncio.create_task(following.start_keeper(cast("Spec", SomeSpec())))
    while not (tmp_path / "began").exists():  # noqa: ASYNC110  -- another process makes it
        await asyncio.sleep(0.01)
    starting.cancel()
    await asyncio.sleep(0)
    assert not starting.done()
    (tmp_path / "go").touch()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert (tmp_path / "spec").read_text() == "the spec"
