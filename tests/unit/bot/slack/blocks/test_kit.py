"""Every builder stays within Slack's limits and lets nothing foreign take effect, whatever it is given."""

from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from bot.slack.blocks import kit, tables
from bot.slack.blocks.markup import opened
from runners.invisible import name_of, named
from sandbox.slack.block_kit import check_message
from sandbox.slack.mrkdwn import unescape
from tests.unit.bot.drawn import hostile, read, urls


def alone(*blocks: kit.Block) -> str:
    return read(kit.message("said", blocks))


@given(hostile, hostile, urls)
def test_slack_takes_every_builder_whatever_is_in_it(text: str, other: str, url: str) -> None:
    escaped = kit.escape(text)
    ask = kit.confirm(text, escaped, other)
    alone(
        kit.section(f"{escaped} {kit.code(other)} {kit.link(text, url)}"),
        kit.header(text),
        kit.context(escaped, kit.code(text), kit.link(other, url)),
        kit.actions("row", kit.button(text, "go", "id", style="primary", ask=ask), kit.button(other, "stop", "id")),
        tables.table([text, other], [[tables.Link(text, url), other], [other, text]], right=(1,)),
        kit.section(kit.preformatted(text)),
    )


@given(hostile)
def test_a_message_says_itself_in_one_line(text: str) -> None:
    message = kit.message(kit.escape(text), [kit.section("text")])
    assert message.text.strip()
    assert message.text.splitlines() == [message.text]


@given(st.text())
def test_escaped_text_is_read_as_it_was_but_for_what_nobody_sees(text: str) -> None:
    assert unescape(kit.escape(text)) == named(text).replace("```", "'''")


@pytest.mark.parametrize("unseen", ["\x00", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2066", "\ue000"])
def test_what_could_turn_or_hide_text_is_named(unseen: str) -> None:
    assert kit.escape(f"a{unseen}b").startswith(f"a[U+{ord(unseen):04X} ")
    assert kit.code(f"a{unseen}b") in (f"`a[{name_of(unseen)}]b`", "`a b`")


@given(hostile, st.integers(3, 400))
def test_code_is_one_piece_that_cannot_be_ended_from_within(text: str, limit: int) -> None:
    made = kit.code(text, limit)
    assert made == kit.EMPTY or (made.count("`") == 2 and made[0] == made[-1] == "`")
    assert "\n" not in made
    assert made == kit.EMPTY or len(unescape(made)) <= limit + 2


@given(hostile, st.integers(3, 3_000))
@example("&" * 700, 6)
def test_a_code_block_holds_the_end_and_is_closed(text: str, limit: int) -> None:
    made = kit.preformatted(text, limit)
    assert made.startswith("```\n")
    assert made.endswith("\n```")
    assert made.count("```") == 2
    assert len(made) <= limit + 8
    end = unescape(made.removesuffix("\n```")).removeprefix("```\n").removeprefix("…\n")
    assert unescape(kit.escape(text)).strip("\n").endswith(end)


def test_a_long_log_keeps_its_last_whole_lines() -> None:
    text = "\n".join(f"line {number}" for number in range(1_000))
    assert kit.preformatted(text, 25) == "```\n…\nline 998\nline 999\n```"


@given(hostile, st.integers(3, 300))
def test_cuts_say_that_something_is_missing(text: str, limit: int) -> None:
    for cut in (kit.cut, kit.middle_cut, kit.tail_cut):
        made = cut(text, limit)
        assert len(made) <= limit
        assert made == text if len(text) <= limit else "…" in made


@given(st.text(alphabet="ab&<>", min_size=1), st.integers(3, 60))
def test_a_cut_never_leaves_half_an_entity(text: str, limit: int) -> None:
    for cut in (kit.cut, kit.tail_cut):
        rest = cut(kit.escape(text), limit)
        for entity in ("&amp;", "&lt;", "&gt;", "…\n", "…", "a", "b"):
            rest = rest.replace(entity, "")
        assert rest == ""


def test_a_section_that_is_cut_ends_its_code_block_and_no_link_in_half() -> None:
    block = kit.section("x" * 2_900 + "```" + "y" * 500 + "```")
    assert block["text"]["text"].endswith("…\n```")
    linked = kit.section("x" * 2_960 + kit.link("a very long label", "https://github.com/o/r"))
    assert linked["text"]["text"] == "x" * 2_960 + "…"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "", "https://a b", "https://a|b", "https://a>b", "ftp://a", "https://a\nb", "//a"]
)
def test_only_plain_http_addresses_become_links(url: str) -> None:
    assert kit.link("a <b>", url) == "a &lt;b&gt;"
    assert tables.table(["x"], [[tables.Link("a", url)]])["rows"][1][0]["elements"][0]["elements"][0]["type"] == "text"


def test_a_link_cannot_be_ended_by_its_label() -> None:
    assert (
        opened(kit.link("a|b>\n<!channel>", "https://x/?a=1&b=2"))
        == "<https://x/?a=1&amp;b=2|a/b&gt; &lt;!channel&gt;>"
    )


@pytest.mark.parametrize(
    ("user_id", "displayed"),
    [("U0ANA", "<@U0ANA>"), ("W12", "<@W12>"), ("signalbox", "signalbox"), ("U0>|<!channel", "U0&gt;|&lt;!channel")],
)
def test_only_ids_become_mentions(user_id: str, displayed: str) -> None:
    assert opened(kit.user(user_id)) == displayed


def test_a_moment_has_a_fallback_in_utc() -> None:
    assert opened(kit.moment(0.5)) == "<!date^0^{date_short_pretty} {time}|1970-01-01 00:00 UTC>"


def test_a_column_that_says_nothing_is_left_out() -> None:
    made = tables.table(["Job", "Step", "Time"], [["a", "", "1"], ["b", "", "2"]], right=(2,))
    assert "Step" not in alone(made)
    assert [len(row) for row in made["rows"]] == [2, 2, 2]
    assert made["column_settings"] == [{"align": "left"}, {"align": "right"}]


@pytest.mark.parametrize(("rows", "cell"), [(10_000, "x"), (300, "y" * 150), (99, "&" * 250), (5, "z" * 5_000)])
def test_a_table_counts_the_rows_that_it_cannot_hold(rows: int, cell: str) -> None:
    made = tables.table(["Job", "State"], [[f"{number} {cell}", cell] for number in range(rows)])
    check_message([made])
    displayed = len(made["rows"]) - 1
    last = made["rows"][-1][0]["elements"][0]["elements"][0]["text"]
    assert last == f"… {rows - displayed + 1} more" if displayed < rows else last.startswith(f"{rows - 1} ")


@given(st.lists(st.integers(0, 4_000), max_size=80), st.lists(st.integers(0, 800), max_size=4))
def test_a_message_keeps_its_foot_and_says_what_it_leaves_out(body: list[int], foot: list[int]) -> None:
    blocks = [kit.section("b" * length) for length in body]
    below = [kit.context("f" * length) for length in foot]
    made = kit.message("said", blocks, foot=below, more="All of it is in the thread.")
    if body or foot:
        read(made)
    assert list(made.blocks[len(made.blocks) - len(below) :]) == below
    left_out = list(made.blocks) != [*blocks, *below]
    assert any("in the thread" in str(block) for block in made.blocks) == left_out
    assert [block for block in made.blocks if block in blocks][: len(blocks)] or not blocks or left_out


@given(st.lists(st.text(alphabet="ab \n", min_size=1, max_size=900), min_size=1, max_size=30))
def test_items_are_packed_whole_and_in_order(items: list[str]) -> None:
    made = kit.sections(items)
    displayed = "\n".join(block["text"]["text"] for block in made)
    assert displayed == "\n".join(items) or kit.EMPTY in displayed
    assert len(made) <= 1 + sum(map(len, items)) // 1_000


def test_small_print_is_added_at_the_end_where_there_is_room() -> None:
    short = kit.message("done", [kit.section("done"), kit.context("asked by somebody")])
    longer = kit.with_small_print(short, "ended")
    assert [item["text"] for item in longer.blocks[-1]["elements"]] == ["asked by somebody", "ended"]
    bare = kit.with_small_print(kit.message("done", [kit.section("done")]), "ended")
    assert [block["type"] for block in bare.blocks] == ["section", "context"]
    full = kit.message("done", [kit.section("x") for _ in range(kit.MESSAGE_BLOCKS)])
    assert kit.with_small_print(full, "ended") == full


@given(st.text(st.sampled_from("aé€🚀&<>|😀 \u0301"), max_size=400).map(kit.escape), st.integers(8, 300))
def test_text_is_cut_by_bytes_between_characters_and_never_inside_an_entity_or_a_link(text: str, limit: int) -> None:
    linked = f"{text} <https://example.com|{text}> {text}"
    cut = kit.cut_bytes(linked, limit)
    assert len(cut.encode()) <= limit
    if len(linked.encode()) <= limit:
        assert cut == linked
        return
    assert cut.endswith("…")
    assert linked.startswith(cut[:-1])
    assert cut.rfind("<") <= cut.rfind(">")
    rest = linked[len(cut) - 1 :]
    assert not any(rest.startswith(tail) for entity in ("&amp;", "&lt;", "&gt;") for tail in _tails(cut, entity))


def _tails(cut: str, entity: str) -> list[str]:
    """What would follow if the cut were inside of this entity."""
    return [entity[length:] for length in range(1, len(entity)) if cut[:-1].endswith(entity[:length])]


@given(st.text(st.sampled_from("a€🚀\u3042"), min_size=1, max_size=6_000))
def test_the_text_of_a_message_fits_into_an_update_in_any_script(text: str) -> None:
    assert len(kit.message(text, [kit.section("x")]).text.encode()) <= 4_000
