"""A repository's commits in memory, with git's own object IDs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Content = str | bytes | None
SHORTEST_ABBREVIATION = 4


class UnknownRefError(LookupError):
    """No branch, tag or commit of this name; or an ambiguous abbreviation."""


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a commit. `login` is the GitHub account."""

    name: str
    email: str
    login: str

    @classmethod
    def at_github(cls, login: str) -> Author:
        """The author of commits by GitHub's buttons and API, and of pushes."""
        return cls(login, f"{login}@users.noreply.github.com", login)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit with all files of its tree, by path. `at` is aware UTC."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: Author
    at: datetime
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def short(self) -> str:
        """The seven digits in archive names."""
        return self.sha[:7]


def is_executable(path: str) -> bool:
    """Whether the file at `path` is executable: shell scripts are."""
    return path.endswith(".sh")


def _object_id(kind: str, body: bytes) -> str:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(body)) + body, usedforsecurity=False).hexdigest()


def blob_id(content: bytes) -> str:
    """Git's ID of a file's content."""
    return _object_id("blob", content)


def tree_id(files: Mapping[str, bytes]) -> str:
    """Git's ID of a directory with `files` (paths with `/` between the parts)."""
    entries: dict[bytes, bytes] = {}
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        top, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(top, {})[rest] = content
        else:
            mode = b"100755" if is_executable(path) else b"100644"
            entries[top.encode()] = b"%s %s\0" % (mode, top.encode()) + bytes.fromhex(blob_id(content))
    for name, inside in folders.items():
        # Git sorts a directory as though its name ended in a slash.
        entries[name.encode() + b"/"] = b"40000 %s\0" % name.encode() + bytes.fromhex(tree_id(inside))
    return _object_id("tree", b"".join(entries[key] for key in sorted(entries)))


def _commit_id(tree: str, parents: tuple[str, ...], message: str, author: Author, at: datetime) -> str:
    who = f"{author.name} <{author.email}> {int(at.timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {who}", f"committer {who}"]
    return _object_id("commit", ("\n".join(lines) + f"\n\n{message}\n").encode())


def _with_changes(files: Mapping[str, bytes], changes: Mapping[str, Content]) -> dict[str, bytes]:
    changed = dict(files)
    for path, content in changes.items():
        if content is None:
            changed.pop(path)
        else:
            changed[path] = content.encode() if isinstance(content, str) else content
    return changed


class CommitGraph:
    """The commits, branches and tags of a repository."""

    def __init__(self) -> None:
        self.commits: dict[str, Commit] = {}
        self.branches: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.tag_objects: dict[str, str] = {}  # of annotated tags: the object's ID by the tag's name
        self.pull_heads: dict[str, str] = {}  # refs/pull/1/head, which the API resolves and no list has

    def commit(
        self,
        branch: str,
        changes: Mapping[str, Content],
        message: str,
        author: Author,
        at: datetime | None = None,
        *,
        merging: str | None = None,
    ) -> Commit:
        """Commit to `branch`, which is created if it does not exist.

        `changes` maps paths to the new content, None for a removed file. `merging` names a ref whose
        files are added and which becomes the second parent.
        """
        tip = self.branches.get(branch)
        files = self.commits[tip].files if tip else {}
        parents = (tip,) if tip else ()
        if merging:
            other = self.resolve(merging)
            files, parents = {**files, **other.files}, (*parents, other.sha)
        when = (at or datetime.now(UTC)).replace(microsecond=0)
        commit = self._store(parents, _with_changes(files, changes), message, author, when)
        self.branches[branch] = commit.sha
        return commit

    def advance(
        self, branch: str, parents: tuple[str, ...], files: Mapping[str, bytes], message: str, author: Author
    ) -> Commit:
        """Set the branch's tip to a new commit of exactly these files and parents, now."""
        commit = self._store(parents, files, message, author, datetime.now(UTC).replace(microsecond=0))
        self.branches[branch] = commit.sha
        return commit

    def _store(
        self, parents: tuple[str, ...], files: Mapping[str, bytes], message: str, author: Author, at: datetime
    ) -> Commit:
        tree = tree_id(files)
        sha = _commit_id(tree, parents, message, author, at)
        return self.commits.setdefault(sha, Commit(sha, tree, parents, message, author, at, files))

    def branch(self, name: str, at: str) -> None:
        """Point the branch `name` at a ref, as `git branch --force` does."""
        self.branches[name] = self.resolve(at).sha

    def tag(self, name: str, at: str, message: str = "") -> None:
        """Point the tag `name` at a ref; with a message by an object of its own, as `git tag --annotate` does."""
        self.tags[name] = self.resolve(at).sha
        self.tag_objects.pop(name, None)
        if message:
            body = f"object {self.tags[name]}\ntype commit\ntag {name}\n\n{message}\n"
            self.tag_objects[name] = _object_id("tag", body.encode())

    def fork_commit(self, at: str, changes: Mapping[str, Content], message: str, author: Author) -> Commit:
        """A commit on top of a ref that only a fork has: the API serves it by its ID, and no ref here contains it."""
        parent = self.resolve(at)
        now = datetime.now(UTC).replace(microsecond=0)
        return self._store((parent.sha,), _with_changes(parent.files, changes), message, author, now)

    def named(self, ref: str) -> tuple[str, str] | None:
        """The full name and commit of a branch or tag (`main`, `heads/main`, `refs/tags/v1`), if there is one."""
        bare = ref.removeprefix("refs/")
        for kind, names in (("heads", self.branches), ("tags", self.tags)):
            for name in (bare.removeprefix(f"{kind}/"), ref):
                if name in names and (name == ref or bare.startswith(f"{kind}/")):
                    return f"refs/{kind}/{name}", names[name]
        return None

    def resolve(self, ref: str) -> Commit:
        """The commit that a branch, tag, full or abbreviated id names; UnknownRefError for any other name."""
        if ref == "HEAD":
            ref = "main"
        if named := self.named(ref):
            return self.commits[named[1]]
        if pull := self.pull_heads.get(f"refs/{ref.removeprefix('refs/')}"):
            return self.commits[pull]
        abbreviated = ref.lower()
        matches = [sha for sha in self.commits if sha.startswith(abbreviated)]
        if len(abbreviated) < SHORTEST_ABBREVIATION or len(matches) != 1:
            raise UnknownRefError(ref)
        return self.commits[matches[0]]

    def history(self, sha: str) -> list[Commit]:
        """The commit and all its ancestors, newest first; a child always before its parents."""
        visited: dict[str, Commit] = {}
        order: list[Commit] = []
        stack = [(sha, False)]
        while stack:
            current, parents_done = stack.pop()
            if parents_done:
                order.append(self.commits[current])
            elif current not in visited:
                visited[current] = self.commits[current]
                stack.append((current, True))
                stack.extend((parent, False) for parent in self.commits[current].parents)
        return order[::-1]

    def merge_base(self, base: str, head: str) -> Commit | None:
        """The newest commit in both histories."""
        of_base = {commit.sha for commit in self.history(base)}
        return next((commit for commit in self.history(head) if commit.sha in of_base), None)
