"""Notifications about runs: signed with the token that both sides know, sent once, in order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from sandbox.hcp.model import new_id, now
from sandbox.undelivered import Undelivered

if TYPE_CHECKING:
    from sandbox.hcp.model import Run
    from sandbox.hcp.web import Json

SIGNATURE = "X-TFE-Notification-Signature"
# developer.hashicorp.com/terraform/cloud-docs/api-docs/notification-configurations, "Notification Triggers".
_TRIGGERS = {
    "pending": ("run:created", "Run Created"),
    "planning": ("run:planning", "Run Planning"),
    "applying": ("run:applying", "Run Applying"),
    "applied": ("run:completed", "Run Completed"),
    "planned_and_finished": ("run:completed", "Run Planned and Finished"),
    "errored": ("run:errored", "Run Errored"),
    "canceled": ("run:errored", "Run Canceled"),
    "discarded": ("run:errored", "Run Discarded"),
}
_ATTENTION = ("run:needs_attention", "Run Needs Attention")


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Where notifications go, and the token they are signed with."""

    url: str
    token: str


def sign(body: bytes, token: str) -> str:
    """The signature: HMAC-SHA512 of the body, as hex digits."""
    return hmac.new(token.encode(), body, hashlib.sha512).hexdigest()


def payload(run: Run | None, page: str, trigger: str, message: str, by: str) -> Json:
    """A notification in version 1 of its form; without a run it is the one that verifies a new receiver."""
    return {
        "payload_version": 1,
        "notification_configuration_id": new_id("nc"),
        "run_url": page if run else None,
        "run_id": run.id if run else None,
        "run_message": run.message if run else None,
        "run_created_at": run.created_at if run else None,
        "run_created_by": run.created_by if run else None,
        "workspace_id": run.workspace.id if run else None,
        "workspace_name": run.workspace.name if run else None,
        "organization_name": run.workspace.organization if run else None,
        "notifications": [
            {
                "message": message,
                "trigger": trigger,
                "run_status": run.status if run else None,
                "run_updated_at": now() if run else None,
                "run_updated_by": by if run else None,
            }
        ],
    }


class Notifications:
    """Notifies the receiver of changes of runs; nothing is sent again."""

    def __init__(self, settings: NotificationSettings | None) -> None:
        self._settings = settings
        self._waiting: asyncio.Queue[Json] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._undelivered = Undelivered("notification")
        self.answers: deque[int] = deque(maxlen=1_000)

    def start(self) -> None:
        """Begin to send; first the one that verifies."""
        if self._settings:
            self._waiting.put_nowait(payload(None, "", "verification", "Verification of test", ""))
            self._task = asyncio.create_task(self._send())

    async def stop(self) -> None:
        """Send nothing more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    def notify(self, run: Run, page: str, by: str) -> None:
        """Something happened to this run."""
        trigger = _ATTENTION if run.confirmable or run.status == "policy_override" else _TRIGGERS.get(run.status)
        if self._settings and trigger:
            self._waiting.put_nowait(payload(run, page, *trigger, by))

    async def _send(self) -> None:
        settings = self._settings
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while settings:
                notification = await self._waiting.get()
                body = json.dumps(notification).encode()
                headers = {"Content-Type": "application/json", SIGNATURE: sign(body, settings.token)}
                try:
                    async with session.post(settings.url, data=body, headers=headers) as answer:
                        self.answers.append(answer.status)
                    self._undelivered.received(settings.url)
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.answers.append(0)
                    self._undelivered.missed(notification["notifications"][0]["trigger"], settings.url, error)
