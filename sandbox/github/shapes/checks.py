"""Check runs, commit statuses and what protects a branch, in the shape of GitHub's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.checks import ACTIONS, ACTIONS_APP_ID
from sandbox.github.shapes.common import (
    FOUNDED,
    api_of,
    node_id,
    number_of,
    repository_minimal,
    stamp,
    stamp_or_none,
    user,
)

if TYPE_CHECKING:
    from sandbox.github.checks import CheckRun, CommitStatus, Protection
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

_BY_NOBODY = {"enforcement_level": "off", "contexts": [], "checks": []}


def check_run(base: str, repository: Repository, one: CheckRun) -> Json:
    """One check run."""
    url = f"{api_of(base, repository)}/check-runs/{one.check_id}"
    page = one.url or f"{base}/{repository.full_name}/runs/{one.check_id}"
    return {
        "id": one.check_id,
        "name": one.name,
        "node_id": node_id("CR", one.check_id),
        "head_sha": one.sha,
        "external_id": "",
        "url": url,
        "html_url": page,
        "details_url": page,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": stamp(one.started_at),
        "completed_at": stamp_or_none(one.completed_at),
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": one.suite_id or suite_of(one.sha, one.app)},
        "app": app(base, one.app),
        "pull_requests": [],
    }


def suite_of(sha: str, slug: str) -> int:
    """The number of the check suite that an app has for a commit."""
    return 49_000_000_000 + number_of(f"{slug}:{sha}")


def app(base: str, slug: str) -> Json:
    """The App behind a check run."""
    return {
        "id": ACTIONS_APP_ID if slug == ACTIONS else number_of(slug),
        "slug": slug,
        "node_id": node_id("A", slug),
        "owner": user(base, "github"),
        "name": slug.replace("-", " ").title(),
        "description": "",
        "external_url": base,
        "html_url": f"{base}/apps/{slug}",
        "created_at": FOUNDED,
        "updated_at": FOUNDED,
        "permissions": {"checks": "write", "metadata": "read"},
        "events": [],
    }


def status(base: str, repository: Repository, one: CommitStatus) -> Json:
    """One status as lists hold it."""
    return {**status_simple(base, repository, one), "creator": user(base, one.creator)}


def status_simple(base: str, repository: Repository, one: CommitStatus) -> Json:
    """One status as the combined one holds it."""
    return {
        "url": f"{api_of(base, repository)}/statuses/{one.sha}",
        "avatar_url": f"{base}/avatars/{one.creator}",
        "id": one.status_id,
        "node_id": node_id("SC", one.status_id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": stamp(one.at),
        "updated_at": stamp(one.at),
    }


def combined(base: str, repository: Repository, sha: str, page: list[CommitStatus], total: int) -> Json:
    """All statuses of a commit together."""
    here = api_of(base, repository)
    return {
        "state": repository.checks.combined(sha),
        "statuses": [status_simple(base, repository, one) for one in page],
        "sha": sha,
        "total_count": total,
        "repository": repository_minimal(base, repository),
        "commit_url": f"{here}/commits/{sha}",
        "url": f"{here}/commits/{sha}/status",
    }


def protection(one: Protection | None) -> Json:
    """What a branch's own answer tells of its protection; of rulesets it tells nothing."""
    if one is None or one.ruleset:
        return {"enabled": False, "required_status_checks": _BY_NOBODY}
    if not one.required:
        return {"enabled": True, "required_status_checks": _BY_NOBODY}
    checks = [{"context": name, "app_id": None} for name in one.required]
    required = {"enforcement_level": "non_admins", "contexts": list(one.required), "checks": checks}
    return {"enabled": True, "required_status_checks": required}


def status_policy(base: str, repository: Repository, branch: str, one: Protection) -> Json:
    """The required checks of a protected branch."""
    here = f"{api_of(base, repository)}/branches/{branch}/protection/required_status_checks"
    return {
        "url": here,
        "strict": one.strict,
        "contexts": list(one.required),
        "checks": [{"context": name, "app_id": None} for name in one.required],
        "contexts_url": f"{here}/contexts",
    }


def branch_protection(base: str, repository: Repository, branch: str, one: Protection) -> Json:
    """All that protects a branch."""
    url = f"{api_of(base, repository)}/branches/{branch}/protection"
    shown: Json = {"url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": False}}
    if one.required:
        shown["required_status_checks"] = status_policy(base, repository, branch, one)
    if one.reviews:
        shown["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "required_approving_review_count": one.reviews,
            "require_last_push_approval": False,
        }
    for name in ("required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations"):
        shown[name] = {"enabled": False}
    return shown


def rules(repository: Repository, one: Protection | None) -> list[Json]:
    """The rules of rulesets for a branch, one entry a rule."""
    if one is None or not one.ruleset:
        return []
    where = {"ruleset_source_type": "Repository", "ruleset_source": repository.full_name, "ruleset_id": 42}
    found: list[Json] = []
    if one.required:
        required = [{"context": name} for name in one.required]
        parameters = {"strict_required_status_checks_policy": one.strict, "required_status_checks": required}
        found.append({"type": "required_status_checks", "parameters": parameters, **where})
    if one.reviews:
        asked = dict.fromkeys(
            (
                "dismiss_stale_reviews_on_push",
                "require_code_owner_review",
                "require_last_push_approval",
                "required_review_thread_resolution",
            ),
            False,
        )
        parameters = {**asked, "required_approving_review_count": one.reviews}
        found.append({"type": "pull_request", "parameters": parameters, **where})
    return found
