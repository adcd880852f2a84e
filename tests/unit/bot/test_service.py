"""How the service is composed: a process that lost its lease posts no message of an operation."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from dbos import DBOS

from bot.config import read
from bot.config.isolation import isolations
from bot.engine.lease import HeldLease
from bot.errors import LeaseLostError
from bot.isolation import Proven
from bot.redaction import Redactor
from bot.seals import new_key
from bot.service import Service
from bot.settings import read as read_settings
from bot.slack.blocks import kit
from bot.slack.web_api import make_client
from bot.store.workers import Identity, Lease, Workers
from sandbox.slack import SlackSettings, SlackStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.services import Services
    from bot.store.database import Store

CONFIG = """
slack: {channel: "#ops"}
github: {repository: o/r}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  dev:
    deploy: {github_actions: {workflow: d.yml}}
"""
TOKEN = "xoxb-planted-bot-token"
SHORT = timedelta(seconds=1)
HERE = Identity("work", "machine-a", "host-a", "1")


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandIn]:
    stand_in = SlackStandIn(SlackSettings(TOKEN, "planted-signing-secret", None, None, rate_limits=False))
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
async def held(store: Store) -> AsyncIterator[HeldLease]:
    lease = await HeldLease.acquire(store, Workers(store, SHORT), HERE, lambda: None)
    yield lease
    await asyncio.to_thread(lease.stop)


@pytest.fixture
async def services(slack: SlackStandIn, store: Store, held: HeldLease, tmp_path: Path) -> AsyncIterator[Services]:
    """What handlers and operations get, composed as in production."""
    config = read(CONFIG, "signalbox.yaml")
    variables = {"SLACK_BOT_TOKEN": TOKEN, "SLACK_SIGNING_SECRET": "planted-signing-secret", "SIGNALBOX_KEY": new_key()}
    settings = read_settings({**variables, "PATH": os.defpath, "GITHUB_TOKEN": "planted"}, executor="work")
    service = Service(config, settings, {}, Redactor())
    proven = Proven(isolations(config, tmp_path, tmp_path / "signalbox.yaml"), ())
    chat = service._chat(make_client(TOKEN, f"{slack.url}/api/"), store)
    yield service._services(chat, store, tmp_path, proven, held)
    DBOS.destroy(destroy_registry=True)


async def test_who_lost_the_lease_posts_nothing_of_an_operation(
    slack: SlackStandIn, store: Store, held: HeldLease, services: Services
) -> None:
    message = kit.message("one", [kit.section("one")])
    at = await services.chat.post("C0STAGING", message, marker="while it holds the lease")
    await asyncio.to_thread(held.stop)  # as a process that is stopped: it renews nothing
    assert isinstance(await Workers(store, SHORT).acquire(HERE), Lease)
    await asyncio.sleep(max(0.0, held.remaining))
    with pytest.raises(LeaseLostError):
        await services.chat.post("C0STAGING", message, marker="of an operation")
    with pytest.raises(LeaseLostError):
        await services.chat.upload(at, filename="plan.txt", title="The plan", content="text")
    await services.chat.post("C0STAGING", message)
    posts = [call.arguments for call in slack.calls if call.method == "chat.postMessage"]
    assert ["metadata" in arguments for arguments in posts] == [True, False]
