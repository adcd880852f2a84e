"""The external upload flow, with real bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError, SlackRequestError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox.slack import SlackStandIn


async def get(url: str) -> tuple[int, bytes, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.read(), response.headers["Content-Type"]


async def test_a_file_is_uploaded_into_a_thread_and_read_back(slack: SlackStandIn, client: AsyncWebClient) -> None:
    parent = await client.chat_postMessage(channel="C0OPS", text="plan")
    content = "\n".join(f"line {number} é" for number in range(20))
    await client.files_upload_v2(
        channel="C0OPS",
        thread_ts=parent["ts"],
        filename="plan.txt",
        title="The plan",
        content=content,
        initial_comment="all of it",
    )
    message = slack.workspace.channel("#ops").thread(parent["ts"])[1]
    (file,) = message.files
    assert message.rendered == "all of it\n[file] The plan"
    assert (file.name, file.size, file.mimetype) == ("plan.txt", len(content.encode()), "text/plain")
    assert file.preview == "line 0 é\nline 1 é\nline 2 é\nline 3 é\nline 4 é"
    status, body, kind = await get(f"{slack.url}/files/{file.id}/plan.txt")
    assert (status, body.decode(), kind) == (200, content, "text/plain; charset=utf-8")
    assert (await get(f"{slack.url}/files/{file.id}/other.txt"))[0] == 404


async def test_binary_files_have_no_preview(slack: SlackStandIn, client: AsyncWebClient) -> None:
    await client.files_upload_v2(channel="C0OPS", filename="a.png", content=b"\x89PNG\x00\xff")
    (file,) = slack.workspace.channel("#ops").messages[0].files
    assert (file.preview, file.mimetype) == (None, "image/png")


async def test_a_length_that_is_not_kept_is_refused(slack: SlackStandIn, client: AsyncWebClient) -> None:
    place = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with aiohttp.ClientSession() as session, session.post(place["upload_url"], data=b"four") as response:
        assert response.status == 400
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": place["file_id"]}], channel_id="C0OPS")
    assert slack.workspace.channel("#ops").messages == []


async def test_an_upload_url_works_once(client: AsyncWebClient) -> None:
    place = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with aiohttp.ClientSession() as session:
        async with session.post(place["upload_url"], data=b"one") as response:
            assert (response.status, await response.text()) == (200, "OK - 3")
        async with session.post(place["upload_url"], data=b"two") as response:
            assert response.status == 400


async def test_a_channel_without_the_bot_gets_no_file(client: AsyncWebClient) -> None:
    with pytest.raises((SlackApiError, SlackRequestError), match="not_in_channel"):
        await client.files_upload_v2(channel="C0RANDOM", filename="a.txt", content="x")
