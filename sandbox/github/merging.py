"""Merges of commits, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.commits import Commit, CommitGraph

Files = dict[str, bytes]


def merged(base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> Files | None:
    """The files of a merge; None where both sides changed a file differently.

    Git also merges changes to different lines of a file. This does not: such files are conflicts here.
    """
    result: Files = {}
    for path in {*base, *ours, *theirs}:
        was, our, their = base.get(path), ours.get(path), theirs.get(path)
        if our != was and their not in (our, was):
            return None
        content = their if our == was else our
        if content is not None:
            result[path] = content
    return result


def merged_files(graph: CommitGraph, into: Commit, source: Commit) -> Files | None:
    """The files of `source` merged into `into`; None for a conflict, and for unrelated commits."""
    common = graph.merge_base(into.sha, source.sha)
    return None if common is None else merged(common.files, into.files, source.files)


def ahead(graph: CommitGraph, base: str, head: str) -> list[Commit]:
    """The commits that `head` has and `base` does not, oldest first."""
    in_base = {commit.sha for commit in graph.history(base)}
    return [commit for commit in graph.history(head) if commit.sha not in in_base][::-1]
