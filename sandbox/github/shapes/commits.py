"""Commits, branches, comparisons and file contents in the shape of GitHub's answers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github.commits import blob_id, tree_id
from sandbox.github.differences import FileChange, changed_files
from sandbox.github.shapes.checks import protection
from sandbox.github.shapes.common import api_of, node_id, stamp, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.commits import Commit
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

MOST_COMMITS, MOST_FILES = 250, 300  # in a comparison
_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a comparison's commits; without a `size` the newest 250."""

    page: int = 1
    size: int | None = None

    def of(self, commits: list[Commit]) -> list[Commit]:
        """The page of all commits, oldest first."""
        if self.size is None:
            return commits[-MOST_COMMITS:]
        return commits[(self.page - 1) * self.size : self.page * self.size]


def commit(base: str, repository: Repository, git_commit: Commit) -> Json:
    """A commit in a list."""
    here, web = api_of(base, repository), f"{base}/{repository.full_name}"
    who = {"name": git_commit.author.name, "email": git_commit.author.email, "date": stamp(git_commit.at)}
    return {
        "sha": git_commit.sha,
        "node_id": node_id("C", git_commit.sha),
        "commit": {
            "author": who,
            "committer": who,
            "message": git_commit.message,
            "tree": {"sha": git_commit.tree, "url": f"{here}/git/trees/{git_commit.tree}"},
            "url": f"{here}/git/commits/{git_commit.sha}",
            "comment_count": 0,
            "verification": _UNSIGNED,
        },
        "url": f"{here}/commits/{git_commit.sha}",
        "html_url": f"{web}/commit/{git_commit.sha}",
        "comments_url": f"{here}/commits/{git_commit.sha}/comments",
        "author": user(base, git_commit.author.login),
        "committer": user(base, git_commit.author.login),
        "parents": [
            {"sha": sha, "url": f"{here}/commits/{sha}", "html_url": f"{web}/commit/{sha}"}
            for sha in git_commit.parents
        ],
    }


def commit_detailed(base: str, repository: Repository, git_commit: Commit) -> Json:
    """A commit with its changes."""
    before = repository.graph.commits[git_commit.parents[0]].files if git_commit.parents else {}
    changes = changed_files(before, git_commit.files)
    added, deleted = sum(change.additions for change in changes), sum(change.deletions for change in changes)
    return {
        **commit(base, repository, git_commit),
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
        "files": [file_change(base, repository, git_commit.sha, change) for change in changes],
    }


def file_change(base: str, repository: Repository, sha: str, change: FileChange) -> Json:
    """A file of a commit or comparison."""
    web = f"{base}/{repository.full_name}"
    return {
        "sha": change.blob,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{web}/blob/{sha}/{change.path}",
        "raw_url": f"{web}/raw/{sha}/{change.path}",
        "contents_url": f"{api_of(base, repository)}/contents/{change.path}?ref={sha}",
        "patch": change.patch,
    }


def comparison(
    base: str, repository: Repository, base_commit: Commit, head: Commit, merge_base: Commit, *, page: Page
) -> Json:
    """The commits that `head` has and `base_commit` does not, oldest first: the answer of compare/{base}...{head}."""
    in_base = {commit.sha for commit in repository.graph.history(base_commit.sha)}
    of_other = repository.graph.history(head.sha)
    ahead = [commit for commit in of_other if commit.sha not in in_base][::-1]
    behind = len(in_base - {commit.sha for commit in of_other})
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    changes = changed_files(merge_base.files, head.files)[:MOST_FILES] if page.page == 1 else []
    here = f"{api_of(base, repository)}/compare/{base_commit.sha}...{head.sha}"
    web = f"{base}/{repository.full_name}/compare/{base_commit.sha}...{head.sha}"
    return {
        "url": here,
        "html_url": web,
        "permalink_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "base_commit": commit(base, repository, base_commit),
        "merge_base_commit": commit(base, repository, merge_base),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [commit(base, repository, each) for each in page.of(ahead)],
        "files": [file_change(base, repository, head.sha, change) for change in changes],
    }


def branch_short(base: str, repository: Repository, name: str) -> Json:
    """A branch in the list of branches."""
    sha = repository.graph.branches[name]
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{api_of(base, repository)}/commits/{sha}"},
        "protected": name in repository.protections,
    }


def tag(base: str, repository: Repository, name: str) -> Json:
    """A tag in the list of tags."""
    here, sha = api_of(base, repository), repository.graph.tags[name]
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{here}/commits/{sha}"},
        "zipball_url": f"{here}/zipball/refs/tags/{name}",
        "tarball_url": f"{here}/tarball/refs/tags/{name}",
        "node_id": node_id("REF", f"{repository.full_name}:refs/tags/{name}"),
    }


def tag_object(base: str, repository: Repository, name: str) -> Json:
    """The object of an annotated tag."""
    here, graph = api_of(base, repository), repository.graph
    git_commit = graph.commits[graph.tags[name]]
    author = git_commit.author
    return {
        "node_id": node_id("T", graph.tag_objects[name]),
        "tag": name,
        "sha": graph.tag_objects[name],
        "url": f"{here}/git/tags/{graph.tag_objects[name]}",
        "message": name,
        "tagger": {"name": author.name, "email": author.email, "date": stamp(git_commit.at)},
        "object": {"sha": git_commit.sha, "type": "commit", "url": f"{here}/git/commits/{git_commit.sha}"},
        "verification": _UNSIGNED,
    }


def branch(base: str, repository: Repository, name: str) -> Json:
    """A branch with its newest commit."""
    here = f"{api_of(base, repository)}/branches/{name}"
    return {
        "name": name,
        "commit": commit(base, repository, repository.graph.resolve(f"refs/heads/{name}")),
        "_links": {"self": here, "html": f"{base}/{repository.full_name}/tree/{name}"},
        "protected": name in repository.protections,
        "protection": protection(repository.protections.get(name)),
        "protection_url": f"{here}/protection",
    }


def file_content(base: str, repository: Repository, ref: str, path: str, content: bytes) -> Json:
    """A file with its content in base64."""
    encoded = base64.encodebytes(content).decode()
    entry = _entry(base, repository, ref, path, kind="file", sha=blob_id(content), size=len(content))
    return {**entry, "encoding": "base64", "content": encoded}


def folder_content(base: str, repository: Repository, ref: str, folder: str, files: Mapping[str, bytes]) -> list[Json]:
    """The entries of `folder` ("" for the root), by name."""
    prefix = f"{folder}/" if folder else ""
    inside = {path.removeprefix(prefix): content for path, content in files.items() if path.startswith(prefix)}
    entries = []
    for name in sorted({path.partition("/")[0] for path in inside}):
        below = {path.removeprefix(f"{name}/"): data for path, data in inside.items() if path.startswith(f"{name}/")}
        kind, sha = ("dir", tree_id(below)) if below else ("file", blob_id(inside[name]))
        size = 0 if below else len(inside[name])
        entries.append(_entry(base, repository, ref, prefix + name, kind=kind, sha=sha, size=size))
    return entries


def _entry(base: str, repository: Repository, ref: str, path: str, *, kind: str, sha: str, size: int) -> Json:
    here, web = api_of(base, repository), f"{base}/{repository.full_name}"
    url = f"{here}/contents/{path}?ref={ref}"
    git = f"{here}/git/{'trees' if kind == 'dir' else 'blobs'}/{sha}"
    html = f"{web}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{path}"
    return {
        "type": kind,
        "size": size,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": None if kind == "dir" else f"{web}/raw/{ref}/{path}",
        "_links": {"self": url, "git": git, "html": html},
    }
