"""The periodic task that begins an alert for each stuck builder, and /infra builders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.targets import BUILDERS
from bot.operations import dropped
from bot.operations.registry import DueRun, Invocation, PeriodicTask, Topic
from handlers.builders import list_views
from handlers.shared.builders import begin_alert, remaining_grace, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from bot.config import Config
    from bot.services import Services
    from bot.slack.blocks.kit import Message


async def check_builders(services: Services, _: DueRun) -> timedelta | None:
    """Begin an alert for every stuck builder without one; the time until the next builder may become stuck."""
    builders = (await snapshot(services)).joined
    failed: Exception | None = None
    for joined in builders:
        try:
            if joined.stuck:
                await begin_alert(services, joined)
        except Exception as error:  # noqa: BLE001  -- raised after the alerts of the other builders were begun
            failed = error
            if not dropped.passes(error):
                dropped.count("builders", f"the alert of {joined.builder.instance_id}", error)
    if failed:
        raise failed
    graces = (remaining_grace(services, joined) for joined in builders)
    return min((grace for grace in graces if grace is not None), default=None)


async def topic(services: Services, _: Invocation, __: Sequence[str]) -> Message:
    """All builders that there are now, busy and stuck."""
    current = await snapshot(services)
    return list_views.page(current.joined, current.builders, current.problem, services.clock())


def _intervals(config: Config) -> Mapping[str, timedelta]:
    watch = config.watch.builders if config.watch else None
    return {BUILDERS: watch.every} if watch else {}


PERIODIC_TASKS = (PeriodicTask("builders", _intervals, check_builders),)
TOPICS = (Topic("builders", "", "Packer's builders: which work, which are stuck.", topic, most=0, target=BUILDERS),)
