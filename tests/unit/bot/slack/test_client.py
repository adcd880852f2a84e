"""Everything that leaves for Slack, held against the Slack stand-in: redacted, retried, found again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bot.redaction import Redactor
from bot.slack.blocks import kit, tables
from bot.slack.client import Chat, Posted
from bot.slack.errors import Verdict
from bot.slack.live import LiveMessage
from bot.slack.manifest import read as read_manifest
from bot.slack.web_api import ChatError, make_client
from sandbox.slack import SlackSettings, SlackStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

TOKEN = "xoxb-planted-bot-token"
SECRET = "hunter2 & <more>"
STAGING = "C0STAGING"


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackStandIn]:
    monkeypatch.setattr("bot.slack.client.POST_INTERVAL", 0.0)
    monkeypatch.setattr("bot.slack.client.UPDATE_INTERVAL", 0.0)
    stand_in = SlackStandIn(SlackSettings(TOKEN, "planted-signing-secret", None, None, rate_limits=False))
    stand_in.register_commands(read_manifest())
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
def chat(slack: SlackStandIn) -> Chat:
    return Chat(make_client(TOKEN, f"{slack.url}/api/"), Redactor([SECRET]))


def message_of(text: str) -> kit.Message:
    return kit.message(text, [kit.section(kit.escape(text)), tables.table(["a"], [[text]])])


def sent(slack: SlackStandIn) -> str:
    """Everything that was ever sent to Slack, as one text."""
    messages = slack.workspace.channel("#staging").all_messages
    files = [file.content for message in messages for file in message.files]
    return "".join(str(call.arguments) for call in slack.calls) + str(files)


async def test_a_message_is_posted_and_changed(slack: SlackStandIn, chat: Chat) -> None:
    at = await chat.post(STAGING, message_of("one"))
    await chat.update(at, message_of("two"))
    (message,) = slack.workspace.channel("#staging").messages
    assert (at.channel, at.ts, message.edited) == (STAGING, message.ts, True)
    assert "two" in message.rendered
    assert not slack.refused


async def test_no_secret_leaves_by_any_way(slack: SlackStandIn, chat: Chat) -> None:
    at = await chat.post(STAGING, message_of(f"post {SECRET}"), marker="7:message")
    await chat.post(STAGING, message_of(SECRET), thread=at.ts)
    await chat.update(at, message_of(f"update {SECRET}"))
    await chat.publish_home("U0ANA", {"type": "home", "blocks": [kit.section(kit.escape(SECRET))]})
    await chat.upload(at, filename="plan.txt", title=f"plan {SECRET}", content=f"text {SECRET}\nghp_{'a1' * 18}\n")
    everything = sent(slack)
    for form in (SECRET, kit.escape(SECRET), "hunter2", "ghp_"):
        assert form not in everything
    assert "[redacted]" in everything
    assert "hunter2" not in str(chat.reply(message_of(SECRET)))
    assert not slack.refused


async def test_the_answer_to_a_command_is_for_the_person_alone(chat: Chat) -> None:
    body = chat.reply(message_of("one"))
    assert body["response_type"] == "ephemeral"
    assert body["text"] == "one"


async def test_a_message_is_found_by_its_mark_among_hundreds(slack: SlackStandIn, chat: Chat) -> None:
    wanted = await chat.post(STAGING, message_of("wanted"), marker="7:message")
    await asyncio.gather(*(chat.post(STAGING, message_of("x"), marker=f"8:{number}") for number in range(230)))
    assert await chat.find(STAGING, "7:message", since=0) == wanted
    assert await chat.find(STAGING, "7:mess", since=0) is None
    pages = [call for call in slack.calls if call.method == "conversations.history"]
    assert len(pages) >= 3 + 3


async def test_in_a_thread_too(chat: Chat) -> None:
    parent = await chat.post(STAGING, message_of("parent"))
    wanted = await chat.post(STAGING, message_of("wanted"), thread=parent.ts, marker="7:log")
    assert await chat.find(STAGING, "7:log", since=0, thread=parent.ts) == wanted
    assert await chat.find(STAGING, "7:other", since=0, thread=parent.ts) is None
    await chat.post(STAGING, message_of("unmarked"), thread=parent.ts)
    ((mark, (at, message)),) = (await chat.marked_messages(parent)).items()
    assert (mark, at, message.text) == ("7:log", wanted, "wanted")
    assert [block["type"] for block in message.blocks] == [block["type"] for block in message_of("wanted").blocks]


async def test_somebody_elses_mark_is_not_ours(slack: SlackStandIn, chat: Chat) -> None:
    forged = {"event_type": "other", "event_payload": {"mark": "7:message"}}
    await chat.api("chat.postMessage", channel=STAGING, text="x", metadata=forged)
    assert await chat.find(STAGING, "7:message", since=0) is None
    assert not slack.refused


async def test_a_file_is_found_in_its_thread(chat: Chat) -> None:
    at = await chat.post(STAGING, message_of("parent"))
    assert not await chat.has_file(at, "plan-7.txt")
    await chat.upload(at, filename="plan-7.txt", title="The plan", content="")
    assert await chat.has_file(at, "plan-7.txt")
    assert not await chat.has_file(at, "plan-8.txt")


async def test_channels_by_name_and_by_id(slack: SlackStandIn, chat: Chat) -> None:
    assert await chat.channel_id("#staging") == STAGING
    asked = len(slack.calls)
    assert await chat.channel_id("#prod") == "C0PROD"
    assert await chat.channel_id("C0OTHER") == "C0OTHER"
    assert len(slack.calls) == asked
    with pytest.raises(ChatError, match="no channel #nowhere"):
        await chat.channel_id("#nowhere")


async def test_many_that_need_a_channel_at_once_share_one_list(slack: SlackStandIn, chat: Chat) -> None:
    assert set(await asyncio.gather(*(chat.channel_id("#staging") for _ in range(30)))) == {STAGING}
    assert [call.method for call in slack.calls] == ["conversations.list"]


async def test_what_slack_refuses_carries_its_own_word(slack: SlackStandIn, chat: Chat) -> None:
    with pytest.raises(ChatError) as refused:
        await chat.post("C0NOWHERE", message_of("x"))
    assert str(refused.value) == "Slack's chat.postMessage answered channel_not_found"
    assert not refused.value.transient
    with pytest.raises(ChatError, match="message_not_found"):
        await chat.update(Posted(STAGING, "1.0"), message_of("x"))
    with pytest.raises(ChatError, match=r"expired|invalid"):
        await chat.open_view("1.2.3", {"type": "modal"})
    slack.refused.clear()


@pytest.mark.parametrize(
    ("code", "transient"),
    [
        ("no_answer (TimeoutError)", True),
        ("ratelimited", True),
        ("internal_error", True),
        ("service_unavailable", True),
        ("channel_not_found", False),
        ("not_in_channel", False),
        ("invalid_auth", False),
        ("invalid_blocks must be more than 0 characters", False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(code: str, transient: bool) -> None:
    assert ChatError("chat.update", code).transient is transient


class Broken:
    """A Slack with prepared answers: (status, body, headers), the last repeated; None closes the connection."""

    def __init__(self, *answers: tuple[int, str, dict[str, str]] | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, text, headers = answer
        return web.Response(status=status, text=text, headers={"Content-Type": "application/json", **headers})


OK = (200, '{"ok": true, "channel": "C1", "ts": "1.5"}', dict[str, str]())
LIMITED = (429, '{"ok": false, "error": "ratelimited"}', {"Retry-After": "1"})


async def at_broken(broken: Broken, use: Callable[[Chat, str], Awaitable[Any]]) -> Any:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", broken.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        return await use(Chat(make_client(TOKEN, url), Redactor()), url)
    finally:
        await runner.cleanup()


async def test_too_fast_is_tried_again_when_slack_says() -> None:
    broken = Broken(LIMITED, LIMITED, OK)
    assert await at_broken(broken, lambda chat, _: chat.post("C1", message_of("x"))) == Posted("C1", "1.5")
    assert broken.asked == 3


@pytest.mark.parametrize(
    "answer", [None, (500, "<html>oops</html>", {"Content-Type": "text/html"}), (503, "", {}), (200, "no JSON", {})]
)
async def test_a_message_that_may_have_been_posted_is_not_sent_again(answer: Any) -> None:
    broken = Broken(answer)
    with pytest.raises(ChatError) as failed:
        await at_broken(broken, lambda chat, _: chat.post("C1", message_of("x")))
    assert failed.value.transient
    assert broken.asked == 1


@pytest.mark.parametrize("answer", [None, (500, "oops", {"Content-Type": "text/html"})])
async def test_every_way_to_slack_fails_in_the_same_way(answer: Any) -> None:
    at = Posted("C1", "1.0")
    ways: list[Callable[[Chat, str], Awaitable[Any]]] = [
        lambda chat, _: chat.update(at, message_of("x")),
        lambda chat, _: chat.find("C1", "mark", since=0),
        lambda chat, _: chat.upload(at, filename="f", title="t", content="c"),
        lambda chat, _: chat.scopes(),
        lambda chat, url: chat.respond(f"{url}hooks/1", message_of("x")),
        lambda chat, _: chat.channel_id("#ops"),
    ]
    for way in ways:
        with pytest.raises(ChatError):
            await at_broken(Broken(answer), way)


async def test_an_upload_whose_bytes_are_not_taken_fails_in_the_same_way() -> None:
    address = (200, '{"ok": true, "upload_url": "http://127.0.0.1:9/upload", "file_id": "F1"}', dict[str, str]())
    with pytest.raises(ChatError) as failed:
        await at_broken(
            Broken(address), lambda chat, _: chat.upload(Posted("C1", "1.0"), filename="f", title="t", content="c")
        )
    assert failed.value.transient


async def test_the_newest_state_of_a_live_message_is_shown(slack: SlackStandIn, chat: Chat) -> None:
    at = await chat.post(STAGING, message_of("begun"))
    async with LiveMessage(lambda message: chat.update(at, message)) as live:
        for number in range(50):
            live.show(lambda number=number: message_of(f"state {number}"))  # type: ignore[misc]
        await slack.workspace.channel("#staging").wait_for(lambda message: "state 49" in message.rendered)
    assert len([call for call in slack.calls if call.method == "chat.update"]) < 50


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, '{"ok": false, "error": "expired_url"}', Verdict.REQUEST),
        (400, "invalid_blocks", Verdict.CONTENT),
        (404, "no_such_hook of tomorrow", Verdict.UNKNOWN),
        (503, "<html>away</html>", Verdict.PASSES),
        (500, "invalid_blocks", Verdict.PASSES),
    ],
)
async def test_a_response_url_answers_with_its_own_words(status: int, body: str, verdict: Verdict) -> None:
    with pytest.raises(ChatError) as refused:
        await at_broken(Broken((status, body, {})), lambda chat, url: chat.respond(f"{url}hooks/1", message_of("x")))
    assert refused.value.verdict is verdict


@pytest.mark.parametrize("way", ["post", "update"])
async def test_a_message_whose_blocks_are_refused_is_sent_in_plain_text_and_the_log_says_why(
    slack: SlackStandIn, chat: Chat, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    row = kit.actions("decision", kit.button("Approve", "approve", "opaque"))
    broken = kit.Message("a plan", (kit.section(f"3 destroyed, key {SECRET}"), {"type": "section"}, row))
    at = await chat.post(STAGING, broken if way == "post" else message_of("before"))
    if way == "update":
        await chat.update(at, broken)
    (message,) = slack.workspace.channel("#staging").messages
    assert "3 destroyed" in message.rendered
    assert "hunter2" not in message.rendered
    assert message.buttons == ["Approve"]
    assert "invalid_blocks" in caplog.text
    assert {call.error for call in slack.refused} == {"invalid_blocks"}
    slack.refused.clear()
