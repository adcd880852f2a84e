"""Pull requests in the shape of GitHub's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.differences import changed_files
from sandbox.github.merging import ahead
from sandbox.github.shapes.common import api_of, node_id, repository_reference, stamp, stamp_or_none, user

if TYPE_CHECKING:
    from sandbox.github.records import Pull, Review
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json


def pull_simple(base: str, repository: Repository, pull_request: Pull) -> Json:
    """A pull request in a list."""
    here, page = (
        f"{api_of(base, repository)}/pulls/{pull_request.number}",
        f"{base}/{repository.full_name}/pull/{pull_request.number}",
    )
    issue = f"{api_of(base, repository)}/issues/{pull_request.number}"
    return {
        "url": here,
        "id": pull_request.pull_id,
        "node_id": node_id("PR", pull_request.pull_id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{here}/commits",
        "review_comments_url": f"{here}/comments",
        "review_comment_url": f"{api_of(base, repository)}/pulls/comments{{/number}}",
        "comments_url": f"{issue}/comments",
        "statuses_url": f"{api_of(base, repository)}/statuses/{pull_request.head_sha}",
        "number": pull_request.number,
        "state": pull_request.state,
        "locked": False,
        "title": pull_request.title,
        "user": user(base, pull_request.user),
        "body": pull_request.body,
        "labels": [],
        "milestone": None,
        "active_lock_reason": None,
        "created_at": stamp(pull_request.created_at),
        "updated_at": stamp(pull_request.updated_at),
        "closed_at": stamp_or_none(pull_request.closed_at),
        "merged_at": stamp_or_none(pull_request.closed_at if pull_request.merged else None),
        "merge_commit_sha": pull_request.merge_commit,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _side(base, repository, pull_request.head, pull_request.head_sha),
        "base": _side(base, repository, pull_request.base, pull_request.base_sha),
        "_links": _links(here, page, issue, pull_request),
        "author_association": "CONTRIBUTOR",
        "auto_merge": None,
        "draft": pull_request.draft,
    }


def _side(base: str, repository: Repository, branch: str, sha: str) -> Json:
    return {
        "label": f"{repository.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user(base, repository.owner),
        "repo": repository_reference(base, repository),
    }


def _links(here: str, page: str, issue: str, pull_request: Pull) -> Json:
    api = here.rpartition("/pulls/")[0]
    targets = {
        "self": here,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{here}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{here}/commits",
        "statuses": f"{api}/statuses/{pull_request.head_sha}",
    }
    return {name: {"href": target} for name, target in targets.items()}


def pull(base: str, repository: Repository, pull_request: Pull, *, mergeable: bool | None = None) -> Json:
    """A pull request."""
    graph = repository.graph
    common = graph.merge_base(pull_request.base_sha, pull_request.head_sha)
    changes = changed_files(common.files if common else {}, graph.commits[pull_request.head_sha].files)
    commits = ahead(graph, common.sha, pull_request.head_sha) if common else []
    return {
        **pull_simple(base, repository, pull_request),
        "merged": pull_request.merged,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": repository.pulls.state(pull_request) if mergeable is not None else "unknown",
        "merged_by": user(base, pull_request.merged_by) if pull_request.merged_by else None,
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits),
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def review(base: str, repository: Repository, pull_request: Pull, given: Review) -> Json:
    """A review."""
    page = f"{base}/{repository.full_name}/pull/{pull_request.number}"
    number = pull_request.pull_id * 100 + pull_request.reviews.index(given)
    return {
        "id": number,
        "node_id": node_id("PRR", number),
        "user": user(base, given.login),
        "body": "",
        "state": given.state,
        "html_url": f"{page}#pullrequestreview-{number}",
        "pull_request_url": f"{api_of(base, repository)}/pulls/{pull_request.number}",
        "_links": {
            "html": {"href": f"{page}#pullrequestreview-{number}"},
            "pull_request": {"href": f"{api_of(base, repository)}/pulls/{pull_request.number}"},
        },
        "submitted_at": stamp(given.at),
        "commit_id": given.sha,
        "author_association": "MEMBER",
    }
