"""The checks of what goes out through GitHub Actions: green, or deployed despite them for a reason that is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.slack.blocks import commits, kit
from bot.store.operations import Status
from handlers.deploy import views
from runners.github import checks as github_checks
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.deploy.views import Outgoing
    from runners.results import Checks

REFUSED = "refused at"  # a note of this name, with the commit: its checks forbade the deploy
DESPITE, WHY = "despite", "reason"  # arguments of a deploy: the commit that goes out despite its checks, and why


async def passed(operation: Operation, outgoing: Outgoing, approval: ApprovalView | None = None) -> Outgoing | None:
    """Durable: look at the checks of what goes out; None when they forbid it, and the operation is over.

    With `approval` it is looked at once more, for time has passed since.
    """
    again = " again" if approval else ""
    checks = await operation.step(f"checks{again}", lambda: _look(operation, outgoing))
    if checks is None:
        return outgoing
    outgoing = replace(outgoing, checks=checks)
    if checks.green:
        return outgoing
    arguments = operation.record.arguments
    if arguments.get(DESPITE) == outgoing.commit.sha:
        if approval:
            return outgoing
        await _keep(operation, outgoing, checks)
        told = commits.passed_over(operation.record.requester, arguments.get(WHY, ""), checks)
        return replace(outgoing, notes=(*outgoing.notes, told))
    await _refuse(operation, outgoing, checks, approval)
    return None


async def _look(operation: Operation, outgoing: Outgoing) -> Checks | None:
    actions = operation.environment.deploy.github_actions
    if actions is None or actions.required_checks is False:
        return None
    services, commit = operation.services, outgoing.commit
    names = actions.required_checks if isinstance(actions.required_checks, tuple) else ()
    found = await github_checks.checks_of(
        CachedReads(services.github), commit.repository, commit.sha, branch=commit.ref, names=names
    )
    return services.redact.within(found)


async def _keep(operation: Operation, outgoing: Outgoing, checks: Checks) -> None:
    wrong = ", ".join(f"{one.name} {one.state.value}" for one in (checks.failed or checks.unfinished)[:5])
    reason = operation.record.arguments.get(WHY, "")
    await operation.audit("checks passed over", commit=outgoing.commit.short, checks=wrong, reason=reason)


async def _refuse(operation: Operation, outgoing: Outgoing, checks: Checks, approval: ApprovalView | None) -> None:
    told = operation.record.arguments.get(DESPITE)
    if told:
        note = f":information_source: The word to deploy anyway was for {kit.code(told[:7])}, not for this commit."
        outgoing = replace(outgoing, notes=(*outgoing.notes, note))
    sha = outgoing.commit.sha
    await operation.step("refused", lambda: operation.services.annotations.add(operation.number, REFUSED, sha))
    message = views.refused(operation.head, outgoing, approval, checks)
    await operation.end(Status.FAILED, message, outcome="refused by its checks")
