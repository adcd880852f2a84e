"""Check runs, commit statuses and branch protection in the shape of GitHub's answers."""

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


def check_run(base: str, repository: Repository, check: CheckRun) -> Json:
    """A check run."""
    url = f"{api_of(base, repository)}/check-runs/{check.check_id}"
    page = check.url or f"{base}/{repository.full_name}/runs/{check.check_id}"
    return {
        "id": check.check_id,
        "name": check.name,
        "node_id": node_id("CR", check.check_id),
        "head_sha": check.sha,
        "external_id": "",
        "url": url,
        "html_url": page,
        "details_url": page,
        "status": check.status,
        "conclusion": check.conclusion,
        "started_at": stamp(check.started_at),
        "completed_at": stamp_or_none(check.completed_at),
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": check.suite_id or suite_of(check.sha, check.app)},
        "app": app(base, check.app),
        "pull_requests": [],
    }


def suite_of(sha: str, slug: str) -> int:
    """The ID of an App's check suite for a commit."""
    return 49_000_000_000 + number_of(f"{slug}:{sha}")


def app(base: str, slug: str) -> Json:
    """The App of a check run."""
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


def status(base: str, repository: Repository, commit_status: CommitStatus) -> Json:
    """A status in a list."""
    return {**status_simple(base, repository, commit_status), "creator": user(base, commit_status.creator)}


def status_simple(base: str, repository: Repository, commit_status: CommitStatus) -> Json:
    """A status in the combined status."""
    return {
        "url": f"{api_of(base, repository)}/statuses/{commit_status.sha}",
        "avatar_url": f"{base}/avatars/{commit_status.creator}",
        "id": commit_status.status_id,
        "node_id": node_id("SC", commit_status.status_id),
        "state": commit_status.state,
        "description": commit_status.description,
        "target_url": commit_status.target_url,
        "context": commit_status.context,
        "created_at": stamp(commit_status.at),
        "updated_at": stamp(commit_status.at),
    }


def combined(base: str, repository: Repository, sha: str, page: list[CommitStatus], total: int) -> Json:
    """The combined status of a commit."""
    here = api_of(base, repository)
    return {
        "state": repository.checks.combined(sha),
        "statuses": [status_simple(base, repository, entry) for entry in page],
        "sha": sha,
        "total_count": total,
        "repository": repository_minimal(base, repository),
        "commit_url": f"{here}/commits/{sha}",
        "url": f"{here}/commits/{sha}/status",
    }


def protection(requirements: Protection | None) -> Json:
    """The protection in a branch's answer, without rulesets."""
    if requirements is None or requirements.ruleset:
        return {"enabled": False, "required_status_checks": _BY_NOBODY}
    if not requirements.required:
        return {"enabled": True, "required_status_checks": _BY_NOBODY}
    required = {
        "enforcement_level": "non_admins",
        "contexts": list(requirements.required),
        "checks": _with_apps(requirements),
    }
    return {"enabled": True, "required_status_checks": required}


def _with_apps(requirements: Protection) -> list[Json]:
    sources = [(name, requirements.sources.get(name)) for name in requirements.required]
    return [{"context": name, "app_id": app("", source)["id"] if source else None} for name, source in sources]


def status_policy(base: str, repository: Repository, branch: str, requirements: Protection) -> Json:
    """The required checks of a protected branch."""
    here = f"{api_of(base, repository)}/branches/{branch}/protection/required_status_checks"
    return {
        "url": here,
        "strict": requirements.strict,
        "contexts": list(requirements.required),
        "checks": _with_apps(requirements),
        "contexts_url": f"{here}/contexts",
    }


def branch_protection(base: str, repository: Repository, branch: str, requirements: Protection) -> Json:
    """The protection of a branch."""
    url = f"{api_of(base, repository)}/branches/{branch}/protection"
    answer: Json = {"url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": False}}
    if requirements.required:
        answer["required_status_checks"] = status_policy(base, repository, branch, requirements)
    if requirements.reviews:
        answer["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "required_approving_review_count": requirements.reviews,
            "require_last_push_approval": False,
        }
    for name in ("required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations"):
        answer[name] = {"enabled": False}
    return answer


def rules(repository: Repository, requirements: Protection | None) -> list[Json]:
    """The rules of rulesets for a branch."""
    if requirements is None or not requirements.ruleset:
        return []
    where = {"ruleset_source_type": "Repository", "ruleset_source": repository.full_name, "ruleset_id": 42}
    entries: list[Json] = []
    if requirements.required:
        required = [
            {"context": name, **({"integration_id": app("", source)["id"]} if source else {})}
            for name, source in ((name, requirements.sources.get(name)) for name in requirements.required)
        ]
        parameters = {"strict_required_status_checks_policy": requirements.strict, "required_status_checks": required}
        entries.append({"type": "required_status_checks", "parameters": parameters, **where})
    if requirements.reviews:
        asked = dict.fromkeys(
            (
                "dismiss_stale_reviews_on_push",
                "require_code_owner_review",
                "require_last_push_approval",
                "required_review_thread_resolution",
            ),
            False,
        )
        parameters = {**asked, "required_approving_review_count": requirements.reviews}
        entries.append({"type": "pull_request", "parameters": parameters, **where})
    return entries
