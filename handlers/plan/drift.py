"""Drift check: a periodic plan that reports each change outside of Terraform once, with a button for a real plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.operations.periodic import operation_at_interval
from bot.operations.registry import Kind
from bot.store.operations import Status
from handlers.plan import views
from handlers.plan.backend import backend_of
from handlers.plan.change_views import details
from handlers.plan.hcp_run import LOOKS
from runners.terraform import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from bot.config import Config
    from bot.operations.operation import Operation


async def drift(operation: Operation) -> None:
    """Durable: plan; silent while there is nothing new, else one message with the details in its thread."""
    work = backend_of(operation.environment)
    commit = await work.commit_to_plan(operation)
    summary = await operation.step("plan", lambda: work.make_plan(operation, commit))
    differs = bool(summary.drift) or not summary.up_to_date
    current = fingerprint(summary) if differs else ""
    reported = await operation.step(
        "told", lambda: operation.services.deployments.reported_drift(operation.environment.name)
    )
    if current == reported:
        await operation.finish_silently(Status.SUCCEEDED)
        return
    await operation.announce(views.drifted(operation.head, commit, summary))
    if differs:
        await operation.details("plan in detail", details(summary))
        await operation.attach(
            "plan as text",
            filename=f"drift-{operation.number}.txt",
            title="The plan as Terraform prints it",
            read=lambda: work.plan_text(operation),
        )
    await operation.step(
        "remember", lambda: operation.services.deployments.set_reported_drift(operation.environment.name, current)
    )
    await operation.finish_silently(Status.SUCCEEDED)


def _intervals(config: Config) -> Mapping[str, timedelta]:
    watch = config.watch.drift if config.watch else None
    if watch is None:
        return {}
    return {name: watch.every for name, environment in config.environments.items() if environment.terraform}


KINDS = (Kind(LOOKS, drift, silent=True),)
PERIODIC_TASKS = (operation_at_interval(LOOKS, "Look for drift in {target}", _intervals),)
