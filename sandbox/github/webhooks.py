"""Webhook deliveries: signed, sent once and in order, unless a test loses, duplicates, delays or reorders them."""

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

ANSWER_TIMEOUT = 10.0  # seconds that GitHub waits for an answer to a delivery
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
    """A receiver of deliveries: its URL, the secret of the signature, and its events."""

    url: str
    secret: str
    events: frozenset[str] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery. `status` is the receiver's answer, 0 without an answer."""

    guid: str
    event: str
    action: str
    body: bytes
    status: int

    @property
    def what(self) -> str:
        """The event with its action: workflow_job (queued)."""
        return f"{self.event} ({self.action})" if self.action else self.event


@dataclass(slots=True)
class _Plan:
    """Selects the next `times` deliveries of `event` (None: of any event)."""

    event: str | None
    times: int

    def takes(self, event: str) -> bool:
        if self.times == 0 or self.event not in (None, event):
            return False
        self.times -= 1
        return True


class Deliveries:
    """Sends deliveries to the receiver. As on GitHub none is repeated automatically.

    `sent` are the sent deliveries, `lost` those that a test lost. `delay` seconds pass before each delivery.
    """

    def __init__(self, site: Site, settings: WebhookSettings | None) -> None:
        self._site = site
        self._settings = settings
        self._waiting: asyncio.Queue[Delivery] = asyncio.Queue()
        self._last_actions: dict[tuple[str, int, int], str] = {}
        self._task: asyncio.Task[None] | None = None
        self._to_lose, self._to_duplicate = _Plan(None, 0), _Plan(None, 0)
        self._to_reorder, self._reordered = 0, list[Delivery]()
        self._undelivered = Undelivered("webhook", like="the real GitHub")
        self.delay = 0.0
        self.sent: deque[Delivery] = deque(maxlen=1_000)
        self.lost: list[Delivery] = []
        for repository in site.repositories.values():
            repository.listeners.append(self._changed)
            repository.announce_to.append(partial(self._happened, repository))

    def lose(self, times: int = 1, *, event: str | None = None) -> None:
        """Lose the next deliveries, of this event or of any."""
        self._to_lose = _Plan(event, times)

    def duplicate(self, times: int = 1, *, event: str | None = None) -> None:
        """Send each of the next deliveries twice, under the same GUID, as Redeliver does."""
        self._to_duplicate = _Plan(event, times)

    def mix(self, number: int) -> None:
        """Hold the next `number` deliveries, and send them in reverse order."""
        self._to_reorder = number

    async def start(self) -> None:
        """Start delivering, once there is a receiver."""
        self._task = asyncio.get_running_loop().create_task(self._deliver_all())

    async def stop(self) -> None:
        """Stop delivering."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def connect(self, settings: WebhookSettings) -> None:
        """Send to this receiver from now on, with a ping first."""
        self._settings = settings
        payload = shapes_webhooks.ping(self._site.base, settings.url, settings.events)
        self._queue("ping", None, {**payload, **self._about(None, "lee-park")})

    def _happened(self, repository: Repository, event: Event) -> None:
        if self._settings is None:
            return
        about = self._about(repository, event.sender)
        name, action, payload = shapes_webhooks.of_event(self._site.base, repository, event)
        if name == "push":
            about["repository"] = shapes_webhooks.pushed_repository(about["repository"])
        self._queue(name, action, {**payload, **about})

    def _changed(self, repository: Repository, run: Run, job: Job | None) -> None:
        if self._settings is None:
            return
        base, about = self._site.base, self._about(repository, run.triggering_actor)
        if job is not None and self._is_new("workflow_job", job.job_id, job.attempt, job.status):
            self._queue("workflow_job", job.status, {**shapes_webhooks.of_job(base, repository, run, job), **about})
        action = _run_action(run)
        if self._is_new("workflow_run", run.run_id, run.attempt, action):
            self._queue("workflow_run", action, {**shapes_webhooks.of_run(base, repository, run), **about})
            if run.finished:
                self._queue("check_suite", "completed", {**shapes_webhooks.of_suite(base, repository, run), **about})

    def _is_new(self, event: str, number: int, attempt: int, action: str) -> bool:
        last = self._last_actions.get((event, number, attempt))
        self._last_actions[event, number, attempt] = action
        return last != action

    def _about(self, repository: Repository | None, sender: str) -> Json:
        base, about = self._site.base, dict[str, object]()
        if repository is not None:
            about["repository"] = shapes.repository_reference(base, repository) | {"custom_properties": {}}
            about["organization"] = shapes.organization(base, repository.owner)
        if (app := self._site.credentials.app) is not None:
            about["installation"] = {"id": app.installation_id, "node_id": shapes.node_id("I", app.installation_id)}
        return {**about, "sender": shapes.user(base, sender)}

    def _queue(self, event: str, action: str | None, payload: Json) -> None:
        if self._settings is None or event not in self._settings.events:
            return
        body = self._site.outward(json.dumps({"action": action, **payload} if action else payload).encode())
        delivery = Delivery(str(uuid.uuid4()), event, action or "", body, 0)
        if self._to_lose.takes(event):
            self.lost.append(delivery)
            return
        deliveries = [delivery] * (2 if self._to_duplicate.takes(event) else 1)
        if self._to_reorder:
            self._reordered, self._to_reorder = [*self._reordered, *deliveries], self._to_reorder - 1
            deliveries = []
            if not self._to_reorder:
                deliveries, self._reordered = self._reordered[::-1], []
        for waiting in deliveries:
            self._waiting.put_nowait(waiting)

    async def _deliver_all(self) -> None:
        while True:
            delivery = await self._waiting.get()
            await asyncio.sleep(self.delay)
            await self.send(delivery)

    async def redeliver(self, delivery: Delivery) -> int:
        """Send it again under its old GUID; the receiver's status, 0 without an answer."""
        return await self.send(delivery)

    async def send(self, delivery: Delivery, *, secret: str | None = None, url: str | None = None) -> int:
        """Send a delivery now, with another secret or to another URL where given; returns the status."""
        if self._settings is None:
            raise RuntimeError("there is no receiver")
        headers = _headers(delivery, secret or self._settings.secret)
        where, status = url or self._settings.url, 0
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT)) as session,
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
    started = any(
        job.status not in ("queued", "waiting") for job in run.jobs if job.attempt == run.attempt and not job.carried
    )
    return "in_progress" if started else "requested"


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
