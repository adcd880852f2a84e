"""The help: an example for every command and topic, as somebody would type it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bot.errors import UserError
from bot.inbound.app import find_handlers
from handlers.infra import help as infra_help, help_views
from tests.unit.bot.drawn import hostile, read
from tests.unit.handlers.conftest import Desk, typed

REGISTRY = find_handlers()
EVERYTHING = (*REGISTRY.commands, *REGISTRY.topics)


@pytest.mark.parametrize("item", EVERYTHING, ids=lambda item: item.name)
def test_every_command_has_a_task_and_an_example_that_can_be_typed(item: object) -> None:
    usage = item.usage  # type: ignore[attr-defined]
    example = help_views.example(usage, "prod")
    assert item.task in help_views.TASKS  # type: ignore[attr-defined]
    assert not set("<>[]|") & set(example), example
    assert example.startswith(usage.split()[0])
    assert ("prod" in example) is (any(word in usage.partition(" | ")[0] for word in ("<environment", "[environment]")))


async def test_it_lists_what_the_person_may_do_and_nothing_else(desk: Desk) -> None:
    text = read(await infra_help.page(desk.services, typed("help"), ()))
    assert "` Deploy code to an environment" in text
    stranger = read(await infra_help.page(desk.services, typed("help", user="U0GUS"), ()))
    assert "/deploy" not in stranger
    assert "may: ask them" in stranger


async def test_a_word_gives_all_words_of_that_command(desk: Desk) -> None:
    for word, usage in (("deploy", "/deploy"), ("/plan", "/plan"), ("history", "/infra history")):
        assert f"`{usage} " in read(await infra_help.page(desk.services, typed("help"), (word,)))
    with pytest.raises(UserError, match="no help about that"):
        await infra_help.page(desk.services, typed("help"), ("nothing",))


@given(st.lists(hostile, min_size=3, max_size=3), st.sampled_from(help_views.TASKS), st.integers(0, 60))
def test_slack_takes_it_whatever_is_in_it(texts: list[str], task: str, count: int) -> None:
    read(help_views.page([help_views.Entry(task, *texts[:2])] * count, texts[2], "https://acme.test/manual"))
    read(help_views.usage(texts[0], texts[1]))
