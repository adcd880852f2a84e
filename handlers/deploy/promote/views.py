"""The promotion before a deploy as a message: each repository's new commits, its pull request, its checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from handlers.deploy import commit_views
from runners import phrases
from runners.results import PullState
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Checks, Difference, PullRequest

OPEN, SKIP = "promote-open", "promote-skip"
CHOICE_BLOCK = "promote"
COMMITS_LISTED = 3  # of each repository
REPOSITORIES_LISTED = 4  # with their commits, once they are merged
# What keeps a pull request from being merged, by GitHub's name for it.
_OBSTACLES = {
    "draft": "it is a draft; mark it ready for review there",
    "behind": "it must be brought up to date with the branch first; there is a button for it there",
    "blocked": "a rule of the branch is not met yet, such as a review; it says there which",
}


class Stage(StrEnum):
    """The stage of a repository's promotion."""

    UNKNOWN = "unknown"
    PROBLEM = "problem"
    NOTHING = "nothing"
    UNOPENED = "unopened"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    FAILED = "failed"
    RUNNING = "running"
    READY = "ready"
    MERGED = "merged"


@stored("promotion")
@dataclass(frozen=True, slots=True)
class Promotion:
    """The promotion of one repository.

    `problem` is why its state cannot be read, `refusal` why the last opening or merging failed, `closed` the number of
    a pull request that was closed without being merged.
    """

    repository: str
    source: str
    target: str
    difference: Difference | None = None
    pull: PullRequest | None = None
    checks: Checks | None = None
    problem: str = ""
    refusal: str = ""
    closed: int | None = None

    @property
    def stage(self) -> Stage:
        """The stage that follows from its state on GitHub."""
        if self.pull and self.pull.state is PullState.MERGED:
            return Stage.MERGED
        if self.problem:
            return Stage.PROBLEM
        if self.difference is None:
            return Stage.UNKNOWN
        if self.difference.ahead == 0:
            return Stage.NOTHING
        return self._of_the_pull(self.pull) if self.pull else Stage.UNOPENED

    def _of_the_pull(self, pull: PullRequest) -> Stage:
        if pull.mergeable is False or pull.obstacle == "dirty":
            return Stage.CONFLICT
        if self.checks and self.checks.failed:
            return Stage.FAILED
        if self.checks is None or self.checks.unfinished or pull.mergeable is None:
            return Stage.RUNNING
        return Stage.BLOCKED if pull.obstacle else Stage.READY

    @property
    def done(self) -> bool:
        """Whether nothing remains to be merged."""
        return self.stage in (Stage.NOTHING, Stage.MERGED)


def waiting(head: Head, promotions: Sequence[Promotion], *, outage_since: float | None = None) -> Message:
    """What would be promoted, with the choices. `outage_since` (Unix seconds): GitHub has not answered since then."""
    first = next((promotion for promotion in promotions if not promotion.done), promotions[0])
    unopened = [promotion for promotion in promotions if promotion.stage is Stage.UNOPENED]
    source, target = kit.escape(first.source), kit.escape(first.target)
    if unopened:
        news = f"before the deploy, merge {source} into {target}? No pull request is open in {_repositories(unopened)}"
    else:
        news = f"waiting until {source} can be merged into {target}"
    cancel = common.cancel_button(head, "Nothing is merged or deployed; open pull requests stay open.")
    choices = [*([_open_button(head, unopened)] if unopened else []), _skip_button(head), *cancel["elements"]]
    foot = [*_outage(outage_since), kit.actions(CHOICE_BLOCK, *choices), common.requester_block(head)]
    status = "approval" if unopened else "running"
    blocks = [common.first_line(head, status, news), *_sections(promotions)]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def ready(head: Head, promotions: Sequence[Promotion], approval: ApprovalView, *, asks_again: bool) -> Message:
    """All can be merged, with the buttons that decide it. `asks_again`: the deploy then needs its own approval."""
    merged = [promotion for promotion in promotions if promotion.stage is Stage.READY]
    first = merged[0] if merged else promotions[0]
    ways = f"{kit.escape(first.source)} into {kit.escape(first.target)}"
    news = f"ready to merge {ways} in {_repositories(merged)}. Waiting for approval"
    then = "then asks for the deploy" if asks_again else f"then deploys to *{kit.escape(head.environment)}*"
    question = f"Signalbox merges {_pulls(merged)} as shown, {then}."
    label = "Merge, then ask for the deploy" if asks_again else "Merge and deploy"
    decide = common.decision_buttons(approval, approve=label, question=question)
    buttons = kit.actions(common.DECISION_BLOCK, *decide["elements"], _skip_button(head))
    foot = [buttons, common.approval_lines(approval), common.requester_block(head)]
    blocks = [common.first_line(head, "approval", news), *_sections(promotions)]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def merging(head: Head, promotions: Sequence[Promotion], approval: ApprovalView) -> Message:
    """Approved, and being merged."""
    return _without_choices(head, "running", "approved, merging", promotions, approval)


def ended(
    head: Head, status: str, news: str, promotions: Sequence[Promotion], approval: ApprovalView | None = None
) -> Message:
    """A promotion that ends the operation; `news` (mrkdwn) has the reason, and what was not done."""
    return _without_choices(head, status, news, promotions, approval)


def _without_choices(
    head: Head, status: str, news: str, promotions: Sequence[Promotion], approval: ApprovalView | None
) -> Message:
    decided = [common.approval_lines(approval)] if approval else []
    blocks = [common.first_line(head, status, news), *_sections(promotions)]
    return kit.message(common.plain(head, news), blocks, foot=[*decided, common.requester_block(head)])


def starting(head: Head, source: str, target: str) -> Message:
    """Before the first state has been read."""
    return common.short_message(
        head, "running", f"looking what {kit.escape(source)} has that {kit.escape(target)} has not"
    )


def summary(
    promotions: Sequence[Promotion], *, skipped_by: str | None = None, approval: ApprovalView | None = None
) -> str:
    """The result of the promotion, for the message of the deploy that follows."""
    merged = [promotion for promotion in promotions if promotion.stage is Stage.MERGED]
    unmerged = [promotion for promotion in promotions if not promotion.done]
    text = ""
    if merged:
        first = merged[0]
        by = _approved_by(approval)
        lines = [f":arrow_right: *Promoted:* {_pulls(merged)} merged {_branches(first)}{by}"]
        lines += filter(None, map(_merged_commits, merged[:REPOSITORIES_LISTED]))
        text = "\n".join(lines)
    if unmerged and skipped_by:
        more = f"{_branches(unmerged[0])} in {_repositories(unmerged)}"
        skipped = f":fast_forward: *Not promoted*, {kit.user(skipped_by)} chose to deploy without it: {more}"
        text = "\n".join(filter(None, [text, skipped]))
    if not text:
        first = promotions[0]
        has_all = f"{kit.code(first.target)} has all of {kit.code(first.source)}"
        text = f"*Nothing to promote:* {has_all} in {_repositories(promotions)}"
    return text


def _merged_commits(promotion: Promotion) -> str:
    """The commits that a merge brought, with their repository; empty where they are unknown."""
    difference = promotion.difference
    if difference is None or not difference.ahead:
        return ""
    name = f"{_commits(difference)} of *{kit.escape(promotion.repository)}*"
    return f"{name}:\n{commit_views.commit_lines(difference.commits, difference.ahead, difference.url, COMMITS_LISTED)}"


def _commits(difference: Difference) -> str:
    return phrases.counted(difference.ahead, "commit")


def _approved_by(approval: ApprovalView | None) -> str:
    people = [kit.user(person) for person, decision, _ in approval.votes if decision == "approved"] if approval else []
    return f", approved by {', '.join(people)}" if people else ""


def _branches(promotion: Promotion) -> str:
    return f"{kit.code(promotion.source)} → {kit.code(promotion.target)}"


def _pulls(promotions: Sequence[Promotion]) -> str:
    return ", ".join(_pull_link(promotion) for promotion in promotions)


def _pull_link(promotion: Promotion) -> str:
    repository, pull = promotion.repository, promotion.pull
    return kit.link(f"{repository}#{pull.number}", pull.url) if pull else kit.escape(repository)


def _repositories(promotions: Sequence[Promotion]) -> str:
    return phrases.listed([kit.escape(promotion.repository) for promotion in promotions], 4)


def _sections(promotions: Sequence[Promotion]) -> list[Block]:
    return [kit.section("\n".join(filter(None, _lines(promotion)))) for promotion in promotions]


def _lines(promotion: Promotion) -> list[str]:
    name, difference = f"*{kit.escape(promotion.repository)}*", promotion.difference
    refusal = f":x: {kit.escape(promotion.refusal)}" if promotion.refusal else ""
    match promotion.stage:
        case Stage.UNKNOWN:
            return [f"{name}: {_branches(promotion)}, not known yet"]
        case Stage.PROBLEM:
            return [f":x: {name}: {kit.escape(promotion.problem)}"]
        case Stage.NOTHING:
            return [f":white_check_mark: {name}: {kit.code(promotion.target)} has all of {kit.code(promotion.source)}"]
        case Stage.MERGED:
            pull = promotion.pull
            sha = f" as {kit.code(pull.merge_sha[:7])}" if pull and pull.merge_sha else ""
            return [f":white_check_mark: {name}: {_pull_link(promotion)} is merged{sha}", _merged_commits(promotion)]
    ahead = _commits(difference) if difference else "commits"
    commits = (
        commit_views.commit_lines(difference.commits, difference.ahead, difference.url, COMMITS_LISTED)
        if difference
        else ""
    )
    return [
        f"{name}: {kit.code(promotion.source)} is {ahead} ahead of {kit.code(promotion.target)}",
        commits,
        _pull_line(promotion),
        refusal,
    ]


def _pull_line(promotion: Promotion) -> str:
    closed = f" #{promotion.closed} was closed without being merged." if promotion.closed else ""
    if promotion.pull is None:
        return f":white_circle: No pull request is open.{closed}"
    pull = f"{kit.link(f'Pull request #{promotion.pull.number}', promotion.pull.url)}"
    checks = f"\n{commit_views.checks_line(promotion.checks)}" if promotion.checks else ""
    if promotion.stage is Stage.CONFLICT:
        return f":x: {pull} conflicts with {kit.code(promotion.target)}; resolve it there, and I will notice"
    if promotion.stage is Stage.BLOCKED:
        obstacle = _OBSTACLES.get(promotion.pull.obstacle, "GitHub does not let it be merged yet")
        return f":no_entry_sign: {pull}: {obstacle}{checks}"
    if promotion.stage is Stage.READY:
        return f":white_check_mark: {pull} can be merged{checks}"
    if promotion.pull.mergeable is None:
        return f":hourglass_flowing_sand: {pull}: GitHub works out whether it can be merged{checks}"
    return f":hourglass_flowing_sand: {pull} is open{checks}"


def _open_button(head: Head, unopened: Sequence[Promotion]) -> Block:
    requests = phrases.plural(len(unopened), "pull request")
    ask = kit.confirm(
        f"Open {requests}?", f"In {_repositories(unopened)}. Merging is asked for by itself.", "Yes, open"
    )
    return kit.button(f"Open {requests}", OPEN, str(head.number), style="primary", ask=ask)


def _skip_button(head: Head) -> Block:
    ask = kit.confirm("Deploy without promoting?", "Nothing is merged; the deploy goes on.", "Yes")
    return kit.button("Deploy without promoting", SKIP, str(head.number), ask=ask)


def _outage(since: float | None) -> list[Block]:
    if since is None:
        return []
    return [kit.context(f":warning: GitHub has not answered since {kit.moment(since)}; Signalbox keeps checking")]
