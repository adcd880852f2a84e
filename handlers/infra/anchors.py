"""Sends anchors of the audit log: a periodic task, and at a polite stop."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.operations.registry import PeriodicTask
from bot.slack.blocks import kit
from runners import anchoring
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.config.models.audit import Destination
    from bot.operations.registry import DueRun
    from bot.services import Services
    from bot.store.anchors import Anchor

TARGET = "the audit log"
LONGEST_PAUSE = timedelta(minutes=1)  # until the number of new entries is read again
TIMEOUT = 40.0  # seconds for one destination


async def send_due(services: Services, _: DueRun) -> None:
    """Send what is due to every destination. Raises the first error after all were tried."""
    settings = services.config.audit.anchor
    if settings:
        await _send(services, every=settings.every.total_seconds(), entries=settings.entries)


async def send_newest(services: Services) -> None:
    """Send the newest entry to every destination that does not have it: the process stops."""
    await _send(services, every=0, entries=1)


async def _send(services: Services, *, every: float, entries: int) -> None:
    failed: Exception | None = None
    settings = services.config.audit.anchor
    for destination in settings.to if settings else ():
        try:
            anchor = await services.anchors.next_due(destination.name, every=every, entries=entries)
            if anchor:
                await _deliver(services, destination, anchor)
                await services.anchors.mark_sent(destination.name, anchor)
        except Exception as error:  # noqa: BLE001  -- raised after the other destinations were tried
            failed = failed or error
    if failed:
        raise failed


async def _deliver(services: Services, destination: Destination, anchor: Anchor) -> None:
    if destination.channel:
        await _post(services, destination.channel, anchor)
    else:
        await run_blocking(_write, services, destination, anchor, timeout=TIMEOUT, doing=anchoring.DOING)


def _write(services: Services, destination: Destination, anchor: Anchor) -> None:
    if destination.file:
        anchoring.append(services.workplace.parent / destination.file, anchor.line)
    elif destination.syslog:
        message = anchoring.syslog_message(anchor.line, anchor.at, anchor.instance)
        anchoring.send_syslog(destination.syslog, message)
    elif s3 := destination.s3:
        aws = services.config.aws
        bucket = anchoring.Bucket(s3.bucket, s3.prefix, s3.region or aws.region, aws.profile)
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
    return {TARGET: min(settings.every, LONGEST_PAUSE)} if settings else {}


PERIODIC_TASKS = (PeriodicTask("audit anchors", _intervals, send_due, at_stop=send_newest),)
