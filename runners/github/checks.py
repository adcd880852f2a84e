"""The checks of a commit: check runs and commit statuses, and which of them a branch requires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import AccessDeniedError, NotFoundError
from runners.results import Check, Checks, Rule, State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runners.github.api.reads import CachedReads

# https://docs.github.com/en/rest/checks/runs: a check run's conclusions that do not keep a branch from being merged.
_GOOD = ("success", "neutral", "skipped")
_STATUSES = {"success": State.SUCCEEDED, "pending": State.RUNNING}
_WORST_FIRST = (State.FAILED, State.RUNNING, State.WAITING, State.SUCCEEDED)
REMEDY = "Give the token or App the permissions Checks: read and Commit statuses: read."


async def checks_of(
    reads: CachedReads, repository: str, sha: str, *, branch: str | None, names: Collection[str] = ()
) -> Checks:
    """The checks of the commit that count.

    With `names`, the checks with these names; else those that `branch` requires (None: the ref is not a branch, or
    required checks do not count). Where it requires none, all checks except those of dispatched workflows, such as
    deploys.

    Raises:
        AccessDeniedError: our credentials may not read checks.
    """
    required = list(names)
    if not required and branch:
        required = await required_by(reads, repository, branch)
    doing = f"reading the checks of {sha[:7]} in {repository}"
    try:
        checks = await _check_runs(reads, repository, sha, doing, dispatched=bool(required))
        checks += await _statuses(reads, repository, sha, doing)
    except AccessDeniedError as error:
        raise AccessDeniedError(doing, error.problem, remedy=REMEDY) from None
    if not required:
        return Checks(sha, Rule.ANY, _sorted(checks))
    counted = [check for name in required for check in _with_name(name, checks)]
    return Checks(sha, Rule.NAMED if names else Rule.REQUIRED, _sorted(counted))


def _with_name(name: str, checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.name == name] or [Check(name, State.WAITING, "")]


def _sorted(checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(sorted(dict.fromkeys(checks), key=lambda check: (_WORST_FIRST.index(check.state), check.name)))


async def required_by(reads: CachedReads, repository: str, branch: str) -> list[str]:
    """The names of the checks that the branch requires, by its protection and by rulesets; none for a tag."""
    quoted = quote(branch, safe="")
    protection = await _or_none(reads, repository, f"/branches/{quoted}", branch) or {}
    rules = await _or_none(reads, repository, f"/rules/branches/{quoted}?per_page=100", branch) or []
    checks = (
        ((protection.get("protection") or {}).get("required_status_checks") or {})
        if protection.get("protected")
        else {}
    )
    names = [*(checks.get("contexts") or ()), *(check["context"] for check in checks.get("checks") or ())]
    for rule in rules:
        if rule.get("type") == "required_status_checks":
            names += [check["context"] for check in (rule.get("parameters") or {}).get("required_status_checks") or ()]
    return list(dict.fromkeys(names))


async def _or_none(reads: CachedReads, repository: str, path: str, branch: str) -> Any:
    try:
        return await reads.get(repository, path, doing=f"reading what {branch} of {repository} requires")
    except NotFoundError:
        return None  # a tag, or a server without rulesets


async def _check_runs(reads: CachedReads, repository: str, sha: str, doing: str, *, dispatched: bool) -> list[Check]:
    path = f"/commits/{quote(sha, safe='')}/check-runs"
    runs = [run async for run in reads.pages(repository, path, key="check_runs", doing=doing)]
    suites = frozenset() if dispatched or not runs else await _dispatched_suites(reads, repository, sha, doing)
    return [
        Check(str(run["name"]), _state_of(run), str(run.get("html_url") or run.get("details_url") or ""))
        for run in runs
        if (run.get("check_suite") or {}).get("id") not in suites
    ]


def _state_of(run: dict[str, Any]) -> State:
    if run["status"] != "completed":
        return State.RUNNING
    return State.SUCCEEDED if run.get("conclusion") in _GOOD else State.FAILED


async def _dispatched_suites(reads: CachedReads, repository: str, sha: str, doing: str) -> frozenset[int]:
    """The check suites of workflows dispatched at this commit: a failed deploy must not prevent the next deploy."""
    path = f"/actions/runs?head_sha={quote(sha, safe='')}&event=workflow_dispatch"
    try:
        runs = [run async for run in reads.pages(repository, path, key="workflow_runs", doing=doing)]
    except (AccessDeniedError, NotFoundError):
        return frozenset()  # Actions is disabled in this repository
    return frozenset(int(run["check_suite_id"]) for run in runs if run.get("check_suite_id"))


async def _statuses(reads: CachedReads, repository: str, sha: str, doing: str) -> list[Check]:
    path = f"/commits/{quote(sha, safe='')}/status"
    statuses = [status async for status in reads.pages(repository, path, key="statuses", doing=doing)]
    return [
        Check(str(status["context"]), _STATUSES.get(status["state"], State.FAILED), str(status.get("target_url") or ""))
        for status in statuses
    ]
