"""Views of an apply in the plan's message: under way, ended, refused, or blocked by a lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from bot.slack.blocks import common, images, kit
from bot.slack.blocks.common import FailureContext
from handlers.plan import next_buttons
from handlers.plan.change_views import counts, target
from handlers.plan.views import first_lines, with_plan
from runners import phrases
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.slack.blocks.common import ApprovalView, Failure, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.plan.views import PlanView
    from runners.results import ApplyProgress, ApplyResult, Commit, Diagnostic, PlanSummary

NAMED = 10  # addresses in one line
SENSITIVE = "(sensitive)"  # in an address that is shown masked, and cannot be compared
PLAN_AGAIN = "Plan again."  # how a runner's remedy says what the button "New plan" does
NOTHING_APPLIED = "Nothing was applied."  # and what the first line has said already


@dataclass(frozen=True, slots=True)
class Ending:
    """What else is to be known of an apply that ended, in mrkdwn: a note, who cancelled it; and a code deploy to offer."""

    note: str = ""
    cancelled_by: str = ""
    offer_deploy: bool = False


def applying(plan: PlanView, approval: ApprovalView, progress: ApplyProgress | None) -> Message:
    """While it is applied."""
    if progress is None:
        news = f"{kit.escape(approval.outside) or 'approved'}, applying ({counts(plan.summary)})"
        return with_plan(plan, approval, "running", news, buttons=[_stop_apply(plan)])
    current = ", ".join(_under_way(progress)[:3])
    news = f"applying, {progress.done} of {progress.total} done" + (f", now {current}" if current else "")
    headings = images.BEGUN if progress.done or progress.current else images.PLANNED
    return with_plan(plan, approval, "running", news, headings=headings, buttons=[_stop_apply(plan)])


def applied(plan: PlanView, approval: ApprovalView, result: ApplyResult, ending: Ending | None = None) -> Message:
    """How the apply ended."""
    ending = ending or Ending()
    did = _did(plan.summary, result)
    if not result.finished:
        return _interrupted(plan, approval, result)
    if result.succeeded:
        offer = [next_buttons.deploy_after_button(plan.head)] if ending.offer_deploy else []
        return with_plan(
            plan, approval, "succeeded", f"applied, {did}", _note(ending.note), headings=images.APPLIED, buttons=offer
        )
    status, what = "failed", "the apply failed"
    if ending.cancelled_by:
        status, what = "cancelled", f"{ending.cancelled_by} cancelled the apply"
    news = f"{what} after {did}. What was done stays done; a new plan shows what is left"
    again = [next_buttons.plan_again_button(plan.head)]
    # After a cancel the errors explain little; after a failure they come first.
    report = [_how_far(result), list(_errors(result.errors))]
    extra = [*_note(ending.note), *chain(*(report if ending.cancelled_by else reversed(report)))]
    return with_plan(plan, approval, status, news, extra, headings=_headings(result), buttons=again)


def refused(plan: PlanView, approval: ApprovalView, problem: str, remedy: str, *, left_by: str = "") -> Message:
    """Approved, but it could not be applied: the plan is stale, the state is locked.

    `left_by`, when not empty, is the operation that left the lock and is over ("#3").
    """
    news = f"not applied. {kit.escape(common.sentence(problem))}"
    buttons = [*_unlock(plan.head, left_by), next_buttons.plan_again_button(plan.head)]
    note = _left_behind(left_by) if left_by else _beside_new_plan(remedy.removeprefix(NOTHING_APPLIED))
    return with_plan(plan, approval, "failed", news, _note(note), buttons=buttons)


def not_planned(head: Head, commit: Commit | None, trouble: Failure, *, again: bool = True) -> Message:
    """There is no plan: the problem first, then the remedy; with `again` a button that plans again."""
    remedy = trouble.remedy.removeprefix(NOTHING_APPLIED).removesuffix(PLAN_AGAIN if again else "").strip()
    buttons = [next_buttons.plan_again_button(head)] if again else []
    return common.failed(head, replace(trouble, remedy=remedy), FailureContext("no plan was made", commit), *buttons)


def locked(head: Head, commit: Commit | None, problem: str, remedy: str, *, left_by: str = "") -> Message:
    """There is no plan, for somebody holds the state's lock; `left_by` as in `refused`."""
    news = f"no plan was made. {kit.escape(common.sentence(problem))}"
    note = _left_behind(left_by) if left_by else _beside_new_plan(remedy)
    buttons = [*_unlock(head, left_by), next_buttons.plan_again_button(head)]
    return kit.message(common.plain(head, news), [*first_lines(head, "failed", news, commit), *_note(note), *buttons])


def unlocked(head: Head, news: str) -> Message:
    """The lock is given back; a new plan may follow."""
    blocks = [common.first_line(head, "succeeded", news), next_buttons.plan_again_button(head)]
    return kit.message(common.plain(head, news), [*blocks, common.requester_block(head)])


def _left_behind(left_by: str) -> str:
    return f"That was {kit.escape(left_by)}, which is over and left the lock. Whoever may approve can unlock the state."


def _beside_new_plan(remedy: str) -> str:
    """A remedy without what a button below it offers; what that is for, where it is all there is to do."""
    return common.remedy_lines(remedy.removesuffix(PLAN_AGAIN).strip() or "A new plan shows what would change now.")


def _unlock(head: Head, left_by: str) -> list[Block]:
    return [next_buttons.unlock_button(head, left_by)] if left_by else []


def _interrupted(plan: PlanView, approval: ApprovalView, result: ApplyResult) -> Message:
    news = "interrupted during the apply, and not started again"
    if not_recreated := _not_recreated(plan.summary, result):
        news = f"{not_recreated} ({news})"
    reported = result.applied or result.under_way
    first = f"Terraform was cut short. {'Until then it had reported:' if reported else 'It had reported nothing yet.'}"
    held = [] if result.in_state is None else [f"The state now holds: {_named(result.in_state) or 'nothing'}."]
    last = " ".join([*held, "A new plan shows what is left."])
    extra = [kit.section(first), *_how_far(result), kit.section(last)]
    again = [next_buttons.plan_again_button(plan.head)]
    headings = images.BEGUN if not_recreated else _headings(result)
    return with_plan(plan, approval, "interrupted", news, extra, headings=headings, buttons=again)


def _did(summary: PlanSummary, result: ApplyResult) -> str:
    if result.succeeded and summary.outputs and not summary.changes:
        return f"{phrases.counted(len(summary.outputs), 'output')} changed"
    return f"{result.added} added, {result.changed} changed, {result.destroyed} destroyed"


def _headings(result: ApplyResult) -> tuple[str, str]:
    """The images of an apply that stopped: as planned, unless Terraform reported a change."""
    reported = result.added or result.changed or result.destroyed or result.applied or result.under_way
    return images.BEGUN if reported else images.PLANNED


def _not_recreated(summary: PlanSummary, result: ApplyResult) -> str:
    """What was destroyed and not created again, if the state shows it: the first thing to know, for it may be an outage."""
    if result.in_state is None:
        return ""
    there = frozenset(result.in_state)
    missing = [change for change in summary.changes if change.address not in there and SENSITIVE not in change.address]
    replaced = [change.address for change in missing if change.change is Change.REPLACE]
    deleted = [change.address for change in missing if change.change is Change.DELETE]
    sentences = []
    if replaced:
        was, has = ("was", "has") if len(replaced) == 1 else ("were", "have")
        count = phrases.counted(len(replaced), "resource")
        sentences.append(f"{count} {was} destroyed and {has} not come back: {_named(replaced)}")
    if deleted:
        sentences.append(f"destroyed as planned: {_named(deleted)}")
    return "; ".join(sentences)


def _how_far(result: ApplyResult) -> list[Block]:
    """What an apply that did not come to its end has done, what it was at, and what it had not begun."""
    parts = {"Done": result.applied, "Begun, and not done": result.under_way, "Not begun": result.remaining}
    lines = [f"*{words}:* {_named(addresses)}" for words, addresses in parts.items() if addresses]
    return [kit.section("\n".join(lines))] if lines else []


def _named(addresses: Sequence[str]) -> str:
    return phrases.listed([kit.code(address, 80) for address in addresses], NAMED)


def _errors(errors: Sequence[Diagnostic]) -> Iterator[Block]:
    for error in errors[:3]:
        at = f" ({kit.code(error.address)})" if error.address else ""
        detail = "\n\n".join(part.rstrip() for part in (error.detail, error.snippet) if part)
        body = "\n" + kit.preformatted(detail, 900) if detail else ""
        summary = kit.escape(kit.cut(error.summary, 200))
        yield kit.section(f":x: *{summary}*{at}{target(error)}{body}")
    hidden = len(errors) - 3
    yield from (kit.context(line) for line in phrases.rest(hidden, noun=phrases.plural(hidden, "error")))


def _under_way(progress: ApplyProgress) -> list[str]:
    elapsed = progress.elapsed or (0,) * len(progress.current)
    return [
        kit.code(address, 60) + (f" for {phrases.duration(seconds)}" if seconds else "")
        for address, seconds in zip(progress.current, elapsed, strict=True)
    ]


def _stop_apply(plan: PlanView) -> Block:
    text = "Terraform finishes what it has begun and does not begin more. What was done stays done."
    return common.cancel_button(plan.head, text)


def _note(note: str) -> list[Block]:
    return [kit.section(note)] if note else []
