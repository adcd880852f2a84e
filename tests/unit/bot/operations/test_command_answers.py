"""A command is answered where it was typed, once, and only when nothing else answered it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.operations.command_answers import MOST, CommandAnswers
from tests.unit.bot.operations.posting_world import World, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path, quick: None) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


async def test_commands_that_begin_nothing_take_bounded_memory() -> None:
    answers = CommandAnswers()
    for number in range(3 * MOST):
        answers.expect(str(number), "https://hooks.slack.test/1")
    assert len(answers._places) == MOST
    assert str(3 * MOST - 1) in answers._places


async def test_an_answer_that_slack_refuses_is_no_fault(world: World, caplog: pytest.LogCaptureFixture) -> None:
    answers = CommandAnswers()
    answers.expect("key", "https://elsewhere.test/1")
    answers.began(world.services, "key", 1)
    await asyncio.wait(answers._tasks)
    assert "gets no answer where the command was typed" in caplog.text
    await answers.close()
