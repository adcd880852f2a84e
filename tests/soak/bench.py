"""The bench: one PostgreSQL, two `serve` behind a balancer, one `work`, each on a machine of its own, and people who act."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from bot.seals import Keyring
from bot.settings import database_url
from bot.store.audit_verification import read_all, verify
from bot.store.database import Store
from sandbox.bot_process import BotProcess
from sandbox.ports import free_port
from sandbox.slack.signing import sign
from sandbox.world import SECRETS, Options, World
from tests.scenarios.balancer import balancing
from tests.scenarios.staged import _STAGING
from tests.soak.aws_calls import CountedAws, counted_aws
from tests.soak.effects import Counters
from tests.soak.history import Database
from tests.soak.machines import LABEL, LABELS, Machine, Release, Worker
from tests.soak.model import Observed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sandbox.aws import AwsStandIn
    from sandbox.bot_process import Child, Launch
    from sandbox.slack import Message
    from tests.postgres_server import PostgresServer
    from tests.soak.model_of_requests import Typed

# Seconds. `make soak` has a shorter one: beside other tests a program may not run, or its disk not answer, for some seconds.
LEASE = float(os.environ.get("LEASE", "12"))
CAP = 1  # operations.at_once.total: fewer than the environments with effects
SPEED = 200.0  # simulated seconds per real one on GitHub
NAMES = ("a", "b", "c")
CHANNELS = ("#dev", "#staging", "#ops")
SERVICES = {"backend": "web", "cron": "jobs"}  # of staging, by the role of machines that each is deployed to
TERMINATES_AFTER = 12.0  # seconds after which Signalbox terminates a builder that nobody decides about
_WATCH = f"watch:\n  builders: {{every: 2s, terminate: after {TERMINATES_AFTER:.0f}s}}\n"
_PROMOTE = "{from: dev, to: main, repositories: [PermanentOrg/infrastructure], wait: 1h, pipeline: false}"
_ANSIBLE = "    deploy:\n      ansible:\n"
_SERVICES = ", ".join(f"{service}: {{machines: [{role}]}}" for role, service in SERVICES.items())
_DEV = """      directory: instances/dev
      backend_config: {path: "{files}/state/dev/terraform.tfstate"}
"""
_STACKS = """      stacks:
        core: {directory: instances/dev, backend_config: {path: "{files}/state/dev/terraform.tfstate"}}
        dns: {directory: instances/dev-dns, backend_config: {path: "{files}/state/dev/dns.tfstate"}, after: [core]}
"""
_CONFIG = {
    _DEV: _STACKS,
    "operations:\n": f"{_WATCH}operations:\n  lease: {LEASE:.0f}s\n  at_once: {{total: {CAP}}}\n",
    '    channel: "#dev"\n': f'    channel: "#dev"\n    promote: {_PROMOTE}\n',
    "  staging:\n": f"  staging:\n    worker_labels: [{LABEL}]\n",
    _ANSIBLE: f"    deploy:\n      services: {{{_SERVICES}}}\n      ansible:\n",
    f"{_STAGING}, taskrunner, sftp]": f"{_STAGING}]",
}


class Bench:
    """Three machines around a world. The first two serve."""

    def __init__(self, world: World, machines: tuple[Machine, ...], database: Database, aws: CountedAws) -> None:
        self.world = world
        self.aws = aws
        self.machines = machines
        self.database = database
        self.counters = Counters(world, SERVICES)
        self.out_of_reach: set[str] = set()
        self.befell: Counter[str] = Counter()  # faults by their kinds
        self.url = ""
        self.typed: list[Typed] = []
        self.pressed: set[tuple[str, str]] = set()  # message and button

    def messages(self) -> list[Message]:
        """The bot's messages in channels, without those in threads."""
        listed = [message for name in CHANNELS for message in self.world.channel(name).messages]
        return [message for message in listed if message.bot_id and message.thread_ts is None and not message.deleted]

    def observed(self) -> Observed:
        """All that was observed so far."""
        operations = self.database.operations()
        by_ts = {(message.channel, message.ts): message for message in self.messages()}
        listed = {each.number: by_ts.get((each.channel, str(each.message_ts))) for each in operations}
        lost = {name: at for machine in self.machines for name, at in machine.lost_at}
        return Observed(
            operations=operations,
            history=self.database.history(),
            effects=self.counters.effects(),
            runs=self.counters.runs(),
            messages={number: _headline(message) for number, message in listed.items() if message},
            texts={number: message.rendered for number, message in listed.items() if message},
            posted=len(by_ts),
            lost=lost,
            out_of_reach=frozenset(self.out_of_reach),
            typed=tuple(self.typed),
            decisions=self.database.decisions(),
            answered=self.database.answered(),
            cap=CAP,
            labelled={"staging": frozenset(LABELS)},
            cloud=self.aws.cloud(),
            terminates_after=TERMINATES_AFTER,
            pressed=frozenset(
                (each.number, button)
                for each in operations
                for ts, button in self.pressed
                if ts == str(each.message_ts)
            ),
            pulls=self.counters.pulls(),
        )

    def open_work(self) -> list[str]:
        """What is not over, in the database and at AWS: a builder whose alert has not begun yet is."""
        titles = {each.title for each in self.database.operations()}
        builders = [each.instance for each in self.aws.builders if f"Builder {each.instance}" not in titles]
        return [*self.database.open_work(), *(f"builder {each} without an alert" for each in builders)]

    def audit_fault(self) -> str:
        """What is wrong with the audit log; empty where it is whole."""
        keyring = Keyring.read(SECRETS["SIGNALBOX_KEY"])
        store = Store(database_url(self.url, ""), keyring)
        try:
            return str(verify(read_all(store.engine), keyring, None).fault or "")
        finally:
            store.close()

    async def heal(self) -> None:
        """Open all ways, and start what does not run."""
        await asyncio.gather(*(self._heal(machine) for machine in self.machines))

    @staticmethod
    async def _heal(machine: Machine) -> None:
        async with machine.lock:
            await machine.heal()

    def counted(self) -> str:
        """How much was observed so far, in words."""
        observed = self.observed()
        statuses = Counter(each.status for each in observed.operations)
        effects = Counter(each.kind for each in observed.effects)
        return f"{len(observed.operations)} operations so far {dict(statuses)}, effects {dict(effects)}, runs {dict(observed.runs)}"

    def keep(self, name: str) -> None:
        """Keep the logs, the channels and the history where people can read them: the world's directory goes."""
        directory = Path(tempfile.gettempdir()) / name
        directory.mkdir(exist_ok=True)
        for log in self.world.files.glob("*.log"):
            shutil.copy(log, directory)
        channels = "\n".join(f"{channel}\n{self.world.channel(channel).as_read}" for channel in CHANNELS)
        (directory / "channels.txt").write_text(channels)
        (directory / "history.txt").write_text("\n".join(map(str, self.database.history())))
        (directory / "effects.txt").write_text("\n".join(map(str, self.counters.effects())))
        print(f"  logs, channels and history are in {directory}", flush=True)  # noqa: T201  -- a command

    async def end_politely(self) -> list[str]:
        """Restart each machine politely, as each start clears up; what is left on their disks then."""
        await asyncio.gather(*(machine.restart() for machine in self.machines))
        return self.files_left()

    def files_left(self) -> list[str]:
        """Directories of operations on the machines' disks."""
        listed = [path for machine in self.machines for path in (machine.disk / "var" / "operations").glob("*")]
        return [str(path.relative_to(self.world.files)) for path in listed]


def _headline(message: Message) -> str:
    return next(iter(message.rendered.splitlines()), "")


def _by_own_way(
    world: World, serving: Mapping[int, Machine], port: int, body: bytes, headers: Mapping[str, str]
) -> tuple[bytes, Mapping[str, str]]:
    """What Slack sends names Slack's address for the answer: a machine reaches that by its own proxy only."""
    slack, own = (
        quote(f":{each}/hooks/", safe="") for each in (urlsplit(world.slack.url).port, serving[port].slack_port)
    )
    rewritten, timestamp = body.replace(slack.encode(), own.encode()), headers.get("X-Slack-Request-Timestamp", "")
    signature = sign(rewritten, timestamp, SECRETS["SLACK_SIGNING_SECRET"])
    return rewritten, {**headers, "X-Slack-Signature": signature} if timestamp else headers


def _executor(machines: Sequence[Machine], name: str) -> str:
    return next(machine.executor for machine in machines if machine.executor.startswith(name))


@asynccontextmanager
async def running_bench(server: PostgresServer, forked: Launch, stand_in: AwsStandIn) -> AsyncIterator[Bench]:
    """A bench that has started."""
    url = server.new_database()
    async with AsyncExitStack() as ends:
        machines: list[Machine] = []

        async def launch(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
            return await machines[0].launch(argv, environment, log)

        environment = {"DATABASE_URL": url}
        aws = await ends.enter_async_context(counted_aws(stand_in, NAMES, lambda name: _executor(machines, name)))
        await asyncio.to_thread(aws.install)
        handle = stand_in.handle
        options = Options(speed=SPEED, rate_limits=False, aws=handle, config=_CONFIG, environment=environment)
        world = World(options, launch)
        release = Release()
        machines += [
            Machine(name, world, forked, release, aws.urls[name]) for name in NAMES
        ]  # their disks lie in the world's directory
        await ends.enter_async_context(world)
        for machine in machines:
            ends.push_async_callback(machine.close)
        machines[0].process = world.bot
        config = world.files / "signalbox.yaml"
        served = world.bot._environment
        logs = [world.files / f"{machine.executor}.log" for machine in machines]
        machines[1].process = BotProcess(config, served, free_port(), logs[1], machines[1].launch)
        machines[2].process = Worker(config, served, logs[2], machines[2].launch)
        await asyncio.gather(*(machine.start() for machine in machines[1:]))
        serving = {world.bot.port: machines[0], machines[1].process.port: machines[1]}
        balancer = await ends.enter_async_context(balancing(list(serving), partial(_by_own_way, world, serving)))
        world.slack.deliver_to(f"{balancer.url}/slack/events")
        database = Database(url)
        ends.callback(database.close)
        await asyncio.to_thread(database.install)  # the bots reach the database by proxies on this loop
        bench = Bench(world, tuple(machines), database, aws)
        bench.url = url
        bench.counters.install()
        yield bench
