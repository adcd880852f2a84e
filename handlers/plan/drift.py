"""Drift check: a periodic plan that reports each difference once, with a button for a plan that can be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.operations.periodic import operation_at_interval
from bot.operations.registry import Kind
from bot.operations.room import Precedence
from bot.store.operations import Status
from handlers.plan import views
from handlers.plan.backend import backend_of, room_of
from handlers.plan.change_views import details
from handlers.plan.hcp_run import DRIFT_CHECK
from runners.terraform import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from bot.config import Config, Environment
    from bot.operations.operation import Operation


async def drift(operation: Operation) -> None:
    """Durable: plan, and post a message only when the drift differs from what was reported last."""
    backend = backend_of(operation.environment)
    commit = await backend.commit_to_plan(operation)
    summary = await operation.step("plan", lambda: backend.make_plan(operation, commit))
    drifted = bool(summary.drift or summary.failed_checks or summary.deferred) or not summary.up_to_date
    current = fingerprint(summary) if drifted else ""
    reported = await operation.step(
        "reported drift", lambda: operation.services.deployments.reported_drift(operation.environment.name)
    )
    if current == reported:
        await operation.finish_silently(Status.SUCCEEDED)
        return
    await operation.announce(views.drifted(operation.head, commit, summary))
    if drifted:
        await operation.details("plan in detail", details(summary))
        await operation.attach(
            "plan as text",
            filename=f"drift-{operation.number}.txt",
            title="The plan as Terraform prints it, and every difference",
            read=lambda: backend.plan_text(operation, summary.digest),
        )
    await operation.step(
        "remember", lambda: operation.services.deployments.set_reported_drift(operation.environment.name, current)
    )
    await operation.finish_silently(Status.SUCCEEDED)


def _intervals(config: Config) -> Mapping[str, timedelta]:
    drift = config.watch.drift if config.watch else None
    if drift is None:
        return {}
    planned = {name: each for name, each in config.environments.items() if each.terraform and not each.has_units}
    return dict.fromkeys(planned, drift.every)


def _room_of(environment: Environment) -> Precedence | None:
    return None if room_of(environment) is None else Precedence.DRIFT_CHECK


KINDS = (Kind(DRIFT_CHECK, drift, silent=True, begins_in_room=_room_of),)
PERIODIC_TASKS = (operation_at_interval(DRIFT_CHECK, "Look for drift in {target}", _intervals, spread=True),)
