"""A value is set on a page of its own: the link is for one person, once; previews do not use it up; nothing passes Slack."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from sandbox.stories import _keys
from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World

SUMMARY = "ana sets a secret: lee approves, only ana gets the link, a preview does not use it up, and it works once"
CHANNELS = ("#staging",)
LINK = "https://signalbox.example.com"
_VALUES = """secrets:
  values:
    DATABASE_PASSWORD:
      staging: {github: DATABASE_PASSWORD, github_environment: staging}
"""
OPTIONS = Options(
    without_aws=True,
    config={_keys.OPERATIONS: f"{_VALUES}{_keys.OPERATIONS}  pages: {{url: {LINK}}}\n"},
)
VALUE = "-----BEGIN KEY-----\nzwölf <b>&amp; 'Ü' 🚀\n-----END KEY-----\n"


def address_in(world: World, message: Message) -> str:
    """The link's address, past the proxy that a team has in front."""
    match = re.search(rf"{re.escape(LINK)}(/secret/[\w-]+)", str(message.blocks) + message.rendered)
    expect(match, "the message has no link")
    return f"http://127.0.0.1:{world.bot.port}{match[1] if match else ''}"


async def opened(address: str) -> tuple[int, str]:
    """The page, as a browser or a preview opens it."""
    async with ClientSession() as session, session.get(address) as answer:
        expect("no-store" in answer.headers["Cache-Control"], "the page may be cached")
        return answer.status, await answer.text()


async def sent(address: str, page: str, value: str) -> tuple[int, str]:
    """What the page answers to the value."""
    token = re.search(r'name="form" value="([^"]*)"', page)
    form = {"form": unescape(token[1]) if token else "", "value": value.replace("\n", "\r\n")}
    async with ClientSession() as session, session.post(address, data=form) as answer:
        return answer.status, await answer.text()


async def play(world: World) -> None:
    """Act it out."""
    _keys.hold(world, "DATABASE_PASSWORD", "the old one", 300, "staging")
    await types(world, "ana", "#staging", "/infra secret set DATABASE_PASSWORD in staging")
    ask = await shows(world, "#staging", "#1 Set DATABASE_PASSWORD in staging", "waiting for approval")
    await clicks(world, "lee", ask, "approve")
    waiting = await shows(world, "#staging", "#1 ", "waiting for @ana to enter the value")
    await clicks(world, "lee", waiting, "enter-value")
    await gets_notice(world.person("lee"), "Only the person who requested this")
    await clicks(world, "ana", waiting, "enter-value")
    address = address_in(world, await gets_notice(world.person("ana"), "The link is for you alone"))
    announce("Slack's preview and ana's browser open the link")
    for _ in range(2):
        status, page = await opened(address)
        expect(status == 200, f"the page answers {status}")
    status, again = await sent(address, page, " \n")
    expect(status == 422 and "The value is empty" in again, "an empty value is taken, or uses the link up")
    announce("ana enters the value")
    status, done = await sent(address, page, VALUE)
    expect(status == 200 and "is stored in" in done, f"the page answers {status}: {done}")
    stored = await shows(world, "#staging", ":white_check_mark:", "#1 ", "@ana stored a value")
    held = _keys.repository_of(world).environment_vaults["staging"].secrets["DATABASE_PASSWORD"].value
    expect(held == VALUE, f"the place has {held!r}")
    status, _ = await sent(address, page, "another")
    expect(status == 404, f"a used link answers {status}")
    expect("zw" not in stored.rendered, "a message has the value")
