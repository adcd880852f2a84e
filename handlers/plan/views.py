"""Views of a plan: its message while it is made, while it waits for approval and after the decision; a drift report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.slack.blocks import common, images, kit, platform
from handlers.plan.change_views import (
    SEVERE,
    branch_move,
    changes,
    concerns,
    counts,
    details,
    drift_counts,
    drift_lines,
    warning_lines,
)
from handlers.plan.window import given_lines
from handlers.shared.requests import DEPLOY_AFTER, IMAGES_BACK_ACTION
from runners import phrases
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bot.slack.blocks.common import ApprovalView, Head, LinkedOperation
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Commit, Image, ImageChange, PlanSummary

IN_THREAD = "The rest is in the thread."
SCHEDULED = "found by a scheduled drift check"
PLAN_AGAIN, UNLOCK, UNLOCK_BLOCK = "plan-again", "unlock", "unlock"  # buttons, and the block of the second one


@stored("plan-view")
@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with its operation, its commit, and the images that it rolls out.

    `observed_at` (Unix seconds) is when the images were read from EC2 in `region`. `variables` are those that came with the
    command and of which the operation's title has only the beginning.
    """

    head: Head
    commit: Commit
    summary: PlanSummary
    images: tuple[ImageChange, ...] = ()
    region: str = ""
    observed_at: float = 0.0
    variables: Mapping[str, str] = field(default_factory=dict)


@stored("moved-branch")
@dataclass(frozen=True, slots=True)
class BranchMove:
    """A branch that has moved since it was planned, by these commits (none: backwards), to `tip` (a full SHA)."""

    ref: str
    tip: str
    commits: tuple[Commit, ...] = ()


def working(head: Head, doing: str, commit: Commit | None, variables: Mapping[str, str] | None = None) -> Message:
    """While the plan is made; `doing` is what the operation does."""
    stop = common.cancel_button(head, "Terraform stops; a plan changes nothing.")
    blocks = [*first_lines(head, "running", doing, commit), *given_lines(variables or {}), stop]
    return kit.message(common.plain(head, doing), blocks)


def up_to_date(plan: PlanView, running: Sequence[tuple[str, Image]] = ()) -> Message:
    """After a plan without changes: nothing to do, what is wrong all the same, and the images that run, by machine."""
    resources = phrases.counted(plan.summary.resources, "resource")
    wrong = concerns(plan.summary)
    headline = f"nothing to do, but {' and '.join(wrong)}" if wrong else "up to date, nothing to do"
    headline = f"{headline} ({resources} in place)"
    blocks = [
        *_first_lines(plan, "attention" if wrong else "succeeded", headline),
        *images.running(running, plan.region, plan.observed_at),
        *drift_lines(plan.summary),
        *warning_lines(plan.summary.warnings),
    ]
    return kit.message(common.plain(plan.head, headline), blocks, foot=[kit.context(_program(plan.summary))])


def ask(
    plan: PlanView,
    approval: ApprovalView,
    protected: Sequence[str] = (),
    *,
    typed_confirmation: str = "",
    move: BranchMove | None = None,
    other_ref: str = "",
) -> Message:
    """The plan with its buttons Approve and Reject.

    `protected` are protected addresses that would be lost; an approver then types `typed_confirmation`. `other_ref` is
    the notice (mrkdwn) of a ref that the environment does not allow by itself.
    """
    headline = f"{counts(plan.summary)}. Waiting for approval"
    return kit.message(
        common.plain(plan.head, headline),
        [
            common.first_line(plan.head, "approval", headline),
            *given_lines(plan.variables),
            *kit.sections([other_ref] if other_ref else []),
            *_warnings(plan.images, protected, typed_confirmation),
            *kit.sections([branch_move(move)] if move else []),
            *changes(plan.summary, plan.images),
            *images.table(plan.images, plan.region, plan.observed_at),
            *platform.folded("Every attribute", details(plan.summary, plan.images).blocks),
        ],
        foot=[
            _decision(plan, approval, typed_confirmation),
            common.approval_lines(approval),
            _fine_print(plan),
        ],
        more=IN_THREAD,
    )


def _decision(plan: PlanView, approval: ApprovalView, typed_confirmation: str) -> Block:
    """Approve and Reject; red is the button of what destroys or replaces, and of what takes a typed confirmation."""
    question = (
        f"Signalbox applies exactly this plan to *{kit.escape(plan.head.environment)}*: {counts(plan.summary)} "
        f"(commit {kit.escape(plan.commit.short)}, plan {plan.summary.digest[:12]})."
    )
    return common.decision_buttons(
        approval,
        approve=f"Approve and apply to {plan.head.environment}",
        question="" if typed_confirmation else question,
        dangerous=bool(typed_confirmation) or any(plan.summary.count(change) for change in SEVERE),
    )


def not_for_apply(plan: PlanView, why: str, detail: str, hint: str = "") -> Message:
    """A plan that is only displayed; `why` completes a sentence, `detail` and the `hint` in small print are mrkdwn."""
    headline = f"{counts(plan.summary)}. Only planned: {why}"
    blocks = [
        *_first_lines(plan, "succeeded", headline),
        kit.section(detail),
        *changes(plan.summary, plan.images),
        *images.table(plan.images, plan.region, plan.observed_at),
    ]
    foot = [kit.context(*([hint] if hint else []), _program(plan.summary))]
    return kit.message(common.plain(plan.head, headline), blocks, foot=foot, more=IN_THREAD)


def not_allowed(plan: PlanView, other_ref: str) -> Message:
    """A plan of a ref that took an approval, where the configuration lets no such plan be applied."""
    setting = f"To apply plans of such refs, set {kit.code('refs.apply_others')} of {kit.escape(plan.head.environment)} in signalbox.yaml"
    return not_for_apply(plan, "plans of this ref are not applied", other_ref, setting)


def decided(plan: PlanView, approval: ApprovalView, newer: LinkedOperation | None = None) -> Message:
    """The plan after it was rejected, expired, or superseded by `newer`."""
    headline = {
        "rejected": "rejected, nothing was applied",
        "expired": "expired, nothing was applied",
        "superseded": f"superseded by {_number(newer) if newer else 'a newer plan'}, nothing was applied",
    }[approval.outcome]
    buttons = [plan_again_button(plan.head)] if approval.outcome == "expired" else []
    buttons += [common.linked_line("newer plan", newer)] if newer else []
    return with_plan(plan, approval, approval.outcome, f"{headline} ({counts(plan.summary)})", buttons=buttons)


def gives_way(plan: PlanView, approval: ApprovalView, first: LinkedOperation) -> Message:
    """The plan while another operation goes first: nobody decides about it meanwhile."""
    waits = replace(approval, outcome="passed")
    stop = common.cancel_button(plan.head, "The plan is discarded; what goes first continues.")
    headline = f"paused while {_number(first)} goes first ({counts(plan.summary)})"
    return with_plan(plan, waits, "waiting", headline, buttons=[stop, common.linked_line("goes first", first)])


def overtaken(plan: PlanView, approval: ApprovalView, passer: int, newer: LinkedOperation | None) -> Message:
    """The plan after another operation went first and changed the state; `newer` is the plan that is made again."""
    again = f"{_number(newer)} plans again" if newer else "run the command again"
    headline = f"the state changed while #{passer} went first, so nothing was applied; {again}"
    buttons = [common.linked_line("new plan", newer)] if newer else [plan_again_button(plan.head)]
    return with_plan(plan, approval, "superseded", f"{headline} ({counts(plan.summary)})", buttons=buttons)


def decided_outside(plan: PlanView, approval: ApprovalView) -> Message:
    """The plan after it was discarded or cancelled in HCP Terraform."""
    headline = f"{kit.escape(approval.outside)}, nothing was applied ({counts(plan.summary)})"
    return with_plan(plan, approval, "rejected", headline)


def drifted(head: Head, commit: Commit, summary: PlanSummary) -> Message:
    """The result of a drift check: the differences, or that there are none any more."""
    wrong = " and ".join(concerns(summary))
    if summary.up_to_date and not summary.drift and not wrong:
        headline = "no drift any more: the environment matches the code"
        checked = kit.context(SCHEDULED, common.commit_line(commit))
        return kit.message(common.plain(head, headline), [common.first_line(head, "succeeded", headline), checked])
    headline = f"drifted from the code: {counts(summary)}"
    if summary.up_to_date:
        headline = f"{drift_counts(summary)}, as the code allows"
        headline = ", but ".join(filter(None, [headline if summary.drift else "nothing differs", wrong]))
    first = kit.section(f":mag: *#{head.number} {kit.escape(head.title)}*: {headline}")
    blocks = [first, kit.context(SCHEDULED, common.commit_line(commit)), *changes(summary)]
    foot = [plan_again_button(head), kit.context(_program(summary))]
    return kit.message(common.plain(head, headline), blocks, foot=foot, more=IN_THREAD)


def with_plan(
    plan: PlanView,
    approval: ApprovalView,
    status: str,
    headline: str,
    extra: Iterable[Block] = (),
    *,
    buttons: Iterable[Block] = (),
) -> Message:
    """The plan's message after its decision: `headline` in the first line, then `extra`, what was applied, and `buttons`.

    The plan itself is in the thread.
    """
    blocks = [common.first_line(plan.head, status, headline), *extra]
    if status in ("succeeded", "attention"):
        blocks += changes(plan.summary, plan.images, done=True)
        blocks += images.table(plan.images, plan.region, plan.observed_at, images.APPLIED)
    foot = [*buttons, common.approval_lines(approval), _fine_print(plan)]
    return kit.message(common.plain(plan.head, headline), blocks, foot=foot, more=IN_THREAD)


def first_lines(head: Head, status: str, headline: str, commit: Commit | None) -> list[Block]:
    """The first lines: the state, the requester, the commit."""
    commit_lines = [common.commit_line(commit)] if commit else []
    return [common.first_line(head, status, headline), common.requester_block(head, *commit_lines)]


def _first_lines(plan: PlanView, status: str, headline: str) -> list[Block]:
    return [*first_lines(plan.head, status, headline, plan.commit), *given_lines(plan.variables)]


def plan_again_button(head: Head) -> Block:
    """The button "New plan", with the same arguments."""
    return kit.actions(common.NEXT_BLOCK, kit.button("New plan", PLAN_AGAIN, str(head.number)))


def unlock_button(head: Head, orphaned_by: str) -> Block:
    """The button "Unlock" for the lock that the operation `orphaned_by` left."""
    question = (
        f"{orphaned_by} left the lock on the state of *{kit.escape(head.environment)}*, and is over. It is given back."
    )
    ask = kit.confirm("Unlock the state?", question, "Yes, unlock it")
    return kit.actions(UNLOCK_BLOCK, kit.button("Unlock", UNLOCK, str(head.number), style="danger", ask=ask))


def deploy_after_button(head: Head) -> Block:
    """The button that deploys code after an apply that rolled out older code."""
    text = f"Deploy code to {head.environment}"
    return kit.actions(common.NEXT_BLOCK, kit.button(text, DEPLOY_AFTER, str(head.number), style="primary"))


def images_back_button(head: Head) -> Block:
    """The button that opens the window of a plan with the images before."""
    return kit.actions(common.ROLL_BACK, kit.button("Roll back images…", IMAGES_BACK_ACTION, str(head.number)))


def _fine_print(plan: PlanView) -> Block:
    """The requester, the commit, the plan's digest and the program."""
    of = f"plan {kit.code(plan.summary.digest[:12])} by {_program(plan.summary)}"
    return common.requester_block(plan.head, common.commit_line(plan.commit), of)


def _number(other: LinkedOperation) -> str:
    return kit.link(f"#{other.head.number}", other.url)


def _program(summary: PlanSummary) -> str:
    return kit.link(summary.program, summary.url) if summary.url else kit.escape(summary.program)


def _warnings(rolled_out: Sequence[ImageChange], protected: Sequence[str], typed_confirmation: str) -> Iterator[Block]:
    remedy = f" To approve, type {kit.code(typed_confirmation)}." if typed_confirmation else ""
    if protected:
        named = phrases.listed([kit.code(address) for address in protected], 5)
        yield kit.section(f":lock: *Protected, and this plan would lose it:* {named}.{remedy}")
    suspect = [
        f"{kit.code(change.machine)} ({kit.escape('; '.join(change.warnings[:2]))})"
        for change in rolled_out
        if change.warnings
    ]
    if suspect:
        last = "" if protected else remedy
        yield kit.section(f":warning: *Suspect images would be rolled out:* {phrases.listed(suspect, 5)}.{last}")
    elif remedy and not protected:
        yield kit.section(f":lock: *This plan destroys or replaces more than usual.*{remedy}")
