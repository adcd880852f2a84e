"""The checks of a commit: check runs and commit statuses, and which of them a branch requires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners.errors import AccessDeniedError, NotFoundError
from runners.results import Check, Checks, Rule, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from runners.github.api.reads import CachedReads

# https://docs.github.com/en/rest/checks/runs: a check run's conclusions that do not keep a branch from being merged.
_GOOD = ("success", "neutral", "skipped")
_STATUSES = {"success": State.SUCCEEDED, "pending": State.RUNNING}
_WORST_FIRST = (State.FAILED, State.RUNNING, State.WAITING, State.SUCCEEDED)
_SOME_APP = -1  # the App of a commit status that an App has set
REMEDY = "Give the token or App the permissions Checks: read and Commit statuses: read."


@dataclass(frozen=True, slots=True)
class Requirement:
    """A check that has to be green; `app` is the id of the App that has to report it, None for any."""

    name: str
    app: int | None = None


@dataclass(frozen=True, slots=True)
class _Reported:
    """A check run, or a commit status (`app` None), as reported."""

    check: Check
    app: int | None


async def checks_of(
    reads: CachedReads, repository: str, sha: str, *, branch: str | None, names: Collection[str] = ()
) -> Checks:
    """The checks of the commit that count: of check runs of the same name and App the newest, in whichever suite it is.

    With `names`, the checks with these names; else those that `branch` requires (None: the ref is not a branch, or
    required checks do not count). Where it requires none, all checks except those of dispatched workflows, such as
    deploys.

    Raises:
        AccessDeniedError: our credentials may not read checks.
    """
    required = [Requirement(name) for name in names]
    if not required and branch:
        required = await required_by(reads, repository, branch)
    doing = f"reading the checks of {sha[:7]} in {repository}"
    try:
        reported = await _check_runs(reads, repository, sha, doing, dispatched=bool(required))
        reported += await _statuses(reads, repository, sha, doing, by_apps=any(each.app for each in required))
    except AccessDeniedError as error:
        raise AccessDeniedError(doing, error.problem, remedy=REMEDY) from None
    if not required:
        return Checks(sha, Rule.ANY, _sorted([each.check for each in reported]))
    counted = [check for each in required for check in _meeting(each, reported)]
    return Checks(sha, Rule.NAMED if names else Rule.REQUIRED, _sorted(counted))


def _meeting(required: Requirement, reported: Sequence[_Reported]) -> list[Check]:
    reports = [
        each.check
        for each in reported
        if each.check.name == required.name and (required.app is None or each.app in (required.app, _SOME_APP))
    ]
    return reports or [Check(required.name, State.WAITING, "")]


def _sorted(checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple(sorted(dict.fromkeys(checks), key=lambda check: (_WORST_FIRST.index(check.state), check.name)))


async def required_by(reads: CachedReads, repository: str, branch: str) -> list[Requirement]:
    """The checks that the branch requires, by its protection and by rulesets; none for a tag."""
    quoted = quote(branch, safe="")
    protection = await _or_none(reads, repository, f"/branches/{quoted}", branch) or {}
    rules = await _or_none(reads, repository, f"/rules/branches/{quoted}?per_page=100", branch) or []
    checks = (
        ((protection.get("protection") or {}).get("required_status_checks") or {})
        if protection.get("protected")
        else {}
    )
    required = [_required(check, "app_id") for check in checks.get("checks") or ()]
    # `contexts` has the same names without their Apps; old servers have nothing else.
    named = {each.name for each in required}
    required += [Requirement(name) for name in checks.get("contexts") or () if name not in named]
    for rule in rules:
        if rule.get("type") == "required_status_checks":
            listed = (rule.get("parameters") or {}).get("required_status_checks") or ()
            required += [_required(check, "integration_id") for check in listed]
    return list(dict.fromkeys(required))


def _required(check: Mapping[str, Any], key: str) -> Requirement:
    app = check.get(key)
    return Requirement(str(check["context"]), app if isinstance(app, int) and app > 0 else None)  # -1: any App


async def _or_none(reads: CachedReads, repository: str, path: str, branch: str) -> Any:
    try:
        return await reads.get(repository, path, doing=f"reading what {branch} of {repository} requires")
    except NotFoundError:
        return None  # a tag, or a server without rulesets
    except AccessDeniedError as error:
        if "upgrade to github" not in error.problem.lower():
            raise
        return None  # a private repository whose plan has no such rules


async def _check_runs(
    reads: CachedReads, repository: str, sha: str, doing: str, *, dispatched: bool
) -> list[_Reported]:
    path = f"/commits/{quote(sha, safe='')}/check-runs"
    runs = [run async for run in reads.pages(repository, path, key="check_runs", doing=doing)]
    suites = frozenset() if dispatched or not runs else await _dispatched_suites(reads, repository, sha, doing)
    # GitHub lists the newest run of each suite, and a commit may have several suites of the same App: a workflow that
    # another event started has a suite of its own. IDs grow.
    newest: dict[tuple[str, int | None], dict[str, Any]] = {}
    for run in sorted(runs, key=lambda run: int(run["id"])):
        if (run.get("check_suite") or {}).get("id") not in suites:
            newest[str(run["name"]), _app_of(run)] = run
    return [
        _Reported(Check(name, _state_of(run), str(run.get("html_url") or run.get("details_url") or "")), app)
        for (name, app), run in newest.items()
    ]


def _app_of(run: Mapping[str, Any]) -> int | None:
    return (run.get("app") or {}).get("id")


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


async def _statuses(reads: CachedReads, repository: str, sha: str, doing: str, *, by_apps: bool) -> list[_Reported]:
    path = f"/commits/{quote(sha, safe='')}/status"
    statuses = [status async for status in reads.pages(repository, path, key="statuses", doing=doing)]
    apps = await _set_by_apps(reads, repository, sha, doing) if by_apps and statuses else frozenset()
    return [
        _Reported(
            Check(
                str(status["context"]),
                _STATUSES.get(status["state"], State.FAILED),
                str(status.get("target_url") or ""),
            ),
            _SOME_APP if status["id"] in apps else None,
        )
        for status in statuses
    ]


async def _set_by_apps(reads: CachedReads, repository: str, sha: str, doing: str) -> frozenset[int]:
    """The statuses that Apps have set. Of which App a status is, GitHub's API does not say; no person can set these."""
    path = f"/commits/{quote(sha, safe='')}/statuses?per_page=100"
    listed = await reads.get(repository, path, doing=doing)
    return frozenset(int(status["id"]) for status in listed if (status.get("creator") or {}).get("type") == "Bot")
