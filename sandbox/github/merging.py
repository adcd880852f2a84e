"""Bringing one line of work into another, file by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.commits import Commit, CommitGraph

Files = dict[str, bytes]


def merged(base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> Files | None:
    """The files of a merge; None where both sides changed a file differently.

    Git also merges changes to different lines of one file. This does not: such files are conflicts here.
    """
    result: Files = {}
    for path in {*base, *ours, *theirs}:
        was, our, their = base.get(path), ours.get(path), theirs.get(path)
        if our != was and their not in (our, was):
            return None
        kept = their if our == was else our
        if kept is not None:
            result[path] = kept
    return result


def merged_files(graph: CommitGraph, into: Commit, source: Commit) -> Files | None:
    """The files of `source` merged into `into`; None for a conflict, and for commits that have nothing in common."""
    common = graph.merge_base(into.sha, source.sha)
    return None if common is None else merged(common.files, into.files, source.files)


def ahead(graph: CommitGraph, base: str, head: str) -> list[Commit]:
    """The commits that `head` has and `base` has not, oldest first."""
    known = {commit.sha for commit in graph.history(base)}
    return [commit for commit in graph.history(head) if commit.sha not in known][::-1]
