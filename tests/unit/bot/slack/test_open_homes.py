"""An open Home tab is published again when it has changed, at Slack's pace, while somebody may have it open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from bot.slack.open_homes import INTERVAL, MOST_OPEN, OPEN_FOR, OpenHomes
from bot.slack.web_api import ChatError
from tests.virtual_time import run_virtually

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Chat:
    def __init__(self) -> None:
        self.published: list[tuple[float, str, str]] = []
        self.refused = ""

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        if self.refused:
            raise ChatError("views.publish", self.refused)
        self.published.append((asyncio.get_running_loop().time(), user, view["text"]))


class Home:
    """What people should have there."""

    def __init__(self) -> None:
        self.chat, self.text, self.drawn = Chat(), "one", 0
        self.open = OpenHomes(cast("Any", self.chat), lambda: asyncio.get_running_loop().time())

    async def draw(self, users: Collection[str]) -> Mapping[str, dict[str, Any]]:
        self.drawn += 1
        return {user: {"text": self.text} for user in users}

    async def opens(self, user: str) -> None:
        self.open.opened(user, self.draw)
        await self.open.publish(user, {"text": self.text})

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text in self.chat.published]


def test_it_is_published_again_only_when_it_has_changed() -> None:
    async def story() -> None:
        home = Home()
        await home.opens("U0ANA")
        await asyncio.sleep(4 * INTERVAL)
        assert home.texts == ["one"]
        home.text = "two"
        await asyncio.sleep(2 * INTERVAL)
        assert home.texts == ["one", "two"]
        await home.opens("U0ANA")  # opened again, it is published whatever it was
        assert home.texts == ["one", "two", "two"]
        await home.open.close()

    run_virtually(story())


def test_after_a_while_nobody_is_expected_to_look() -> None:
    async def story() -> None:
        home = Home()
        await home.opens("U0ANA")
        await asyncio.sleep(OPEN_FOR + 2 * INTERVAL)
        drawn, home.text = home.drawn, "two"
        await asyncio.sleep(OPEN_FOR)
        assert home.drawn == drawn
        assert home.texts == ["one"]
        await home.opens("U0LEE")
        home.text = "three"
        await asyncio.sleep(2 * INTERVAL)
        assert home.texts == ["one", "two", "three"]
        await home.open.close()

    run_virtually(story())


def test_many_are_published_at_slacks_pace() -> None:
    async def story() -> None:
        home = Home()
        for number in range(MOST_OPEN + 50):
            home.open.opened(f"U{number}", home.draw)
        await asyncio.sleep(600)
        assert len(home.chat.published) == MOST_OPEN
        times = [at for at, _, _ in home.chat.published]
        assert max(sum(1 for at in times if begin <= at < begin + 60) for begin in times) <= 100
        await home.open.close()

    run_virtually(story())


def test_a_refusal_ends_it_for_one_person_and_an_outage_for_nobody() -> None:
    async def story() -> None:
        home = Home()
        await home.opens("U0ANA")
        home.text, home.chat.refused = "two", "ratelimited"
        await asyncio.sleep(2 * INTERVAL)
        home.chat.refused = ""
        await asyncio.sleep(2 * INTERVAL)
        assert home.texts == ["one", "two"]
        home.text, home.chat.refused = "three", "not_enabled"
        await asyncio.sleep(2 * INTERVAL)
        home.chat.refused = ""
        await asyncio.sleep(2 * INTERVAL)
        assert home.texts == ["one", "two"]
        await home.open.close()

    run_virtually(story())
