"""A roll-out whose operation only records, and whose playbooks end as a test decides."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.config import read
from bot.errors import Cancelled
from bot.redaction import Redactor
from bot.slack.blocks.common import FailureContext, Head
from handlers.deploy.ansible import rollout
from handlers.deploy.views import Release
from handlers.shared.ansible import playbooks, preflight
from handlers.shared.log_judgement import NO_FINDINGS
from runners.errors import RunnerError
from runners.results import Commit, FailedTask, Host, HostResult, Inventory, PlaybookResult, State
from tests.kept import ONE_MACHINE, ROOM
from tests.unit.bot.drawn import buttons, read as as_read
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    import pytest

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Status
    from handlers.shared.ansible.playbooks import Play

SECRET = "correct-horse-battery"
MACHINES = ("backend", "cron", "sftp")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "stable", "Fix the queue", "Lee", "https://github.com/o/r/c/1")
HOSTS = Inventory(
    "staging",
    tuple(Host(f"{name}-{n}", name, f"i-{name}-{n}", "10.0.0.1", "ami-1", "a") for name in MACHINES for n in (1, 2)),
    "deployer",
    22,
    "ssh",
)
Outcome = PlaybookResult | RunnerError


class Fake:
    """An operation that only records what it displays and stores; the test decides how playbooks end."""

    def __init__(self, *, at_once: bool = False, **arguments: str) -> None:
        text = FILE.replace("machines: [backend]", f"machines: [{', '.join(MACHINES)}]")
        ways = "ref: stable, at_once: true" if at_once else "ref: stable"
        self.environment = read(text.replace("ref: stable", ways), "signalbox.yaml").environments["staging"]
        self.number = 12
        self.head = Head(12, "Deploy stable to staging", "staging", "U0ANA")
        self.record = SimpleNamespace(arguments=arguments, environment="staging", message_ts=None)
        self.services = SimpleNamespace(
            redact=Redactor([SECRET]),
            clock=lambda: 1_700_000_000.0,
            operations=self,
            annotations=self,
            artifacts=SimpleNamespace(shared=False),
            machine_commits=self,
            deployments=self,
            children=ONE_MACHINE,
            room=ROOM,
            audit=self,
        )
        self.cancelled, self.doing, self.failure_context = "", "", FailureContext("nothing was deployed")
        self.annotated: list[tuple[str, str]] = []
        self.thread: dict[str, str] = {}
        self.files: list[str] = []
        self.status: Status | None = None
        self.message: Message | None = None

    async def step(self, _: str, function: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await function()

    async def once(self, _: str, *, do: Callable[[], Coroutine[Any, Any, Any]], recover: object) -> Any:
        assert recover
        return await do()

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Any]:
        yield SimpleNamespace(show=lambda render: render())

    async def unless_cancelled(self, work: Coroutine[Any, Any, Any], stop: object = None) -> Any:
        done = await work
        if self.cancelled and stop is None:
            raise Cancelled("cancelled")
        return done

    async def cancel_requested(self, _: int) -> str | None:
        return self.cancelled or None

    async def add(self, _: int, key: str, value: str) -> None:
        self.annotated.append((key, value))

    async def set_instances(self, *_: Any, **__: Any) -> None:
        """Which commit a machine runs is tested in tests/unit/bot/store."""

    async def in_environment(self, _: str) -> list[Any]:
        return []

    async def set_activity(self, doing: str) -> None:
        self.doing = doing

    async def details(self, name: str, message: Message) -> None:
        self.thread[name] = as_read(message)

    async def attach(self, _: str, *, filename: str, **__: Any) -> None:
        self.files.append(filename)

    async def end(self, status: Status, message: Message, **_: Any) -> None:
        self.status, self.message = status, message

    @property
    def buttons(self) -> list[str]:
        assert self.message
        return buttons(self.message)

    @property
    def rendered(self) -> str:
        assert self.message
        return as_read(self.message)


def ended(play: Play, *states: State, failures: int = 0) -> PlaybookResult:
    """How the playbook ended on its hosts, in their order."""
    failed = tuple(FailedTask(play.role_hosts.hosts[0].name, f"Task {n}", "p.yml:1", "no") for n in range(failures))
    hosts = tuple(
        HostResult(host.name, state, failed=int(state is State.FAILED))
        for host, state in zip(play.role_hosts.hosts, states, strict=True)
    )
    well = all(state is State.SUCCEEDED for state in states)
    return PlaybookResult(
        f"d-{play.role}.yml", State.SUCCEEDED if well else State.FAILED, hosts, failures=failed, log_tail="its end"
    )


def well(play: Play) -> Outcome:
    return ended(play, State.SUCCEEDED, State.SUCCEEDED)


def refuses(play: Play) -> Outcome:
    return RunnerError(f"running d-{play.role}.yml", f"no <module> {SECRET}.", log_tail="line 3")


def returning(value: Any) -> Callable[..., Coroutine[Any, Any, Any]]:
    """A function that does nothing but return this value."""

    async def function(*_: object) -> Any:
        return value

    return function


async def deployed(
    monkeypatch: pytest.MonkeyPatch,
    operation: Fake,
    *,
    backend: Callable[[Play], Outcome] = well,
    cron: Callable[[Play], Outcome] = well,
    sftp: Callable[[Play], Outcome] = well,
    prepared: RunnerError | None = None,
    partial_result: PlaybookResult | None = None,
) -> list[str]:
    """Deploy, where playbooks end as given; returns the roles whose playbooks have begun."""
    becomes, begun = {"backend": backend, "cron": cron, "sftp": sftp}, []

    async def run(_: object, play: Play, __: object) -> PlaybookResult:
        begun.append(play.role)
        outcome = becomes[play.role](play)
        if isinstance(outcome, RunnerError):
            raise outcome
        return outcome

    async def prepare(*_: object) -> None:
        if prepared:
            raise prepared

    monkeypatch.setattr(playbooks, "run", run)
    monkeypatch.setattr(preflight, "examine", prepare)
    monkeypatch.setattr(playbooks, "timed_out", returning(partial_result))
    monkeypatch.setattr("handlers.shared.ansible.host_keys.changed", returning(()))
    monkeypatch.setattr("handlers.deploy.ansible.rollout_end.judge", returning(NO_FINDINGS))
    monkeypatch.setattr("handlers.shared.ansible.scope.Scope.find_hosts", returning(HOSTS))
    await rollout.roll_out(cast("Operation", operation), Release(COMMIT, "nothing", "Ansible"), None)
    return begun
