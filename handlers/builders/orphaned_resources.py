"""Deletes Packer's key pairs and security groups that have no builder, after an approval and a check of each."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import BUILDERS
from bot.operations import requests
from bot.operations.approval import required_approvals
from bot.operations.registry import Button, Click, Kind
from bot.operations.requests import OperationRequest
from bot.store.approvals import Outcome as Decided
from bot.store.operations import Status
from handlers.builders import orphaned_resource_views as views
from handlers.shared import permissions
from handlers.shared.builders import recognition
from runners.aws.builders import discovery, orphaned_resources, termination
from runners.results import KeyPair, OrphanedResources, OrphanedSecurityGroup, Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.operations.operation import Operation
    from bot.services import Services

KIND = "remove orphaned resources"
TITLE = "Remove what builds left without a builder"
LANE = "orphaned resources"  # a queue of its own, beside those of the builders' alerts


async def request_removal(services: Services, click: Click) -> None:
    """Begin the operation that lists the resources and waits for approval."""
    target = policy.target_of(services.config, BUILDERS)
    key = f"orphans-{click.trigger_id}-{click.user}"[:80]
    request = OperationRequest(KIND, TITLE, click.user, key, target, lane=LANE)
    await requests.start(services, request, permissions.attempt(click.user, KIND, target.name))


async def remove_orphaned_resources(operation: Operation) -> None:
    """Durable: list the resources, wait for approval, check and delete each, report the outcome."""
    orphans = await operation.step("list", lambda: _list(operation))
    if not orphans.key_pairs and not orphans.security_groups:
        message = views.nothing(operation.head, orphans.unreadable)
        await operation.end(Status.SUCCEEDED, message, outcome="nothing to remove")
        return
    required = required_approvals(operation, at_least=1)
    view = partial(views.ask, operation.head, orphans)
    approval = await operation.approved(_digest(operation, orphans), required, view)
    if approval.outcome != Decided.APPROVED:
        await operation.end(Status(approval.outcome), views.not_approved(operation.head, orphans, approval))
        return
    steps = await operation.step("remove", lambda: _remove(operation, orphans))
    deleted = [step.resource for step in steps if step.removed]
    status = Status.SUCCEEDED if deleted or not steps else Status.FAILED
    await operation.audit("removed", outcome=", ".join(deleted)[:400])
    message = views.removed(operation.head, steps, approval)
    await operation.end(status, message, outcome=f"{len(deleted)} of {len(steps)} removed")


async def _list(operation: Operation) -> OrphanedResources:
    services = operation.services
    now = datetime.fromtimestamp(services.clock(), UTC)
    orphans = await orphaned_resources.find_orphans(services.account, recognition(services.config), now=now)
    # Builders have alerts of their own; volumes are deleted with old images.
    return OrphanedResources((), orphans.key_pairs, orphans.security_groups, (), orphans.unreadable)


async def _remove(operation: Operation, approved: OrphanedResources) -> tuple[Step, ...]:
    """Delete what was approved and still has no builder; a step for each resource, whatever the outcome."""
    await operation.check_authorized("remove")
    account = operation.services.account
    builders = await discovery.find_builders(account, recognition(operation.services.config))
    used = {
        name
        for builder in builders.builders
        for name in (builder.key_name, *(group.group_id for group in builder.security_groups))
    }
    unreadable = {part.region: part.problem for part in builders.unreadable}
    skipped, keys, groups = list[Step](), list[KeyPair](), list[OrphanedSecurityGroup]()
    for key in approved.key_pairs:
        reason = _reason_to_skip(key.region, key.name, used, unreadable)
        skipped += [Step("key pair", key.name, Outcome.SKIPPED, reason)] if reason else []
        keys += [] if reason else [key]
    for group in approved.security_groups:
        reason = _reason_to_skip(group.region, group.group_id, used, unreadable)
        skipped += [Step("security group", group.group_id, Outcome.SKIPPED, reason)] if reason else []
        groups += [] if reason else [group]
    deleted = await termination.delete_resources(account, OrphanedResources((), tuple(keys), tuple(groups)))
    return (*skipped, *deleted)


def _reason_to_skip(region: str, name: str, used: Collection[str | None], unreadable: Mapping[str, str]) -> str:
    if region in unreadable:
        return f"it could not be looked at again: {unreadable[region]}"
    return "a builder uses it now" if name in used else ""


def _digest(operation: Operation, orphans: OrphanedResources) -> str:
    names = [f"{key_pair.region}/{key_pair.name}" for key_pair in orphans.key_pairs]
    names += [f"{security_group.region}/{security_group.group_id}" for security_group in orphans.security_groups]
    return hashlib.sha256(f"orphans {operation.number} {' '.join(names)}".encode()).hexdigest()


KINDS = (Kind(KIND, remove_orphaned_resources),)
BUTTONS = (Button(views.REMOVE, request_removal),)
