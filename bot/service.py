"""Composes the service from configuration and settings, and runs it until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import socket
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.accounts import Accounts
from bot.access.directory import Directory
from bot.access.page_links import PageLinks
from bot.children.keeping import Keeping
from bot.children.rescue import Rescue
from bot.config.worker_labels import withheld
from bot.engine import tracing
from bot.engine.engine import Engine, EngineSettings
from bot.engine.lease import HeldLease
from bot.engine.schema import prepare
from bot.engine.shared_work import Share
from bot.engine.single_instance import is_surely_dead, single_instance_lock
from bot.engine.takeover import Takeover
from bot.engine.versions import APPLICATION_VERSION, refuse_if_newer
from bot.inbound import app as bolt, form_pages, github_webhooks, hcp_notifications, pages, server
from bot.inbound.connections import Connections
from bot.inbound.dispatch import Dispatch
from bot.inbound.github_webhooks import Webhooks
from bot.inbound.installation import Installation
from bot.inbound.limits import affordable, limit_accept_errors, raise_descriptors
from bot.inbound.listening import listen
from bot.inbound.peers import Peers
from bot.inbound.reception import Reception
from bot.inbound.socket_mode import SocketMode
from bot.operations import probes
from bot.operations.command_answers import CommandAnswers
from bot.operations.health_watch import HealthWatch, Watched
from bot.operations.leftovers import DailySweep, delete_directories
from bot.operations.periodic import PeriodicTasks
from bot.operations.queue import QueueDisplay
from bot.operations.room import room_of
from bot.operations.run_finder import RunFinder
from bot.operations.spreading import spread_work
from bot.operations.startup import display_open, record_start, watch_open
from bot.process.clock import Clock
from bot.process.health import Health
from bot.process.machine import machine_id
from bot.process.signals import stop_event
from bot.resources import make_account, make_aws, make_github, make_hcp, make_store
from bot.services import Secrets, Services
from bot.slack.blocks import markup
from bot.slack.client import Chat
from bot.slack.open_homes import OpenHomes
from bot.slack.web_api import make_client
from bot.store.anchors import Anchors
from bot.store.annotations import Annotations
from bot.store.approvals import Approvals
from bot.store.artifact_places import artifacts_of
from bot.store.audit import Audit
from bot.store.channels import Channels
from bot.store.closures import Closures
from bot.store.copies import Copies
from bot.store.cursors import Cursors
from bot.store.deliveries import Deliveries
from bot.store.deployments import Deployments, MachineCommits
from bot.store.groups import Groups
from bot.store.history import History
from bot.store.host_keys import HostKeys
from bot.store.images import Images
from bot.store.operations import Operations
from bot.store.outbox import Outbox
from bot.store.passes import Passes
from bot.store.preferences import Preferences
from bot.store.refused_attempts import RefusedAttempts
from bot.store.removals import Removals
from bot.store.retention import Retention
from bot.store.run_claims import RunClaims
from bot.store.workers import Identity, Workers
from runners.aws.builders.prices import Prices
from runners.aws.client import make_clients
from runners.observations import Observations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config import Config
    from bot.isolation import Proof, Proven
    from bot.operations.registry import Registry
    from bot.redaction import Redactor
    from bot.settings import Settings
    from bot.store.database import Store

log = logging.getLogger(__name__)


class Service:
    """One process of Signalbox: operations if it `works`, and Slack's requests unless it only works."""

    def __init__(
        self, config: Config, settings: Settings, secrets: Mapping[str, str], redact: Redactor, *, works: bool = True
    ) -> None:
        self._config = config
        self._settings = settings
        self._secrets = Secrets(secrets, settings.search_path, settings.own_secrets)
        self._redact = redact
        self._account = make_account(config)
        self._clock = Clock()
        self._health = Health()
        self._beside = Path()  # the directory of the configuration file
        self._share = Share(works, withheld(config, settings.labels))

    async def run(self, workplace: Path, file: Path, proof: Proof, *, listens: bool) -> None:
        """Work until SIGTERM or SIGINT; `file` is the configuration's. Nothing starts before the proof has succeeded.

        Raises:
            ConfigError: another process has this executor's name.
            RunnerError: as `Proof.result` does.
        """
        self._beside = file.absolute().parent
        stopped = stop_event()
        store = make_store(self._settings, workplace)
        async with AsyncExitStack() as stack:
            stack.enter_context(single_instance_lock(workplace, self._settings.executor))
            stack.callback(proof.cancel)
            identity = await prepare(store, workplace)
            held = await self._acquire(stack, store, workplace)
            registry = bolt.find_handlers()
            client = make_client(self._settings.slack_bot_token, self._settings.slack_api_url)
            services = self._services(self._chat(client, store), store, workplace, await proof.result(), held)
            stack.push_async_callback(services.refused_attempts.flush)
            stack.push_async_callback(services.open_homes.close)
            # GitHub is not closed before the process ends: running work would take that for a failure.
            bolt.register_operations(services, registry)
            await delete_directories(services, unnamed=True)
            await self._watch(stack, services, store, identity)
            await record_start(services)
            await self._launch(stack, services, registry)
            cursors = Cursors(store, self._clock)
            finder = RunFinder(services, cursors, registry.run_listeners)
            stack.push_async_callback(finder.close)
            if listens:
                await self._listen(stack, services, registry, client, finder)
            await server.listen_for_metrics(stack, services, self._health, self._settings.metrics_address)
            finder.start()
            stack.push_async_callback(PeriodicTasks(services, cursors, registry.periodic_tasks).close)
            stack.push_async_callback(probes.alerting(services, self._health, cursors, self._settings).close)
            stack.push_async_callback(services.refused_attempts.flush)  # the last anchor covers what was counted
            gc.freeze()  # loaded modules stay: the collector need not visit them again
            log.info("ready as %s", self._settings.executor)
            await stopped.wait()
            log.info("stopping; unfinished operations continue at the next start")

    async def _acquire(self, stack: AsyncExitStack, store: Store, workplace: Path) -> HeldLease:
        identity = Identity(
            self._settings.executor,
            machine_id(workplace),
            socket.gethostname(),
            APPLICATION_VERSION,
            self._settings.labels,
            os.getpid(),
            self._share.takes_operations,
        )
        workers = Workers(store, self._config.operations.lease)
        await refuse_if_newer(store, workers.all)
        held = await HeldLease.acquire(store, workers, identity)
        stack.push_async_callback(held.release)
        return held

    async def _watch(self, stack: AsyncExitStack, services: Services, store: Store, identity: str) -> None:
        """Watch the database, the disk and the clock, once Slack has said what time it is to what goes on."""
        self._clock.follows_slack = store.file is not None
        self._health.directories = [services.workplace, *([store.file.parent] if store.file else [])]
        signed = not self._settings.slack_app_token
        watch = HealthWatch(services, self._health, self._clock, Watched(store, identity), signed=signed)
        await watch.start()
        stack.push_async_callback(watch.close)

    async def _launch(self, stack: AsyncExitStack, services: Services, registry: Registry) -> None:
        """Start working. Continue what this process left before, and what others leave; let each open approval be checked."""
        spreading = spread_work(services, registry.kinds)
        stack.push_async_callback(tracing.flush, self._settings.traces_endpoint)
        await services.engine.launch()
        is_dead = partial(is_surely_dead, services.workplace, shared=services.lease.shared_database)
        takeover = Takeover(services.lease, services.engine.shared, is_dead)
        await takeover.start()
        stack.push_async_callback(takeover.close)
        stack.push_async_callback((await watch_open(services)).close)
        stack.push_async_callback(DailySweep(services).close)
        stack.push_async_callback(Rescue(services.children).close)
        await display_open(stack, services, spreading)

    def _chat(self, client: AsyncWebClient, store: Store) -> Chat:
        return Chat(client, self._redact, self._clock, Channels(store), blocks=self._config.slack.blocks)

    def _directory(self, chat: Chat) -> Directory:
        accounts = Accounts(chat, self._config.access, time.monotonic)
        groups, people = policy.groups_named(self._config), policy.people_named(self._config)
        return Directory(chat, groups, time.monotonic, accounts, people=people)

    def _plain(self, text: str) -> str:
        return markup.plain(markup.redacted(text, self._redact))

    def _engine_settings(self, store: Store, held: HeldLease) -> EngineSettings:
        incarnation, room = held.lease.incarnation, store.require_room
        traces = self._settings.traces_endpoint
        return EngineSettings(
            store.url, incarnation, store.keyring, self._clock, room, share=self._share, traces_endpoint=traces
        )

    def _services(self, chat: Chat, store: Store, workplace: Path, proven: Proven, held: HeldLease) -> Services:
        chat.check_lease = held.confirm
        directory, groups = self._directory(chat), Groups(store)
        github, other_aws = make_github(self._settings), functools.cache(make_clients)
        audit = Audit(store, self._clock, self._plain, self._settings.signalbox_key, groups, names=directory)
        return Services(
            config=self._config, chat=chat,
            engine=Engine(self._engine_settings(store, held)),
            lease=held,
            operations=Operations(store, self._clock),
            artifacts=artifacts_of(self._config, store, self._beside),
            annotations=Annotations(store, self._clock),
            outbox=Outbox(store, self._clock), preferences=Preferences(store, self._clock), open_homes=OpenHomes(chat),
            queue_display=QueueDisplay(), command_answers=CommandAnswers(),
            room=room_of(self._config, store, held.lease, machine_id(workplace)),
            run_claims=RunClaims(store, self._clock),
            deliveries=Deliveries(store, self._clock, groups),
            deployments=Deployments(store, self._clock),
            images=Images(store, self._clock),
            removals=Removals(store), retention=Retention(store, self._clock),
            approvals=Approvals(store, self._clock), passes=Passes(store, self._clock), closures=Closures(store, self._clock),
            host_keys=HostKeys(store, self._clock),
            machine_commits=MachineCommits(store, self._clock),
            audit=audit, history=History(store, audit), page_links=PageLinks(self._settings.signalbox_key, self._config.operations.pages, self._clock), copies=Copies(store, self._clock, self._settings.executor),
            refused_attempts=RefusedAttempts(audit, self._clock),
            anchors=Anchors(store, self._clock, self._settings.signalbox_key, self._settings.executor),
            directory=directory,
            github=github,
            aws=make_aws(self._config, other_aws),
            other_aws=other_aws, account=self._account,
            observations=Observations(github, other_aws, self._clock),
            prices=Prices(self._account, time.monotonic),
            hcp=make_hcp(self._settings),
            secrets=self._secrets,
            redact=self._redact, clock=self._clock,
            workplace=workplace,
            children=Keeping.of_bot(store, workplace, self._settings.executor, self._config.operations.lease),
            isolations=proven.isolations,
            metadata_service=proven.metadata_service,
        )  # fmt: skip

    async def _listen(
        self, stack: AsyncExitStack, services: Services, registry: Registry, client: AsyncWebClient, finder: RunFinder
    ) -> None:
        reception = Reception(Peers(self._settings.trusted_proxies))
        installation = Installation(client, self._settings.slack_app_token, external=self._config.access.external)
        app = bolt.build(client, installation)
        commands = bolt.attach(app, services, registry)
        application, dispatch = server.make(), Dispatch(app, installation, commands)
        if self._settings.slack_app_token:
            handler = SocketMode(app, self._settings.slack_app_token, dispatch, reception.refusals)
            await handler.connect_async()  # type: ignore[no-untyped-call]
            stack.push_async_callback(handler.close_async)
        else:
            server.add_slack(application, dispatch, services, self._settings.slack_signing_secret, reception)
        if token := self._settings.hcp_notification_token:
            receive = hcp_notifications.handler(services, token, reception)
            application.router.add_post(hcp_notifications.PATH, receive)
        if self._settings.github_webhook_secret:
            listeners = (services.github.receive_event, finder.hint)
            secret = self._settings.github_webhook_secret
            hooks = Webhooks(self._config.repositories, secret, listeners, reception)
            application.router.add_post(github_webhooks.PATH, hooks.handle)
        if self._config.operations.pages:
            application.router.add_get(pages.ROUTE, pages.OperationPages(services, reception).handle)
        form_pages.add(application, services, registry.pages, reception)
        await self._open(stack, services, application, reception.peers)

    async def _open(
        self, stack: AsyncExitStack, services: Services, application: web.Application, peers: Peers
    ) -> None:
        settings, limits = self._settings, affordable(raise_descriptors())
        limit_accept_errors(asyncio.get_running_loop())
        if not settings.metrics_address:
            server.add_metrics(application, services, self._health)
        guard = Connections(limits, peers)
        await listen(stack, application, guard, settings.listen_address, settings.port)
        transport = "Socket Mode" if settings.slack_app_token else "HTTP"
        log.info("listening on %s port %s, %s", settings.listen_address or "every address", settings.port, transport)
