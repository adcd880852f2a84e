"""What the composition root hands to handlers and operations: made once, passed on, never looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import sqlalchemy as sa

    from bot.access.directory import Directory
    from bot.access.page_links import PageLinks
    from bot.children.keeping import Keeping
    from bot.config import Config, Environment
    from bot.engine.engine import Engine
    from bot.engine.lease import HeldLease
    from bot.redaction import Redactor
    from bot.slack.answer_thread import Thread
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Chat
    from bot.slack.open_homes import OpenHomes
    from bot.store.anchors import Anchors
    from bot.store.annotations import Annotations
    from bot.store.approvals import Approvals
    from bot.store.artifacts import Artifacts
    from bot.store.audit import Audit
    from bot.store.closures import Closures
    from bot.store.copies import Copies
    from bot.store.deliveries import Deliveries
    from bot.store.deployments import Deployments, MachineCommits
    from bot.store.history import History
    from bot.store.host_keys import HostKeys
    from bot.store.images import Images
    from bot.store.operations import Operations, Record, Request
    from bot.store.outbox import Outbox
    from bot.store.passes import Passes
    from bot.store.preferences import Preferences
    from bot.store.refused_attempts import RefusedAttempts
    from bot.store.removals import Removals
    from bot.store.retention import Retention
    from bot.store.run_claims import RunClaims
    from bot.store.run_slots import Claim, Precedence
    from runners.aws.builders.prices import Prices
    from runners.aws.client import Account, Clients
    from runners.github import GitHub
    from runners.hcp.client import HcpTerraform
    from runners.observations import Observations
    from runners.processes.wall import Isolation
    from runners.results import AwsPlace


@dataclass(frozen=True, slots=True)
class Secrets:
    """The values of the bot's environment that the configuration names; where programs are; the names of its own secrets."""

    values: Mapping[str, str]
    search_path: str
    own: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        """The value of this variable. Raises UserError when the bot was started without it."""
        if name not in self.values:
            raise UserError(f"The bot was started without {name}, which the configuration names. Nothing was started.")
        return self.values[name]

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self.values))})"


class QueueDisplay(Protocol):
    """Draws the messages of queued operations in the background; see bot/operations/queue.py."""

    def changed(self, services: Services, environment: str) -> None:
        """Draw what has changed in this queue. Returns at once."""
        ...

    def cancelled(self, services: Services, record: Record) -> None:
        """Draw the message of an operation that was cancelled while it waited, and the queue without it. Returns at once."""
        ...

    def announced(self, services: Services, record: Record, text: str) -> None:
        """Note what an operation's first message says."""
        ...

    async def waiting(self, services: Services, record: Record, position: int, ahead: Record) -> tuple[str, Message]:
        """What this queued operation waits for, and its message that says so."""
        ...

    def unserved(self, environments: Mapping[str, tuple[str, ...]]) -> None:
        """Note the environments that no running worker takes, with the labels that one would need."""
        ...

    def crowded(self, numbers: frozenset[int]) -> None:
        """Note the operations that wait for room on any machine."""
        ...

    async def drawn(self) -> None:
        """Wait until everything is drawn that has changed."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...


class CommandAnswers(Protocol):
    """Answers commands where they were typed, once their operations have begun; see bot/operations/command_answers.py."""

    def expect(self, key: str, where: str | Thread) -> None:
        """Note where a command is answered once its operation has begun."""
        ...

    async def say(self, services: Services, where: str | Thread, message: Message) -> None:
        """Answer at a response URL or in a thread. Raises ChatError."""
        ...

    def answered(self, key: str) -> None:
        """Forget a command that has its answer."""
        ...

    async def answer(self, services: Services, request: Request, message: Message) -> None:
        """Answer a request that begins nothing, for the person alone."""
        ...

    def began(self, services: Services, key: str, number: int) -> None:
        """Answer the command of this key, whose operation has a message now. Returns at once."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...


class Room(Protocol):
    """The slots of this process for running programs; see bot/operations/room.py."""

    freed: Callable[[], None]

    @property
    def running(self) -> Mapping[int, Claim]:
        """The claims with a slot, by operation."""
        ...

    async def enter(self, number: int, precedence: Precedence, runs: int, note: Callable[[str], None]) -> None:
        """Wait for room."""
        ...

    def occupy(self, number: int, precedence: Precedence, runs: int = 1) -> None:
        """Count an operation whose program runs already."""
        ...

    def expect(self, number: int) -> None:
        """Count an operation that was taken and will ask for room."""
        ...

    def free(self, connection: sa.Connection) -> int:
        """How many more programs fit on this machine."""
        ...

    async def full_machines(self) -> frozenset[str]:
        """The machines that run, or have taken, as much as they take."""
        ...

    def leave(self, number: int) -> None:
        """Give up the slot, or the place in the queue for one."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler or an operation works with.

    `aws` are the clients of aws.region, `other_aws` those of environments with an account or region of their own, `account` those of all regions; `hcp` is None without a TFE_TOKEN; `clock` gives Unix seconds; `workplace` holds their files.
    """

    config: Config
    chat: Chat
    engine: Engine
    lease: HeldLease
    operations: Operations
    artifacts: Artifacts
    annotations: Annotations
    outbox: Outbox
    preferences: Preferences
    open_homes: OpenHomes
    queue_display: QueueDisplay
    command_answers: CommandAnswers
    room: Room
    run_claims: RunClaims
    deliveries: Deliveries
    deployments: Deployments
    approvals: Approvals
    passes: Passes
    closures: Closures
    host_keys: HostKeys
    machine_commits: MachineCommits
    audit: Audit
    history: History
    page_links: PageLinks
    refused_attempts: RefusedAttempts
    anchors: Anchors
    copies: Copies
    directory: Directory
    github: GitHub
    aws: Clients
    other_aws: Callable[[AwsPlace], Clients]
    account: Account
    prices: Prices
    observations: Observations
    hcp: HcpTerraform | None
    images: Images
    removals: Removals
    retention: Retention
    secrets: Secrets
    redact: Redactor
    clock: Callable[[], float]
    workplace: Path
    children: Keeping
    isolations: Mapping[str, Isolation]
    metadata_service: tuple[str, ...]  # its addresses that children reach

    def aws_of(self, environment: Environment) -> Clients:
        """The clients of the account and region with the environment's machines."""
        place = self.config.aws_of(environment)
        return self.aws if place is None or place == self.config.aws_place else self.other_aws(place)

    def isolation_of(self, environment: Environment) -> Isolation:
        """How children of this environment are separated from the bot."""
        return self.isolations[environment.name]
