"""The roll-out of a release by Ansible: one playbook for each role, on the hosts that run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import Cancelled
from bot.operations.child_outage import live_with_note
from bot.operations.room import Precedence, wait_for_room
from bot.slack.blocks.common import FailureContext
from bot.store.operations import Status
from handlers.deploy.ansible import daemons, host_keys, playbooks, preflight, rollout_end, views
from handlers.deploy.ansible.playbooks import Play
from handlers.deploy.ansible.scope import scope_of, settings_of
from handlers.deploy.ansible.views import RolloutState
from handlers.deploy.inputs import check_unchanged
from runners.concurrency import together
from runners.errors import RunnerError, TimedOutError, UncertainError
from runners.results import HostResult, PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.live import LiveMessage
    from handlers.deploy.ansible.scope import Scope
    from handlers.deploy.views import Release
    from runners.results import DaemonObservation, Inventory

    RunPlay = Callable[[Operation, Play, playbooks.OnProgress], Awaitable[PlaybookResult]]

DISPLAYED_AFTER = 1.0  # seconds of preparation; a complete checkout takes less, and needs no change of the message


async def roll_out(operation: Operation, release: Release, approval: ApprovalView | None) -> None:
    """Durable: one role after the other, or all at the same time; the first failure stops those that have not begun."""
    await check_unchanged(operation, release)
    scope = scope_of(operation)
    began = await operation.step("began", lambda: _now(operation))
    hosts = await operation.step("inventory", lambda: scope.find_hosts(operation.services))
    changed = await operation.step("host keys", lambda: host_keys.changed(operation, hosts))
    if changed:
        await operation.end(Status.FAILED, views.keys_changed(operation.head, release, approval, changed))
        return
    rollout = Rollout(operation, release, approval, scope, hosts)
    await operation.step("prepare", rollout.prepare)
    try:
        await _play_and_finish(rollout, began)
    finally:
        operation.services.room.leave(operation.number)


async def _play_and_finish(rollout: Rollout, began: float) -> None:
    operation, release, approval, scope = rollout.operation, rollout.release, rollout.approval, rollout.scope
    operation.failure_context = FailureContext(commit=release.commit, approval=approval)
    cancelled_by = await operation.step("who cancelled at first", lambda: _cancelled_by(operation))
    for wave in () if cancelled_by else rollout.waves:
        await rollout.play(wave)
        cancelled_by = await operation.step("who cancelled", lambda: _cancelled_by(operation))
        if cancelled_by or not (rollout.succeeded or scope.check):
            break
    observed = () if cancelled_by or scope.check else await rollout.check_daemons(began)
    await rollout_end.finish(rollout, cancelled_by, observed)


@dataclass(slots=True)
class Rollout:
    """A roll-out in progress: the result of each role, in the order in which they are deployed."""

    operation: Operation
    release: Release
    approval: ApprovalView | None
    scope: Scope
    hosts: Inventory
    results: dict[str, PlaybookResult] = field(default_factory=dict)

    @property
    def roles(self) -> Sequence[str]:
        """The roles in the scope that have hosts."""
        with_hosts = {host.machine for host in self.hosts.hosts}
        return [role for role in self.scope.roles if role in with_hosts]

    @property
    def waves(self) -> Sequence[Sequence[str]]:
        """The roles that are deployed at the same time, one wave after the other."""
        at_once = settings_of(self.operation.environment).at_once
        return [self.roles] if at_once else [[role] for role in self.roles]

    @property
    def runs(self) -> int:
        """How many playbooks run together."""
        return max((len(wave) for wave in self.waves), default=1)

    @property
    def finished(self) -> bool:
        """Whether no playbook was interrupted."""
        return all(result.finished for result in self.results.values())

    @property
    def succeeded(self) -> bool:
        """Whether every playbook so far ended well on every host."""
        return self.finished and all(result.state is State.SUCCEEDED for result in self.results.values())

    @property
    def not_started(self) -> tuple[str, ...]:
        """The roles without a change: not begun, or with a playbook that could not be run."""
        refused = {role for role, result in self.results.items() if result.refused}
        return tuple(role for role in self.roles if role not in self.results or role in refused)

    @property
    def state(self) -> RolloutState:
        """What the message displays: the results so far, and the hosts of the roles that wait."""
        results = [self.results.get(role) or self._waiting(role) for role in self.roles]
        return RolloutState(tuple(results), self.operation.services.clock(), check=self.scope.check)

    def _waiting(self, role: str) -> PlaybookResult:
        hosts = [HostResult(host.name, State.WAITING) for host in self.hosts.hosts if host.machine == role]
        return PlaybookResult(role, State.WAITING, tuple(hosts))

    async def prepare(self) -> None:
        """Within a step: wait for room, then fetch and install what all playbooks need. Raises RunnerError; no playbook has begun then."""
        displayed = self.operation.head, self.release, self.approval, self.state
        with suppress(Cancelled):  # the store has who it was
            await wait_for_room(self.operation, Precedence.DECIDED, self.runs, partial(views.waiting, *displayed))
        await self.operation.set_activity("is checking what would change" if self.scope.check else "is deploying")
        async with self.operation.live() as live:
            show = partial(live.show, lambda: views.preparing(*displayed))
            slow = asyncio.get_running_loop().call_later(DISPLAYED_AFTER, show)
            try:
                with suppress(Cancelled):  # the store has who it was
                    await self.operation.unless_cancelled(
                        preflight.examine(self.operation, self.release.commit, self.hosts)
                    )
            finally:
                slow.cancel()

    async def play(self, wave: Sequence[str]) -> None:
        """Durable: run the playbooks of these roles, each once."""
        plays = [Play(role, self.release.commit, self.hosts, check=self.scope.check) for role in wave]
        name = f"playbook {wave[0]}" if len(wave) == 1 else "playbooks"
        results = await self.operation.once(
            name,
            do=lambda: self._play_all(plays, playbooks.run),
            recover=lambda: self._play_all(plays, playbooks.resume),
        )
        self.results |= dict(zip(wave, results, strict=True))

    async def check_daemons(self, began: float) -> tuple[DaemonObservation, ...]:
        """Durable: the daemons of the hosts that got the commit, restarted once where they have a problem."""
        if not any(self.operation.environment.daemons.get(role) for role in self.results):
            return ()
        good = {host.host for host in self.state.hosts if host.state is State.SUCCEEDED}
        deployed = replace(self.hosts, hosts=tuple(host for host in self.hosts.hosts if host.name in good))

        async def check() -> tuple[DaemonObservation, ...]:
            async with self.operation.live() as live:
                displayed = self.operation.head, self.release, self.approval, self.state
                live.show(lambda: views.checking_daemons(*displayed))
                return await daemons.verify(self.operation, deployed, began)

        return await self.operation.step("daemons", check)

    async def _play_all(self, plays: Sequence[Play], run: RunPlay) -> tuple[PlaybookResult, ...]:
        """Within a step: run these plays and display their progress; an error of a play does not stop the others."""

        async def on_progress(role: str, result: PlaybookResult) -> None:
            self.results[role] = self.operation.services.redact.within(result)
            self._show(live)

        async def result_of(play: Play) -> PlaybookResult:
            try:
                return await run(self.operation, play, lambda result: on_progress(play.role, result))
            except UncertainError as error:
                return self.operation.services.redact.within(self._unknown(play.role, error))
            except TimedOutError as error:
                partial_result = await playbooks.timed_out(self.operation, play.role, error)
                return self.operation.services.redact.within(partial_result or self._refused(play.role, error))
            except RunnerError as error:
                return self.operation.services.redact.within(self._refused(play.role, error))

        async def stop() -> None:
            await asyncio.gather(*(playbooks.stop(self.operation, play.role) for play in plays))

        async def work() -> tuple[PlaybookResult, ...]:
            await self._take_room(running=run is playbooks.resume)
            return await together(*map(result_of, plays))

        async with live_with_note(self.operation) as live:
            self._show(live)
            return await self.operation.unless_cancelled(work(), stop)

    def _unknown(self, role: str, error: UncertainError) -> PlaybookResult:
        """Of a playbook that has begun, and of which nothing more is known."""
        waiting, why = self._waiting(role), f"{error.problem.rstrip('.')}. {error.remedy}"
        hosts = tuple(replace(host, state=State.UNKNOWN) for host in waiting.hosts)
        playbook = playbooks.name_of(self.operation, role)
        return replace(
            waiting,
            playbook=playbook,
            state=State.UNKNOWN,
            hosts=hosts,
            finished=False,
            uncertainty=why,
            log_tail=str(error),
        )

    async def _take_room(self, *, running: bool) -> None:
        """Have room, which the first process took in `prepare`; a playbook that runs already does not wait for it."""
        if running:
            self.operation.services.room.occupy(self.operation.number, Precedence.DECIDED, self.runs)
        else:
            await wait_for_room(self.operation, Precedence.DECIDED, self.runs)

    def _refused(self, role: str, error: RunnerError) -> PlaybookResult:
        log_tail = "\n".join(filter(None, [str(error), error.remedy, error.log_tail]))
        waiting = replace(self._waiting(role), playbook=playbooks.name_of(self.operation, role))
        if isinstance(error, TimedOutError):  # it may have begun
            hosts = tuple(replace(host, state=State.FAILED) for host in waiting.hosts)
            return replace(waiting, state=State.FAILED, hosts=hosts, log_tail=log_tail, overdue=error.problem)
        why = f"{error.problem.rstrip('.')}. {error.remedy}" if error.remedy else error.problem
        return replace(waiting, state=State.FAILED, log_tail=log_tail, refused=why)

    def _show(self, live: LiveMessage) -> None:
        live.show(lambda: views.progress(self.operation.head, self.release, self.approval, self.state))


async def _cancelled_by(operation: Operation) -> str | None:
    return await operation.services.operations.cancel_requested(operation.number)


async def _now(operation: Operation) -> float:
    return operation.services.clock()
