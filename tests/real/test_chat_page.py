"""What the chat page draws from what the bot posts, and that nothing posted can act on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.real.chat_page_support import ROOT, button, mrkdwn, section, small_world, words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Locator, Page

    from tests.real.chat_page_support import Chat

pytestmark = [pytest.mark.needs_chromium, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat(browser: Browser) -> AsyncIterator[Chat]:
    async with small_world(browser) as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(chat: Chat) -> Page:
    return await chat.open()


def raw(text: str) -> dict[str, str]:
    return {"type": "raw_text", "text": text}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


OPTIONS = [{"text": words("One"), "value": "1"}, {"text": words("Two"), "value": "2"}]
# block, selector that must be found inside the drawn block, text that the block then shows
BLOCKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "header": ({"type": "header", "text": words("A header :rocket:")}, "svg[aria-label=rocket]", "A header"),
    "section": (section("*bold* `code`"), "strong", "bold code"),
    "fields": ({"type": "section", "fields": [mrkdwn("*A*\n1"), mrkdwn("*B*\n2")]}, ".field >> nth=1", "2"),
    "accessory": (section("Look", accessory=button("Press", "approve")), "button[data-action-id=approve]", "Press"),
    "divider": ({"type": "divider"}, "xpath=self::hr", ""),
    "context": ({"type": "context", "elements": [mrkdwn("by <@U0LEE>"), words("plain")]}, ".mention", "by @Lee Park"),
    "image": (
        {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "A graph", "title": words("Builds")},
        "a[href='https://example.com/x.png']",
        "A graph",
    ),
    "link button": (
        {"type": "actions", "elements": [button("Open", "open", url="https://example.com/run")]},
        "a[href='https://example.com/run'][rel~=noopener]",
        "Open",
    ),
    "danger": ({"type": "actions", "elements": [button("Stop", "stop", style="danger")]}, "button.danger", "Stop"),
    "static_select": (
        {"type": "actions", "elements": [{"type": "static_select", "action_id": "a", "options": OPTIONS}]},
        "select[data-action-id=a] option[value='2']",
        "Two",
    ),
    "users_select": (
        {"type": "actions", "elements": [{"type": "users_select", "action_id": "a"}]},
        "select option[value=U0MAX]",
        "Max Weber",
    ),
    "overflow": (
        {"type": "actions", "elements": [{"type": "overflow", "action_id": "a", "options": OPTIONS}]},
        "button[aria-haspopup=menu]",
        "",
    ),
    "checkboxes": (
        {"type": "actions", "elements": [{"type": "checkboxes", "action_id": "a", "options": OPTIONS}]},
        "input[type=checkbox] >> nth=1",
        "Two",
    ),
    "radio_buttons": (
        {"type": "actions", "elements": [{"type": "radio_buttons", "action_id": "a", "options": OPTIONS}]},
        "[role=radiogroup] input[type=radio] >> nth=1",
        "Two",
    ),
    "datepicker": (
        {"type": "actions", "elements": [{"type": "datepicker", "action_id": "a", "initial_date": "2026-11-23"}]},
        "input[type=date]",
        "",
    ),
    "input": (
        {"type": "input", "label": words("Why"), "element": {"type": "plain_text_input", "action_id": "a"}},
        "input[type=text]",
        "Why",
    ),
    "rich_text": (
        rich(
            line({"type": "text", "text": "Hello ", "style": {"bold": True}}, {"type": "user", "user_id": "U0LEE"}),
            {"type": "rich_text_list", "style": "bullet", "elements": [line({"type": "text", "text": "item"})]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "$ ls"}]},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "said"}]},
        ),
        "ul li, blockquote, pre",
        "Hello @Lee Park",
    ),
    "table": (
        {
            "type": "table",
            "column_settings": [{"is_wrapped": True}, {"align": "right"}],
            "rows": [[raw("Machine"), raw("Age")], [rich(line({"type": "text", "text": "cron"})), raw("3 d")]],
        },
        "tbody td.align-right",
        "3 d",
    ),
    "markdown": (
        {"type": "markdown", "text": "# Title\n\n- **one**\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |"},
        "td >> nth=1",
        "Title",
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
async def test_each_block_that_is_posted_is_drawn(chat: Chat, page: Page, name: str) -> None:
    block, selector, text = BLOCKS[name]
    ts = await chat.post("said in one line", blocks=[block])
    message = page.locator(f"[data-testid=message][data-ts='{ts}']")
    drawn = message.locator(f"[data-block={block['type']}]")
    await expect(drawn).to_contain_text(text)
    await expect(drawn.locator(selector).first).to_be_attached()
    await expect(message.get_by_test_id("unknown")).to_have_count(0)
    await expect(message).not_to_contain_text("said in one line")


async def test_block_and_element_types_that_it_does_not_know_are_said_aloud(chat: Chat, page: Page) -> None:
    displayed = await page.evaluate(
        """async () => {
          const { renderBlocks } = await import("/blocks.js");
          const { Scope } = await import("/scope.js");
          const block = { type: "actions", block_id: "b", elements: [{ type: "teleporter", action_id: "a" }] };
          const nodes = renderBlocks([{ type: "hologram" }, block, { type: "constructor" }], new Scope({}, () => {}));
          return nodes.map((node) => node.textContent);
        }"""
    )
    assert "blocks of type “hologram”" in displayed[0]
    assert "elements of type “teleporter”" in displayed[1]
    assert "blocks of type “constructor”" in displayed[2]


MRKDWN = {
    "*a* _b_ ~c~": "<strong>a</strong> <em>b</em> <s>c</s>",
    "*a _b_*": "<strong>a <em>b</em></strong>",
    "snake_case_name 2*3*4": "snake_case_name 2*3*4",
    "`*a* &lt;b&gt;`": "<code>*a* &lt;b&gt;</code>",
    "*unclosed _too": "*unclosed _too",
    "&amp;lt;b&amp;gt;": "&amp;lt;b&amp;gt;",
    "<b> <!> <script>": "&lt;b&gt; &lt;!&gt; &lt;script&gt;",
    "<#C0PROD> <!here>": '<a class="mention" href="#C0PROD">#prod</a> <span class="mention">@here</span>',
    "<!subteam^S0INFRA>": '<span class="mention">@infra</span>',
    "<javascript:alert(1)|press>": "<span>press</span>",
    "<data:text/html,x|press>": "<span>press</span>",
    ":no_such_emoji: 12:30:45": ":no_such_emoji: 12:30:45",
}


@pytest.mark.parametrize("source", MRKDWN)
async def test_mrkdwn_reads_as_slack_shows_it(chat: Chat, page: Page, source: str) -> None:
    drawn = await page.evaluate(
        'async (text) => (await import("/mrkdwn.js")).mrkdwn(text).querySelector(".lines").innerHTML', source
    )
    assert drawn == MRKDWN[source]


async def test_links_fences_and_quotes_of_mrkdwn_are_elements(chat: Chat, page: Page) -> None:
    ts = await chat.post("<https://a.example/x?a=1&amp;b=2|label>\n&gt; quoted\n```\n*as is*\n```\nhttps://b.example/.")
    message = page.locator(f"[data-ts='{ts}']")
    await expect(message.get_by_role("link", name="label")).to_have_attribute("href", "https://a.example/x?a=1&b=2")
    await expect(message.get_by_role("link", name="https://b.example/")).to_be_visible()
    await expect(message.locator("blockquote")).to_have_text("quoted")
    await expect(message.locator("pre")).to_have_text("*as is*")


ATTACK = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>\"'><svg onload=window.pwned=1>"
ATTACKS: list[list[dict[str, Any]]] = [
    [{"type": "header", "text": words(ATTACK)}],
    [section(ATTACK), section("<javascript:window.pwned=1|press>", accessory=button(ATTACK[:70], "approve"))],
    [{"type": "context", "elements": [mrkdwn(ATTACK), words(ATTACK)]}],
    [{"type": "markdown", "text": f"{ATTACK}\n\n[press](javascript:window.pwned=1)\n\n`{ATTACK}`"}],
    [{"type": "table", "rows": [[raw(ATTACK), raw("x")], [rich(line({"type": "text", "text": ATTACK})), raw(ATTACK)]]}],
    [{"type": "image", "image_url": "https://x.example/y.png", "alt_text": ATTACK, "title": words(ATTACK)}],
    [rich(line({"type": "text", "text": ATTACK}, {"type": "link", "url": "https://x.example/", "text": ATTACK}))],
]


@pytest.mark.parametrize("blocks", ATTACKS, ids=lambda blocks: blocks[0]["type"])
async def test_markup_in_a_block_stays_text(chat: Chat, page: Page, blocks: list[dict[str, Any]]) -> None:
    ts = await chat.post(ATTACK, blocks=blocks)
    message = page.locator(f"[data-ts='{ts}']")
    await expect(message).to_contain_text("onerror=window.pwned")
    await assert_inert(message)


async def test_markup_that_a_person_types_stays_text(chat: Chat, page: Page) -> None:
    await page.get_by_test_id("composer").fill(f"by hand {ATTACK}")
    await page.keyboard.press("Enter")
    message = page.get_by_test_id("message").filter(has_text="by hand")
    await expect(message).to_contain_text(ATTACK)
    await assert_inert(message)


async def assert_inert(message: Locator) -> None:
    for link in await message.locator("a").all():
        assert re.match("https?://", await link.get_attribute("href") or "")
    await expect(message.locator("script, img, iframe, [onload], [onerror], svg[onload]")).to_have_count(0)
    assert await message.evaluate("() => window.pwned") is None


async def test_no_address_but_http_is_ever_linked(chat: Chat, page: Page) -> None:
    tried = [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example",
        "https://",
    ]
    linked = await page.evaluate(
        'async (urls) => { const { link } = await import("/dom.js"); return urls.filter((url) => link(url, "x").href); }',
        tried,
    )
    assert linked == []


async def test_every_emoji_that_the_product_says_is_known_to_the_page(chat: Chat, page: Page) -> None:
    sources = [path.read_text() for folder in ("bot", "handlers") for path in (ROOT / folder).rglob("*.py")]
    rendered = sorted({name for source in sources for name in re.findall(r"[\"' ](:[a-z_]{3,}:)[\"' ]", source)})
    unknown = await page.evaluate(
        'async (names) => { const { emoji } = await import("/emoji.js"); return names.filter((name) => !emoji(name)); }',
        rendered,
    )
    assert rendered
    assert unknown == []


async def test_a_file_is_a_card_with_its_beginning_and_a_link_to_the_rest(chat: Chat, page: Page) -> None:
    content = "".join(f"line {number}\n" for number in range(30))
    await chat.app.client.files_upload_v2(
        channel="C0STAGING", filename="plan.txt", title="The plan", content=content, initial_comment="Here"
    )
    card = page.get_by_test_id("file")
    await expect(card.locator("pre")).to_contain_text("line 2")
    await expect(card.locator("pre")).not_to_contain_text("line 29")
    await card.get_by_role("button", name="Show more").click()
    await expect(card.locator("pre")).to_contain_text("line 29")
    href = await card.get_by_role("link", name="The plan").get_attribute("href")
    assert href
    assert await (await page.request.get(href)).text() == content
