"""/infra access: rights with their rules, for what the person who asks may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config import read as read_config
from bot.errors import UserError
from handlers.infra import topics
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE, typed

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

ROLES = """roles:
    web: {people: [U0GUS], may: [run], environments: [staging], commands: [/deploy]}
    incident: {people: ["usergroup:S0INFRA"], may: [emergency], environments: [prod]}
"""
CONFIG = read_config(
    FILE.replace(
        'access: {operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"]}',
        'access:\n  operators: ["usergroup:S0INFRA"]\n  approvers: ["usergroup:S0LEADS"]\n  ' + ROLES,
    )
)


async def answer(desk: Desk, text: str, user: str) -> str:
    desk.config = CONFIG
    message = await topics.handle(desk.services, typed(text, user))
    assert message is not None
    return read(message).replace("`", "").replace("*", "")


async def test_an_operator_reads_each_right_with_its_rule(desk: Desk) -> None:
    text = await answer(desk, "access", "U0ANA")
    assert "What @ana may do" in text
    assert "prod\n• see, plan, run: access.operators\n• see, emergency: access.roles.incident" in text
    assert "dev\n• see, plan, run, approve, unlock: access.operators" not in text  # its approvers are those of access


async def test_of_somebody_else_the_commands_of_a_role_are_named(desk: Desk) -> None:
    text = await answer(desk, "access <@U0GUS|gus>", "U0LEE")
    assert "staging\n• see: access.roles.web\n• run by /deploy: access.roles.web" in text
    assert "dev, prod, image builds, stuck builders, old images: nothing" in text


async def test_nobody_reads_of_what_they_may_not_see(desk: Desk) -> None:
    text = await answer(desk, "access <@U0ANA>", "U0GUS")
    assert "staging" in text
    assert "prod" not in text
    assert "dev" not in text


@pytest.mark.parametrize("word", ["@ana", "ana", "S0LEADS", "<@U0ANA"])
async def test_what_is_no_person_is_refused(desk: Desk, word: str) -> None:
    with pytest.raises(UserError):
        await answer(desk, f"access {word}", "U0ANA")


async def test_status_displays_what_the_person_may_see(desk: Desk) -> None:
    assert "prod" in await answer(desk, "status", "U0ANA")
    text = await answer(desk, "status", "U0GUS")
    assert "staging" in text
    assert "prod" not in text
