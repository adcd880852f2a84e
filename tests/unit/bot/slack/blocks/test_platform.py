"""Slack's newer blocks: within their published limits, and without them the older blocks say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st
from slack_sdk.models.blocks import AlertBlock, ContainerBlock

from bot.slack.blocks import common, kit, modals, plain, platform, tables
from bot.slack.blocks.markup import opened as text_opened
from bot.slack.redacted import opened
from sandbox.slack import ApiError
from sandbox.slack.block_kit import check_message, check_view
from tests.unit.bot.drawn import hostile

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block, Message

EVERYTHING = ("container", "data_table")


def sent(message: Message, *available: str) -> list[Block]:
    return list(opened({"blocks": platform.adapted(message, available).blocks})["blocks"])


def page(cells: list[str]) -> Message:
    table = tables.table(["Image", "", "Age"], [[cell, "", tables.Link(cell, "https://a.test")] for cell in cells])
    folded = platform.folded(cells[0] if cells else "", [kit.section(cell) for cell in cells])
    return kit.message("Images & more", [kit.section("First"), table, *folded])


@given(st.lists(hostile, max_size=120), st.sets(st.sampled_from(EVERYTHING)))
def test_slack_takes_it_whatever_is_in_it(cells: list[str], available: set[str]) -> None:
    blocks = check_message(sent(page(cells), *available))
    kinds = {block["type"] for block in blocks}
    assert kinds <= {"section", "context", "table", "data_table", "container"}
    assert not kinds & (set(EVERYTHING) - available)


def test_without_them_a_table_is_a_table_and_what_is_folded_is_left_to_the_thread() -> None:
    assert [block["type"] for block in sent(page(["a"]))] == ["section", "table"]
    assert [block["type"] for block in sent(page(["a"]), *EVERYTHING)] == ["section", "data_table", "container"]


def test_a_data_table_has_all_cells_its_headings_as_plain_text_and_a_caption() -> None:
    _, table, _ = sent(page(["a", "b"]), "data_table", "container")
    assert [cell["text"] for cell in table["rows"][0]] == ["Image", "Age"]
    assert {cell["type"] for cell in table["rows"][0]} == {"raw_text"}
    assert (table["caption"], table["page_size"], len(table["rows"])) == ("Images & more", 2, 3)
    assert table["rows"][1:] == sent(page(["a", "b"]))[1]["rows"][1:]


def test_a_table_of_headings_alone_is_no_data_table() -> None:
    assert sent(page([]), "data_table")[1]["type"] == "table"


def test_a_container_holds_ten_blocks_and_4000_characters() -> None:
    (many,) = platform.folded("Details", [kit.section("x")] * 30)
    assert len(many["child_blocks"]) == 10
    (long,) = platform.folded("Details", [kit.section("x" * 2_990)] * 3)
    assert len(long["child_blocks"]) == 1
    assert platform.folded("Details", []) == []
    ContainerBlock(**{key: part for key, part in many.items() if key != "type"}).to_dict()  # the SDK's own rules


def test_where_slack_refuses_the_layout_what_is_folded_is_in_its_text() -> None:
    simpler, bare = plain.simpler_forms(page(["inside"]), common.APPROVE)
    assert "inside" in text_opened(str(simpler.blocks))
    assert "inside" in bare.text


@given(hostile.filter(str.strip))
def test_an_alert_is_for_modals_and_becomes_text_where_slack_refuses_it(words: str) -> None:
    alert = modals.alert(kit.escape(words))
    view = modals.modal("v", [alert], metadata="", title="Sure?", submit="Yes", close="No")
    check_view(opened(view), "modal")
    AlertBlock(text=alert["text"], level=alert["level"]).to_dict()
    simpler = plain.simpler_view(view)
    check_view(opened(simpler), "modal")
    assert [block["type"] for block in simpler["blocks"]] == ["section"]
    with pytest.raises(ApiError, match="invalid_blocks"):
        check_message([opened(alert)])
