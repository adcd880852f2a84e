"""Views of an apply in the plan's message: in progress, ended, refused, or blocked by a state lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from bot.slack.blocks.common import FailureContext
from handlers.plan.change_views import code_position, counts, warning_lines
from handlers.plan.views import (
    deploy_after_button,
    first_lines,
    images_back_button,
    plan_again_button,
    unlock_button,
    with_plan,
)
from runners import phrases
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.slack.blocks.common import ApprovalView, Failure, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.plan.views import PlanView
    from runners.results import ApplyProgress, ApplyResult, Commit, Diagnostic, PlanSummary

LISTED = 10  # addresses in one line
SENSITIVE = "(sensitive)"  # in a masked address, which cannot be compared
PLAN_AGAIN = "Plan again."  # in a runner's remedy; the button "New plan" does the same
NOTHING_APPLIED = "Nothing was applied."  # in a runner's remedy; the first line has the same


@dataclass(frozen=True, slots=True)
class Ending:
    """Details of an apply's end: a text and who cancelled it (mrkdwn), what is offered, and the likely cause of a failure."""

    text: str = ""
    cancelled_by: str = ""
    offer_deploy: bool = False
    offer_images_back: bool = False
    cause: str = ""


def waiting(plan: PlanView, approval: ApprovalView) -> Message:
    """While the approved plan waits for room on its machine; with Cancel."""
    headline = f"{kit.escape(approval.outside) or 'approved'}, waiting for room ({counts(plan.summary)})"
    return with_plan(plan, approval, "waiting", headline, buttons=[_stop_apply(plan)])


def applying(plan: PlanView, approval: ApprovalView, progress: ApplyProgress | None) -> Message:
    """While the plan is applied."""
    if progress is None:
        headline = f"{kit.escape(approval.outside) or 'approved'}, applying ({counts(plan.summary)})"
        return with_plan(plan, approval, "running", headline, buttons=[_stop_apply(plan)])
    current = ", ".join(_current_changes(progress)[:3])
    headline = f"applying, {progress.done} of {progress.total} done" + (f", now {current}" if current else "")
    return with_plan(plan, approval, "running", headline, buttons=[_stop_apply(plan)])


def applied(plan: PlanView, approval: ApprovalView, result: ApplyResult, ending: Ending | None = None) -> Message:
    """After the apply has ended."""
    ending = ending or Ending()
    done = _done(plan.summary, result)
    if not result.finished:
        return _interrupted(plan, approval, result)
    if result.succeeded:
        offer = [deploy_after_button(plan.head)] if ending.offer_deploy else []
        offer += [images_back_button(plan.head)] if ending.offer_images_back else []
        return with_plan(
            replace(plan, summary=_without_repeated(plan.summary, result)),
            approval,
            "attention" if result.failed_checks else "succeeded",
            f"applied, {done}",
            [*_text_block(ending.text), *warning_lines(result.warnings)],
            buttons=offer,
        )
    status, event = "failed", "the apply failed"
    if ending.cancelled_by:
        status, event = "cancelled", f"{ending.cancelled_by} cancelled the apply"
    after = f" after {done}" if done else ", and no change was completed"
    headline = f"{event}{after}. What was done stays done; a new plan shows what is left"
    if not_recreated := _not_recreated(plan.summary, result):
        headline = f"{not_recreated}. {common.sentence(headline)}"
    again = [plan_again_button(plan.head)]
    # After a cancel the errors explain little; after a failure they come first.
    report = [_progress(result), [*_errors(result.errors), *warning_lines(result.warnings)]]
    extra = [
        *_text_block(kit.escape(ending.cause)),
        *_text_block(ending.text),
        *chain(*(report if ending.cancelled_by else reversed(report))),
    ]
    return with_plan(plan, approval, status, headline, extra, buttons=again)


def refused(plan: PlanView, approval: ApprovalView, problem: str, remedy: str, *, orphaned_by: str = "") -> Message:
    """After an approved plan could not be applied: it is stale, or the state is locked.

    `orphaned_by` is the operation that is over and left the lock ("#3"), or empty.
    """
    headline = f"not applied. {kit.escape(common.sentence(problem))}"
    buttons = [*_unlock(plan.head, orphaned_by), plan_again_button(plan.head)]
    text = _orphaned_lock(orphaned_by) if orphaned_by else _remedy_beside_button(remedy.removeprefix(NOTHING_APPLIED))
    return with_plan(plan, approval, "failed", headline, _text_block(text), buttons=buttons)


def unknown(plan: PlanView, approval: ApprovalView, problem: str, remedy: str) -> Message:
    """After an apply that may have happened: how it ended is not known."""
    headline = f"interrupted, and it is unknown whether the plan was applied. {kit.escape(common.sentence(problem))}"
    extra = _text_block(common.remedy_lines(remedy))
    return with_plan(plan, approval, "interrupted", headline, extra, buttons=[plan_again_button(plan.head)])


def not_planned(head: Head, commit: Commit | None, failure: Failure, *, again: bool = True) -> Message:
    """After planning failed: the problem, the remedy, and with `again` the button for a new plan."""
    remedy = failure.remedy.removeprefix(NOTHING_APPLIED).removesuffix(PLAN_AGAIN if again else "").strip()
    buttons = [plan_again_button(head)] if again else []
    return common.failed(head, replace(failure, remedy=remedy), FailureContext("no plan was made", commit), *buttons)


def locked(head: Head, commit: Commit | None, problem: str, remedy: str, *, orphaned_by: str = "") -> Message:
    """After planning failed because the state is locked; `orphaned_by` as in `refused`."""
    headline = f"no plan was made. {kit.escape(common.sentence(problem))}"
    text = _orphaned_lock(orphaned_by) if orphaned_by else _remedy_beside_button(remedy)
    buttons = [*_unlock(head, orphaned_by), plan_again_button(head)]
    return kit.message(
        common.plain(head, headline), [*first_lines(head, "failed", headline, commit), *_text_block(text), *buttons]
    )


def unlocked(head: Head, headline: str) -> Message:
    """After an orphaned lock was released, with a button for a new plan."""
    blocks = [common.first_line(head, "succeeded", headline), plan_again_button(head)]
    return kit.message(common.plain(head, headline), [*blocks, common.requester_block(head)])


def _orphaned_lock(orphaned_by: str) -> str:
    return f"That was {kit.escape(orphaned_by)}, which is over and left the lock. Whoever may approve can unlock the state."


def _remedy_beside_button(remedy: str) -> str:
    """A remedy without the part that the button "New plan" does; if nothing remains, what that button is for."""
    return common.remedy_lines(remedy.removesuffix(PLAN_AGAIN).strip() or "A new plan shows what would change now.")


def _unlock(head: Head, orphaned_by: str) -> list[Block]:
    return [unlock_button(head, orphaned_by)] if orphaned_by else []


def _interrupted(plan: PlanView, approval: ApprovalView, result: ApplyResult) -> Message:
    headline = "interrupted during the apply, and not started again"
    if not_recreated := _not_recreated(plan.summary, result):
        headline = f"{not_recreated} ({headline})"
    reported = result.applied or result.under_way
    first = (
        f"Terraform was interrupted. {'Until then it had reported:' if reported else 'It had reported nothing yet.'}"
    )
    state = [] if result.in_state is None else [f"The state now holds: {_listed(result.in_state) or 'nothing'}."]
    last = " ".join([*state, "A new plan shows what is left."])
    extra = [kit.section(first), *_progress(result), kit.section(last)]
    again = [plan_again_button(plan.head)]
    return with_plan(plan, approval, "interrupted", headline, extra, buttons=again)


def _done(summary: PlanSummary, result: ApplyResult) -> str:
    """What was done, in the order and the words of what was planned; empty when no change was completed.

    Terraform reports no forgotten and no moved resources and no outputs: after a success these are those of the plan.
    """
    planned = summary if result.succeeded else replace(summary, changes=(), outputs=())
    old_ones = planned.count(Change.REPLACE_KEEPING_OLD)
    numbers = {
        "destroyed": result.destroyed - result.replaced,
        "replaced": result.replaced,
        "replaced and the old one kept": old_ones,
        "forgotten": planned.count(Change.FORGET),
        "changed": result.changed,
        "created": result.added - result.replaced - old_ones,
        "moved": planned.count(Change.MOVE),
        "imported": result.imported,
    }
    parts = [f"{number} {what}" for what, number in numbers.items() if number > 0]
    if parts and numbers["destroyed"] <= 0:
        parts.append("0 destroyed")
    if planned.outputs:
        parts.append(f"{phrases.counted(planned.changed_outputs, 'output')} changed")
    if result.actions:
        parts.append(f"{phrases.counted(result.actions, 'action')} run")
    if result.succeeded and not parts:
        parts.append("only Terraform's state was updated")
    if result.failed_checks:
        parts.append(phrases.counted(result.failed_checks, "check fails", "checks fail"))
    return ", ".join(parts)


def _without_repeated(summary: PlanSummary, result: ApplyResult) -> PlanSummary:
    """The plan without warnings that the apply has repeated, and without checks, which the apply made again."""
    warnings = summary.warnings[summary.failed_checks :]
    return replace(summary, warnings=tuple(warning for warning in warnings if warning not in result.warnings))


def not_come_back(summary: PlanSummary, result: ApplyResult) -> list[str]:
    """The addresses that were destroyed to be created again and were not: by the state, else by Terraform's reports."""
    replaced = _addresses(summary, Change.REPLACE)
    if result.in_state is not None:
        return [address for address in replaced if address not in result.in_state]
    deleted = len(frozenset(result.applied).intersection(_addresses(summary, Change.DELETE)))
    destroyed = result.destroyed - result.replaced - deleted
    return [address for address in replaced if address in result.under_way] if destroyed > 0 else []


def _addresses(summary: PlanSummary, change: Change) -> list[str]:
    return [each.address for each in summary.changes if each.change is change and SENSITIVE not in each.address]


def _not_recreated(summary: PlanSummary, result: ApplyResult) -> str:
    """What was destroyed and not created again. It comes first: it may be an outage."""
    replaced, present = not_come_back(summary, result), result.in_state
    deleted = [] if present is None else [each for each in _addresses(summary, Change.DELETE) if each not in present]
    sentences = []
    if replaced:
        was, has = ("was", "has") if len(replaced) == 1 else ("were", "have")
        count = phrases.counted(len(replaced), "resource")
        sentences.append(f"{count} {was} destroyed and {has} not come back: {_listed(replaced)}")
    if deleted:
        sentences.append(f"destroyed as planned: {_listed(deleted)}")
    return "; ".join(sentences)


def _progress(result: ApplyResult) -> list[Block]:
    """The resources that an interrupted or failed apply changed, was changing, and had not begun."""
    parts = {"Done": result.applied, "Begun, and not done": result.under_way, "Not begun": result.remaining}
    lines = [f"*{heading}:* {_listed(addresses)}" for heading, addresses in parts.items() if addresses]
    return [kit.section("\n".join(lines))] if lines else []


def _listed(addresses: Sequence[str]) -> str:
    return phrases.listed([kit.code(address, 80) for address in addresses], LISTED)


def _errors(errors: Sequence[Diagnostic]) -> Iterator[Block]:
    for error in errors[:3]:
        address = f" ({kit.code(error.address)})" if error.address else ""
        detail = "\n\n".join(part.rstrip() for part in (error.detail, error.snippet) if part)
        details = "\n" + kit.preformatted(detail, 900) if detail else ""
        summary = kit.escape(kit.cut(error.summary, 200))
        yield kit.section(f":x: *{summary}*{address}{code_position(error)}{details}")
    hidden = len(errors) - 3
    yield from (kit.context(line) for line in phrases.rest(hidden, noun=phrases.plural(hidden, "error")))


def _current_changes(progress: ApplyProgress) -> list[str]:
    elapsed = progress.elapsed or (0,) * len(progress.current)
    return [
        kit.code(address, 60) + (f" for {phrases.duration(seconds)}" if seconds else "")
        for address, seconds in zip(progress.current, elapsed, strict=True)
    ]


def _stop_apply(plan: PlanView) -> Block:
    text = "Terraform finishes what it has begun and begins no more; what was done stays done."
    return common.cancel_button(plan.head, text, halfway=True)


def _text_block(text: str) -> list[Block]:
    return [kit.section(text)] if text else []
