"""The workflow of /deploy: promotion, commit, checks, approval, and the roll-out by the environment's backend."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, policy
from bot.access.rights import EMERGENCY
from bot.errors import UserError
from bot.operations.approval import required_approvals
from bot.operations.registry import Kind
from bot.operations.room import Precedence
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.deploy import arguments as deploy_arguments, checks, release as releases, rollback, views
from handlers.deploy.arguments import CHECK, HOSTS, ROLES
from handlers.deploy.backend import backend_of, check_supported
from handlers.deploy.promote import workflow as promote_workflow
from handlers.shared import inputs, ref_guard, ref_views
from handlers.shared.examined import Examined
from handlers.shared.machine_types import neither
from handlers.shared.ref_guard import RefRules
from handlers.shared.ref_lookup import check_startable, with_commit
from handlers.shared.requests import default_ref, deploy_of
from runners.results import hosts_digest

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from bot.store.operations import Request
    from handlers.deploy.views import Release
    from runners.results import Commit, RefStanding


DISPLAYED_AFTER = 1.0  # seconds of reading the code; less needs no change of the message


async def deploy(operation: Operation) -> None:
    """Durable: promote, resolve the commit, require its checks, ask for approval where configured, roll out.

    A check of what would change has only the commit and the roll-out. A ref that the environment does not allow takes an
    approval in any case, also for a check.
    """
    operation.failure_context = _nothing_deployed(operation)
    notices = await promote_workflow.promoted(operation)
    if notices is None:
        return
    release = await _resolved(operation)
    operation.failure_context = replace(operation.failure_context, commit=release.commit)
    rules = RefRules(operation.environment.refs, default_ref(operation.environment), _refs_key(operation))
    if release.check:
        if await ref_guard.admitted(operation, release.commit, rules, "check"):
            await backend_of(operation.environment).roll_out(operation, release, None)
        return
    standing = await ref_guard.standing_of(operation, release.commit, rules)
    if standing is None:
        return
    if not standing.allowed:
        notices = (*ref_views.notices(operation.environment.name, standing), *notices)
    examined = Examined.of(await operation.step("check order", lambda: _check_before(operation, release, standing)))
    checked = await checks.required(
        operation,
        replace(release, notices=(*notices, *examined.notices, *release.notices), hosts=examined.hosts),
    )
    if checked is None:
        return
    await releases.list_commits(operation, checked)
    approval = await _approval(operation, checked, standing)
    if approval is not None:
        checked = await _taken_up(operation, checked, standing, approval)
    if checked is not None:
        await backend_of(operation.environment).roll_out(operation, checked, approval)


async def _taken_up(
    operation: Operation, release: Release, standing: RefStanding, approval: ApprovalView
) -> Release | None:
    """Durable, after the decision: the release that is deployed; None when it is not, and the operation has ended."""
    if approval.outcome != Outcome.APPROVED:
        message = views.not_approved(operation.head, release, approval)
        await operation.end(Status(approval.outcome), message)
        return None
    if not standing.allowed and not await ref_guard.taken_up(operation, standing, approval):
        return None
    operation.failure_context = replace(operation.failure_context, approval=approval)
    await operation.show("approved", views.approved(operation.head, release, approval), Status.RUNNING, "starts")
    return await checks.required(operation, release, approval)


async def _resolved(operation: Operation) -> Release:
    """Durable: the release of the operation's ref, once its backend accepts it."""
    ref = operation.record.arguments["ref"]
    await operation.show("resolving", views.working(operation.head, f"looking up {kit.escape(ref)}"), Status.RUNNING)
    return await operation.step("release", lambda: _verified(operation, ref))


async def _verified(operation: Operation, ref: str) -> Release:
    environment, arguments = operation.environment, operation.record.arguments
    backend = backend_of(environment)
    # Again, for the configuration may have changed since the command: a check must never become a deploy.
    check_supported(
        environment, roles=bool(arguments.get(ROLES) or arguments.get(HOSTS)), check=bool(arguments.get(CHECK))
    )
    if rollback.BACK in arguments:
        ref = await backend.ref_at(operation, ref)
    await backend.verify(operation, ref)
    return await releases.release_of(operation, ref, backend.title(environment))


async def about(services: Services, request: Request) -> dict[str, str]:
    """What a typed deploy is about: its commit. Raises UserError for a ref that does not exist or cannot be deployed."""
    environment = policy.environment_of(services.config, request.environment)
    arguments, ref = request.arguments, request.arguments["ref"]
    if deploy_of(environment).github_actions and rollback.BACK not in arguments:
        check_startable(ref)
    roles = environment.machines if backend_of(environment).TAKES_ROLES and not arguments.get(ROLES) else ()
    problem = neither(ref, roles, environment.name) if roles and ref != default_ref(environment) else ""
    return await with_commit(services, services.config.repository_of(environment), arguments, ref, otherwise=problem)


def _nothing_deployed(operation: Operation) -> FailureContext:
    """The context of a failure as long as nothing has been deployed."""
    arguments = operation.record.arguments
    then = deploy_arguments.repeating_command(operation.environment, arguments)
    return FailureContext(f"nothing was {'checked' if arguments.get(CHECK) else 'deployed'}", next_command=then)


async def _check_before(operation: Operation, release: Release, standing: RefStanding) -> Examined:
    """Within a step, before anybody approves: the order of environments, and the code where it may run by now.

    Returns what the approvers should know of the code, and the hosts that they approve.
    """
    back = await rollback.notices(operation, release.commit) if rollback.BACK in operation.record.arguments else ()
    if not back:
        await _check_order(operation, release.commit)
    if not standing.allowed:
        return Examined(back)
    reading = views.working(operation.head, f"reading the code at {kit.escape(release.commit.short)}", release)
    async with operation.live() as live:
        slow = asyncio.get_running_loop().call_later(DISPLAYED_AFTER, partial(live.show, lambda: reading))
        try:
            examined = await backend_of(operation.environment).examine(operation, release.commit)
        finally:
            slow.cancel()
    return replace(examined, notices=(*back, *examined.notices))


async def _check_order(operation: Operation, commit: Commit) -> None:
    """Raises UserError where the environment follows another one, which does not run this commit; not in an emergency."""
    before = operation.environment.after
    if before is None or operation.record.arguments.get(EMERGENCY):
        return
    current = await operation.services.deployments.current(before)
    if current is None or current.sha != commit.sha:
        runs = f"runs {current.sha[:7]}" if current else "was not deployed to by Signalbox yet"
        raise UserError(
            f"{operation.environment.name} only gets what {before} runs. {commit.short} is not there: {before} {runs}. "
            f"Nothing was deployed; run /deploy {before} {typed_arguments.typed_ref(commit.ref)} first."
        )


def _refs_key(operation: Operation) -> str:
    return operation.environment.key_of("refs")


async def _approval(operation: Operation, release: Release, standing: RefStanding) -> ApprovalView | None:
    """Durable: the decision about exactly this commit; None where the environment requires no approval of it.

    The approval of a ref that is not allowed is the deploy's as well: nothing runs before it.
    """
    required = required_approvals(operation, at_least=0 if standing.allowed else 1)
    if required == 0:
        return None
    approved = f"deploy {operation.number} {operation.environment.name} {release.commit.sha}"
    if release.inputs:
        approved += f" {inputs.digest(release.inputs)}"
    if release.hosts:
        approved += f" {hosts_digest(release.hosts)}"
    binding = hashlib.sha256(approved.encode()).hexdigest()
    if not standing.allowed:
        await ref_guard.announce(operation, binding)
    return await operation.approved(
        binding, required, lambda view: views.awaiting_approval(operation.head, release, view)
    )


def _room_of(environment: Environment) -> Precedence | None:
    """At once only where nobody has to be asked before: a question is not held up by a lack of room."""
    asks = environment.deploy is None or environment.approval.required > 0
    return None if asks or not backend_of(environment).TAKES_ROOM else Precedence.DECIDED


KINDS = (Kind("deploy", deploy, "deployed", begins_in_room=_room_of, once=checks.OVERRIDING, about=about),)
