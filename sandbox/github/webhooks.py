"""Webhook deliveries: signed, sent once and in order, unless a test wants them lost, doubled, late or mixed up."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import aiohttp

from sandbox.github.shapes import common as shapes, webhooks as shapes_webhooks
from sandbox.undelivered import Undelivered

if TYPE_CHECKING:
    from sandbox.github.events import Event
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run
    from sandbox.github.site import Site
    from sandbox.github.web import Json

PATIENCE = 10.0  # seconds that GitHub waits for an answer to a delivery
EVERYTHING = frozenset(
    {
        *(
            "check_suite",
            "deployment",
            "deployment_status",
            "ping",
            "pull_request",
            "push",
            "workflow_job",
            "workflow_run",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where deliveries go, the secret they are signed with, and which events are wanted."""

    url: str
    secret: str
    events: frozenset[str] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery that was tried. `status` is the receiver's answer, 0 when there was none."""

    guid: str
    event: str
    action: str
    body: bytes
    status: int

    @property
    def what(self) -> str:
        """What it tells of: workflow_job (queued)."""
        return f"{self.event} ({self.action})" if self.action else self.event


@dataclass(slots=True)
class _Plan:
    """What becomes of the next `times` deliveries of `event` (None: of any)."""

    event: str | None
    times: int

    def takes(self, event: str) -> bool:
        if self.times == 0 or self.event not in (None, event):
            return False
        self.times -= 1
        return True


class Deliveries:
    """Tells the receiver of what happens. As on GitHub nothing is sent again by itself.

    `sent` are those that were tried, `lost` those that a test made be lost. `delay` seconds pass before each one.
    """

    def __init__(self, site: Site, settings: WebhookSettings | None) -> None:
        self._site = site
        self._settings = settings
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._told: dict[tuple[str, int, int], str] = {}
        self._task: asyncio.Task[None] | None = None
        self._losing, self._doubling = _Plan(None, 0), _Plan(None, 0)
        self._mixing, self._held = 0, list[Delivery]()
        self._undelivered = Undelivered("webhook", like="the real GitHub")
        self.delay = 0.0
        self.sent: deque[Delivery] = deque(maxlen=1_000)
        self.lost: list[Delivery] = []
        for repository in site.repositories.values():
            repository.listeners.append(self._changed)
            repository.announce_to.append(partial(self._happened, repository))

    def lose(self, times: int = 1, *, event: str | None = None) -> None:
        """Never send the next deliveries, of this event or of any."""
        self._losing = _Plan(event, times)

    def duplicate(self, times: int = 1, *, event: str | None = None) -> None:
        """Send each of the next deliveries twice, under one GUID, as when somebody presses Redeliver."""
        self._doubling = _Plan(event, times)

    def mix(self, number: int) -> None:
        """Hold the next so many deliveries back, and send them the last one first."""
        self._mixing = number

    async def start(self) -> None:
        """Begin to deliver, as soon as there is anyone to deliver to."""
        self._task = asyncio.get_running_loop().create_task(self._deliver_all())

    async def stop(self) -> None:
        """Deliver nothing more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def connect(self, settings: WebhookSettings) -> None:
        """Tell this receiver from now on; GitHub begins with a ping."""
        self._settings = settings
        told = shapes_webhooks.ping(self._site.base, settings.url, settings.events)
        self._queue("ping", None, {**told, **self._about(None, "lee-park")})

    def _happened(self, repository: Repository, event: Event) -> None:
        if self._settings is None:
            return
        about = self._about(repository, event.sender)
        name, action, told = shapes_webhooks.of_event(self._site.base, repository, event)
        if name == "push":
            about["repository"] = shapes_webhooks.pushed_repository(about["repository"])
        self._queue(name, action, {**told, **about})

    def _changed(self, repository: Repository, run: Run, job: Job | None) -> None:
        if self._settings is None:
            return
        base, about = self._site.base, self._about(repository, run.triggering_actor)
        if job is not None and self._is_news("workflow_job", job.job_id, job.attempt, job.status):
            self._queue("workflow_job", job.status, {**shapes_webhooks.of_job(base, repository, run, job), **about})
        action = _run_action(run)
        if self._is_news("workflow_run", run.run_id, run.attempt, action):
            self._queue("workflow_run", action, {**shapes_webhooks.of_run(base, repository, run), **about})
            if run.finished:
                self._queue("check_suite", "completed", {**shapes_webhooks.of_suite(base, repository, run), **about})

    def _is_news(self, event: str, number: int, attempt: int, action: str) -> bool:
        known = self._told.get((event, number, attempt))
        self._told[event, number, attempt] = action
        return known != action

    def _about(self, repository: Repository | None, sender: str) -> Json:
        base, about = self._site.base, dict[str, object]()
        if repository is not None:
            about["repository"] = shapes.repository_told(base, repository) | {"custom_properties": {}}
            about["organization"] = shapes.organization(base, repository.owner)
        if (app := self._site.credentials.app) is not None:
            about["installation"] = {"id": app.installation_id, "node_id": shapes.node_id("I", app.installation_id)}
        return {**about, "sender": shapes.user(base, sender)}

    def _queue(self, event: str, action: str | None, payload: Json) -> None:
        if self._settings is None or event not in self._settings.events:
            return
        body = self._site.outward(json.dumps({"action": action, **payload} if action else payload).encode())
        delivery = Delivery(str(uuid.uuid4()), event, action or "", body, 0)
        if self._losing.takes(event):
            self.lost.append(delivery)
            return
        deliveries = [delivery] * (2 if self._doubling.takes(event) else 1)
        if self._mixing:
            self._held, self._mixing = [*self._held, *deliveries], self._mixing - 1
            deliveries = []
            if not self._mixing:
                deliveries, self._held = self._held[::-1], []
        for one in deliveries:
            self._waiting.put_nowait(one)

    async def _deliver_all(self) -> None:
        while True:
            delivery = await self._waiting.get()
            await asyncio.sleep(self.delay)
            await self.send(delivery)

    async def redeliver(self, delivery: Delivery) -> int:
        """Send it again under its old GUID; the receiver's status, 0 when there was no answer."""
        return await self.send(delivery)

    async def send(self, delivery: Delivery, *, secret: str | None = None, url: str | None = None) -> int:
        """Send one now, signed with another secret or to another address if so wished; returns the status."""
        if self._settings is None:
            raise RuntimeError("there is nobody to deliver to")
        headers = _headers(delivery, secret or self._settings.secret)
        where, status = url or self._settings.url, 0
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
                session.post(where, data=delivery.body, headers=headers) as answer,
            ):
                status = answer.status
            self._undelivered.received(where)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._undelivered.missed(delivery.what, where, error)
        self.sent.append(replace(delivery, status=status))
        return status


def _run_action(run: Run) -> str:
    if run.finished:
        return "completed"
    begun = any(
        job.status not in ("queued", "waiting") for job in run.jobs if job.attempt == run.attempt and not job.carried
    )
    return "in_progress" if begun else "requested"


def _headers(delivery: Delivery, secret: str) -> dict[str, str]:
    old = hmac.new(secret.encode(), delivery.body, hashlib.sha1).hexdigest()
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(shapes_webhooks.HOOK_ID),
        "X-GitHub-Hook-Installation-Target-ID": "400000000",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-Hub-Signature": f"sha1={old}",
        "X-Hub-Signature-256": signature(secret, delivery.body),
    }


def signature(secret: str, body: bytes) -> str:
    """The X-Hub-Signature-256 header of a body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
