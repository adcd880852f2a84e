"""Notifications about runs: signed with a shared token, sent once, in order."""

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
    """The receiver's URL, and the token that signs the notifications."""

    url: str
    token: str


def sign(body: bytes, token: str) -> str:
    """The signature: HMAC-SHA512 of the body, as hex digits."""
    return hmac.new(token.encode(), body, hashlib.sha512).hexdigest()


def payload(run: Run | None, page: str, trigger: str, message: str, by: str) -> Json:
    """A notification (payload version 1); without a run it verifies a new receiver."""
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
    """Notifies the receiver of changes of runs, without retries."""

    def __init__(self, settings: NotificationSettings | None) -> None:
        self._settings = settings
        self._queue: asyncio.Queue[Json] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._undelivered = Undelivered("notification")
        self.answers: deque[int] = deque(maxlen=1_000)

    def start(self) -> None:
        """Start to send, first the verification."""
        if self._settings:
            self._queue.put_nowait(payload(None, "", "verification", "Verification of test", ""))
            self._task = asyncio.create_task(self._send())

    async def stop(self) -> None:
        """Stop sending."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    def notify(self, run: Run, page: str, by: str) -> None:
        """Queue a notification about this run's status."""
        trigger = _ATTENTION if run.confirmable or run.status == "policy_override" else _TRIGGERS.get(run.status)
        if self._settings and trigger:
            self._queue.put_nowait(payload(run, page, *trigger, by))

    async def _send(self) -> None:
        settings = self._settings
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while settings:
                notification = await self._queue.get()
                body = json.dumps(notification).encode()
                headers = {"Content-Type": "application/json", SIGNATURE: sign(body, settings.token)}
                try:
                    async with session.post(settings.url, data=body, headers=headers) as answer:
                        self.answers.append(answer.status)
                    self._undelivered.received(settings.url)
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.answers.append(0)
                    self._undelivered.missed(notification["notifications"][0]["trigger"], settings.url, error)
