"""A deploy by Ansible from the first role to its end: refused, timed out, cancelled, retried, reported."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.errors import Cancelled, UserError
from bot.redaction import Redactor
from bot.slack.blocks.common import FailureContext, Head
from bot.store.operations import Status
from handlers.deploy.ansible import playbooks, rollout, rollout_end
from handlers.deploy.views import Release
from runners.errors import RunnerError, TimedOutError, UnavailableError
from runners.results import Commit, FailedTask, Host, HostResult, Inventory, PlaybookResult, State
from tests.unit.bot.drawn import buttons, read as as_read
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from handlers.deploy.ansible.playbooks import Play

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
        self.record = SimpleNamespace(arguments=arguments, environment="staging")
        self.services = SimpleNamespace(
            redact=Redactor([SECRET]),
            clock=lambda: 1_700_000_000.0,
            operations=self,
            annotations=self,
            machine_commits=self,
            deployments=self,
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

    async def code_of(*_: object) -> None:
        """Nothing is fetched."""

    async def changed(*_: object) -> tuple[()]:
        return ()

    async def find_hosts(*_: object) -> Inventory:
        return HOSTS

    async def overdue(*_: object) -> PlaybookResult | None:
        return partial_result

    monkeypatch.setattr(playbooks, "run", run)
    monkeypatch.setattr(playbooks, "prepare", prepare)
    monkeypatch.setattr(playbooks, "timed_out", overdue)
    monkeypatch.setattr(rollout, "code_of", code_of)
    monkeypatch.setattr("handlers.deploy.ansible.host_keys.changed", changed)
    monkeypatch.setattr("handlers.deploy.ansible.scope.Scope.find_hosts", find_hosts)
    await rollout.roll_out(cast("Operation", operation), Release(COMMIT, "nothing", "Ansible"), None)
    return begun


async def test_the_first_playbook_is_refused_and_the_next_step_is_the_whole_deploy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = Fake()
    assert await deployed(monkeypatch, operation, backend=refuses) == ["backend"]
    assert operation.status is Status.FAILED
    assert (
        "d-backend.yml could not be run: no <module> [redacted]. Not touched: backend, cron, sftp."
        in operation.rendered
    )
    assert "What Ansible said is in the thread. Put right what failed. Then run `/deploy staging`" in operation.rendered
    assert "6 hosts: 6 not touched" in operation.rendered
    assert not operation.buttons
    assert "line 3" in operation.thread["end of backend"]
    assert SECRET not in operation.thread["end of backend"]
    assert operation.annotated == []


async def test_a_later_playbook_is_refused_and_the_rest_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    assert await deployed(monkeypatch, operation, cron=refuses) == ["backend", "cron"]
    assert "*Done:* backend-1, backend-2 (2 of 6)" in operation.rendered
    assert operation.doing == "is deploying"
    assert operation.failure_context == FailureContext(commit=COMMIT), (
        "from the first playbook on nobody may say that nothing was deployed"
    )
    assert "Then run `/deploy staging cron,sftp`" in operation.rendered
    assert operation.files == ["deploy-12-backend.txt", "deploy-12-cron.txt"]


async def test_the_hosts_to_retry_are_those_on_which_it_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(at_once=True)
    begun = await deployed(
        monkeypatch,
        operation,
        backend=lambda play: ended(play, State.FAILED, State.SUCCEEDED),
        cron=refuses,
        sftp=lambda play: ended(play, State.SKIPPED, State.UNREACHABLE),
    )
    assert sorted(begun) == sorted(MACHINES)
    assert operation.annotated == [("retry", "i-backend-1"), ("retry", "i-sftp-2"), ("went out", COMMIT.sha)]
    assert operation.buttons == ["retry-hosts"]
    assert "Retry the failed hosts. Then run `/deploy staging cron`" in operation.rendered


async def test_what_is_the_same_for_all_is_said_once_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(at_once=True)

    def full(_: Play) -> Outcome:
        return RunnerError("running it", "the disk is full", remedy="Make room.")

    await deployed(monkeypatch, operation, backend=full, cron=full, sftp=full)
    assert (
        "d-backend.yml, d-cron.yml, d-sftp.yml could not be run: the disk is full. Make room. Not" in operation.rendered
    )


async def test_a_playbook_that_took_too_long_shows_how_far_each_host_came(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    late = TimedOutError("running d-backend.yml", "it took longer than 60 seconds and was ended")
    hosts = (
        HostResult("backend-1", State.FAILED, current_task="Migrate", task_number=3),
        HostResult("backend-2", State.SUCCEEDED),
    )
    partial_result = PlaybookResult("d-backend.yml", State.FAILED, hosts, overdue=late.problem, task_total=4)
    await deployed(monkeypatch, operation, backend=lambda _: late, partial_result=partial_result)
    assert operation.status is Status.FAILED
    assert "failed on backend-1; d-backend.yml did not end: it took longer than 60 seconds" in operation.rendered
    assert "Migrate" in operation.rendered
    assert "Not touched: cron, sftp" in operation.rendered
    assert ("retry", "i-backend-1") in operation.annotated
    assert ("retry", "i-backend-2") not in operation.annotated


async def test_a_playbook_that_was_ended_is_failed_where_it_had_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations_of: list[str] = []

    async def annotate(action: str, **_: str) -> None:
        annotations_of.append(action)

    hosts = HostResult("backend-1", State.UNKNOWN, current_task="Migrate"), HostResult("backend-2", State.SUCCEEDED)
    stored = PlaybookResult("d-backend.yml", State.UNKNOWN, hosts, finished=False)

    async def stored_result(_: Path) -> PlaybookResult | None:
        return stored if annotations_of == [] else None

    monkeypatch.setattr("runners.ansible.stored_result", stored_result)
    operation = cast("Operation", SimpleNamespace(scratch=tmp_path, annotate=annotate))
    late = TimedOutError("running d-backend.yml", "it took longer than 60 seconds and was ended")
    result = await playbooks.timed_out(operation, "backend", late)
    assert result
    assert (result.state, result.finished, result.overdue) == (State.FAILED, True, late.problem)
    assert [host.state for host in result.hosts] == [State.FAILED, State.SUCCEEDED]
    assert annotations_of == ["playbook ended"]
    assert await playbooks.timed_out(operation, "backend", late) is None


async def test_where_nobody_knows_how_far_it_came_no_host_counts_as_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    late = TimedOutError("running d-backend.yml", "it took longer than 60 seconds and was ended")
    await deployed(monkeypatch, operation, backend=lambda _: late)
    assert "failed on backend-1, backend-2; d-backend.yml did not end" in operation.rendered
    assert "Not touched: cron, sftp" in operation.rendered


async def test_what_is_cut_short_is_not_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    hosts = HostResult("backend-1", State.UNKNOWN), HostResult("backend-2", State.UNKNOWN)
    cut = PlaybookResult("d-backend.yml", State.UNKNOWN, hosts, finished=False)
    await deployed(monkeypatch, operation, backend=lambda _: cut)
    assert operation.status is Status.INTERRUPTED
    assert "Look at its hosts, then run `/deploy staging`" in operation.rendered
    assert operation.annotated == []
    assert not operation.buttons


async def test_the_thread_has_the_first_failures_and_counts_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    await deployed(monkeypatch, operation, backend=lambda play: ended(play, State.FAILED, State.SUCCEEDED, failures=11))
    posted = [name for name in operation.thread if name.startswith("failure ")]
    assert len(posted) == rollout_end.FAILURES_POSTED
    assert "and 3 more failures" in operation.thread["more failures"]


async def test_what_cannot_be_prepared_ends_it_before_any_playbook(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    away = UnavailableError("installing what requirements.yml names", "a server does not answer")
    with pytest.raises(UnavailableError):
        await deployed(monkeypatch, operation, prepared=away)
    assert operation.message is None
    assert operation.failure_context.not_done, "what ends it may still say that nothing was deployed"


async def test_cancel_while_it_is_prepared_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    operation.cancelled = "U0LEE"
    assert await deployed(monkeypatch, operation) == []
    assert operation.status is Status.CANCELLED
    assert "cancelled it. Not touched: backend, cron, sftp. To go on, run `/deploy staging`" in operation.rendered


async def test_cancelled_in_the_middle_the_types_that_are_not_done_are_to_be_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = Fake()

    def stops(play: Play) -> Outcome:
        operation.cancelled = "U0LEE"
        return ended(play, State.SUCCEEDED, State.CANCELLED)

    assert await deployed(monkeypatch, operation, cron=stops) == ["backend", "cron"]
    assert "To go on, run `/deploy staging cron,sftp`" in operation.rendered


async def test_a_check_that_was_cancelled_says_how_to_check_again(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(check="check", machines="cron,sftp")
    operation.cancelled = "U0LEE"
    await deployed(monkeypatch, operation)
    assert "To go on, run `/deploy staging cron,sftp check`" in operation.rendered


async def test_a_check_goes_on_behind_a_playbook_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(check="check")
    assert await deployed(monkeypatch, operation, backend=refuses) == list(MACHINES)
    assert operation.status is Status.FAILED
    assert "backend-1, backend-2 could not be checked to the end (d-backend.yml could not be run" in operation.rendered


async def test_slow_preparations_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    operation, displayed = Fake(), []

    @asynccontextmanager
    async def live() -> AsyncIterator[Any]:
        yield SimpleNamespace(show=lambda render: displayed.append(as_read(render())))

    async def slowly(work: Coroutine[Any, Any, Any], stop: object = None) -> Any:
        if stop is None:
            await asyncio.sleep(0.05)
        return await work

    monkeypatch.setattr(operation, "live", live)
    monkeypatch.setattr(operation, "unless_cancelled", slowly)
    monkeypatch.setattr(rollout, "DISPLAYED_AFTER", 0.0)
    await deployed(monkeypatch, operation)
    assert "getting the code, and the collections and roles that it requires" in displayed[0]


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_the_configuration_lacks_is_told_to_whoever_asked(
    monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    def lacks(_: Play) -> Outcome:
        raise UserError("The bot was started without A_WORD.")

    with pytest.raises(UserError, match=r"without A_WORD\."):
        await deployed(monkeypatch, Fake(at_once=at_once), backend=lacks)
