"""The roll-out of a release by Ansible, and the daemons of its hosts after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handlers.deploy.ansible import daemons, rollout_end, views
from handlers.deploy.ansible.scope import work_of
from handlers.deploy.inputs import check_unchanged
from handlers.shared.ansible import rollout as shared_rollout
from handlers.shared.ansible.views import checking_daemons
from runners.results import State

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.deploy.views import Release
    from handlers.shared.ansible.rollout import Rollout
    from runners.results import DaemonObservation


async def roll_out(operation: Operation, release: Release, approval: ApprovalView | None) -> None:
    """Durable: run the playbooks, check the daemons of the hosts that got the commit, record what each host runs."""
    await check_unchanged(operation, release)
    began = await operation.step("began", lambda: _now(operation))

    async def finish(rollout: Rollout, cancelled_by: str | None) -> None:
        observed = () if cancelled_by or rollout.work.scope.check else await _check_daemons(rollout, began)
        await rollout_end.finish(rollout, release, cancelled_by, observed)

    frame = views.frame(operation.head, release, approval)
    await shared_rollout.roll_out(operation, work_of(operation, release.commit, release.hosts), frame, finish)


async def _check_daemons(rollout: Rollout, began: float) -> tuple[DaemonObservation, ...]:
    """Durable: the daemons of the hosts that got the commit, restarted once where they have a problem."""
    operation = rollout.operation
    if not any(operation.environment.daemons.get(role) for role in rollout.results):
        return ()
    good = {host.host for host in rollout.state.hosts if host.state is State.SUCCEEDED}
    deployed = replace(rollout.hosts, hosts=tuple(host for host in rollout.hosts.hosts if host.name in good))

    async def check() -> tuple[DaemonObservation, ...]:
        async with operation.live() as live:
            displayed = rollout.frame, rollout.state
            live.show(lambda: checking_daemons(*displayed))
            return await daemons.verify(operation, rollout.work, deployed, began)

    return await operation.step("daemons", check)


async def _now(operation: Operation) -> float:
    return operation.services.clock()
