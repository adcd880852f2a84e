"""`check` reports problems with Slack's token, channels, people and groups, each with a remedy."""

from __future__ import annotations

import pytest

from tests.unit.bot.check.world import World, single


async def test_without_a_token_slack_says_where_to_get_one(world: World) -> None:
    world.slack = None
    assert single(await world.faults()).startswith(
        "FAIL  slack      SLACK_BOT_TOKEN is not set. Set SLACK_BOT_TOKEN to the bot token"
    )


async def test_without_a_way_in_slack_names_both(world: World) -> None:
    del world.environ["SLACK_SIGNING_SECRET"]
    assert "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN is set" in single(await world.faults())
    world.environ["SLACK_APP_TOKEN"] = "xapp-made-up"
    assert "by Socket Mode" in (await world.lines())[0]


async def test_each_thing_that_is_wrong_in_slack_is_a_line(world: World) -> None:
    assert world.slack
    world.slack.token_scopes -= {"files:write", "commands"}
    world.slack.channels = {"#dev": False}
    world.slack.groups = {"S0INFRA": []}
    world.slack.users = {"U0ANA": True}
    scopes, ops, dev, group, user = await world.faults()
    assert "the token lacks commands, files:write. Add them" in scopes
    assert "the bot can see no channel #ops. It sees #dev. Correct the name, or create the channel" in ops
    assert "the bot is not in #dev. Type /invite" in dev
    assert "user group S0INFRA has no members" in group
    assert "user U0ANA is deactivated" in user


async def test_groups_and_people_that_are_not_there_are_named(world: World) -> None:
    assert world.slack
    world.slack.groups, world.slack.users = {}, {}
    group, user = await world.faults()
    assert "user group S0INFRA does not exist" in group
    assert "user U0ANA does not exist" in user


async def test_a_disabled_group_is_named_and_the_rest_is_checked(world: World) -> None:
    assert world.slack
    world.slack.disabled, world.slack.users = {"S0INFRA"}, {"U0ANA": True}
    group, user = await world.faults()
    assert "user group S0INFRA (@s0infra) is disabled. Enable it in Slack" in group
    assert "user U0ANA is deactivated" in user


@pytest.mark.parametrize("refused", ["usergroups.list", "S0INFRA"])
async def test_a_group_that_cannot_be_read_is_named_and_the_rest_is_checked(world: World, refused: str) -> None:
    assert world.slack
    world.slack.refuses[refused], world.slack.users = "plan_upgrade_required", {"U0ANA": True}
    group, user = await world.faults()
    assert "S0INFRA cannot be read" in group
    assert "plan_upgrade_required. User groups need a paid plan" in group
    assert "user U0ANA is deactivated" in user


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_auth", "SLACK_BOT_TOKEN"),
        ("missing_scope", "reinstall it"),
        ("no_answer (ClientConnectorError)", "Check the network"),
    ],
)
async def test_what_slack_refuses_comes_with_a_remedy(world: World, code: str, remedy: str) -> None:
    assert world.slack
    world.slack.refuses["auth.test"] = code
    fault = single(await world.faults())
    assert code in fault
    assert remedy in fault


async def test_slack_validates_the_blocks_that_are_used(world: World) -> None:
    assert world.slack
    assert await world.faults() == []
    assert ["container" in each or "data_table" in each for each in world.slack.validated] == [False, False]
    world.slack.no_blocks = {"alert", "container", "data_table"}
    assert "Slack does not take alert" in single(await world.faults())


async def test_a_newer_block_that_the_workspace_lacks_is_named_with_the_key_to_change(world: World) -> None:
    assert world.slack
    slack = world.config.slack.model_copy(update={"blocks": ("container", "data_table")})
    world.config = world.config.model_copy(update={"slack": slack})
    assert await world.faults() == []
    world.slack.no_blocks = {"data_table"}
    assert "Slack does not take data_table" in (fault := single(await world.faults()))
    assert "slack.blocks" in fault
    world.slack.refuses = {"blocks.validate": "unknown_method"}
    assert await world.faults() == []
