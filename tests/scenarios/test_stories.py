"""Every story that the sandbox can act out goes as told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import stories

if TYPE_CHECKING:
    from sandbox.world import World

STORIES = stories.find()


@pytest.mark.parametrize("name", STORIES)
async def test_goes_as_told(world: World, name: str) -> None:
    await STORIES[name].play(world)
