"""Block Kit's limits, at the limit and one past it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st
from slack_sdk.models import blocks as sdk

from sandbox.slack import ApiError
from sandbox.slack.block_kit import check_message, check_view

if TYPE_CHECKING:
    from collections.abc import Callable

Block = dict[str, Any]


def plain(length: int = 4) -> Block:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int = 4) -> Block:
    return {"type": "mrkdwn", "text": "x" * length}


def section(**more: Any) -> Block:
    return {"type": "section", "text": mrkdwn(), **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def button(**more: Any) -> Block:
    return {"type": "button", "text": plain(), **more}


def options(count: int) -> list[Block]:
    return [{"text": plain(), "value": str(number)} for number in range(count)]


def select(**more: Any) -> Block:
    return {"type": "static_select", "options": options(2), **more}


def text_input(**more: Any) -> Block:
    return {"type": "input", "label": plain(), "element": {"type": "plain_text_input", **more}}


def table(rows: int, columns: int, text: str = "x", **more: Any) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * columns] * rows, **more}


def confirm(**more: Any) -> Block:
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **more}


def context(count: int, length: int = 1) -> Block:
    return {"type": "context", "elements": [mrkdwn(length)] * count}


def modal(blocks: list[Block], **more: Any) -> Block:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": blocks, **more}


def pointers(error: pytest.ExceptionInfo[ApiError]) -> list[str]:
    return [item.rpartition("json-pointer:")[2].rstrip("]") for item in error.value.extra["errors"]]


# What is built from a number, the most it may be, and where Slack points when it is one more.
LIMITS: dict[str, tuple[Callable[[int], list[Block]], int, str]] = {
    "blocks of a message": (lambda n: [{"type": "divider"}] * n, 50, "/blocks"),
    "section text": (lambda n: [{"type": "section", "text": mrkdwn(n)}], 3000, "/blocks/0/text/text"),
    "section field": (lambda n: [{"type": "section", "fields": [mrkdwn(n)]}], 2000, "/blocks/0/fields/0/text"),
    "section fields": (lambda n: [{"type": "section", "fields": [mrkdwn()] * n}], 10, "/blocks/0/fields"),
    "block_id": (lambda n: [section(block_id="b" * n)], 255, "/blocks/0/block_id"),
    "context elements": (lambda n: [context(n)], 10, "/blocks/0/elements"),
    "context text": (lambda n: [context(1, n)], 2000, "/blocks/0/elements/0/text"),
    "actions elements": (lambda n: [actions(*[button()] * n)], 25, "/blocks/0/elements"),
    "header": (lambda n: [{"type": "header", "text": plain(n)}], 150, "/blocks/0/text/text"),
    "image alt text": (
        lambda n: [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "x" * n}],
        2000,
        "/blocks/0/alt_text",
    ),
    "image title": (
        lambda n: [{"type": "image", "image_url": "https://example.com/a", "alt_text": "a", "title": plain(n)}],
        2000,
        "/blocks/0/title/text",
    ),
    "url": (lambda n: [actions(button(url="https://" + "x" * (n - 8)))], 3000, "/blocks/0/elements/0/url"),
    "button text": (lambda n: [actions(button(text=plain(n)))], 75, "/blocks/0/elements/0/text/text"),
    "button value": (lambda n: [actions(button(value="x" * n))], 2000, "/blocks/0/elements/0/value"),
    "action_id": (lambda n: [actions(button(action_id="x" * n))], 255, "/blocks/0/elements/0/action_id"),
    "confirm title": (
        lambda n: [actions(button(confirm=confirm(title=plain(n))))],
        100,
        "/blocks/0/elements/0/confirm/title/text",
    ),
    "confirm text": (
        lambda n: [actions(button(confirm=confirm(text=mrkdwn(n))))],
        300,
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "confirm button": (
        lambda n: [actions(button(confirm=confirm(confirm=plain(n))))],
        30,
        "/blocks/0/elements/0/confirm/confirm/text",
    ),
    "deny button": (
        lambda n: [actions(button(confirm=confirm(deny=plain(n))))],
        30,
        "/blocks/0/elements/0/confirm/deny/text",
    ),
    "option text": (
        lambda n: [actions(select(options=[{"text": plain(n), "value": "a"}]))],
        75,
        "/blocks/0/elements/0/options/0/text/text",
    ),
    "option value": (
        lambda n: [actions(select(options=[{"text": plain(), "value": "a" * n}]))],
        150,
        "/blocks/0/elements/0/options/0/value",
    ),
    "options": (lambda n: [actions(select(options=options(n)))], 100, "/blocks/0/elements/0/options"),
    "option groups": (
        lambda n: [
            actions(
                {
                    "type": "static_select",
                    "option_groups": [
                        {"label": plain(), "options": [{"text": plain(), "value": str(item)}]} for item in range(n)
                    ],
                }
            )
        ],
        100,
        "/blocks/0/elements/0/option_groups",
    ),
    "overflow options": (
        lambda n: [actions({"type": "overflow", "options": options(n)})],
        5,
        "/blocks/0/elements/0/options",
    ),
    "radio options": (
        lambda n: [actions({"type": "radio_buttons", "options": options(n)})],
        10,
        "/blocks/0/elements/0/options",
    ),
    "checkboxes": (
        lambda n: [actions({"type": "checkboxes", "options": options(n)})],
        10,
        "/blocks/0/elements/0/options",
    ),
    "placeholder": (
        lambda n: [actions(select(placeholder=plain(n)))],
        150,
        "/blocks/0/elements/0/placeholder/text",
    ),
    "input label": (lambda n: [text_input() | {"label": plain(n)}], 2000, "/blocks/0/label/text"),
    "markdown": (lambda n: [{"type": "markdown", "text": "x" * n}], 12_000, "/blocks/0/text"),
    "markdown together": (lambda n: [{"type": "markdown", "text": "x" * (n // 2)}] * 2, 12_001, "/blocks"),
    "table rows": (lambda n: [table(n, 1)], 100, "/blocks/0/rows"),
    "table cells": (lambda n: [table(1, n)], 20, "/blocks/0/rows/0"),
    "table characters": (lambda n: [table(10, 1, "x" * (n // 10))], 10_009, "/blocks/0/rows"),
    "column settings": (lambda n: [table(1, 1, column_settings=[None] * n)], 20, "/blocks/0/column_settings"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_message_at_the_limit_passes_and_one_past_it_is_refused(name: str) -> None:
    build, most, pointer = LIMITS[name]
    check_message(build(most))
    with pytest.raises(ApiError) as error:
        check_message(build(most + 1))
    assert error.value.code == "invalid_blocks"
    assert pointers(error) == [pointer]
    assert error.value.answer["response_metadata"]["messages"] == [
        f"[ERROR] {item}" for item in error.value.extra["errors"]
    ]


VIEW_LIMITS: dict[str, tuple[Callable[[int], Block], int, str]] = {
    "blocks of a modal": (lambda n: modal([{"type": "divider"}] * n), 100, "/view/blocks"),
    "title": (lambda n: modal([], title=plain(n)), 24, "/view/title/text"),
    "submit": (lambda n: modal([], submit=plain(n)), 24, "/view/submit/text"),
    "close": (lambda n: modal([], close=plain(n)), 24, "/view/close/text"),
    "private_metadata": (lambda n: modal([], private_metadata="x" * n), 3000, "/view/private_metadata"),
    "callback_id": (lambda n: modal([], callback_id="x" * n), 255, "/view/callback_id"),
    "initial value": (
        lambda n: modal([text_input(initial_value="x" * n)]),
        3000,
        "/view/blocks/0/element/initial_value",
    ),
}


@pytest.mark.parametrize("name", VIEW_LIMITS)
def test_a_view_at_the_limit_passes_and_one_past_it_is_refused(name: str) -> None:
    build, most, pointer = VIEW_LIMITS[name]
    check_view(build(most), "modal")
    with pytest.raises(ApiError) as error:
        check_view(build(most + 1), "modal")
    assert error.value.code == "invalid_arguments"
    assert pointers(error) == [pointer]


def number_input(**fields: Any) -> Block:
    return {"type": "input", "label": plain(), "element": {"type": "number_input", **fields}}


def rich(run: Block) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [run]}]}


REFUSED: dict[str, tuple[list[Any], str]] = {
    "a block without a type": ([{"text": plain()}], "missing required field: type [json-pointer:/blocks/0]"),
    "a block of unknown type": ([{"type": "movie"}], "unsupported type: movie [json-pointer:/blocks/0/type]"),
    "a type that is no string": ([{"type": []}], "unsupported type: [] [json-pointer:/blocks/0/type]"),
    "an empty section": ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
    "a fifth level of headings": (
        [{"type": "header", "text": plain(), "level": 5}],
        "must be between 1 and 4 [json-pointer:/blocks/0/level]",
    ),
    "a user's id that is none": (
        [actions({"type": "users_select", "initial_user": "C0OPS"})],
        "invalid user id [json-pointer:/blocks/0/elements/0/initial_user]",
    ),
    "a name for a user's id": (
        [rich({"type": "user", "user_id": "ana"})],
        "invalid user id [json-pointer:/blocks/0/elements/0/elements/0/user_id]",
    ),
    "a file that is nothing": (
        [{"type": "image", "alt_text": "x", "slack_file": {}}],
        "must define either `id` or `url` [json-pointer:/blocks/0/slack_file]",
    ),
    "a file that is two": (
        [{"type": "image", "alt_text": "x", "slack_file": {"id": "F0123", "url": "https://example.com/a.png"}}],
        "must define only one of `id` or `url` [json-pointer:/blocks/0/slack_file]",
    ),
    "two that take the focus in one row": (
        [actions(*({"type": "datepicker", "focus_on_load": True} for _ in range(2)))],
        "only one element may have focus_on_load [json-pointer:/blocks/0]",
    ),
    "a time that is none": (
        [actions({"type": "timepicker", "initial_time": "24:00"})],
        "must be a valid time of the form HH:mm [json-pointer:/blocks/0/elements/0/initial_time]",
    ),
    "a zone that is none": (
        [actions({"type": "timepicker", "timezone": "Mars/Base"})],
        "must be a valid time zone [json-pointer:/blocks/0/elements/0/timezone]",
    ),
    "milliseconds": (
        [actions({"type": "datetimepicker", "initial_date_time": 1_785_000_000_000})],
        "must be between 1000000000 and 9999999999 [json-pointer:/blocks/0/elements/0/initial_date_time]",
    ),
    "a decimal where none is allowed": (
        [number_input(is_decimal_allowed=False, initial_value="0.5")],
        "decimals are not allowed [json-pointer:/blocks/0/element]",
    ),
    "a number below the least": (
        [number_input(is_decimal_allowed=True, initial_value="1", min_value="2")],
        "min_value, initial_value and max_value must be in this order [json-pointer:/blocks/0/element]",
    ),
    "a video by http": (
        [
            {
                "type": "video",
                "alt_text": "x",
                "title": plain(),
                "thumbnail_url": "https://example.com/t.png",
                "video_url": "http://example.com/v",
            }
        ],
        "must be https [json-pointer:/blocks/0/video_url]",
    ),
    "a button among context actions": (
        [{"type": "context_actions", "elements": [button()]}],
        "unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a field nobody knows": ([section(colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
    "no text": (
        [{"type": "section", "text": mrkdwn(0)}],
        "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
    ),
    "a bare string for a text": (
        [{"type": "section", "text": "hello"}],
        "must provide an object [json-pointer:/blocks/0/text]",
    ),
    "mrkdwn in a header": (
        [{"type": "header", "text": mrkdwn()}],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    "mrkdwn on a button": (
        [actions(button(text=mrkdwn()))],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]",
    ),
    "a button without a text": (
        [actions({"type": "button"})],
        "missing required field: text [json-pointer:/blocks/0/elements/0]",
    ),
    "a style nobody knows": (
        [actions(button(style="warning"))],
        "must be one of primary, danger [json-pointer:/blocks/0/elements/0/style]",
    ),
    "an input among actions": (
        [actions({"type": "plain_text_input"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a button in an input": (
        [text_input() | {"element": button()}],
        "unsupported type: button [json-pointer:/blocks/0/element/type]",
    ),
    "no actions": ([actions()], "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "a block_id twice": (
        [section(block_id="a"), section(block_id="a")],
        '`block_id` "a" already exists [json-pointer:/blocks/1/block_id]',
    ),
    "an action_id twice in a block": (
        [actions(button(action_id="a"), button(action_id="a"))],
        '`action_id` "a" already exists [json-pointer:/blocks/0/elements/1/action_id]',
    ),
    "two tables": ([table(1, 1), table(1, 1)], "only_one_table_allowed [json-pointer:/blocks/1]"),
    "an empty cell": (
        [table(1, 1, "")],
        "must be more than 0 characters [json-pointer:/blocks/0/rows/0/0/text]",
    ),
    "a cell of mrkdwn": (
        [{"type": "table", "rows": [[mrkdwn()]]}],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/rows/0/0/type]",
    ),
    "uneven rows": (
        [{"type": "table", "rows": [table(1, 1)["rows"][0], table(1, 2)["rows"][0]]}],
        "all rows must have the same number of cells [json-pointer:/blocks/0/rows]",
    ),
    "an alignment nobody knows": (
        [table(1, 1, column_settings=[{"align": "middle"}])],
        "must be one of left, center, right [json-pointer:/blocks/0/column_settings/0/align]",
    ),
    "options and groups": (
        [actions(select(option_groups=[{"label": plain(), "options": [{"text": plain(), "value": "g"}]}]))],
        "must define only one of `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
    ),
    "an initial option that is not offered": (
        [actions(select(initial_option={"text": plain(), "value": "9"}))],
        "initial_option must match one of the options [json-pointer:/blocks/0/elements/0/initial_option]",
    ),
    "two options of one value": (
        [actions(select(options=options(1) * 2))],
        "option values must be unique [json-pointer:/blocks/0/elements/0]",
    ),
    "an image without an alternative": (
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
    "a script for a link": (
        [actions(button(url="javascript:alert(1)"))],
        "invalid url [json-pointer:/blocks/0/elements/0/url]",
    ),
    "no date": (
        [actions({"type": "datepicker", "initial_date": "2026-02-30"})],
        "must be a valid date [json-pointer:/blocks/0/elements/0/initial_date]",
    ),
    "a list in a list": (
        [{"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": []}]}],
        "no less than 1 items allowed [json-pointer:/blocks/0/elements/0/elements]",
    ),
    "a run nobody knows": (
        [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "bold"}]}]}],
        "unsupported type: bold [json-pointer:/blocks/0/elements/0/elements/0/type]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_with_a_fault_is_refused_with_the_reason_and_the_place(name: str) -> None:
    blocks, expected = REFUSED[name]
    with pytest.raises(ApiError) as error:
        check_message(blocks)
    assert error.value.extra["errors"] == [expected]


@pytest.mark.parametrize("block", [{"type": "markdown", "text": "x"}, table(1, 1)])
@pytest.mark.parametrize("kind", ["modal", "home"])
def test_blocks_of_messages_alone_are_refused_in_views(kind: str, block: Block) -> None:
    view = {"type": "home", "blocks": [block]} if kind == "home" else modal([block])
    with pytest.raises(ApiError, match="invalid_arguments"):
        check_view(view, kind)


VIEWS_REFUSED: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "modal", "must provide an object [json-pointer:/view]"),
    "no title": (
        {"type": "modal", "blocks": []},
        "modal",
        "missing required field: title [json-pointer:/view]",
    ),
    "an input without submit": (
        {"type": "modal", "title": plain(), "blocks": [text_input()]},
        "modal",
        "missing required field: submit [json-pointer:/view]",
    ),
    "a home with a title": (
        {"type": "home", "blocks": [], "title": plain()},
        "home",
        "invalid additional property: title [json-pointer:/view]",
    ),
    "a home as a modal": ({"type": "home", "blocks": []}, "modal", "unsupported type: home [json-pointer:/view/type]"),
    "two with the focus": (
        modal([text_input(focus_on_load=True), text_input(focus_on_load=True)]),
        "modal",
        "only one element may have focus_on_load [json-pointer:/view/blocks/1]",
    ),
}


@pytest.mark.parametrize("name", VIEWS_REFUSED)
def test_a_view_with_a_fault_is_refused_with_the_reason_and_the_place(name: str) -> None:
    view, kind, expected = VIEWS_REFUSED[name]
    with pytest.raises(ApiError) as error:
        check_view(view, kind)
    assert error.value.extra["errors"] == [expected]


def test_a_message_is_refused_as_a_whole_at_13200_characters() -> None:
    def pair(length: int) -> list[Block]:
        return [{"type": "markdown", "text": "x" * 11_000}, {"type": "section", "text": mrkdwn(length)}]

    check_message(pair(13_200 - 11_000 - 125))
    with pytest.raises(ApiError, match="msg_blocks_too_long"):
        check_message(pair(13_200 - 11_000 - 124))


def test_left_out_ids_are_filled_in_and_the_blocks_given_stay_as_they_were() -> None:
    sent = [section(), actions(button()), section(accessory=button()), {"type": "divider", "block_id": "mine"}]
    before = copy.deepcopy(sent)
    stored = check_message(sent)
    assert sent == before
    assert len({block["block_id"] for block in stored}) == 4
    assert stored[3]["block_id"] == "mine"
    assert stored[1]["elements"][0]["action_id"]
    assert stored[2]["accessory"]["action_id"]


SDK_BLOCKS = [
    sdk.HeaderBlock(text="Deploy #12"),
    sdk.SectionBlock(text=sdk.MarkdownTextObject(text="*staging*"), fields=["a", "b"]),
    sdk.SectionBlock(
        text="x",
        accessory=sdk.ButtonElement(
            text="Approve",
            action_id="approve",
            value="12",
            style="primary",
            confirm=sdk.ConfirmObject(title="Sure?", text="It cannot be undone.", confirm="Yes", deny="No"),
        ),
    ),
    sdk.DividerBlock(),
    sdk.ContextBlock(elements=[sdk.MarkdownTextObject(text="by <@U0ANA>"), sdk.PlainTextObject(text="now")]),
    sdk.ActionsBlock(
        elements=[
            sdk.StaticSelectElement(
                action_id="env",
                placeholder="Which?",
                options=[sdk.Option(text="Staging", value="staging"), sdk.Option(text="Prod", value="prod")],
                initial_option=sdk.Option(text="Prod", value="prod"),
            ),
            sdk.UserSelectElement(action_id="who", initial_user="U0ANA"),
            sdk.ConversationSelectElement(action_id="where"),
            sdk.OverflowMenuElement(
                action_id="more", options=[sdk.Option(text="Log", value="log"), sdk.Option(text="Run", value="run")]
            ),
            sdk.DatePickerElement(action_id="day", initial_date="2026-11-23"),
            sdk.CheckboxesElement(action_id="some", options=[sdk.Option(text="a", value="a")]),
            sdk.RadioButtonsElement(action_id="one", options=[sdk.Option(text="a", value="a")]),
        ]
    ),
    sdk.ActionsBlock(
        elements=[
            sdk.ChannelSelectElement(action_id="channel", initial_channel="C0OPS"),
            sdk.TimePickerElement(action_id="time", initial_time="09:30", timezone="Europe/Vienna"),
            sdk.DateTimePickerElement(action_id="moment", initial_date_time=1_785_000_000),
        ]
    ),
    sdk.ContextActionsBlock(
        elements=[
            sdk.FeedbackButtonsElement(
                action_id="feedback",
                positive_button=sdk.FeedbackButtonObject(text="Good", value="good"),
                negative_button=sdk.FeedbackButtonObject(text="Bad", value="bad"),
            ),
            sdk.IconButtonElement(action_id="delete", icon="trash", text="Delete", value="7"),
        ]
    ),
    sdk.VideoBlock(
        alt_text="a video",
        title="Deploys",
        video_url="https://example.com/v",
        thumbnail_url="https://example.com/t.png",
    ),
    sdk.InputBlock(
        label="Hours",
        element=sdk.NumberInputElement(
            action_id="hours", is_decimal_allowed=True, min_value="0.5", initial_value="4", max_value="72"
        ),
    ),
    sdk.InputBlock(label="Ref", element=sdk.PlainTextInputElement(action_id="ref"), hint="a branch", optional=True),
    sdk.ImageBlock(image_url="https://example.com/a.png", alt_text="a graph"),
    sdk.MarkdownBlock(text="**bold**"),
    sdk.RichTextBlock(
        elements=[
            sdk.RichTextSectionElement(elements=[sdk.RichTextElementParts.Text(text="hi", style={"bold": True})]),
            sdk.RichTextListElement(
                style="bullet",
                indent=1,
                elements=[
                    sdk.RichTextSectionElement(elements=[sdk.RichTextElementParts.Link(url="https://example.com")])
                ],
            ),
            sdk.RichTextPreformattedElement(elements=[sdk.RichTextElementParts.Text(text="x = 1")]),
            sdk.RichTextQuoteElement(elements=[sdk.RichTextElementParts.User(user_id="U0ANA")]),
        ]
    ),
    sdk.TableBlock(
        rows=[[{"type": "raw_text", "text": "Machine"}, {"type": "raw_text", "text": "State"}]],
        column_settings=[{"is_wrapped": True}, {"align": "right"}],
    ),
]


@pytest.mark.parametrize("block", SDK_BLOCKS, ids=lambda block: str(block.type))
def test_what_slacks_own_models_build_passes(block: sdk.Block) -> None:
    assert check_message([block.to_dict()])


def objects_in(value: Any) -> list[Block]:
    if isinstance(value, list):
        return [result for item in value for result in objects_in(item)]
    if isinstance(value, dict):
        return [value, *(result for item in value.values() for result in objects_in(item))]
    return []


@pytest.mark.parametrize("block", SDK_BLOCKS, ids=lambda block: str(block.type))
def test_an_unknown_field_is_refused_at_any_depth(block: sdk.Block) -> None:
    count = len(objects_in(block.to_dict()))
    for number in range(count):
        spoilt = copy.deepcopy(block.to_dict())
        objects_in(spoilt)[number]["surprise"] = 1
        with pytest.raises(ApiError, match="invalid_blocks") as error:
            check_message([spoilt])
        assert any("invalid additional property: surprise" in item for item in error.value.extra["errors"])


words = st.sampled_from(["type", "text", "elements", "section", "actions", "button", "table", "rows", "mrkdwn", "x"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=25,
)
block_values = st.lists(
    st.dictionaries(words, json_values, max_size=3).flatmap(
        lambda rest: words.map(lambda kind: {**rest, "type": kind})
    ),
    max_size=3,
)


@given(block_values)
def test_any_json_is_either_taken_or_refused_as_slack_does(blocks: list[Block]) -> None:
    try:
        stored = check_message(blocks)
    except ApiError as error:
        assert error.code in {"invalid_blocks", "msg_blocks_too_long"}  # noqa: PT017 - either outcome is right
    else:
        assert all("block_id" in block for block in stored)


@given(json_values)
def test_any_json_for_a_view_is_either_taken_or_refused(view: Any) -> None:
    for kind in ("modal", "home"):
        try:
            assert check_view(view, kind)["type"] == kind
        except ApiError as error:
            assert error.code == "invalid_arguments"  # noqa: PT017 - either outcome is right


def container(**more: Any) -> Block:
    return {"type": "container", "title": plain(), "child_blocks": [section()], **more}


def data_table(rows: int, columns: int, **more: Any) -> Block:
    cells = [[{"type": "raw_text", "text": "x"}] * columns] * rows
    return {"type": "data_table", "caption": "x", "rows": cells, **more}


RICH_CELL: Block = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
}


@pytest.mark.parametrize(
    "block",
    [
        container(title=plain(150), child_blocks=[section()] * 10, is_collapsible=True, default_collapsed=True),
        container(subtitle=mrkdwn(150), width="full", has_header_divider=True),
        data_table(101, 20, page_size=100, row_header_column_index=0),
        data_table(2, 1),
        {**data_table(2, 1), "rows": [[{"type": "raw_text", "text": "n"}], [{"type": "raw_number", "value": 1.5}]]},
    ],
)
def test_the_newer_blocks_at_their_limits(block: Block) -> None:
    assert check_message([block])


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        (container(title=plain(151)), "must be less than 151"),
        (container(child_blocks=[section()] * 11), "no more than 10"),
        (container(child_blocks=[]), "no less than 1"),
        (container(child_blocks=[container()]), "unsupported type: container"),
        (container(default_collapsed=True), "needs is_collapsible"),
        (container(is_collapsible=True, has_header_divider=True), "has_header_divider"),
        (container(width="huge"), "must be one of"),
        ({**container(), "fold": True}, "invalid additional property"),
        (data_table(102, 1), "no more than 101"),
        (data_table(1, 1), "no less than 2"),
        (data_table(2, 21), "no more than 20"),
        (data_table(2, 1, page_size=101), "must be between 1 and 100"),
        ({**data_table(2, 1), "rows": [[RICH_CELL], [RICH_CELL]]}, "unsupported type: rich_text"),
        ({key: part for key, part in data_table(2, 1).items() if key != "caption"}, "missing required field: caption"),
        ({"type": "alert", "text": mrkdwn()}, "unsupported type: alert"),
    ],
)
def test_the_newer_blocks_past_their_limits(block: Block, fault: str) -> None:
    with pytest.raises(ApiError) as refusal:
        check_message([block])
    assert fault in str(refusal.value.extra)


def test_one_table_or_data_table_in_a_message() -> None:
    with pytest.raises(ApiError) as refusal:
        check_message([table(2, 1), data_table(2, 1)])
    assert "only_one_table_allowed" in str(refusal.value.extra)


@pytest.mark.parametrize(
    ("alert", "fault"),
    [
        ({"text": mrkdwn(200), "level": "error"}, ""),
        ({"text": mrkdwn(201)}, "must be less than 201"),
        ({"text": plain(), "level": "loud"}, "must be one of"),
        ({"level": "info"}, "missing required field: text"),
    ],
)
def test_an_alert_in_a_modal_alone(alert: Block, fault: str) -> None:
    view = {"type": "modal", "title": plain(), "blocks": [{"type": "alert", **alert}]}
    if not fault:
        assert check_view(view, "modal")
        with pytest.raises(ApiError):
            check_view({"type": "home", "blocks": view["blocks"]}, "home")
        return
    with pytest.raises(ApiError) as refusal:
        check_view(view, "modal")
    assert fault in str(refusal.value.extra)
