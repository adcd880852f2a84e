"""The roll-out of playbooks by Ansible: one for each role, on the hosts that run."""

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
from handlers.shared.ansible import host_keys, playbooks, preflight, views
from handlers.shared.ansible.hosts import displayed_hosts_of
from handlers.shared.ansible.playbooks import Play
from handlers.shared.ansible.views import RolloutState
from runners.concurrency import together
from runners.errors import RunnerError, TimedOutError, UncertainError
from runners.explain import remedy_of
from runners.results import HostResult, PlaybookResult, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.operations.operation import Operation
    from bot.slack.live import LiveMessage
    from handlers.shared.ansible.scope import Work
    from handlers.shared.ansible.views import Frame
    from runners.results import Inventory

    RunPlay = Callable[[Operation, Play, playbooks.OnProgress], Awaitable[PlaybookResult]]
    Finish = Callable[["Rollout", str | None], Awaitable[None]]

DISPLAYED_AFTER = 1.0  # seconds of preparation; a complete checkout takes less, and needs no change of the message


async def roll_out(operation: Operation, work: Work, frame: Frame, finish: Finish) -> None:
    """Durable: one role after the other, or all at the same time; the first failure stops those that have not begun.

    `finish` ends the operation; it gets who cancelled, if anybody did. Before anything runs, hosts that approvers have not seen and hosts with changed keys end it.
    """
    hosts = await operation.step("inventory", lambda: displayed_hosts_of(operation, work))
    changed = await operation.step("host keys", lambda: host_keys.changed(operation, work, hosts, frame.command))
    if changed:
        await operation.end(Status.FAILED, views.keys_changed(frame, changed))
        return
    rollout = Rollout(operation, work, frame, hosts)
    await operation.step("prepare", rollout.prepare)
    try:
        operation.failure_context = FailureContext(
            commit=work.commit, approval=frame.approval, done=operation.failure_context.done
        )
        await finish(rollout, await _play(rollout))
    finally:
        operation.services.room.leave(operation.number)


async def _play(rollout: Rollout) -> str | None:
    """Durable: run the playbooks; who cancelled, None where nobody did."""
    operation = rollout.operation
    cancelled_by = await operation.step("who cancelled at first", lambda: _cancelled_by(operation))
    for wave in () if cancelled_by else rollout.waves:
        await rollout.play(wave)
        cancelled_by = await operation.step("who cancelled", lambda: _cancelled_by(operation))
        if cancelled_by or not (rollout.succeeded or rollout.work.scope.check):
            break
    return cancelled_by


@dataclass(slots=True)
class Rollout:
    """A roll-out in progress: the result of each role, in their order."""

    operation: Operation
    work: Work
    frame: Frame
    hosts: Inventory
    results: dict[str, PlaybookResult] = field(default_factory=dict)

    @property
    def roles(self) -> Sequence[str]:
        """The roles in the scope that have hosts."""
        with_hosts = {host.machine for host in self.hosts.hosts}
        return [role for role in self.work.scope.roles if role in with_hosts]

    @property
    def waves(self) -> Sequence[Sequence[str]]:
        """The roles whose playbooks run at the same time, one wave after the other."""
        return [self.roles] if self.work.settings.at_once else [[role] for role in self.roles]

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
        return RolloutState(tuple(results), self.operation.services.clock(), check=self.work.scope.check)

    def _waiting(self, role: str) -> PlaybookResult:
        hosts = [HostResult(host.name, State.WAITING) for host in self.hosts.hosts if host.machine == role]
        return PlaybookResult(role, State.WAITING, tuple(hosts))

    async def prepare(self) -> None:
        """Within a step: wait for room, then fetch and install what all playbooks need. Raises RunnerError; no playbook has begun then."""
        displayed = self.frame, self.state
        with suppress(Cancelled):  # the store has who it was
            await wait_for_room(self.operation, Precedence.DECIDED, self.runs, partial(views.waiting, *displayed))
        await self.operation.set_activity(self.frame.activity)
        async with self.operation.live() as live:
            show = partial(live.show, lambda: views.preparing(*displayed))
            slow = asyncio.get_running_loop().call_later(DISPLAYED_AFTER, show)
            try:
                with suppress(Cancelled):  # the store has who it was
                    await self.operation.unless_cancelled(preflight.examine(self.operation, self.work, self.hosts))
            finally:
                slow.cancel()

    async def play(self, wave: Sequence[str]) -> None:
        """Durable: run the playbooks of these roles, each once."""
        plays = [Play(role, self.work, self.hosts) for role in wave]
        name = f"playbook {wave[0]}" if len(wave) == 1 else "playbooks"
        results = await self.operation.once(
            name,
            do=lambda: self._play_all(plays, playbooks.run),
            recover=lambda: self._play_all(plays, playbooks.resume),
        )
        self.results |= dict(zip(wave, results, strict=True))

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
        return replace(
            waiting,
            playbook=self.work.playbook_of(role),
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
        waiting = replace(self._waiting(role), playbook=self.work.playbook_of(role))
        if isinstance(error, TimedOutError):  # it may have begun
            hosts = tuple(replace(host, state=State.FAILED) for host in waiting.hosts)
            return replace(waiting, state=State.FAILED, hosts=hosts, log_tail=log_tail, overdue=error.problem)
        remedy = remedy_of(error)
        why = f"{error.problem.rstrip('.')}. {remedy}" if remedy else error.problem
        return replace(waiting, state=State.FAILED, log_tail=log_tail, refused=why)

    def _show(self, live: LiveMessage) -> None:
        live.show(lambda: views.progress(self.frame, self.state))


async def _cancelled_by(operation: Operation) -> str | None:
    return await operation.services.operations.cancel_requested(operation.number)
