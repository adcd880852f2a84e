"""Modals and the Home tab through the Web API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox.slack import SlackStandIn


def text(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


def modal(title: str = "Deploy", **more: Any) -> dict[str, Any]:
    ref = {
        "type": "input",
        "block_id": "ref",
        "label": text("Ref"),
        "element": {"type": "plain_text_input", "action_id": "ref", "initial_value": "main"},
    }
    return {"type": "modal", "title": text(title), "submit": text("Go"), "blocks": [ref], **more}


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as error:
        await call
    return str(error.value.response["error"])


async def test_a_trigger_opens_one_modal(slack: SlackStandIn, client: AsyncWebClient) -> None:
    trigger = slack.backend.triggers.give("U0ANA")
    opened = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
    view = slack.person("ana").view
    assert view is not None
    assert (view.id, view.title) == (opened["id"], "Deploy")
    assert opened["state"]["values"]["ref"]["ref"]["value"] == "main"
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"
    assert slack.person("lee").view is None


async def test_a_trigger_lives_three_seconds(slack: SlackStandIn, client: AsyncWebClient) -> None:
    trigger = slack.backend.triggers.give("U0ANA")
    slack.clock.advance(3.1)
    assert await error_of(client.views_open(trigger_id=trigger, view=modal())) == "expired_trigger_id"
    assert await error_of(client.views_open(trigger_id="1.2.x", view=modal())) == "invalid_trigger_id"


async def test_a_view_with_faults_does_not_cost_the_trigger(slack: SlackStandIn, client: AsyncWebClient) -> None:
    trigger = slack.backend.triggers.give("U0ANA")
    with pytest.raises(SlackApiError) as error:
        await client.views_open(trigger_id=trigger, view={"type": "modal", "blocks": []})
    assert error.value.response["response_metadata"]["messages"] == [
        "[ERROR] missing required field: title [json-pointer:/view]"
    ]
    await client.views_open(trigger_id=trigger, view=modal())


async def test_an_update_keeps_what_was_typed_and_minds_the_hash(slack: SlackStandIn, client: AsyncWebClient) -> None:
    opened = (await client.views_open(trigger_id=slack.backend.triggers.give("U0ANA"), view=modal()))["view"]
    view = slack.person("ana").view
    assert view is not None
    view.values["ref"]["ref"]["value"] = "v1.2"
    updated = (await client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal("Again")))["view"]
    assert (view.title, updated["state"]["values"]["ref"]["ref"]["value"]) == ("Again", "v1.2")
    stale = client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal())
    assert await error_of(stale) == "hash_conflict"
    assert await error_of(client.views_update(view_id="V0NONE", view=modal())) == "not_found"


async def test_modals_stack_up_to_three(slack: SlackStandIn, client: AsyncWebClient) -> None:
    give = slack.backend.triggers.give
    first = (await client.views_open(trigger_id=give("U0ANA"), view=modal("one")))["view"]
    second = (await client.views_push(trigger_id=give("U0ANA"), view=modal("two")))["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (first["id"], first["id"])
    await client.views_push(trigger_id=give("U0ANA"), view=modal("three"))
    assert await error_of(client.views_push(trigger_id=give("U0ANA"), view=modal("four"))) == "push_limit_reached"
    ana = slack.person("ana")
    assert ana.view is not None
    await ana.close(ana.view)
    assert ana.view is not None
    assert ana.view.title == "two"


async def test_an_external_id_is_unique_and_finds_the_view(slack: SlackStandIn, client: AsyncWebClient) -> None:
    give = slack.backend.triggers.give
    await client.views_open(trigger_id=give("U0ANA"), view=modal(external_id="deploy-12"))
    twice = client.views_open(trigger_id=give("U0LEE"), view=modal(external_id="deploy-12"))
    assert await error_of(twice) == "duplicate_external_id"
    result = await client.views_update(external_id="deploy-12", view=modal("Found", external_id="deploy-12"))
    assert result["view"]["title"]["text"] == "Found"


async def test_the_home_tab_is_each_persons_own(slack: SlackStandIn, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [{"type": "section", "text": text("Welcome")}]}
    published = (await client.views_publish(user_id="U0ANA", view=home))["view"]
    mine = slack.workspace.views.home("U0ANA")
    assert mine is not None
    assert mine.rendered == "Welcome"
    assert slack.workspace.views.home("U0LEE") is None
    again = (await client.views_publish(user_id="U0ANA", view=home, hash=published["hash"]))["view"]
    assert again["id"] == published["id"]
    stale = client.views_publish(user_id="U0ANA", view=home, hash=published["hash"])
    assert await error_of(stale) == "hash_conflict"


async def test_without_a_home_tab_nothing_can_be_published(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.register_commands({})
    assert await error_of(client.views_publish(user_id="U0ANA", view={"type": "home", "blocks": []})) == "not_enabled"
