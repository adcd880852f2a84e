"""The required checks of a release: green, or overridden for a reason that is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.deploy import commit_views, views
from handlers.deploy.backend import backend_of
from runners.github import checks as github_checks
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.deploy.views import Release
    from runners.results import Checks

REFUSED = "refused at"  # the name of an annotation: the commit whose checks forbade the deploy
# The names of a deploy's arguments: the commit that is deployed although its checks are not green, and the reason.
OVERRIDING = OVERRIDDEN_COMMIT, OVERRIDE_REASON = "despite", "reason"


async def required(operation: Operation, release: Release, approval: ApprovalView | None = None) -> Release | None:
    """Durable: the release with its checks; None when they forbid the deploy, and the operation has ended.

    With `approval` the checks are read again, since time has passed.
    """
    again = " again" if approval else ""
    checks = await operation.step(f"checks{again}", lambda: _read(operation, release))
    if checks is None:
        return release
    release = replace(release, checks=checks)
    if checks.green:
        return release
    arguments = operation.record.arguments
    if arguments.get(OVERRIDDEN_COMMIT) == release.commit.sha:
        if approval:
            return release
        await _record_override(operation, release, checks)
        notice = commit_views.override_notice(operation.record.requester, arguments.get(OVERRIDE_REASON, ""), checks)
        return replace(release, notices=(*release.notices, notice))
    await _refuse(operation, release, checks, approval)
    return None


async def _read(operation: Operation, release: Release) -> Checks | None:
    wanted = backend_of(operation.environment).required_checks(operation.environment)
    if wanted is False:
        return None
    services, commit = operation.services, release.commit
    names = wanted if isinstance(wanted, tuple) else ()
    checks = await github_checks.checks_of(
        CachedReads(services.github), commit.repository, commit.sha, branch=commit.ref, names=names
    )
    return services.redact.within(checks)


async def _record_override(operation: Operation, release: Release, checks: Checks) -> None:
    not_green = ", ".join(f"{check.name} {check.state.value}" for check in (checks.failed or checks.unfinished)[:5])
    reason = operation.record.arguments.get(OVERRIDE_REASON, "")
    await operation.audit("checks passed over", commit=release.commit.sha, checks=not_green, reason=reason)


async def _refuse(operation: Operation, release: Release, checks: Checks, approval: ApprovalView | None) -> None:
    overridden = operation.record.arguments.get(OVERRIDDEN_COMMIT)
    if overridden:
        short = kit.code(overridden[:7])
        notice = f":information_source: The word to deploy anyway was for {short}, not for this commit."
        release = replace(release, notices=(*release.notices, notice))
    sha = release.commit.sha
    await operation.step("refused", lambda: operation.services.annotations.add(operation.number, REFUSED, sha))
    message = views.refused_by_checks(operation.head, release, approval, checks)
    await operation.end(Status.FAILED, message, outcome="refused by its checks")
