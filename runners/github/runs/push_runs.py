"""The pipeline of a pushed commit: the workflows that the push has to start, and the runs that it did start."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from runners import foreign_yaml
from runners.concurrency import run_blocking
from runners.errors import NotFoundError
from runners.github.runs import filter_patterns
from runners.github.runs.parsing import file_of, parse_run
from runners.github.runs.workflow_file import FOLDER, LONGEST, PARSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.github.api.reads import CachedReads
    from runners.results import WorkflowRun

MOST_FILES = 100  # workflow files that are read
# Source: docs.github.com, "Skipping workflow runs". A trailer skips checks in the same way.
_SKIPS = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: ?true\s*$", re.MULTILINE)
_LISTS = ("branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore")


@dataclass(frozen=True, slots=True)
class PushTrigger:
    """The filters of `on: push`; None for a filter that is not there."""

    branches: tuple[str, ...] | None = None
    branches_ignore: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    tags_ignore: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    paths_ignore: tuple[str, ...] | None = None

    def starts(self, branch: str, paths: Sequence[str] | None) -> bool:
        """Whether a push of these paths to the branch certainly starts the workflow. None: the paths are unknown."""
        if self.branches is None and self.branches_ignore is None:
            if self.tags is not None or self.tags_ignore is not None:
                return False  # for pushes of tags alone
        elif (self.branches is not None and not filter_patterns.selects(self.branches, branch)) or (
            self.branches_ignore is not None and filter_patterns.ignores_all(self.branches_ignore, [branch])
        ):
            return False
        if self.paths is None and self.paths_ignore is None:
            return True
        if not paths:
            return False
        if self.paths is not None and not filter_patterns.selects_any(self.paths, paths):
            return False
        return self.paths_ignore is None or not filter_patterns.ignores_all(self.paths_ignore, paths)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a push has to start: the names of workflow files. `skipped` says that the commit's message forbids runs.

    `committed_at` is the time in the commit, which may be earlier than the push.
    """

    files: tuple[str, ...]
    skipped: bool
    committed_at: datetime


async def expected(reads: CachedReads, repository: str, sha: str, branch: str) -> Expected:
    """The workflows of the commit that its push to the branch certainly starts.

    A filter of paths counts for a merge only: its push brought what it merged, while another push may have brought more
    than its last commit.

    Raises:
        RunnerError: GitHub does not answer, or our credentials may not read the repository's contents or workflows.
    """
    doing = f"reading the workflows of {sha[:7]} in {repository}"
    commit = await reads.get(repository, f"/commits/{quote(sha, safe='')}", doing=doing)
    committed_at = datetime.fromisoformat(commit["commit"]["committer"]["date"])
    if _SKIPS.search(commit["commit"]["message"]):
        return Expected((), skipped=True, committed_at=committed_at)
    merges = len(commit.get("parents") or ()) > 1
    paths = [str(file["filename"]) for file in commit.get("files") or ()] if merges else None
    disabled = await _disabled(reads, repository, doing)
    files = [
        name
        for name in await _names(reads, repository, sha, doing)
        if name not in disabled
        and (trigger := await _trigger(reads, repository, name, sha, doing))
        and trigger.starts(branch, paths)
    ]
    return Expected(tuple(files), skipped=False, committed_at=committed_at)


async def _names(reads: CachedReads, repository: str, sha: str, doing: str) -> list[str]:
    try:
        listed = await reads.get(repository, f"/contents/{FOLDER}?ref={quote(sha, safe='')}", doing=doing)
    except NotFoundError:
        return []  # no folder, so no workflows
    names = [str(entry["name"]) for entry in listed if entry["type"] == "file"]
    return [name for name in names if name.endswith((".yml", ".yaml"))][:MOST_FILES]


async def _disabled(reads: CachedReads, repository: str, doing: str) -> frozenset[str]:
    workflows = [each async for each in reads.pages(repository, "/actions/workflows", key="workflows", doing=doing)]
    return frozenset(file_of(each) for each in workflows if str(each["state"]).startswith("disabled"))


async def _trigger(reads: CachedReads, repository: str, name: str, sha: str, doing: str) -> PushTrigger | None:
    path = f"/contents/{FOLDER}/{quote(name, safe='')}?ref={quote(sha, safe='')}"
    try:
        file = await reads.get(repository, path, doing=doing)
        text = base64.b64decode(file["content"])[:LONGEST]
        return await run_blocking(push_trigger, text, timeout=PARSING, doing=doing)
    except (NotFoundError, KeyError, TypeError, ValueError):
        return None  # a file that GitHub cannot read starts nothing; its failed run is listed nevertheless


def push_trigger(text: bytes) -> PushTrigger | None:
    """The filters of the workflow file's `on: push`; None without this trigger. Raises ValueError and TypeError."""
    raw = foreign_yaml.load(text)
    if not isinstance(raw, dict):
        raise TypeError("no mapping")
    on = raw.get("on", raw.get(True))  # YAML 1.1 reads the bare word `on` as true
    if on == "push" or (isinstance(on, list) and "push" in on):
        return PushTrigger()
    if not isinstance(on, dict) or "push" not in on:
        return None
    filters = on["push"] if isinstance(on["push"], dict) else {}
    return PushTrigger(**{key.replace("-", "_"): _patterns(filters[key]) for key in _LISTS if key in filters})


def _patterns(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


async def started(reads: CachedReads, repository: str, sha: str, branch: str) -> tuple[WorkflowRun, ...]:
    """The newest run of each workflow that the push of the commit to the branch started, by the name of the file.

    GitHub's list lags behind by seconds.

    Raises:
        RunnerError: GitHub does not answer, or our credentials may not read Actions.
    """
    query = urlencode({"head_sha": sha, "event": "push", "branch": branch})
    doing = f"listing the runs of {sha[:7]} in {repository}"
    newest: dict[str, dict[str, Any]] = {}
    async for run in reads.pages(repository, f"/actions/runs?{query}", key="workflow_runs", doing=doing):
        file = file_of(run)
        if file not in newest or run["id"] > newest[file]["id"]:
            newest[file] = run
    return tuple(parse_run(repository, run) for _, run in sorted(newest.items()))
