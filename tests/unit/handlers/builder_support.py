"""A builder that was left running, and its message's operation: EC2 is moto, the clock the test's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.config.targets import BUILDERS, find_target
from bot.operations.registry import Click, DueRun
from bot.slack.blocks.common import Head
from bot.slack.client import Posted
from bot.store.operations import Status
from handlers.builders import alert as builder_alert, alert_buttons, watch as builder_watch
from runners.errors import UnavailableError
from runners.github.runs import listing
from runners.results import Job, State, WorkflowRun
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import MONDAY_NOON
from tests.unit.runners.ec2_world import HOME, Built, build, launched_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

DUE = DueRun(BUILDERS, 0.0)
NOON = datetime.fromtimestamp(MONDAY_NOON, UTC)


def a_builder(account: Account, *, ago: timedelta = timedelta(hours=3), **more: Any) -> Built:
    """Put one into EC2 that began so long ago."""
    built = build(account, NOON - ago, **more)
    launched_at(built.instance_id, NOON - ago)
    return built


def github(monkeypatch: pytest.MonkeyPatch, *runs: WorkflowRun, fails: bool = False) -> None:
    """Let GitHub list these runs of the workflow, or none at all."""

    async def listed(*_: Any) -> tuple[WorkflowRun, ...]:
        if fails:
            raise UnavailableError("listing the runs", "GitHub cannot be reached")
        return runs

    monkeypatch.setattr(listing, "runs_since", listed)


def a_run(state: State, *, began: timedelta = timedelta(hours=3, minutes=5)) -> WorkflowRun:
    """A run with one job, which ended two hours ago where it has ended."""
    start, end = NOON - began, NOON - timedelta(hours=2)
    ended = end if state.ended else None
    job = Job(7, "build (backend, staging)", state, "https://github.com/o/r/job/7", start, ended)
    url = "https://github.com/o/r/actions/runs/10"
    return WorkflowRun("o/r", 10, 3, 1, "Build images", "a" * 40, state, url, start, (job,), ended)


class Course:
    """The operation of a builder's message; waiting passes the time and lets the next thing happen."""

    def __init__(self, desk: Desk, number: int, instance: str, *happen: Callable[[], Any]) -> None:
        self.services, self.number = desk.services, number
        self.head = Head(number, f"Builder {instance}", f"{BUILDERS}/{instance}", "signalbox")
        self.record = SimpleNamespace(
            kind="builder", requester="signalbox", arguments={"region": HOME, "instance": instance}
        )
        self.target = find_target(desk.config, BUILDERS)
        self.at = Posted("C0OPS", "")  # it is silent until it has something to report
        self.shown: list[Message] = []
        self.thread: list[Message] = []
        self.ended: tuple[Status, Message] | None = None
        self._desk, self._happen = desk, list(happen)
        cast("Any", self.services.engine).wait = self._wait

    async def _wait(self, seconds: float) -> None:
        self._desk.now += seconds
        if not self._happen:
            raise TimeoutError("nothing more happens, and it still waits")
        if result := self._happen.pop(0)():
            await result

    async def step(self, _: str, function: Any) -> Any:
        return await function()

    async def check_authorized(self, what: str) -> None:
        assert what

    async def show(self, _: str, message: Message, status: Status, __: str = "") -> None:
        assert status is Status.RUNNING
        self.shown.append(message)

    async def announce(self, message: Message) -> None:
        assert not self.at.ts
        assert not self.shown
        self.at = Posted("C0OPS", "1.0")
        self.shown.append(message)

    async def details(self, _: str, message: Message) -> None:
        self.thread.append(message)

    async def audit(self, action: str, **detail: str) -> None:
        await self.services.audit.record(cast("Any", SimpleNamespace(
            actor="signalbox", action=action, environment=BUILDERS, operation=self.number, detail=detail)))  # fmt: skip

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Any]:
        yield SimpleNamespace(show=lambda draw: self.shown.append(draw()))

    async def end(self, status: Status, message: Message, *, outcome: str = "", timed: bool = True) -> None:
        assert outcome
        assert not timed
        self.ended = (status, message)

    @property
    def transcript(self) -> str:
        """All that its message ever showed."""
        return "\n".join(read(message) for message in self.shown)

    async def run(self) -> str:
        """Follow it to its end; what its message says then."""
        await builder_alert.alert(cast("Operation", self))
        assert self.ended is not None
        return read(self.ended[1])


async def alerted(desk: Desk) -> int:
    """The number of the one message that was begun."""
    (request,) = desk.engine.begun
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0OPS", "5.0")
    return number


def pressed(number: int, user: str, action: str) -> Click:
    """A press on a button of the builder's message."""
    return Click(user, "C0OPS", "5.0", action, str(number), "1.2", "")


async def lee_terminates(desk: Desk, number: int) -> None:
    """Press "Terminate" on the builder's message as somebody who may."""
    await alert_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate"))


async def stuck(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[int, Built]:
    """A builder whose run was cancelled, and the number of the message that was begun for it."""
    built = a_builder(account, **more)
    github(monkeypatch, a_run(State.CANCELLED))
    await builder_watch.check_builders(desk.services, DUE)
    return await alerted(desk), built


def ended_by_packer(account: Account, built: Built, *, but: str = "") -> Callable[[], None]:
    """What Packer does in the end: all of it goes, `but` this volume."""

    def end() -> None:
        ec2 = account.ec2(HOME)
        ec2.terminate_instances(InstanceIds=[built.instance_id])
        ec2.delete_key_pair(KeyName=built.key)
        ec2.delete_security_group(GroupId=built.group_id)
        for describe_volume in ec2.describe_volumes()["Volumes"]:
            if describe_volume["VolumeId"] in built.volumes and describe_volume["VolumeId"] != but:
                ec2.delete_volume(VolumeId=describe_volume["VolumeId"])

    return end
