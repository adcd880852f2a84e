"""Webhook deliveries: workflow_run and workflow_job, signed, sent once, in order."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from sandbox.github import shapes, shapes_actions

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run
    from sandbox.github.site import Site
    from sandbox.github.web import Json

PATIENCE = 10.0  # seconds that GitHub waits for an answer to a delivery


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where deliveries go, and the secret they are signed with."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery that was tried. `status` is the receiver's answer, 0 when there was none."""

    guid: str
    event: str
    action: str
    body: bytes
    status: int


class Deliveries:
    """Tells the receiver of each change of status of a run or a job. As on GitHub nothing is sent again by itself."""

    def __init__(self, site: Site, settings: WebhookSettings | None) -> None:
        self._site = site
        self._settings = settings
        self._waiting: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self._told: dict[tuple[str, int, int], str] = {}
        self._task: asyncio.Task[None] | None = None
        self.sent: deque[Delivery] = deque(maxlen=1_000)
        if settings is not None:
            for repository in site.repositories.values():
                repository.listeners.append(self._changed)

    async def start(self) -> None:
        """Begin to deliver, when there is anyone to deliver to."""
        if self._settings is not None:
            self._task = asyncio.get_running_loop().create_task(self._deliver_all(self._settings))

    async def stop(self) -> None:
        """Deliver nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _changed(self, repository: Repository, run: Run, job: Job | None) -> None:
        if job is not None and self._is_news("workflow_job", job.job_id, job.attempt, job.status):
            shown = shapes_actions.job(self._site.base, repository, run, job)
            self._queue("workflow_job", job.status, repository, run, {"workflow_job": shown})
        if self._is_news("workflow_run", run.run_id, run.attempt, self._run_action(run)):
            shown = shapes_actions.run(self._site.base, repository, run)
            workflow = shapes_actions.workflow(self._site.base, repository, run.workflow)
            payload = {"workflow_run": shown, "workflow": workflow}
            self._queue("workflow_run", self._run_action(run), repository, run, payload)

    @staticmethod
    def _run_action(run: Run) -> str:
        if run.finished:
            return "completed"
        begun = any(job.status != "queued" for job in run.jobs if job.attempt == run.attempt)
        return "in_progress" if begun else "requested"

    def _is_news(self, event: str, number: int, attempt: int, action: str) -> bool:
        known = self._told.get((event, number, attempt))
        self._told[event, number, attempt] = action
        return known != action

    def _queue(self, event: str, action: str, repository: Repository, run: Run, payload: Json) -> None:
        base = self._site.base
        about = {
            "repository": shapes.repository_full(base, repository, may_write=True),
            "organization": shapes.organization(base, repository.owner),
            "sender": shapes.user(base, run.triggering_actor),
        }
        self._waiting.put_nowait((event, {"action": action, **payload, **about}))

    async def _deliver_all(self, settings: WebhookSettings) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                event, payload = await self._waiting.get()
                await self._deliver(session, settings, event, payload)

    async def _deliver(
        self, session: aiohttp.ClientSession, settings: WebhookSettings, event: str, payload: Json
    ) -> None:
        body, guid = json.dumps(payload).encode(), str(uuid.uuid4())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sandbox",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-GitHub-Hook-ID": "1",
            "X-Hub-Signature-256": signature(settings.secret, body),
        }
        status = 0
        try:
            async with session.post(settings.url, data=body, headers=headers) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            print(f"webhook {event} was not received: {error!r}")
        self.sent.append(Delivery(guid, event, payload["action"], body, status))


def signature(secret: str, body: bytes) -> str:
    """The X-Hub-Signature-256 header of a body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
