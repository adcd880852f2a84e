"""The end of a roll-out by Ansible: its thread, what the hosts run now, the hosts to retry, the last message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.store.deployments import same_everywhere
from bot.store.operations import Status
from handlers.deploy.ansible import daemon_views, views
from handlers.deploy.arguments import command_text
from handlers.deploy.views import SUSPECT_DEPLOY
from handlers.shared.ansible import outcome_views
from handlers.shared.ansible.log_judgement import judge
from handlers.shared.ansible.outcome_views import RolloutEnd
from handlers.shared.ansible.rollout_end import cause, post_details, remaining, status
from handlers.shared.ansible.views import GOOD
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.deploy.views import Release
    from handlers.shared.ansible.rollout import Rollout
    from runners.results import DaemonObservation

# The names of an operation's annotations: its commit, and each instance to retry.
COMMIT, RETRY = "went out", "retry"


async def finish(
    rollout: Rollout, release: Release, cancelled_by: str | None, observed: tuple[DaemonObservation, ...]
) -> None:
    """Durable: post the details, record what the hosts run, and end the operation. `observed` are the daemons."""
    operation, scope = rollout.operation, rollout.work.scope
    await post_details(rollout, "deploy")
    if scope.check and not cancelled_by:
        await operation.end(
            status(rollout, cancelled_by), views.checked(rollout.frame, rollout.state), outcome="checked"
        )
        return
    judged = await judge(rollout, cancelled_by)
    daemons_ok = all(daemon.ok for daemon in observed)
    if not scope.check:
        await operation.step("record", lambda: _record(rollout, daemons_ok=daemons_ok))
    retryable = [] if cancelled_by or scope.check else _to_retry(rollout)
    await operation.step("what to retry", lambda: _annotate_retry(rollout, retryable))
    ended = Status.FAILED if rollout.succeeded and not daemons_ok else status(rollout, cancelled_by)
    end = RolloutEnd(
        rollout.not_started,
        cancelled_by=kit.user(cancelled_by) if cancelled_by else "",
        retry=views.retry_button(operation.head, rollout.state) if retryable else None,
        problem=views.daemon_problem(release, observed),
        details=tuple(daemon_views.after_deploy(operation.head.environment, observed)),
        then=_command_for_rest(rollout, cancelled_by),
        judged=judged,
        suspect=SUSPECT_DEPLOY,
        cause="" if cancelled_by else cause(rollout),
    )
    message = outcome_views.ended(rollout.frame, rollout.state, end)
    outcome = "suspect" if ended is Status.SUCCEEDED and judged.suspects else ""
    alarming = any(daemon.doubled for daemon in observed)
    await operation.end(ended, message, outcome=outcome, alarming=alarming)


def _command_for_rest(rollout: Rollout, cancelled_by: str | None) -> str:
    """The command for the roles that remain; "" where none does."""
    roles, work = remaining(rollout, cancelled_by), rollout.work
    if not roles:
        return ""
    ref = work.commit.short if work.commit.ref == work.commit.sha else work.commit.ref
    return command_text(rollout.operation.environment, ref, roles, check=work.scope.check, given=work.given)


async def _record(rollout: Rollout, *, daemons_ok: bool) -> None:
    """Within a step: record what each host runs; the environment runs the commit once all of its hosts do."""
    services, record, commit = rollout.operation.services, rollout.operation.record, rollout.work.commit
    for role, result in rollout.results.items():
        good = {host.host for host in result.hosts if host.state is State.SUCCEEDED}
        of_role = [host for host in rollout.hosts.hosts if host.machine == role]
        instances = [host.instance_id for host in of_role if host.name in good]
        all_instances = not rollout.work.scope.instances and len(instances) == len(of_role)
        await services.machine_commits.set_instances(record, commit, role, instances, all_instances=all_instances)
    commits = await services.machine_commits.in_environment(record.environment)
    roles = rollout.operation.environment.machines
    if daemons_ok and rollout.results and same_everywhere(commits, roles, commit.sha):
        await services.deployments.add(record, commit)


def _to_retry(rollout: Rollout) -> list[str]:
    """The instances that failed; none after an interruption, since what was done on them is unknown."""
    if not rollout.finished:
        return []
    failed = {host.host for host in rollout.state.hosts if host.state not in (*GOOD, State.WAITING)}
    return [host.instance_id for host in rollout.hosts.hosts if host.name in failed]


async def _annotate_retry(rollout: Rollout, instances: Sequence[str]) -> None:
    annotations, number = rollout.operation.services.annotations, rollout.operation.number
    for instance in instances:
        await annotations.add(number, RETRY, instance)
    if instances:
        await annotations.add(number, COMMIT, rollout.work.commit.sha)
