"""Users, repositories and references in the shape of GitHub's answers."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.github.records import Activity
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

ORGANIZATION = "PermanentOrg"
FOUNDED = "2020-11-02T17:20:11Z"
_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def stamp(at: datetime) -> str:
    """A time in GitHub's format: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_or_none(at: datetime | None) -> str | None:
    """A time in GitHub's format, or null."""
    return None if at is None else stamp(at)


def node_id(kind: str, number: object) -> str:
    """An opaque ID in the style of GitHub's GraphQL API."""
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


def number_of(login: str) -> int:
    """The ID of an account, fixed for a login."""
    return int(hashlib.sha256(login.encode()).hexdigest()[:7], 16)


def api_of(base: str, repository: Repository) -> str:
    """The API URL of the repository."""
    return f"{base}/repos/{repository.full_name}"


def user(base: str, login: str) -> Json:
    """A simple user; the organization and bots have their own types."""
    kind = "Organization" if login == ORGANIZATION else "Bot" if login.endswith("[bot]") else "User"
    here = f"{base}/users/{login}"
    links = {key: f"{here}{tail}" for key, tail in _USER_LINKS.items()}
    return {
        "login": login,
        "id": number_of(login),
        "node_id": node_id("U", login),
        "avatar_url": f"{base}/avatars/{login}",
        "gravatar_id": "",
        "url": here,
        "html_url": f"{base}/{login}",
        **links,
        "type": kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def organization(base: str, login: str) -> Json:
    """An organization in a webhook."""
    here = f"{base}/orgs/{login}"
    links = {"hooks_url": "/hooks", "issues_url": "/issues", "events_url": "/events", "repos_url": "/repos"}
    members = {"members_url": "/members{/member}", "public_members_url": "/public_members{/member}"}
    return {
        "login": login,
        "id": number_of(login),
        "node_id": node_id("O", login),
        "url": here,
        **{key: f"{here}{tail}" for key, tail in {**links, **members}.items()},
        "avatar_url": f"{base}/avatars/{login}",
        "description": None,
    }


def authenticated_user(base: str, login: str) -> Json:
    """The answer of GET /user."""
    empty = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username", "notification_email"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    return {
        **user(base, login),
        "name": login,
        "blog": "",
        **empty,
        **counts,
        "created_at": FOUNDED,
        "updated_at": FOUNDED,
    }


def repository_minimal(base: str, repository: Repository) -> Json:
    """A repository inside other answers."""
    here = api_of(base, repository)
    return {
        "id": repository.repository_id,
        "node_id": node_id("R", repository.repository_id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": True,
        "owner": user(base, repository.owner),
        "html_url": f"{base}/{repository.full_name}",
        "description": f"{repository.name} of the sandbox",
        "fork": False,
        "url": here,
        **{key: f"{here}{tail}" for key, tail in _REPOSITORY_LINKS.items()},
    }


def repository_full(base: str, repository: Repository, *, may_write: bool) -> Json:
    """The answer of GET /repos/{owner}/{repo}."""
    web = f"{base}/{repository.full_name}"
    pushed = stamp(max(commit.at for commit in repository.graph.commits.values()))
    nothing = dict.fromkeys(("mirror_url", "homepage", "language", "license"))
    counts = (
        "forks",
        "forks_count",
        "stargazers_count",
        "watchers",
        "watchers_count",
        "open_issues",
        "open_issues_count",
    )
    return {
        **repository_minimal(base, repository),
        "git_url": f"{web}.git",
        "ssh_url": f"git@{base.partition('://')[2]}:{repository.full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        **nothing,
        **dict.fromkeys((*counts, "subscribers_count", "network_count"), 0),
        "size": 12,
        "default_branch": repository.default_branch,
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled", "is_template"), False),
        "topics": [],
        "visibility": "private",
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "pushed_at": pushed,
        "created_at": FOUNDED,
        "updated_at": pushed,
        "permissions": {"admin": False, "maintain": False, "push": may_write, "triage": may_write, "pull": True},
        "organization": user(base, repository.owner),
    }


def repository_reference(base: str, repository: Repository) -> Json:
    """A repository in webhooks and pull requests, without caller-specific fields."""
    full = repository_full(base, repository, may_write=True)
    for key in ("organization", "permissions", "subscribers_count", "network_count"):
        del full[key]
    return full


def reference(base: str, repository: Repository, name: str, sha: str) -> Json:
    """A git reference; `name` is the full name (refs/heads/main)."""
    here = api_of(base, repository)
    annotated = repository.graph.tag_objects.get(name.removeprefix("refs/tags/")) if "/tags/" in name else None
    kind, path = ("tag", "tags") if annotated else ("commit", "commits")
    return {
        "ref": name,
        "node_id": node_id("REF", f"{repository.full_name}:{name}"),
        "url": f"{here}/git/{name}",
        "object": {"sha": annotated or sha, "type": kind, "url": f"{here}/git/{path}/{annotated or sha}"},
    }


def activity(base: str, repository: Repository, pushed: Activity) -> Json:
    """A push to a branch."""
    return {
        "id": 21_000_000_000 + pushed.number,
        "node_id": node_id("PSH", f"{repository.full_name}:{pushed.number}"),
        "before": pushed.before or "0" * 40,
        "after": pushed.after,
        "ref": f"refs/heads/{pushed.branch}",
        "timestamp": stamp(pushed.at),
        "activity_type": "push" if pushed.before else "branch_creation",
        "actor": user(base, pushed.actor),
    }


def permission(base: str, login: str, *, may_write: bool) -> Json:
    """The permission of an account in a repository."""
    role = "write" if may_write else "none"
    rights = {"pull": may_write, "triage": may_write, "push": may_write, "maintain": False, "admin": False}
    return {
        "permission": role,
        "role_name": role,
        "user": {**user(base, login), "permissions": rights, "role_name": role},
    }
