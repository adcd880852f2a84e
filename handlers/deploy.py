"""/deploy: code to an environment, through GitHub Actions or Ansible, whichever the environment names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import policy, requests, words
from bot.approvals import Outcome
from bot.blocks import deploy as drawing, kit, replies
from bot.blocks.deploy import Outgoing
from bot.blocks.operation import Known
from bot.commands import Command, Invocation, Kind, Modal, Submission
from bot.errors import UserError
from bot.operations import Status
from bot.requests import Wish
from handlers import leads
from handlers.code import commit_of
from handlers.deploys import (
    actions as rollout_actions,
    ansible as rollout_ansible,
    commit_checks,
    machines,
    outgoing as what,
    promote,
    words as deploy_words,
)
from handlers.deploys.scope import CHECK, MACHINES
from handlers.deploys.settings import private_key_of, secret_vars_of
from handlers.deploys.words import SHA, USAGE
from runners.errors import NoSuchRefError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.blocks.kit import Message
    from bot.blocks.operation import ApprovalView
    from bot.config import Environment
    from bot.operation import Operation
    from bot.services import Services
    from runners.results import Commit

ANY_REF = "<branch, tag or commit>"  # in words that somebody is to type
HINT = deploy_words.USAGE.partition(" ")[2]


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a deploy; without words ask for them in a modal."""
    said = words.split(invocation.text, USAGE, most=deploy_words.MOST)
    if not said:
        await requests.check_may_use(services, invocation.user, "/deploy")
        names = list(services.config.environments)
        await services.chat.open_view(invocation.trigger_id, replies.deploy_modal(names, invocation.channel))
        return None
    environment = words.environment(services.config, said[0], USAGE)
    rest = deploy_words.read(environment, said[1:])
    whole = _asked(environment, rest.ref, invocation.user, invocation.key, promotes=not rest.check)
    await requests.start(services, deploy_words.limited(whole, rest))
    return None


async def submitted(services: Services, submission: Submission) -> Mapping[str, str]:
    """Start the deploy that the modal asks for; faults are shown under its fields."""
    environment = words.environment(services.config, submission.values["environment"], USAGE)
    wanted = submission.values["ref"].strip()
    try:
        ref = words.ref(wanted, USAGE) if wanted else ""
    except UserError as error:
        return {"ref": str(error)}
    try:
        await requests.start(services, _asked(environment, ref, submission.user, submission.key))
    except UserError as error:
        return {"environment": str(error)}
    return {}


def usual_ref(environment: Environment) -> str:
    """What goes out when nobody says otherwise."""
    runner = environment.deploy.github_actions or environment.deploy.ansible
    if runner is None:
        raise UserError(f"{environment.name} has no way of deploying in the configuration.")
    return runner.ref


async def deploy(operation: Operation) -> None:
    """Durable: promote, find the commit, look at its checks, ask for approval where it is wanted, roll out, record, report.

    A check of what would change, which touches nothing, needs none of these but the commit.
    """
    await leads.take_over(operation)
    operation.known = _untouched(operation)
    notes = await promote.promoted(operation)
    if notes is None:
        return
    ref = operation.record.arguments["ref"]
    await operation.show("resolving", drawing.working(operation.head, f"looking up {kit.escape(ref)}"), Status.RUNNING)
    try:
        outgoing = await operation.step("what goes out", lambda: _outgoing(operation, ref))
    except NoSuchRefError as error:
        raise _not_there(operation, ref, error) from error
    operation.known = replace(operation.known, commit=outgoing.commit)
    if operation.record.arguments.get(CHECK):
        await rollout_ansible.roll_out(operation, outgoing, None)
        return
    await operation.step("check order", lambda: _check_order(operation, outgoing.commit))
    checked = await commit_checks.passed(operation, replace(outgoing, notes=(*notes, *outgoing.notes)))
    if checked is None:
        return
    await what.list_in_thread(operation, checked)
    approval = await _approval(operation, checked)
    if approval is not None and approval.outcome != Outcome.APPROVED:
        message = drawing.settled(operation.head, checked, approval)
        await operation.end(Status(approval.outcome), message)
        return
    if approval is not None:
        operation.known = replace(operation.known, approval=approval)
        await operation.show("approved", drawing.approved(operation.head, checked, approval), Status.RUNNING, "starts")
        checked = await commit_checks.passed(operation, checked, approval)
    if checked is not None:
        await _roll_out(operation, checked, approval)


def _not_there(operation: Operation, ref: str, error: NoSuchRefError) -> NoSuchRefError:
    """The error for a ref that GitHub does not know: somebody may have meant a machine type by it."""
    environment, arguments = operation.environment, operation.record.arguments
    again = {**arguments, "ref": ANY_REF}
    wrong = None if arguments.get(MACHINES) else deploy_words.neither(environment, ref)
    if wrong and wrong.near:
        again = {**arguments, "ref": usual_ref(environment), MACHINES: wrong.near}
    operation.known = replace(operation.known, then=deploy_words.typed(environment, again))
    return NoSuchRefError(error.doing, wrong.problem) if wrong else error


def _untouched(operation: Operation) -> Known:
    """What to say of it as long as nothing has gone out."""
    arguments = operation.record.arguments
    then = deploy_words.typed(operation.environment, arguments)
    return Known(f"nothing was {'checked' if arguments.get(CHECK) else 'deployed'}", then=then)


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
    running = await services.environments.running_in(operation.environment.name)
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
    running = await operation.services.environments.running_in(before)
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
    return await operation.approved(binding, required, lambda view: drawing.ask(operation.head, outgoing, view))


def _asked(environment: Environment, ref: str, user: str, key: str, *, promotes: bool = True) -> Wish:
    """The wish of somebody who types it: whoever names no ref is asked first what is to be promoted."""
    if ref or environment.promote is None or not promotes:
        return wish(environment, ref or usual_ref(environment), user, key)
    plain = wish(environment, usual_ref(environment), user, key)
    return replace(plain, arguments={**plain.arguments, promote.OFFERED: "offered"})


def wish(environment: Environment, ref: str, user: str, key: str) -> Wish:
    """The wish to deploy `ref` to the environment."""
    return Wish("deploy", f"Deploy {ref} to {environment.name}", user, key, environment, {"ref": ref})


COMMANDS = (Command("/deploy", USAGE, HINT, "Deploy code to an environment.", handle),)
MODALS = (Modal("deploy", submitted),)
KINDS = (Kind("deploy", deploy),)
