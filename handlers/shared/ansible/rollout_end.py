"""The end of a roll-out: its status, and the details in its thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.store.operations import Status
from handlers.shared.ansible import playbooks, views
from runners.explain import explain
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.shared.ansible.rollout import Rollout

FAILURES_POSTED = 8


def status(rollout: Rollout, cancelled_by: str | None) -> Status:
    """The status of the operation that ends with the roll-out."""
    if cancelled_by:
        return Status.CANCELLED
    if not rollout.finished:
        return Status.INTERRUPTED
    return Status.SUCCEEDED if rollout.succeeded else Status.FAILED


def remaining(rollout: Rollout, cancelled_by: str | None) -> Sequence[str]:
    """The roles that remain: those without a change; after an interruption all that did not succeed."""
    if not cancelled_by and rollout.finished:
        return rollout.not_started
    done = {role for role, result in rollout.results.items() if result.state is State.SUCCEEDED}
    return rollout.roles if rollout.work.scope.check else [role for role in rollout.roles if role not in done]


def cause(rollout: Rollout) -> str:
    """The likely cause of the failure, from what the failed hosts printed, else from the ends of the logs; may be empty."""
    if rollout.succeeded:
        return ""
    failures = [failure.output for result in rollout.results.values() for failure in result.failures]
    logs = [
        result.log_tail for result in rollout.results.values() if result.state is State.FAILED and not result.refused
    ]
    likely = explain(*failures) or explain(*logs)
    return likely.text if likely else ""


async def post_details(rollout: Rollout, file: str) -> None:
    """Durable: failed tasks, the ends of logs without one, and the whole logs, into the thread. `file` begins the names of the files."""
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
            filename=f"{file}-{operation.number}-{role}.txt",
            title=f"What Ansible printed for {role}",
            read=lambda role=role: playbooks.log_text(operation, role),  # type: ignore[misc]
        )
