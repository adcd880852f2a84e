"""Watches what the process stands on: its database, the room on its disks and the machine's clock. Changes are reported."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import DatabaseAwayError
from bot.slack.blocks import kit
from bot.slack.web_api import ChatError
from bot.store import identity
from bot.store.workers import now
from runners.concurrency import run_blocking, stop_tasks
from runners.errors import TimedOutError

if TYPE_CHECKING:
    from bot.process.clock import Clock
    from bot.process.health import Health
    from bot.services import Services
    from bot.store.database import Store

log = logging.getLogger(__name__)
INTERVAL = 20.0  # seconds: what happens to the database is known within a minute, also on a busy machine
TIMEOUT = 10.0  # seconds for one check of the database
EXAMINED_WITHIN = 3_600.0  # seconds for every page of a large file
SLACK_WITHIN = 3.0  # seconds that a start waits for Slack's time
LOST = "Signalbox reads and writes nothing, so that nothing is forgotten, until that database is back"


class Watched:
    """The database as it was at the start."""

    def __init__(self, store: Store, database: str) -> None:
        self.store = store
        self._identity = database
        self._inode = identity.inode_of(store)
        self._damage = ""

    def examine(self) -> None:
        """Check every page of the SQLite file, for `difference`. Raises sqlite3.Error, OSError."""
        self._damage = identity.damage(self.store)

    def difference(self) -> str:
        """What is wrong with it, in words; empty if it is the same database. Raises SQLAlchemyError."""
        return self._damage or identity.difference(self.store, self._identity, self._inode)


class HealthWatch:
    """Checks everything each INTERVAL; `signed`: Slack's requests are signed, so that the clock has to be right."""

    def __init__(
        self, services: Services, health: Health, clock: Clock, watched: Watched, *, signed: bool = True
    ) -> None:
        self._services = services
        self._health = health
        self._clock = clock
        self._watched = watched
        self._signed = signed
        self._watching: asyncio.Task[None] | None = None
        self._examining: asyncio.Task[None] | None = None
        self._clocks = ""  # what was logged last
        self._room = ""

    async def start(self) -> None:
        """Learn the time from the database or, where operations are open, from Slack; then go on checking."""
        await self._follow_database()
        if await self._services.operations.open_numbers():
            # A clock that was set while the bot was away must not let an approval expire.
            with suppress(ChatError, TimeoutError):
                async with asyncio.timeout(SLACK_WITHIN):
                    await self._services.chat.query("auth.test")
        self._watching = asyncio.create_task(self._watch())
        if identity.is_large(self._watched.store):
            self._examining = asyncio.create_task(self._examine())

    async def close(self) -> None:
        """Stop checking."""
        await stop_tasks(filter(None, [self._watching, self._examining]))

    async def _examine(self) -> None:
        """Once, beside the work: a start does not wait until every page of a large file is checked."""
        try:
            examine = self._watched.examine
            await run_blocking(examine, timeout=EXAMINED_WITHIN, doing="checking the pages of the database")
        except (sqlite3.Error, OSError, TimedOutError) as error:
            log.warning("the pages of the database could not be checked: %s", error)
            return
        await self._check_database()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.check()
            except Exception:
                log.exception("the watch over the database and the clock stopped for this time")

    async def check(self) -> None:
        """Check everything now, and report what is news."""
        await self._check_database()
        if not self._watched.store.lost:
            await self._follow_database()
        self._check_clock()
        if (words := self._health.no_room()) != self._room:
            self._room = words
            log.error("%s", words) if words else log.info("there is room on the disks again")

    async def _check_database(self) -> None:
        store = self._watched.store
        try:
            words = await run_blocking(self._watched.difference, timeout=TIMEOUT, doing="checking the database")
        except (sa.exc.SQLAlchemyError, TimedOutError):
            return  # an outage, which every use of the database reports
        store.lost = f"{words}. {LOST}" if words else ""
        if not self._health.report("database", f"the database {store.location}: {words}" if words else ""):
            return
        if not words:
            log.warning("the database %s is back; Signalbox goes on", store.location)
            return
        log.critical("the database %s: %s", store.location, store.lost)
        await self._notify(words)

    async def _notify(self, words: str) -> None:
        summary = f"Signalbox has lost its database: {words}"
        remedy = "Put it back, or stop Signalbox, restore a backup and start it again."
        text = (
            f":rotating_light: *{kit.escape(summary)}* ({kit.escape(self._watched.store.location)}). {LOST}. {remedy}"
        )
        try:
            channel = await self._services.chat.channel_id(self._services.config.slack.channel)
            await self._services.chat.post(channel, kit.message(kit.escape(summary), [kit.section(text)]))
        except ChatError:
            log.exception("nobody could be notified that the database is lost")

    async def _follow_database(self) -> None:
        """Follow the clock of PostgreSQL, which all processes share."""
        store = self._watched.store
        if store.file is not None:
            return
        began = self._clock.elapsed()
        with suppress(DatabaseAwayError):
            time = await store.run(lambda connection: connection.scalar(sa.select(now(connection))))
            self._clock.correct(float(time or 0.0), began, "the database")

    def _check_clock(self) -> None:
        if jump := self._clock.jump():
            log.warning("the machine's clock was set by %+.0f s; what waits is not affected", jump)
        words = self._clock.problem(signed=self._signed)
        self._health.report("clock", words if self._signed and self._clock.refuses else "")
        news = words.partition(";")[2] or words
        if news != self._clocks:
            self._clocks = news
            log.warning("%s", words) if words else log.info("the machine's clock agrees with Slack's again")
