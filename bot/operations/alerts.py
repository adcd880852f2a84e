"""Alerts of the bot about itself: one message when it cannot do its work, and one when it can again.

Each source has a probe. What it finds is in /readyz and the metrics at once. Once it has lasted, the log has an error, and
`slack.channel` and ALERT_WEBHOOK_URL a message; the latter also where Slack itself is what does not answer.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.slack.blocks import kit
from bot.slack.web_api import ChatError
from runners import phrases
from runners.concurrency import stop_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.process.health import Health
    from bot.services import Services
    from bot.store.cursors import Cursors

log = logging.getLogger(__name__)
INTERVAL = 20.0  # seconds between two rounds
WITHIN = 30.0  # seconds for a probe
SAME = 600.0  # seconds within which several processes notice the same, and one of them reports it


@dataclass(frozen=True, slots=True)
class Probe:
    """What is tried: `check` returns what is wrong in words ("Slack does not answer"), empty where nothing is.

    `clear` is what is true when it works again ("Slack answers again"). `lasts` are the seconds after which it is reported, `interval` those between two checks. `shared`: every process
    notices the same. `reports_itself`: others report it in Slack already.
    """

    source: str
    clear: str
    check: Callable[[], Awaitable[str]]
    remedy: str
    lasts: float = 0.0
    interval: float = INTERVAL
    shared: bool = False
    reports_itself: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """What is reported: a source that fails in these words since then (Unix seconds), or that works again."""

    source: str
    clear: str
    words: str
    remedy: str
    since: float
    firing: bool


@dataclass(slots=True)
class _Standing:
    """How a source stands."""

    next_check: float = 0.0
    words: str = ""
    since: float = 0.0
    reported: bool = False


@dataclass(slots=True)
class Alerts:
    """Checks the probes until it is closed. `send` takes an alert elsewhere, and raises OSError where that fails."""

    services: Services
    health: Health
    cursors: Cursors
    where: str  # this process, for people
    probes: Sequence[Probe]
    send: Callable[[Alert, str], Awaitable[None]] | None = None
    _standings: dict[str, _Standing] = field(default_factory=dict)
    _unsent: list[Alert] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Check every probe now, and from now on."""
        self._task = asyncio.create_task(self._repeat(), name="alerts")

    async def close(self) -> None:
        """Stop checking."""
        await stop_tasks([self._task] if self._task else [])

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self.round()

    async def round(self) -> None:
        """Check what is due, and report what is news. Raises nothing."""
        now = self.services.clock()
        for probe in self.probes:
            standing = self._standings.setdefault(probe.source, _Standing())
            if now < standing.next_check:
                continue
            standing.next_check = now + probe.interval
            try:
                async with asyncio.timeout(WITHIN):
                    words = await probe.check()
            except TimeoutError:
                words = f"no answer within {WITHIN:.0f} seconds"
            except Exception:
                log.exception("the probe of %s failed", probe.source)
                continue
            await self._judge(probe, standing, self.services.redact(words), self.services.clock())
        await self._send_all()

    async def _judge(self, probe: Probe, standing: _Standing, words: str, now: float) -> None:
        self.health.warn(probe.source, words)
        if words:
            standing.since = standing.since or now
            standing.words = words
            if not standing.reported and now - standing.since >= probe.lasts:
                standing.reported = True
                await self._report(
                    probe, Alert(probe.source, probe.clear, words, probe.remedy, standing.since, firing=True)
                )
        elif standing.since:
            over = Alert(probe.source, probe.clear, standing.words, "", standing.since, firing=False)
            reported, standing.reported, standing.since = standing.reported, False, 0.0
            if reported:
                await self._report(probe, over)

    async def _report(self, probe: Probe, alert: Alert) -> None:
        if alert.firing:
            log.error("Signalbox cannot do its work: %s. %s", alert.words, alert.remedy)
        else:
            log.warning("all clear: %s, after %s", alert.clear, self._lasted(alert))
        if probe.shared and not await self._is_first(alert):
            return
        if self.send is not None:
            self._unsent.append(alert)
        if not probe.reports_itself:
            await self._post(alert)

    async def _is_first(self, alert: Alert) -> bool:
        """Whether no other process has reported the same a moment ago; true where the database does not answer."""
        name = f"alert {alert.source} {'firing' if alert.firing else 'clear'}"
        try:
            return await self.cursors.claim(name, int(self.services.clock() // SAME))
        except DatabaseAwayError:
            return True

    async def _post(self, alert: Alert) -> None:
        summary = self.summary(alert)
        icon = ":rotating_light:" if alert.firing else ":white_check_mark:"
        lines = [f"{icon} *{kit.escape(summary)}*"]
        where = kit.escape(self.where)
        lines.append(
            f"Since {kit.moment(alert.since)}, on {where}. {kit.escape(alert.remedy)}"
            if alert.firing
            else f"On {where}."
        )
        message = kit.message(kit.escape(summary), [kit.section("\n".join(lines))])
        try:
            channel = await self.services.chat.channel_id(self.services.config.slack.channel)
            await self.services.chat.post(channel, message)
        except ChatError as error:
            log.warning("the alert about %s cannot be posted: %s", alert.source, error)

    def summary(self, alert: Alert) -> str:
        """The first line for people: what does not work, or works again."""
        if alert.firing:
            return f"Signalbox cannot do its work: {alert.words}"
        return f"{alert.clear}, after {self._lasted(alert)}"

    def _lasted(self, alert: Alert) -> str:
        return phrases.duration(max(0.0, self.services.clock() - alert.since))

    async def _send_all(self) -> None:
        """Send what was not sent yet, in order; what cannot be sent waits for the next round."""
        while self.send is not None and self._unsent:
            try:
                await self.send(self._unsent[0], self.summary(self._unsent[0]))
            except OSError as error:
                log.warning("ALERT_WEBHOOK_URL: %s; it is tried again", self.services.redact(str(error)))
                return
            self._unsent.pop(0)
