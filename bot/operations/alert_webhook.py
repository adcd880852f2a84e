"""Alerts by HTTP, to an address outside of Slack: one POST of JSON for each, whose `text` incoming webhooks display."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.operations.alerts import Alert

TIMEOUT = 10.0  # seconds


def sender(url: str, where: str) -> Callable[[Alert, str], Awaitable[None]]:
    """Sends an alert and its summary from this process. Raises OSError where it does not arrive, without the address."""

    async def send(alert: Alert, summary: str) -> None:
        limit = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(url, json=body(alert, summary, where), allow_redirects=False) as answer,
            ):
                if answer.status >= 300:
                    raise OSError(f"it answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"it does not answer ({type(error).__name__})") from None

    return send


def body(alert: Alert, summary: str, where: str) -> dict[str, str]:
    """What is sent."""
    more = f". On {where}. {alert.remedy}".rstrip()
    return {
        "text": f"{summary}{more}",
        "source": alert.source,
        "status": "firing" if alert.firing else "resolved",
        "problem": alert.words,
        "since": datetime.fromtimestamp(alert.since, UTC).isoformat(timespec="seconds"),
        "process": where,
    }
