"""A push in the shape of GitHub's webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.commits import Author
from sandbox.github.differences import changed_files
from sandbox.github.merging import ahead
from sandbox.github.shapes.common import stamp

if TYPE_CHECKING:
    from sandbox.github.commits import Commit
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

_NOTHING = "0" * 40
_MOST_COMMITS = 2_048


def push(base: str, repository: Repository, branch: str, before: str | None, after: str, *, by: str) -> Json:
    """The fields of a push of a branch from the commit `before` (None: a new branch) to `after`."""
    graph = repository.graph
    new = ahead(graph, before, after) if before else [graph.commits[after]]
    pusher = Author.at_github(by)
    compare = f"{(before or after)[:12]}...{after[:12]}"
    return {
        "ref": f"refs/heads/{branch}",
        "before": before or _NOTHING,
        "after": after,
        "created": before is None,
        "deleted": False,
        "forced": before is not None and all(commit.sha != before for commit in graph.history(after)),
        "base_ref": None,
        "compare": f"{base}/{repository.full_name}/compare/{compare}",
        "commits": [_commit(base, repository, commit) for commit in new[:_MOST_COMMITS]],
        "head_commit": _commit(base, repository, graph.commits[after]),
        "pusher": {"name": pusher.name, "email": pusher.email},
    }


def _commit(base: str, repository: Repository, git_commit: Commit) -> Json:
    before = repository.graph.commits[git_commit.parents[0]].files if git_commit.parents else {}
    changes = changed_files(before, git_commit.files)
    who = {"name": git_commit.author.name, "email": git_commit.author.email, "username": git_commit.author.login}
    paths = {
        kind: [change.path for change in changes if change.status == kind] for kind in ("added", "removed", "modified")
    }
    return {
        "id": git_commit.sha,
        "tree_id": git_commit.tree,
        "distinct": True,
        "message": git_commit.message,
        "timestamp": stamp(git_commit.at),
        "url": f"{base}/{repository.full_name}/commit/{git_commit.sha}",
        "author": who,
        "committer": who,
        **paths,
    }
