"""How a deploy goes out through Ansible: the code at the commit, the machines that run, a playbook for each type."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import Cancelled
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.store.deployments import same_everywhere
from bot.store.operations import Status
from handlers.deploy.ansible import daemons, host_keys, outcome_views, playbooks, views
from handlers.deploy.ansible.outcome_views import Ending
from handlers.deploy.ansible.playbooks import Play
from handlers.deploy.ansible.scope import scope_of, settings_of
from handlers.deploy.ansible.views import Rollout
from handlers.deploy.arguments import command_text
from handlers.shared.checkout import code_of
from runners.ansible import log_of
from runners.ansible.logfile import read_log
from runners.concurrency import run_blocking, together
from runners.errors import RunnerError, TimedOutError
from runners.results import HostResult, PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Live
    from handlers.deploy.ansible.scope import Scope
    from handlers.deploy.views import Release
    from runners.results import DaemonObservation, Inventory

    Go = Callable[[Operation, Play, playbooks.OnProgress], Awaitable[PlaybookResult]]

FAILURES_SHOWN = 8
READ_TIMEOUT = 60.0
SHOWN_AFTER = 1.0  # seconds: a change of the message takes its time, which what is there already is not worth
COMMIT, RETRY = "went out", "retry"  # what is noted of an operation: its commit, and each host to try again


async def roll_out(operation: Operation, release: Release, approval: ApprovalView | None) -> None:
    """Durable: one machine type after the other, or all at once; the first failure stops those that have not begun."""
    scope = scope_of(operation)
    began = await operation.step("began", lambda: _now(operation))
    hosts = await operation.step("inventory", lambda: scope.find_hosts(operation.services))
    changed = await operation.step("host keys", lambda: host_keys.changed(operation, hosts))
    if changed:
        await operation.end(Status.FAILED, views.keys_changed(operation.head, release, approval, changed))
        return
    work = _Work(operation, release, approval, scope, hosts)
    await operation.step("prepare", work.prepare)
    operation.known = FailureContext(commit=release.commit, approval=approval)
    stopped_by = await operation.step("who cancelled at first", lambda: _cancelled_by(operation))
    for wave in () if stopped_by else work.waves:
        await work.play(wave)
        stopped_by = await operation.step("who cancelled", lambda: _cancelled_by(operation))
        if stopped_by or not (work.goes_well or scope.check):
            break
    seen = () if stopped_by or scope.check else await work.look_at_daemons(began)
    await _report(work, stopped_by, seen)


@dataclass(slots=True)
class _Work:
    """A rollout under way: what is known of each machine type, in the order in which they are deployed."""

    operation: Operation
    release: Release
    approval: ApprovalView | None
    scope: Scope
    hosts: Inventory
    results: dict[str, PlaybookResult] = field(default_factory=dict)

    @property
    def machines(self) -> Sequence[str]:
        """The machine types that it is about and that have hosts."""
        there = {host.machine for host in self.hosts.hosts}
        return [machine for machine in self.scope.machines if machine in there]

    @property
    def waves(self) -> Sequence[Sequence[str]]:
        """The machine types that are deployed at the same time, one wave after the other."""
        at_once = settings_of(self.operation.environment).at_once
        return [self.machines] if at_once else [[machine] for machine in self.machines]

    @property
    def goes_well(self) -> bool:
        return all(result.state is State.SUCCEEDED and result.finished for result in self.results.values())

    @property
    def not_started(self) -> tuple[str, ...]:
        """The machine types on which nothing was done: their turn did not come, or their playbook could not be run."""
        untouched = {machine for machine, result in self.results.items() if result.refused}
        return tuple(machine for machine in self.machines if machine not in self.results or machine in untouched)

    @property
    def rollout(self) -> Rollout:
        """What is to be shown, of what has not begun as well."""
        shown = [self.results.get(machine) or self._to_come(machine) for machine in self.machines]
        return Rollout(tuple(shown), self.operation.services.clock(), check=self.scope.check)

    def _to_come(self, machine: str) -> PlaybookResult:
        hosts = [HostResult(host.name, State.WAITING) for host in self.hosts.hosts if host.machine == machine]
        return PlaybookResult(machine, State.WAITING, tuple(hosts))

    async def prepare(self) -> None:
        """Within a step: get what all playbooks need. Raises RunnerError where that cannot be had: nothing has begun."""
        await self.operation.does("is checking what would change" if self.scope.check else "is deploying")
        shown = self.operation.head, self.release, self.approval, self.rollout
        async with self.operation.live() as live:
            show = partial(live.show, lambda: views.preparing(*shown))
            slow = asyncio.get_running_loop().call_later(SHOWN_AFTER, show)
            try:
                with suppress(Cancelled):  # whoever it was is on record
                    await self.operation.unless_cancelled(playbooks.prepare(self.operation, self.release.commit))
            finally:
                slow.cancel()

    async def play(self, wave: Sequence[str]) -> None:
        """Durable: the playbooks of these machine types, each once."""
        plays = [Play(machine, self.release.commit, self.hosts, check=self.scope.check) for machine in wave]
        name = f"playbook {wave[0]}" if len(wave) == 1 else "playbooks"
        results = await self.operation.once(
            name,
            do=lambda: self._shown(plays, playbooks.run),
            recover=lambda: self._shown(plays, playbooks.find_out),
        )
        self.results |= dict(zip(wave, results, strict=True))

    async def look_at_daemons(self, began: float) -> tuple[DaemonObservation, ...]:
        """Durable: the daemons of the hosts that got the commit, put right once where they are wrong."""
        if not any(self.operation.environment.daemons.get(machine) for machine in self.results):
            return ()
        good = {host.host for host in self.rollout.hosts if host.state is State.SUCCEEDED}
        theirs = replace(self.hosts, hosts=tuple(host for host in self.hosts.hosts if host.name in good))

        async def look() -> tuple[DaemonObservation, ...]:
            async with self.operation.live() as live:
                shown = self.operation.head, self.release, self.approval, self.rollout
                live.show(lambda: views.looking(*shown))
                return await daemons.verify(self.operation, theirs, began)

        return await self.operation.step("daemons", look)

    async def _shown(self, plays: Sequence[Play], go: Go) -> tuple[PlaybookResult, ...]:
        """Within a step: all of them, with what becomes of them; one that is refused does not end the others."""

        async def heard(machine: str, result: PlaybookResult) -> None:
            self.results[machine] = self.operation.services.redact.within(result)
            self._show(live)

        async def one(play: Play) -> PlaybookResult:
            try:
                return await go(self.operation, play, lambda result: heard(play.machine, result))
            except TimedOutError as error:
                ended = await playbooks.overdue(self.operation, play.machine, error)
                return self.operation.services.redact.within(ended or self._refused(play.machine, error))
            except RunnerError as error:
                return self.operation.services.redact.within(self._refused(play.machine, error))

        async def stop() -> None:
            await asyncio.gather(*(playbooks.stop(self.operation, play.machine) for play in plays))

        async def work() -> tuple[PlaybookResult, ...]:
            if len(plays) > 1:
                await code_of(self.operation, self.release.commit)  # there before all of them ask for it
            return await together(*(one(play) for play in plays))

        async with self.operation.live() as live:
            self._show(live)
            return await self.operation.unless_cancelled(work(), stop)

    def _refused(self, machine: str, error: RunnerError) -> PlaybookResult:
        said = "\n".join(filter(None, [str(error), error.remedy, error.log_tail]))
        there = replace(self._to_come(machine), playbook=playbooks.name_of(self.operation, machine))
        if isinstance(error, TimedOutError):  # it may have begun
            hosts = tuple(replace(host, state=State.FAILED) for host in there.hosts)
            return replace(there, state=State.FAILED, hosts=hosts, log_tail=said, overdue=error.problem)
        why = f"{error.problem.rstrip('.')}. {error.remedy}" if error.remedy else error.problem
        return replace(there, state=State.FAILED, log_tail=said, refused=why)

    def _show(self, live: Live) -> None:
        live.show(lambda: views.progress(self.operation.head, self.release, self.approval, self.rollout))


async def _report(work: _Work, stopped_by: str | None, seen: tuple[DaemonObservation, ...]) -> None:
    operation, scope = work.operation, work.scope
    await _tell_in_thread(work)
    if scope.check and not stopped_by:
        message = outcome_views.checked(operation.head, work.release, work.rollout)
        await operation.end(_status(work, stopped_by), message, outcome="checked")
        return
    if not scope.check:
        await operation.step("record", lambda: _record(work, well=all(one.ok for one in seen)))
    again = [] if stopped_by or scope.check else _to_retry(work)
    await operation.step("what to retry", lambda: _note_retry(work, again))
    status = Status.FAILED if work.goes_well and not all(one.ok for one in seen) else _status(work, stopped_by)
    await operation.end(status, _ended(work, stopped_by, again, seen))


def _ended(work: _Work, stopped_by: str | None, again: Sequence[str], seen: tuple[DaemonObservation, ...]) -> Message:
    cancelled_by = kit.user(stopped_by) if stopped_by else ""
    then = _what_to_type(work, stopped_by)
    ending = Ending(work.not_started, cancelled_by=cancelled_by, retry=bool(again), daemons=seen, then=then)
    return outcome_views.ended(work.operation.head, work.release, work.approval, work.rollout, ending)


def _what_to_type(work: _Work, stopped_by: str | None) -> str:
    """What to type for the machine types that are left: untouched, or, where it was stopped or cut short, not done."""
    left: Sequence[str] = work.not_started
    if stopped_by or not all(result.finished for result in work.results.values()):
        done = {machine for machine, result in work.results.items() if result.state is State.SUCCEEDED}
        left = work.machines if work.scope.check else [machine for machine in work.machines if machine not in done]
    commit = work.release.commit
    ref = commit.short if commit.ref == commit.sha else commit.ref
    return command_text(work.operation.environment, ref, left, check=work.scope.check) if left else ""


def _status(work: _Work, stopped_by: str | None) -> Status:
    if stopped_by:
        return Status.CANCELLED
    if not all(result.finished for result in work.results.values()):
        return Status.INTERRUPTED
    return Status.SUCCEEDED if work.goes_well else Status.FAILED


async def _record(work: _Work, *, well: bool) -> None:
    """Keep what each machine runs now; the environment runs the commit once all of them do, and do so `well`."""
    services, record, commit = work.operation.services, work.operation.record, work.release.commit
    for machine, result in work.results.items():
        good = {host.host for host in result.hosts if host.state is State.SUCCEEDED}
        its = [host for host in work.hosts.hosts if host.machine == machine]
        instances = [host.instance_id for host in its if host.name in good]
        all_instances = not work.scope.instances and len(instances) == len(its)
        await services.machine_commits.set_instances(record, commit, machine, instances, all_instances=all_instances)
    known = await services.machine_commits.in_environment(record.environment)
    if well and work.results and same_everywhere(known, work.operation.environment.machines, commit.sha):
        await services.deployments.add(record, commit)


async def _tell_in_thread(work: _Work) -> None:
    operation = work.operation
    failures = [failure for result in work.results.values() for failure in result.failures]
    for index, failure in enumerate(failures[:FAILURES_SHOWN]):
        await operation.details(f"failure {index}", views.failing_task(failure))
    if len(failures) > FAILURES_SHOWN:
        await operation.details("more failures", views.more_failures(len(failures) - FAILURES_SHOWN))
    for machine, result in work.results.items():
        silent = not any(host.failed or host.unreachable for host in result.hosts)
        if result.state in (State.FAILED, State.UNKNOWN) and silent and result.log_tail:
            await operation.details(f"end of {machine}", views.playbook_log(result))
    for machine in work.results:
        await operation.attach(
            f"log of {machine}",
            filename=f"deploy-{operation.number}-{machine}.txt",
            title=f"What Ansible printed for {machine}",
            read=lambda machine=machine: _whole_log(operation, machine),  # type: ignore[misc]
        )


async def _whole_log(operation: Operation, machine: str) -> str:
    path = log_of(playbooks.scratch_of(operation, machine))
    return await run_blocking(read_log, path, timeout=READ_TIMEOUT, doing=f"reading the log of {machine}")


def _to_retry(work: _Work) -> list[str]:
    """The instances on which it went wrong; none where it was cut short, for nobody knows what was done there."""
    if not all(result.finished for result in work.results.values()):
        return []
    bad = {host.host for host in work.rollout.hosts if host.state not in (*views.GOOD, State.WAITING)}
    return [host.instance_id for host in work.hosts.hosts if host.name in bad]


async def _note_retry(work: _Work, instances: Sequence[str]) -> None:
    annotations, number = work.operation.services.annotations, work.operation.number
    for instance in instances:
        await annotations.add(number, RETRY, instance)
    if instances:
        await annotations.add(number, COMMIT, work.release.commit.sha)


async def _cancelled_by(operation: Operation) -> str | None:
    return await operation.services.operations.cancel_requested(operation.number)


async def _now(operation: Operation) -> float:
    return operation.services.clock()
