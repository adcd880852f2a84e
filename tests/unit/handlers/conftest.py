"""A desk for handlers: real records in SQLite, people and Slack made up, and an engine that only records its calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access.page_links import PageLinks
from bot.config import Config, read
from bot.errors import UserError
from bot.inbound.app import find_handlers
from bot.operations import follow_ups
from bot.operations.command_answers import CommandAnswers
from bot.operations.queue import QueueDisplay
from bot.operations.registry import Click, Invocation, Registry, Submission
from bot.redaction import Redactor
from bot.services import Secrets
from bot.slack import modal
from bot.slack.blocks import markup
from bot.slack.client import Posted
from bot.slack.open_homes import OpenHomes
from bot.slack.web_api import ChatError
from bot.store.annotations import Annotations
from bot.store.approvals import Approval, ApprovalRequest, Approvals
from bot.store.artifacts import Artifacts
from bot.store.audit import Audit
from bot.store.closures import Closures
from bot.store.deliveries import Deliveries
from bot.store.deployments import Deployments, MachineCommits
from bot.store.history import History
from bot.store.images import Images
from bot.store.operations import Operations, Request
from bot.store.outbox import Outbox
from bot.store.passes import Passes
from bot.store.preferences import Preferences
from bot.store.refused_attempts import RefusedAttempts
from bot.store.removals import Removals
from bot.store.run_claims import RunClaims
from runners.aws.builders.prices import Prices
from runners.aws.client import Account, NotConfigured
from runners.observations import Observations
from runners.processes.wall import WALL
from sandbox.slack.block_kit import check_message, check_view
from tests.kept import ONE_MACHINE, ROOM
from tests.migrated import migrated
from tests.unit.handlers.directory import Directory
from tests.unit.runners.ec2_world import HOME, aws_within, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from pathlib import Path

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.database import Store
    from runners.aws.client import Clients

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"]}
environments:
  dev:
    channel: "#dev"
    deploy: {github_actions: {workflow: d.yml, ref: trunk}}
    approval: {required: 0}
  staging:
    channel: "#staging"
    machines: [backend]
    deploy: {ansible: {directory: p, playbook: "d-{machine}.yml", user: deployer, ref: stable}}
    terraform: {directory: instances/staging, variables: [backend_ami, count]}
    approval: {required: 1, requester_may_approve: true}
  prod:
    channel: "#gone"
    deploy: {github_actions: {workflow: d.yml}}
    terraform: {directory: instances/prod}
    approval: {required: 2}
    windows: ["Mon-Thu 09:00-16:00 UTC"]
images: {workflow: build.yml}
"""
WATCHED = FILE + "watch: {builders: {every: 5m}}\n"
MONDAY_NOON, SUNDAY = 1_772_452_800.0, 1_772_366_400.0
NO_AWS: Any = SimpleNamespace(region=HOME, ec2=NotConfigured(), cloudwatch=NotConfigured())
CHANNELS = {"#ops": "C0OPS", "#dev": "C0DEV", "#staging": "C0STAGING"}


class Engine:
    """Notes what is begun and who is woken."""

    def __init__(self) -> None:
        self.begun, self.woken = list[Request](), list[int]()

    async def begin(self, request: Request) -> None:
        self.begun.append(request)

    def unnumbered(self, environment: str) -> int:
        return sum(request.environment == environment for request in self.begun)

    async def wake(self, number: int) -> None:
        self.woken.append(number)


class Chat:
    """Notes what is opened and published."""

    def __init__(self) -> None:
        self.views, self.notices = list[dict[str, Any]](), list[str]()  # notices are in windows
        self.homes, self.says = dict[str, dict[str, Any]](), dict["Posted", "Message"]()
        self.told, self.posted = list["Message"](), list[tuple[str, "Message"]]()
        self.marked: dict[str, tuple[Posted, Message]] = {}  # in any thread

    async def respond(self, _: str, message: Message) -> None:
        self.told.append(message)

    async def read(self, at: Posted) -> Message | None:
        return self.says.get(at)

    async def update(self, at: Posted, message: Message, _lane: object = None) -> None:
        self.says[at] = message

    async def marked_messages(self, _: Posted) -> dict[str, tuple[Posted, Message]]:
        return self.marked

    async def permalink(self, at: Posted) -> str:
        return f"https://slack.test/{at.channel}/{at.ts}"

    async def turn(self, _: object) -> None:
        """At once."""

    def redacted(self, content: dict[str, Any]) -> dict[str, Any]:
        return content

    async def post(self, channel: str, message: Message, *, marker: str = "") -> Posted:
        check_message([*message.blocks])
        self.posted.append((channel, message))
        self.marked[marker] = (Posted(channel, f"{len(self.posted)}.0"), message)
        return self.marked[marker][0]

    async def find(self, _: str, marker: str, **__: float) -> Posted | None:
        return self.marked[marker][0] if marker in self.marked else None

    async def channel_id(self, name: str) -> str:
        if name not in CHANNELS:
            raise ChatError("conversations.list", f"no channel {name} that I can see")
        return CHANNELS[name]

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> str:
        assert trigger_id
        assert not {"submit", "callback_id"} & set(view), "what is loading can be submitted"
        return "V1"

    async def update_view(self, view_id: str, view: dict[str, Any]) -> None:
        assert view_id == "V1"
        check_view(view, "modal")
        if "submit" in view:
            self.views.append(view)
        else:
            self.notices.append(markup.plain(view["blocks"][0]["text"]["text"]))

    async def publish_home(self, user: str, view: dict[str, Any]) -> None:
        self.homes[user] = view


@dataclass
class Desk:
    """What a test acts through; `now` is the time in Unix seconds."""

    store: Store
    config: Config
    now: float = MONDAY_NOON
    engine: Engine = field(default_factory=Engine)
    chat: Chat = field(default_factory=Chat)
    github: Any = None
    aws: Clients | None = None
    account: Account | None = None
    prices: Prices | None = None
    later: list[Any] = field(default_factory=list)  # what happens while somebody waits

    def __post_init__(self) -> None:
        self.operations, self.queue_display = Operations(self.store, self.clock), QueueDisplay()
        self.observations = Observations(self.github, lambda _: self.aws or NO_AWS, self.clock)
        self.annotations, self.run_claims = Annotations(self.store, self.clock), RunClaims(self.store, self.clock)
        self.approvals, self.audit = Approvals(self.store, self.clock), Audit(self.store, self.clock, Redactor())
        self.refused_attempts = RefusedAttempts(self.audit, self.clock)

    def clock(self) -> float:
        return self.now

    @property
    def services(self) -> Services:
        made = SimpleNamespace(
            config=self.config, engine=self.engine, chat=self.chat, directory=Directory(), operations=self.operations,
            annotations=self.annotations, outbox=Outbox(self.store, self.clock), preferences=Preferences(self.store, self.clock), queue_display=self.queue_display, command_answers=CommandAnswers(), run_claims=self.run_claims, approvals=self.approvals, closures=Closures(self.store, self.clock), passes=Passes(self.store, self.clock), audit=self.audit, history=History(self.store, self.audit), page_links=PageLinks(self.store.keyring, self.config.operations.pages, self.clock), refused_attempts=self.refused_attempts, redact=Redactor(), clock=self.clock,
            deployments=Deployments(self.store, self.clock), machine_commits=MachineCommits(self.store, self.clock), artifacts=Artifacts(self.store.keyring, None, self.annotations), children=ONE_MACHINE, room=ROOM,
            deliveries=Deliveries(self.store, self.clock), images=Images(self.store, self.clock), removals=Removals(self.store), aws=self.aws, aws_of=lambda _: self.aws, account=self.account, prices=self.prices,
            github=self.github, hcp=None, secrets=Secrets({}, ""), observations=self.observations, open_homes=OpenHomes(cast("Any", self.chat)), isolations=dict.fromkeys(self.config.environments, WALL), metadata_service=(),
        )  # fmt: skip
        return cast("Services", made)

    async def audit_log(self) -> list[tuple[str, str]]:
        """(actor, action) of every entry, oldest first."""
        return [(line.entry.actor, line.entry.action) for line in reversed(await self.audit.read(newest=99))]

    async def asked(self, environment: str = "staging", **more: Any) -> Approval:
        """An approval that is open, for operation 1."""
        usual = {"binding": "b" * 64, "requester": "U0ANA", "channel": "C0STAGING", "message_ts": "1.0"}
        given = {"required": 1, "expires_after": 3_600.0, **usual, **more}
        await self._has_message(environment, given["channel"], given["message_ts"])
        return await self.approvals.create(ApprovalRequest(operation=1, environment=environment, **given))

    async def _has_message(self, environment: str, channel: str, ts: str) -> None:
        """Operation 1 has a message, which has the buttons."""
        if not await self.operations.open_keys():
            await self.operations.create(
                Request("key 1", "plan", environment, "U0ANA", f"Plan for {environment}", channel, {})
            )
        if (await self.operations.get(1)).message_ts is None:
            await self.operations.set_message(1, channel, ts)


@pytest.fixture(autouse=True)
def nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine only notes what is begun, its message never comes."""
    monkeypatch.setattr(follow_ups, "MESSAGE_CHECKS", 1)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield Desk(store, read(FILE, "signalbox.yaml"))
    store.close()


@pytest.fixture
def account(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """One region of AWS with nothing in it."""
    with aws_within(monkeypatch):
        desk.account = Account((HOME,), attempts=1)
        yield desk.account


@pytest.fixture
def builders_watched(desk: Desk, account: Account) -> None:
    """Stuck builders are searched for, and reported without what they cost."""
    desk.config = read(WATCHED)
    desk.prices = Prices(account, desk.clock)
    refuse(account.client("pricing", "us-east-1"), "GetProducts", "AccessDeniedException")


async def filled() -> None:
    """Wait until the windows that are open are filled in."""
    await asyncio.gather(*modal._filling)


async def refusal_of(desk: Desk, work: Awaitable[Any]) -> str:
    """Why it is refused, as the answer or in the window that it opened; empty if it is not."""
    try:
        await work
    except UserError as error:
        return str(error)
    await filled()
    return desk.chat.notices.pop() if desk.chat.notices else ""


def typed(text: str, user: str = "U0ANA", registry: Registry | None = None) -> Invocation:
    """A slash command's words, as one person typed them in #ops, among all that the handlers answer."""
    return Invocation(user, "C0OPS", text, "1.2.abc", "", f"key of {text}", registry or find_handlers())


def pressed(approval: Approval, user: str = "U0LEE", **more: str) -> Click:
    """A press on a button of the approval's message."""
    usual = {"channel": approval.channel, "message_ts": approval.message_ts, "value": approval.id}
    fields: dict[str, Any] = {"user": user, "action_id": "approve", "trigger_id": "1.2", "response_url": ""}
    return Click(**fields | usual | more, registry=find_handlers())


def sent_off(user: str = "U0ANA", private: str = "", **values: str) -> Submission:
    """A modal with these values."""
    return Submission(user, "deploy", private, values, "key of the view", find_handlers())
