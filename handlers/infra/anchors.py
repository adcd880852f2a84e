"""Sends anchors of the audit log: a periodic task, and at a polite stop."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.operations.registry import PeriodicTask
from bot.slack.blocks import kit
from runners import anchoring, audit_streams
from runners.concurrency import run_blocking
from runners.errors import RunnerError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.config.models.audit import Destination
    from bot.operations.registry import DueRun
    from bot.services import Services
    from bot.store.anchors import Anchor

OUTAGE = 900.0  # seconds for which a destination may be away before that is reported
LONGEST_PAUSE = timedelta(minutes=1)  # until the number of new entries is read again
TIMEOUT = 40.0  # seconds for one destination


async def send_due(services: Services, run: DueRun) -> None:
    """Send what is due to this destination. Raises UnavailableError only while its outage is short."""
    settings = services.config.audit.anchor
    for destination in settings.to if settings else ():
        if settings and destination.name == run.target:
            await _send(services, destination, every=settings.every.total_seconds(), entries=settings.entries)


async def send_newest(services: Services) -> None:
    """Send the newest entry to every destination that does not have it: the process stops. Raises what failed."""
    settings = services.config.audit.anchor
    failed: list[str] = []
    for destination in settings.to if settings else ():
        try:
            await _send(services, destination, every=0, entries=1)
        except Exception as error:  # noqa: BLE001  -- raised after the other destinations were tried
            failed.append(f"{destination.name}: {error}")
    if failed:
        raise RunnerError(anchoring.DOING, "; ".join(failed))


async def _send(services: Services, destination: Destination, *, every: float, entries: int) -> None:
    anchor = await services.anchors.next_due(destination.name, every=every, entries=entries)
    if anchor is None:
        return
    try:
        await _deliver(services, destination, anchor)
    except UnavailableError as error:
        # What does not answer for a moment passes by itself, and is not reported. An anchor that is long overdue is.
        if services.clock() - anchor.at < OUTAGE:
            raise
        raise RunnerError(error.doing, error.problem, remedy=error.remedy) from error
    await services.anchors.mark_sent(destination.name, anchor)


async def _deliver(services: Services, destination: Destination, anchor: Anchor) -> None:
    if destination.channel:
        await _post(services, destination.channel, anchor)
    else:
        await run_blocking(_write, services, destination, anchor, timeout=TIMEOUT, doing=anchoring.DOING)


def _write(services: Services, destination: Destination, anchor: Anchor) -> None:
    if destination.file:
        audit_streams.append(services.workplace.parent / destination.file, [anchor.line], anchoring.PURPOSE)
    elif destination.syslog:
        message = audit_streams.syslog_message(anchor.line, anchor.at, anchor.instance, "anchor")
        audit_streams.send_syslog(destination.syslog, [message], anchoring.PURPOSE)
    elif s3 := destination.s3:
        place = services.config.bucket_in(s3.region)
        bucket = anchoring.Bucket(s3.bucket, s3.prefix, place.region, place.profile)
        bucket.put(anchor.sequence, anchor.line, s3.retain)
    else:
        raise RunnerError(anchoring.DOING, f"{destination.name} has no kind that this version can send to")


async def _post(services: Services, channel: str, anchor: Anchor) -> None:
    marker = f"audit anchor {anchor.sequence} {anchor.seal}"
    channel_id = await services.chat.channel_id(channel)
    if await services.chat.find(channel_id, marker, since=anchor.at - 60):
        return  # an earlier attempt posted it and was interrupted before that was recorded
    summary = f"Audit log anchor {anchor.sequence}: entry {anchor.number}"
    message = kit.message(summary, [kit.section(f"{summary}\n{kit.preformatted(anchor.line)}")])
    await services.chat.post(channel_id, message, marker=marker)


def _intervals(config: Config) -> Mapping[str, timedelta]:
    settings = config.audit.anchor
    # Each destination by itself: one that fails is named, and hides no other.
    return {to.name: min(settings.every, LONGEST_PAUSE) for to in settings.to} if settings else {}


PERIODIC_TASKS = (PeriodicTask("audit anchors", _intervals, send_due, at_stop=send_newest),)
