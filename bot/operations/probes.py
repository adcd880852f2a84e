"""The probes of what the bot needs for its work: Slack, GitHub, its database, the room on its disks."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.operations.alert_webhook import sender
from bot.operations.alerts import Alerts, Probe
from bot.slack.errors import NO_ANSWER
from bot.slack.web_api import ChatError
from runners.errors import AccessDeniedError, RunnerError, UnavailableError

if TYPE_CHECKING:
    from bot.process.health import Health
    from bot.services import Services
    from bot.settings import Settings
    from bot.store.cursors import Cursors

OUTAGE = 120.0  # seconds without an answer, before people read of it
MINUTE, RARELY = 60.0, 300.0
DATABASE_WITHIN = 10.0
NEARLY_FULL = 5  # times the room that has to be free


def alerting(services: Services, health: Health, cursors: Cursors, settings: Settings) -> Alerts:
    """Watch what this process needs, and report what it lacks."""
    where = f"{socket.gethostname()} ({settings.executor})"
    github = bool(settings.github_token or settings.github_app_id)
    send = sender(settings.alert_webhook_url, where) if settings.alert_webhook_url else None
    alerts = Alerts(services, health, cursors, where, probes_of(services, health, github=github), send)
    alerts.start()
    return alerts


def probes_of(services: Services, health: Health, *, github: bool) -> tuple[Probe, ...]:
    """The probes of this process; GitHub's only where there are credentials for it."""
    slack = Probe(
        "slack", "Slack answers again", lambda: _slack(services),
        "Check status.slack.com, and the token: python -m bot check. Messages wait, and are delivered when Slack answers.",
        lasts=OUTAGE, interval=MINUTE, shared=True,
    )  # fmt: skip
    database = Probe(
        "database-away", "The database answers again", lambda: _database(services),
        "Start it again. What is under way waits for it; commands and clicks are refused meanwhile.", lasts=MINUTE, shared=True,
    )  # fmt: skip
    disk = Probe(
        "disk-nearly-full", "There is room on the disks again", lambda: _disk(health),
        "Make room: without any, nothing starts and /readyz answers 503.",
    )  # fmt: skip
    if not github:
        return slack, database, disk
    answers = Probe(
        "github", "GitHub answers again", lambda: _github(services),
        "Check www.githubstatus.com, and the credentials: python -m bot check. Deploys and builds do not start meanwhile.",
        lasts=OUTAGE, interval=RARELY, shared=True,
    )  # fmt: skip
    return slack, database, disk, answers


async def _slack(services: Services) -> str:
    try:
        await services.chat.query("auth.test")
    except ChatError as error:
        if error.transient:
            reason = error.code.removeprefix(NO_ANSWER).strip(" ()")
            return f"Slack does not answer ({reason})" if reason else "Slack does not answer"
        return f"Slack refuses the bot ({error.code})"
    return ""


async def _github(services: Services) -> str:
    """GET /rate_limit, which costs nothing of the limit."""
    try:
        await services.github.get(
            services.config.github.repository, "/rate_limit", doing="asking GitHub for the rate limit"
        )
    except AccessDeniedError as error:
        return f"GitHub refuses the credentials: {error.problem}"
    except UnavailableError as error:
        return f"GitHub does not answer: {error.problem}"
    except RunnerError as error:
        return f"GitHub: {error.problem}"
    return ""


async def _database(services: Services) -> str:
    try:
        async with asyncio.timeout(DATABASE_WITHIN):
            await services.outbox.backlog()
    except (DatabaseAwayError, TimeoutError) as error:
        return f"the database does not answer ({str(error) or 'no answer in time'})"
    return ""


async def _disk(health: Health) -> str:
    return health.no_room(NEARLY_FULL)
