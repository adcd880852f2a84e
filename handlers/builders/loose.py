"""Packer's key pairs and security groups without a builder: removed by a click, an approval, and one more look."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import BUILDERS
from bot.operations import requests
from bot.operations.registry import Button, Click, Kind
from bot.operations.requests import OperationRequest
from bot.store.approvals import Outcome as Decided
from bot.store.operations import Status
from handlers.builders import loose_views
from handlers.shared import permissions
from handlers.shared.builders import recognition
from runners.aws.builders import finding, leftovers, terminating
from runners.results import KeyPair, OrphanedResources, OrphanedSecurityGroup, Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.operations.operation import Operation
    from bot.services import Services

KIND = "remove loose"
TITLE = "Remove what builds left without a builder"
LANE = "loose"  # one after the other, and beside the builders' own messages


async def remove(services: Services, click: Click) -> None:
    """Begin: it looks again, shows what may go, and waits for approval."""
    target = policy.target_of(services.config, BUILDERS)
    key = f"loose-{click.trigger_id}-{click.user}"[:80]
    request = OperationRequest(KIND, TITLE, click.user, key, target, lane=LANE)
    await requests.start(services, request, permissions.attempt(click.user, KIND, target.name))


async def remove_loose(operation: Operation) -> None:
    """Durable: look, ask, look once more at each, remove, report."""
    left = await operation.step("look", lambda: _look(operation))
    if not left.key_pairs and not left.security_groups:
        message = loose_views.nothing(operation.head, left.unread)
        await operation.end(Status.SUCCEEDED, message, outcome="nothing to remove")
        return
    required = policy.required_approvals(operation.target, at_least=1)
    drawn = partial(loose_views.ask, operation.head, left)
    approval = await operation.approved(_binding(operation, left), required, drawn)
    if approval.outcome != Decided.APPROVED:
        await operation.end(Status(approval.outcome), loose_views.settled(operation.head, left, approval))
        return
    steps = await operation.step("remove", lambda: _remove(operation, left))
    gone = sum(1 for step in steps if step.gone)
    status = Status.SUCCEEDED if gone or not steps else Status.FAILED
    await operation.audit("removed", outcome=", ".join(step.resource for step in steps if step.gone)[:400])
    await operation.end(
        status, loose_views.removed(operation.head, steps, approval), outcome=f"{gone} of {len(steps)} removed"
    )


async def _look(operation: Operation) -> OrphanedResources:
    services = operation.services
    now = datetime.fromtimestamp(services.clock(), UTC)
    found = await leftovers.leftovers(services.account, recognition(services.config), now=now)
    # Builders have messages of their own; volumes go with old images.
    return OrphanedResources((), found.key_pairs, found.security_groups, (), found.unread)


async def _remove(operation: Operation, asked: OrphanedResources) -> tuple[Step, ...]:
    """Remove what was approved and is loose still; each is told, whatever became of it."""
    account = operation.services.account
    found = await finding.find(account, recognition(operation.services.config))
    used = {
        name
        for builder in found.builders
        for name in (builder.key_name, *(group.group_id for group in builder.security_groups))
    }
    unread = {one.region: one.problem for one in found.unread}
    stay, keys, groups = list[Step](), list[KeyPair](), list[OrphanedSecurityGroup]()
    for key in asked.key_pairs:
        reason = _why_it_stays(key.region, key.name, used, unread)
        stay += [Step("key pair", key.name, Outcome.KEPT, reason)] if reason else []
        keys += [] if reason else [key]
    for group in asked.security_groups:
        reason = _why_it_stays(group.region, group.group_id, used, unread)
        stay += [Step("security group", group.group_id, Outcome.KEPT, reason)] if reason else []
        groups += [] if reason else [group]
    cleared = await terminating.clear(account, OrphanedResources((), tuple(keys), tuple(groups)))
    return (*stay, *cleared)


def _why_it_stays(region: str, name: str, used: Collection[str | None], unread: Mapping[str, str]) -> str:
    if region in unread:
        return f"it could not be looked at again: {unread[region]}"
    return "a builder uses it now" if name in used else ""


def _binding(operation: Operation, left: OrphanedResources) -> str:
    names = [f"{key_pair.region}/{key_pair.name}" for key_pair in left.key_pairs]
    names += [f"{security_group.region}/{security_group.group_id}" for security_group in left.security_groups]
    return hashlib.sha256(f"loose {operation.number} {' '.join(names)}".encode()).hexdigest()


KINDS = (Kind(KIND, remove_loose),)
BUTTONS = (Button(loose_views.REMOVE, remove),)
