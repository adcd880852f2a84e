"""What the messages of every deploy share, whichever backend it goes through: the release, the approval, the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from handlers.deploy import commit_views
from handlers.shared import input_views
from runners import phrases
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Check, Checks, Commit, Difference, Host

# The labels of the release's commit and of the current one once the deploy has ended.
_LABELS = {
    **dict.fromkeys(("succeeded", "attention"), ("Deployed", "Previous")),
    **dict.fromkeys(("failed", "cancelled", "interrupted"), ("Requested", "Previous")),
    **dict.fromkeys(("rejected", "expired"), ("Not deployed", "Current then")),
}

_ENDED = ("succeeded", "attention", "failed", "cancelled", "interrupted")

SUSPECT_DEPLOY = (
    "The commit is recorded as deployed. Check what this line is about on the machines: if it failed, mend it and deploy "
    "again; if it is harmless, there is nothing to do."
)


@stored("release")
@dataclass(frozen=True, slots=True)
class Release:
    """What a deploy brings to an environment: a commit, the current commit (mrkdwn), the backend's title.

    `difference` is between the two commits, None where there is none or it is unknown; `checks` are the commit's, where
    they are required; `notices` are sentences of mrkdwn. `roles` are the environment's, in their order;
    `commits_by_role` has lines of mrkdwn where not all of them run the same commit. With `check` nothing is deployed.
    `inputs` are all that the deploy sends, `given` those among them that a person gave. `hosts` are those that approvers see.
    With `goes_back` another commit was deployed before, to which a rollback can go.
    """

    commit: Commit
    current: str
    backend: str
    difference: Difference | None = None
    checks: Checks | None = None
    notices: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    commits_by_role: str = ""
    check: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[Host, ...] = ()
    goes_back: bool = False


def working(head: Head, activity: str, release: Release | None = None) -> Message:
    """A deploy before its roll-out."""
    blocks = _release_blocks(release) if release else []
    first = common.first_line(head, "running", activity)
    return kit.message(common.plain(head, activity), [first, *blocks, common.requester_block(head)])


def awaiting_approval(head: Head, release: Release, approval: ApprovalView) -> Message:
    """The release, with Approve and Reject."""
    short = kit.escape(release.commit.short)
    news = f"{short} is ready to deploy. Waiting for approval"
    question = f"Signalbox deploys commit {short} to *{kit.escape(head.environment)}*."
    return kit.message(
        common.plain(head, news),
        [
            common.first_line(head, "approval", news),
            *_release_blocks(release),
        ],
        foot=[
            common.decision_buttons(approval, approve=f"Approve and deploy to {head.environment}", question=question),
            common.approval_lines(approval),
            common.requester_block(head),
        ],
    )


def not_approved(head: Head, release: Release, approval: ApprovalView) -> Message:
    """A deploy that was rejected, or whose approval expired."""
    news = {
        "rejected": "rejected, nothing was deployed",
        "expired": "expired, nothing was deployed. Run /deploy again when you need it",
    }[approval.outcome]
    return deploy_message(head, approval.outcome, news, release, approval)


def approved(head: Head, release: Release, approval: ApprovalView) -> Message:
    """A deploy that was approved and has not begun yet: the buttons disappear with the decision."""
    return deploy_message(head, "running", "approved, starting", release, approval)


def refused_by_checks(head: Head, release: Release, approval: ApprovalView | None, checks: Checks) -> Message:
    """A deploy that its checks forbade: what is wrong, and the ways to go on."""
    short = kit.escape(release.commit.short)
    if checks.failed:
        news = f"not deployed: {short} has {_count_checks(checks.failed)} that failed"
    else:
        news = f"not deployed: {short} has {_count_checks(checks.unfinished)} that did not end yet"
    again = kit.button("Try again", commit_views.AGAIN, str(head.number))
    anyway = kit.button("Deploy anyway…", commit_views.ANYWAY, str(head.number), style="danger")
    decided = [common.approval_lines(approval)] if approval else []
    foot = [kit.actions(common.NEXT_BLOCK, again, anyway), *decided, common.requester_block(head)]
    blocks = [common.first_line(head, "failed", news), *_release_blocks(release, brief=True)]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def deploy_message(
    head: Head,
    status: str,
    news: str,
    release: Release,
    approval: ApprovalView | None,
    *,
    details: Iterable[Block] = (),
    buttons: Iterable[Block] = (),
    began: bool = True,
) -> Message:
    """A deploy whose roll-out has begun, or that has ended: the release, `details`, buttons, who approved it.

    One that `began` and has ended can be rolled back.
    """
    decided = [common.approval_lines(approval)] if approval else []
    blocks = [
        common.first_line(head, status, news),
        *_release_blocks(release, status, brief=True),
        *details,
    ]
    back = _roll_back_button(head, release) if began and status in _ENDED else []
    foot = [*buttons, *back, *decided, common.requester_block(head, f"through {kit.escape(release.backend)}")]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def _roll_back_button(head: Head, release: Release) -> list[Block]:
    """The button that opens the window of a rollback, where there is something to go back to."""
    if release.check or not release.goes_back:
        return []
    return [kit.actions(common.ROLL_BACK, kit.button("Roll back…", common.ROLL_BACK, str(head.number)))]


def _release_blocks(release: Release, status: str = "", *, brief: bool = False) -> list[Block]:
    """The commit of the release and the current one; `brief` where an earlier state listed the commits between."""
    deployed = status in ("succeeded", "attention")
    label, current_label = (
        ("Would deploy", "Current") if release.check else _LABELS.get(status, ("To deploy", "Current"))
    )
    lines = f"*{label}:* {common.commit_line(release.commit)}\n*{current_label}:* {release.current}"
    difference = release.difference
    if difference and (deployed or brief):
        lines += f"\n*In between:* {kit.link(commit_views.counted(difference), difference.url)}"
    blocks = [kit.section(lines), *kit.sections(filter(None, [input_views.line(release.given)]))]
    if difference and not (deployed or brief):
        blocks += commit_views.commits(difference)
    if release.checks and not deployed and (release.checks.checks or not brief):
        blocks.append(kit.section(commit_views.checks_line(release.checks)))
    notices = [*release.notices, *_roles_notice(release, current_label)]
    return [*blocks, *(kit.section(notice) for notice in notices)]


def _roles_notice(release: Release, current_label: str) -> list[str]:
    """The commits of each role, where they differ: in the present during the deploy, in the past once it has ended."""
    when = {"Previous": "before", "Current then": "then"}.get(current_label)
    heading = f"*Not all machines ran the same {when}:*" if when else ":warning: *Not all machines run the same:*"
    return [f"{heading}\n{release.commits_by_role}"] if release.commits_by_role else []


def _count_checks(checks: Sequence[Check]) -> str:
    return phrases.counted(len(checks), "check")
