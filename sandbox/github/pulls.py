"""Pull requests between branches of a repository."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sandbox.github.commits import Author, Commit
from sandbox.github.events import PullChanged
from sandbox.github.merging import ahead, merged_files
from sandbox.github.records import Pull
from sandbox.github.refusals import ConflictError, RefusedError

if TYPE_CHECKING:
    from sandbox.github.repository_base import RepositoryBase

MergeMethod = Literal["merge", "squash", "rebase"]
_NOT_ALLOWED = {
    "merge": "Merge commits are not allowed on this repository.",
    "squash": "Squash merges are not allowed on this repository.",
    "rebase": "Rebase merges are not allowed on this repository.",
}


class Pulls:
    """The pull requests of a repository, by number.

    `mergeability_delay` real seconds pass between the first read of a pull request, or of a push to it, and the
    computation whether it can be merged. `methods` are the allowed merge methods. The next `base_moves` merges are
    refused as if the base had just been pushed to.
    """

    def __init__(self, repository: RepositoryBase) -> None:
        self._repository = repository
        self.by_number: dict[int, Pull] = {}
        self.mergeability_delay = 0.05
        self.methods: set[MergeMethod] = {"merge", "squash", "rebase"}
        self.base_moves = 0
        self._computing: set[asyncio.Task[None]] = set()

    def open(
        self, head: str, base: str, *, title: str, body: str | None = None, draft: bool = False, user: str = "lee-park"
    ) -> Pull:
        """Open a pull request; RefusedError in GitHub's words without new commits, or with an open pull request."""
        graph = self._repository.graph
        if not ahead(graph, graph.branches[base], graph.branches[head]):
            raise RefusedError(f"No commits between {base} and {head}")
        if any(pull.state == "open" and (pull.head, pull.base) == (head, base) for pull in self.by_number.values()):
            raise RefusedError(f"A pull request already exists for {self._repository.owner}:{head}.")
        now, number = datetime.now(UTC), len(self.by_number) + 1
        pull = Pull(
            number=number,
            pull_id=self._repository.repository_id * 10 + number,
            title=title,
            body=body,
            head=head,
            base=base,
            head_sha=graph.branches[head],
            base_sha=graph.branches[base],
            user=user,
            created_at=now,
            updated_at=now,
            draft=draft,
        )
        self.by_number[pull.number] = pull
        graph.pull_heads[f"refs/pull/{number}/head"] = pull.head_sha
        self._announce(pull, "opened", user)
        return pull

    def follow(self, branch: str, sender: str) -> None:
        """Update the pull requests of a pushed branch."""
        tip = self._repository.graph.branches[branch]
        for pull in self.by_number.values():
            if pull.state != "open":
                continue
            if pull.base == branch:
                pull.base_sha = tip
                self._notice_merge(pull, sender)
            if pull.head == branch and pull.head_sha != tip:
                pull.head_sha, before, pull.updated_at = tip, pull.head_sha, datetime.now(UTC)
                self._repository.graph.pull_heads[f"refs/pull/{pull.number}/head"] = tip
                self._announce(pull, "synchronize", sender, (before, tip))

    def _notice_merge(self, pull: Pull, sender: str) -> None:
        """Mark a pull request as merged whose head was pushed to its base."""
        if not ahead(self._repository.graph, pull.base_sha, pull.head_sha):
            pull.merge_commit, pull.merged_by = pull.base_sha, sender
            pull.close(datetime.now(UTC))
            self._announce(pull, "closed", sender)

    def mergeable(self, pull: Pull) -> bool | None:
        """Whether it can be merged without conflict; None at first: the first read starts the computation."""
        if pull.state != "open":
            return None
        heads = (pull.head_sha, pull.base_sha)
        if pull.computed_for != heads:
            self._compute(pull, heads)
            return None
        return self._merged(pull) is not None

    def _compute(self, pull: Pull, heads: tuple[str, str]) -> None:
        async def compute() -> None:
            await asyncio.sleep(self.mergeability_delay)
            pull.computed_for = heads

        task = asyncio.get_running_loop().create_task(compute())
        self._computing.add(task)
        task.add_done_callback(self._computing.discard)

    async def stop(self) -> None:
        """Stop all computations."""
        for task in self._computing:
            task.cancel()
        await asyncio.gather(*self._computing, return_exceptions=True)

    def state(self, pull: Pull) -> str:
        """GitHub's `mergeable_state`."""
        if pull.state != "open" or pull.computed_for != (pull.head_sha, pull.base_sha):
            return "unknown"
        if pull.draft:
            return "draft"
        if self._merged(pull) is None:
            return "dirty"
        if self.obstacles(pull):
            return "blocked"
        if self._behind(pull):
            return "behind"
        states = self._repository.checks.contexts(pull.head_sha).values()
        return "clean" if all(state in {"success", "neutral", "skipped"} for state in states) else "unstable"

    def _behind(self, pull: Pull) -> bool:
        strict = self._repository.protection(pull.base).strict
        return strict and bool(ahead(self._repository.graph, pull.head_sha, pull.base_sha))

    def obstacles(self, pull: Pull) -> list[str]:
        """The reasons why the base's protection blocks it, in GitHub's words."""
        protection = self._repository.protection(pull.base)
        reasons = self._repository.checks.missing(pull.head_sha, protection.required, protection.sources)
        if len(pull.approvals) < protection.reviews:
            number = protection.reviews
            noun = "review is" if number == 1 else "reviews are"
            reasons.append(f"At least {number} approving {noun} required by reviewers with write access.")
        return reasons

    def merge(
        self, pull: Pull, *, method: MergeMethod, title: str | None, message: str | None, sha: str | None, by: str
    ) -> str:
        """Merge it; returns the new commit of the base.

        Raises RefusedError (GitHub's 405) when it cannot be merged, ConflictError (409) when `sha` is no longer its head.
        """
        files = self._mergeable(pull, method, sha)
        graph = self._repository.graph
        head = graph.commits[pull.head_sha]
        text = title or f"Merge pull request #{pull.number} from {self._repository.owner}/{pull.head}"
        text += f"\n\n{message if message is not None else pull.title}"
        author = Author.at_github(by)
        if method == "rebase":
            commit = self._replayed(pull)
        else:
            parents = (pull.base_sha, head.sha) if method == "merge" else (pull.base_sha,)
            commit = graph.advance(pull.base, parents, files, text, author)
        pull.merge_commit, pull.merged_by = commit.sha, by
        pull.close(datetime.now(UTC))
        self._repository.pushed(pull.base, pull.base_sha, by)
        self._announce(pull, "closed", by)
        return commit.sha

    def _mergeable(self, pull: Pull, method: MergeMethod, sha: str | None) -> dict[str, bytes]:
        if pull.state != "open" or pull.draft:
            raise RefusedError("Pull Request is not mergeable")
        if sha is not None and sha != pull.head_sha:
            raise ConflictError("Head branch was modified. Review and try the merge again.")
        if method not in self.methods:
            raise RefusedError(_NOT_ALLOWED[method])
        if self.base_moves:
            self.base_moves -= 1
            raise RefusedError("Base branch was modified. Review and try the merge again.")
        if reasons := self.obstacles(pull):
            raise RefusedError(" ".join(reasons))
        files = self._merged(pull)
        if files is None or self._behind(pull):
            raise RefusedError("Pull Request is not mergeable")
        return files

    def _merged(self, pull: Pull) -> dict[str, bytes] | None:
        graph = self._repository.graph
        return merged_files(graph, graph.commits[pull.base_sha], graph.commits[pull.head_sha])

    def _replayed(self, pull: Pull) -> Commit:
        graph = self._repository.graph
        tip = graph.commits[pull.base_sha]
        for commit in ahead(graph, pull.base_sha, pull.head_sha):
            files = merged_files(graph, tip, commit) or dict(commit.files)
            tip = graph.advance(pull.base, (tip.sha,), files, commit.message, commit.author)
        return tip

    def edit(self, pull: Pull, sender: str, *, title: str | None, body: str | None, state: str | None) -> None:
        """Change its texts, close it or reopen it."""
        pull.title, pull.body = title or pull.title, pull.body if body is None else body
        pull.updated_at = datetime.now(UTC)
        if state == "closed" and pull.state == "open":
            pull.close(pull.updated_at)
            self._announce(pull, "closed", sender)
        elif state == "open" and pull.state == "closed":
            pull.state, pull.closed_at = "open", None
            self._announce(pull, "reopened", sender)

    def _announce(self, pull: Pull, action: str, sender: str, moved: tuple[str, str] | None = None) -> None:
        self._repository.announce(PullChanged(pull, action, sender, moved))
