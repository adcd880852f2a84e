"""The guard before code runs: a ref that its environment does not allow is refused, or takes an approval of its own."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bot.access import rights
from bot.operations.approval import required_approvals
from bot.operations.registry import ApprovalCheck, Objection
from bot.slack.blocks import replies
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.shared import ref_views
from handlers.shared.ref_judgement import RefRules, judge
from runners.errors import NotFoundError
from runners.github import commits

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Approver
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from bot.store.approvals import Approval
    from bot.store.operations import Record
    from runners.results import Commit, RefStanding

__all__ = ["RefRules", "admitted", "announce", "standing_of", "taken_up"]

REF_APPROVAL = "ref approval"  # an annotation: the binding of an approval in which the requester does not count
OWN_REQUEST = (
    "Somebody else has to approve this: the code of a ref that is not allowed never runs by the word of its requester "
    "alone. Nothing was approved."
)


async def standing_of(operation: Operation, commit: Commit, rules: RefRules) -> RefStanding | None:
    """Durable: the commit's standing; None when nobody can approve it, and the operation has ended."""
    standing = await operation.step("ref", lambda: judge(operation, commit, rules))
    if not standing.refused:
        return standing
    await operation.audit("ref refused", ref=commit.ref, commit=commit.sha, why=standing.refused)
    await operation.end(Status.FAILED, ref_views.refused(operation.head, standing), outcome="ref refused")
    return None


async def admitted(operation: Operation, commit: Commit, rules: RefRules, purpose: str) -> RefStanding | None:
    """Durable: the standing of a commit that may run, after an approval of its own where its ref takes one.

    `purpose` says what runs its code ("plan", "check", "build"). None when it may not run; the operation has ended.
    """
    standing = await standing_of(operation, commit, rules)
    if standing is None or standing.allowed:
        return standing
    binding = f"{purpose} ref {operation.number} {operation.target.name} {commit.sha}"
    approval = await _approved(operation, standing, purpose, hashlib.sha256(binding.encode()).hexdigest())
    if approval.outcome != Outcome.APPROVED:
        await operation.end(Status(approval.outcome), ref_views.not_approved(operation.head, standing, approval))
        return None
    if not await taken_up(operation, standing, approval):
        return None
    await operation.details("ref approved by", ref_views.approved(standing, approval))
    return standing


async def _approved(operation: Operation, standing: RefStanding, purpose: str, binding: str) -> ApprovalView:
    """Durable: the decision of somebody else than the requester about exactly this commit, environment and purpose."""
    await announce(operation, binding)
    return await operation.approved(
        binding, _required(operation), lambda view: ref_views.ask(operation.head, standing, view, purpose)
    )


async def announce(operation: Operation, binding: str) -> None:
    """Durable, before an approval with this binding is requested: the requester does not count in it."""
    annotations, number = operation.services.annotations, operation.number
    await operation.step("ref approval", lambda: annotations.add(number, REF_APPROVAL, binding))


def _required(operation: Operation) -> int:
    """How many people have to approve: as many as for a change, and one at least."""
    return required_approvals(operation, at_least=1)


async def taken_up(operation: Operation, standing: RefStanding, approval: ApprovalView) -> bool:
    """Durable, after the approval: whether it holds when it is used; if not, the operation has ended.

    The requester's own vote never counts, and a ref that moved meanwhile does not run.
    """
    commit = standing.commit
    if not _voted_by_others(operation, approval):
        problem = "fewer people than required approved it, besides its requester"
    else:
        problem = await operation.step("ref again", lambda: _checked_again(operation, commit))
    if problem:
        message = ref_views.not_run(operation.head, standing, approval, problem)
        await operation.end(Status.FAILED, message, outcome="ref not run")
        return False
    await operation.audit("ref approved", ref=commit.ref, commit=commit.sha)
    return True


def _voted_by_others(operation: Operation, approval: ApprovalView) -> bool:
    """Whether enough people besides the requester approved."""
    requester = operation.record.requester
    voters = {person for person, decision, _ in approval.votes if decision == Outcome.APPROVED.value}
    return len(voters - {requester}) >= approval.required


async def _checked_again(operation: Operation, commit: Commit) -> str:
    """Within a step: why the ref no longer names this commit. Raises Denied where the approval does not count any more."""
    await operation.check_authorized("ref", reads=True)  # what its code changes is checked when it does
    return await _changed_since(operation.services, commit)


async def _changed_since(services: Services, commit: Commit) -> str:
    """Within a step: why the ref no longer names this commit (plain text); empty while it does."""
    try:
        now = await commits.resolve(services.github, commit.repository, commit.ref)
    except NotFoundError:
        return f"{commit.ref} no longer exists"
    return "" if now.sha == commit.sha else f"{commit.ref} has moved from {commit.short} to {now.short} since"


async def only_looks(services: Services, record: Record, binding: str) -> bool:
    """Whether this approval lets a ref's code only look: it is for a plan or a check, and not for what changes anything."""
    if rights.need_of(record.kind, record.arguments).right != "plan":
        return False
    return binding in await services.annotations.values_of(record.number, REF_APPROVAL)


async def object_to_requester(services: Services, approval: Approval, approver: Approver) -> Objection | None:
    """Object where the requester approves the code of a ref, whatever the environment's approval allows."""
    if approver.user != approval.requester:
        return None
    if approval.binding not in await services.annotations.values_of(approval.operation, REF_APPROVAL):
        return None
    return Objection(replies.refusal(OWN_REQUEST), OWN_REQUEST)


APPROVAL_CHECKS = (ApprovalCheck(object_to_requester),)
