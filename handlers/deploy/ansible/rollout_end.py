"""The end of a roll-out by Ansible: its thread, what the hosts run now, the hosts to retry, the last message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.store.deployments import same_everywhere
from bot.store.operations import Status
from handlers.deploy.ansible import outcome_views, playbooks, views
from handlers.deploy.ansible.outcome_views import RolloutEnd
from handlers.deploy.arguments import command_text
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Message
    from handlers.deploy.ansible.rollout import Rollout
    from runners.results import DaemonObservation

FAILURES_POSTED = 8
# The names of an operation's annotations: its commit, and each instance to retry.
COMMIT, RETRY = "went out", "retry"


async def finish(rollout: Rollout, cancelled_by: str | None, observed: tuple[DaemonObservation, ...]) -> None:
    """Durable: post the details, record what the hosts run, and end the operation. `observed` are the daemons."""
    operation, scope = rollout.operation, rollout.scope
    await _post_details(rollout)
    if scope.check and not cancelled_by:
        message = outcome_views.checked(operation.head, rollout.release, rollout.state)
        await operation.end(_status(rollout, cancelled_by), message, outcome="checked")
        return
    daemons_ok = all(daemon.ok for daemon in observed)
    if not scope.check:
        await operation.step("record", lambda: _record(rollout, daemons_ok=daemons_ok))
    retryable = [] if cancelled_by or scope.check else _to_retry(rollout)
    await operation.step("what to retry", lambda: _annotate_retry(rollout, retryable))
    status = Status.FAILED if rollout.succeeded and not daemons_ok else _status(rollout, cancelled_by)
    await operation.end(status, _message(rollout, cancelled_by, retryable, observed))


def _message(
    rollout: Rollout, cancelled_by: str | None, retryable: Sequence[str], observed: tuple[DaemonObservation, ...]
) -> Message:
    end = RolloutEnd(
        rollout.not_started,
        cancelled_by=kit.user(cancelled_by) if cancelled_by else "",
        retry=bool(retryable),
        daemons=observed,
        then=_command_for_rest(rollout, cancelled_by),
    )
    return outcome_views.ended(rollout.operation.head, rollout.release, rollout.approval, rollout.state, end)


def _command_for_rest(rollout: Rollout, cancelled_by: str | None) -> str:
    """The command for the remaining roles: those without a change; after an interruption all that did not succeed."""
    remaining: Sequence[str] = rollout.not_started
    if cancelled_by or not rollout.finished:
        done = {role for role, result in rollout.results.items() if result.state is State.SUCCEEDED}
        remaining = rollout.roles if rollout.scope.check else [role for role in rollout.roles if role not in done]
    if not remaining:
        return ""
    commit = rollout.release.commit
    ref = commit.short if commit.ref == commit.sha else commit.ref
    environment, given = rollout.operation.environment, rollout.release.given
    return command_text(environment, ref, remaining, check=rollout.scope.check, given=given)


def _status(rollout: Rollout, cancelled_by: str | None) -> Status:
    if cancelled_by:
        return Status.CANCELLED
    if not rollout.finished:
        return Status.INTERRUPTED
    return Status.SUCCEEDED if rollout.succeeded else Status.FAILED


async def _record(rollout: Rollout, *, daemons_ok: bool) -> None:
    """Within a step: record what each host runs; the environment runs the commit once all of its hosts do."""
    services, record, commit = rollout.operation.services, rollout.operation.record, rollout.release.commit
    for role, result in rollout.results.items():
        good = {host.host for host in result.hosts if host.state is State.SUCCEEDED}
        of_role = [host for host in rollout.hosts.hosts if host.machine == role]
        instances = [host.instance_id for host in of_role if host.name in good]
        all_instances = not rollout.scope.instances and len(instances) == len(of_role)
        await services.machine_commits.set_instances(record, commit, role, instances, all_instances=all_instances)
    commits = await services.machine_commits.in_environment(record.environment)
    roles = rollout.operation.environment.machines
    if daemons_ok and rollout.results and same_everywhere(commits, roles, commit.sha):
        await services.deployments.add(record, commit)


async def _post_details(rollout: Rollout) -> None:
    """Durable: failed tasks, the ends of logs without one, and the whole logs, into the thread."""
    operation = rollout.operation
    failures = [failure for result in rollout.results.values() for failure in result.failures]
    for index, failure in enumerate(failures[:FAILURES_POSTED]):
        await operation.details(f"failure {index}", views.failed_task(failure))
    if len(failures) > FAILURES_POSTED:
        await operation.details("more failures", views.more_failures(len(failures) - FAILURES_POSTED))
    tolerated = [failure for result in rollout.results.values() for failure in result.tolerated]
    if tolerated:
        await operation.details("tolerated failures", views.tolerated(tolerated))
    for role, result in rollout.results.items():
        no_host_failed = not any(host.failed or host.unreachable for host in result.hosts)
        if result.state in (State.FAILED, State.UNKNOWN) and no_host_failed and result.log_tail:
            await operation.details(f"end of {role}", views.playbook_log(result))
    for role in rollout.results:
        await operation.attach(
            f"log of {role}",
            filename=f"deploy-{operation.number}-{role}.txt",
            title=f"What Ansible printed for {role}",
            read=lambda role=role: playbooks.log_text(operation, role),  # type: ignore[misc]
        )


def _to_retry(rollout: Rollout) -> list[str]:
    """The instances that failed; none after an interruption, since what was done on them is unknown."""
    if not rollout.finished:
        return []
    failed = {host.host for host in rollout.state.hosts if host.state not in (*views.GOOD, State.WAITING)}
    return [host.instance_id for host in rollout.hosts.hosts if host.name in failed]


async def _annotate_retry(rollout: Rollout, instances: Sequence[str]) -> None:
    annotations, number = rollout.operation.services.annotations, rollout.operation.number
    for instance in instances:
        await annotations.add(number, RETRY, instance)
    if instances:
        await annotations.add(number, COMMIT, rollout.release.commit.sha)
