"""/deploy: code to an environment, through GitHub Actions or Ansible, whichever the environment names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import policy
from bot.errors import UserError
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.deploy import (
    checks,
    command as deploy_command,
    github_actions as rollout_actions,
    outgoing as what,
    running as machines,
    views,
)
from handlers.deploy.ansible import rollout as rollout_ansible
from handlers.deploy.ansible.scope import CHECK, MACHINES, private_key_of, secret_vars_of
from handlers.deploy.command import ANY_REF, SHA
from handlers.deploy.promote import workflow as promote_workflow
from handlers.deploy.views import Outgoing
from handlers.shared.checkout import commit_of
from handlers.shared.requests import default_ref
from runners.errors import NoSuchRefError

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from runners.results import Commit


async def deploy(operation: Operation) -> None:
    """Durable: promote, find the commit, look at its checks, ask for approval where it is wanted, roll out, record, report.

    A check of what would change, which touches nothing, needs none of these but the commit.
    """
    operation.known = _untouched(operation)
    notes = await promote_workflow.promoted(operation)
    if notes is None:
        return
    ref = operation.record.arguments["ref"]
    await operation.show("resolving", views.working(operation.head, f"looking up {kit.escape(ref)}"), Status.RUNNING)
    try:
        outgoing = await operation.step("what goes out", lambda: _outgoing(operation, ref))
    except NoSuchRefError as error:
        raise _not_there(operation, ref, error) from error
    operation.known = replace(operation.known, commit=outgoing.commit)
    if operation.record.arguments.get(CHECK):
        await rollout_ansible.roll_out(operation, outgoing, None)
        return
    await operation.step("check order", lambda: _check_order(operation, outgoing.commit))
    checked = await checks.passed(operation, replace(outgoing, notes=(*notes, *outgoing.notes)))
    if checked is None:
        return
    await what.list_in_thread(operation, checked)
    approval = await _approval(operation, checked)
    if approval is not None and approval.outcome != Outcome.APPROVED:
        message = views.settled(operation.head, checked, approval)
        await operation.end(Status(approval.outcome), message)
        return
    if approval is not None:
        operation.known = replace(operation.known, approval=approval)
        await operation.show("approved", views.approved(operation.head, checked, approval), Status.RUNNING, "starts")
        checked = await checks.passed(operation, checked, approval)
    if checked is not None:
        await _roll_out(operation, checked, approval)


def _not_there(operation: Operation, ref: str, error: NoSuchRefError) -> NoSuchRefError:
    """The error for a ref that GitHub does not know: somebody may have meant a machine type by it."""
    environment, arguments = operation.environment, operation.record.arguments
    again = {**arguments, "ref": ANY_REF}
    wrong = None if arguments.get(MACHINES) else deploy_command.neither(environment, ref)
    if wrong and wrong.near:
        again = {**arguments, "ref": default_ref(environment), MACHINES: wrong.near}
    operation.known = replace(operation.known, then=deploy_command.typed(environment, again))
    return NoSuchRefError(error.doing, wrong.problem) if wrong else error


def _untouched(operation: Operation) -> FailureContext:
    """What to say of it as long as nothing has gone out."""
    arguments = operation.record.arguments
    then = deploy_command.typed(operation.environment, arguments)
    return FailureContext(f"nothing was {'checked' if arguments.get(CHECK) else 'deployed'}", then=then)


async def _roll_out(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None) -> None:
    roll_out = rollout_actions.roll_out if operation.environment.deploy.github_actions else rollout_ansible.roll_out
    await roll_out(operation, outgoing, approval)


async def _outgoing(operation: Operation, ref: str) -> Outgoing:
    services, actions = operation.services, operation.environment.deploy.github_actions
    if actions and SHA.fullmatch(ref):
        raise UserError("GitHub starts workflows on a branch or tag only; name one of these rather than a commit.")
    if operation.environment.deploy.ansible:
        # Before anybody is asked to approve.
        private_key_of(services, operation.environment)
        secret_vars_of(services, operation.environment)
    commit = await commit_of(operation, ref)
    running = await services.deployments.current(operation.environment.name)
    difference, unknown = await what.since(operation, running, commit)
    differing = await machines.differing(operation, running)
    return Outgoing(
        commit,
        what.runs_now(running, commit, differs=bool(differing)),
        f"GitHub Actions {actions.workflow}" if actions else "Ansible",
        difference=difference,
        notes=(unknown,) if unknown else (),
        machines=operation.environment.machines,
        differing=differing,
        check=bool(operation.record.arguments.get(CHECK)),
    )


async def _check_order(operation: Operation, commit: Commit) -> None:
    before = operation.environment.after
    if before is None:
        return
    running = await operation.services.deployments.current(before)
    if running is None or running.sha != commit.sha:
        runs = f"runs {running.sha[:7]}" if running else "was not deployed to by Signalbox yet"
        raise UserError(
            f"{operation.environment.name} only gets what {before} runs. {commit.short} is not there: {before} {runs}. "
            f"Nothing was deployed; run /deploy {before} {commit.ref} first."
        )


async def _approval(operation: Operation, outgoing: Outgoing) -> ApprovalView | None:
    required = policy.required_approvals(operation.environment, at_least=0)
    if required == 0:
        return None
    seen = f"deploy {operation.number} {operation.environment.name} {outgoing.commit.sha}"
    binding = hashlib.sha256(seen.encode()).hexdigest()
    return await operation.approved(binding, required, lambda view: views.ask(operation.head, outgoing, view))


KINDS = (Kind("deploy", deploy),)
