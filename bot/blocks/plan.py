"""A Terraform plan and its apply as a message that can be read in ten seconds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING

from bot.blocks import images, kit, operation
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bot.blocks.kit import Block, Message
    from bot.blocks.operation import ApprovalView, Head
    from runners.results import (
        ApplyProgress,
        ApplyResult,
        AttributeChange,
        Commit,
        Diagnostic,
        ImageChange,
        PlanSummary,
        ResourceChange,
    )

# In the order in which a reader must see them; the words follow a number.
WORDS = {
    Change.DELETE: "to destroy",
    Change.REPLACE: "to replace",
    Change.FORGET: "to forget",
    Change.UPDATE: "to change",
    Change.CREATE: "to create",
    Change.MOVE: "to move",
    Change.IMPORT: "to import",
    Change.READ: "to read",
}
HEADINGS = {
    Change.DELETE: ":red_circle: *Destroyed*",
    Change.REPLACE: ":large_orange_circle: *Replaced*",
    Change.FORGET: ":white_circle: *Forgotten* (stays, but Terraform no longer manages it)",
    Change.UPDATE: ":large_yellow_circle: *Changed in place*",
    Change.CREATE: ":large_green_circle: *Created*",
    Change.MOVE: ":white_circle: *Moved*",
    Change.IMPORT: ":white_circle: *Imported*",
    Change.READ: ":white_circle: *Read during the apply*",
}
SHOWN_RESOURCES, SHOWN_ATTRIBUTES, SHOWN_GROUPS = 12, 3, 15
_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')  # of an instance: ["backend"] or [0]
NAMED = 10  # addresses in one line
DETAIL_RESOURCES, DETAIL_ATTRIBUTES = 40, 12
IN_THREAD = "There is more than fits into one message: all of it is in the thread."
MOST_COMPARED = 250  # commits that GitHub tells of at most
SENSITIVE = "(sensitive)"  # in an address that is shown masked, and cannot be compared
PLAN_AGAIN = "Plan again."  # how a runner's remedy says what the button "New plan" does
UNKNOWN = "(known after apply)"  # how results.AttributeChange says it


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with what it belongs to: its operation, the commit it was made from, the images that it rolls out.

    `seen_at` (Unix seconds) is when the images were looked up in `region`.
    """

    head: Head
    commit: Commit
    summary: PlanSummary
    images: tuple[ImageChange, ...] = ()
    region: str = ""
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Moved:
    """A branch that has moved on since it was planned, by these commits (none: it went back), to `tip` (a full SHA)."""

    ref: str
    tip: str
    commits: tuple[Commit, ...] = ()


def counts(summary: PlanSummary) -> str:
    """The plan in numbers, worst first: "1 to destroy, 2 to replace"."""
    numbers = [(summary.count(change), words) for change, words in WORDS.items()]
    said = [f"{number} {words}" for number, words in numbers if number]
    if summary.outputs:
        said.append(f"{len(summary.outputs)} output{_s(summary.outputs)} to change")
    return ", ".join(said) or "nothing to do"


def working(head: Head, doing: str, commit: Commit | None) -> Message:
    """Before there is a plan to show."""
    stop = operation.cancel_button(head, "Terraform is stopped. A plan changes nothing, so nothing is left half done.")
    blocks = [operation.first_line(head, "running", doing), stop, operation.asked_by(head, *_commit(commit))]
    return kit.message(operation.plain(head, doing), blocks)


def up_to_date(plan: PlanView) -> Message:
    """Nothing to do; the operation ends here."""
    news = f"up to date, nothing to do ({plan.summary.resources} resource{'s' if plan.summary.resources != 1 else ''} in place)"
    blocks = [
        operation.first_line(plan.head, "succeeded", news),
        *_drift(plan.summary),
    ]
    foot = operation.asked_by(plan.head, operation.commit_line(plan.commit), _program(plan.summary))
    return kit.message(operation.plain(plan.head, news), blocks, foot=[foot])


def ask(
    plan: PlanView,
    approval: ApprovalView,
    protected: Sequence[str] = (),
    *,
    typed_word: str = "",
    moved: Moved | None = None,
) -> Message:
    """The plan with its Approve and Reject buttons.

    `protected` are addresses that would be lost though they are protected; `typed_word` is what approving takes then.
    """
    news = f"{counts(plan.summary)}. Waiting for approval"
    question = (
        f"Signalbox will apply exactly this plan to *{kit.escape(plan.head.environment)}*: {counts(plan.summary)} "
        f"(commit {kit.escape(plan.commit.short)}, plan {plan.summary.digest[:12]})."
    )
    return kit.message(
        operation.plain(plan.head, news),
        [
            operation.first_line(plan.head, "approval", news),
            *_careful(protected, typed_word),
            *([kit.section(moved_on(moved))] if moved else []),
            *images.table(plan.images, plan.region, plan.seen_at),
            *changes(plan.summary),
        ],
        foot=[
            operation.decision_buttons(
                approval, approve=f"Approve and apply to {plan.head.environment}", question=question
            ),
            operation.approval_lines(approval),
            _fine_print(plan),
        ],
        more=IN_THREAD,
    )


def moved_on(moved: Moved) -> str:
    """By which commits the branch has moved on since the plan, in mrkdwn."""
    name, number = kit.code(moved.ref), len(moved.commits)
    if not number:
        return f":warning: *{name} no longer has the commit of this plan.*"
    count = f"{number} commit{_s(moved.commits)}" if number < MOST_COMPARED else f"{number} commits or more"
    shown = [f"{kit.link(one.short, one.url)} {kit.escape(kit.cut(one.subject, 90))}" for one in moved.commits[-5:]]
    more = f" and {number - 5} before" if number > 5 else ""
    return f":warning: *{name} has moved on by {count} since this plan:* {', '.join(reversed(shown))}{more}."


def settled(plan: PlanView, approval: ApprovalView) -> Message:
    """The plan after what ended it: rejected, expired, or a newer plan. Nothing on it can be approved any more."""
    news = {
        "rejected": "rejected, nothing was applied",
        "expired": "expired, nothing was applied",
        "superseded": "a newer plan took its place, nothing was applied",
    }[approval.outcome]
    again = [operation.plan_again_button(plan.head)] if approval.outcome == "expired" else []
    return _with_plan(plan, approval, approval.outcome, f"{news} ({counts(plan.summary)})", buttons=again)


def settled_elsewhere(plan: PlanView, approval: ApprovalView) -> Message:
    """The plan after it was put away outside of Slack."""
    news = f"{kit.escape(approval.elsewhere)}, nothing was applied ({counts(plan.summary)})"
    return _with_plan(plan, approval, "rejected", news)


def applying(plan: PlanView, approval: ApprovalView, progress: ApplyProgress | None) -> Message:
    """While it is applied."""
    if progress is None:
        news = f"{kit.escape(approval.elsewhere) or 'approved'}, applying ({counts(plan.summary)})"
        return _with_plan(plan, approval, "running", news, buttons=[_stop_apply(plan)])
    current = ", ".join(_under_way(progress)[:3])
    news = f"applying, {progress.done} of {progress.total} done" + (f", now {current}" if current else "")
    headings = images.BEGUN if progress.done or progress.current else images.PLANNED
    return _with_plan(plan, approval, "running", news, headings=headings, buttons=[_stop_apply(plan)])


@dataclass(frozen=True, slots=True)
class Ending:
    """What else is to be known of an apply that ended, in mrkdwn: a note, who cancelled it; and a code deploy to offer."""

    note: str = ""
    cancelled_by: str = ""
    offer_deploy: bool = False


def applied(plan: PlanView, approval: ApprovalView, result: ApplyResult, ending: Ending | None = None) -> Message:
    """How the apply ended."""
    ending = ending or Ending()
    did = _did(plan.summary, result)
    if not result.finished:
        return _interrupted(plan, approval, result)
    if result.succeeded:
        offer = [operation.deploy_after_button(plan.head)] if ending.offer_deploy else []
        return _with_plan(
            plan, approval, "succeeded", f"applied, {did}", _note(ending.note), headings=images.APPLIED, buttons=offer
        )
    status, what = "failed", "the apply failed"
    if ending.cancelled_by:
        status, what = "cancelled", f"{ending.cancelled_by} cancelled the apply"
    news = f"{what} after {did}. What was done stays done; a new plan shows what is left"
    again = [operation.plan_again_button(plan.head)]
    # Who cancelled it knows why there are errors; whoever it failed for wants to know that first.
    told = [_how_far(result), list(_errors(result.errors))]
    extra = [*_note(ending.note), *chain(*(told if ending.cancelled_by else reversed(told)))]
    return _with_plan(plan, approval, status, news, extra, headings=_headings(result), buttons=again)


def refused(plan: PlanView, approval: ApprovalView, problem: str, remedy: str, *, left_by: str = "") -> Message:
    """Approved, but it could not be applied: the plan is stale, the state is locked.

    `left_by`, when not empty, is the operation that left the lock and is over ("#3").
    """
    news = f"not applied. {kit.escape(operation.sentence(problem))}"
    buttons = [*_unlock(plan.head, left_by), operation.plan_again_button(plan.head)]
    note = _left_behind(left_by) if left_by else _beside_new_plan(remedy)
    return _with_plan(plan, approval, "failed", news, _note(note), buttons=buttons)


def locked(head: Head, commit: Commit | None, problem: str, remedy: str, *, left_by: str = "") -> Message:
    """There is no plan, for somebody holds the state's lock; `left_by` as in `refused`."""
    news = f"no plan was made. {kit.escape(operation.sentence(problem))}"
    note = _left_behind(left_by) if left_by else _beside_new_plan(remedy)
    buttons = [*_unlock(head, left_by), operation.plan_again_button(head)]
    blocks = [operation.first_line(head, "failed", news), *_note(note), *buttons]
    return kit.message(operation.plain(head, news), [*blocks, operation.asked_by(head, *_commit(commit))])


def unlocked(head: Head, news: str) -> Message:
    """The lock is given back; a new plan may follow."""
    blocks = [operation.first_line(head, "succeeded", news), operation.plan_again_button(head)]
    return kit.message(operation.plain(head, news), [*blocks, operation.asked_by(head)])


def _left_behind(left_by: str) -> str:
    return f"That was {kit.escape(left_by)}, which is over and left the lock. Whoever may approve can unlock the state."


def _beside_new_plan(remedy: str) -> str:
    """A remedy without what a button below it offers."""
    return operation.remedy_lines(remedy.removesuffix(PLAN_AGAIN).strip())


def _unlock(head: Head, left_by: str) -> list[Block]:
    return [operation.unlock_button(head, left_by)] if left_by else []


def changes(summary: PlanSummary) -> Iterator[Block]:
    """What would change, destroys and replacements first, with old and new values; the rest is in the thread."""
    shown = summary.changes[:SHOWN_RESOURCES]
    for change, group in groupby(shown, key=lambda resource: resource.change):
        yield from kit.sections([HEADINGS[change], *map(_brief, group)])
    yield from _grouped(summary.changes[len(shown) :])
    if summary.outputs:
        yield from kit.sections(["*Outputs*", *(_attribute(output) for output in summary.outputs[:5])])
        if len(summary.outputs) > 5:
            yield kit.context(f"and {len(summary.outputs) - 5} more outputs")
    yield from _drift(summary)
    yield from _warnings(summary.warnings)


def _grouped(hidden: Sequence[ResourceChange]) -> Iterator[Block]:
    """Those that are too many to be shown one by one: how many of each kind, by module and type."""
    if not hidden:
        return
    groups = Counter((WORDS[one.change], _module(one.address), one.type) for one in hidden)
    lines = [
        f"• {count} {words}: {kit.code(kind)} in {kit.code(module) if module else 'the root module'}"
        for (words, module, kind), count in list(groups.items())[:SHOWN_GROUPS]
    ]
    more = [f"… and {len(groups) - SHOWN_GROUPS} more kinds"] if len(groups) > SHOWN_GROUPS else []
    yield from kit.sections([f"*And {len(hidden):,} more* (all of it is in the thread)", *lines, *more])


def _module(address: str) -> str:
    """The module that a resource is in, whichever instance of it; empty for the root module."""
    return ".".join(re.findall(r"module\.[A-Za-z0-9_-]+", _INDEX.sub("", address)))


def drifted(head: Head, commit: Commit, summary: PlanSummary) -> Message:
    """What a look by itself has found to differ; or that nothing differs any more."""
    if summary.up_to_date and not summary.drift:
        return operation.short_message(head, "succeeded", "what had drifted is as the code says again")
    news = f"the environment is not as the code says: {counts(summary)}"
    if summary.up_to_date:
        news = f"{len(summary.drift)} resource{_s(summary.drift)} changed outside of Terraform, as the code allows"
    again = operation.plan_again_button(head)
    foot = [again, kit.context(operation.commit_line(commit), kit.escape(summary.program))]
    first = kit.section(f":mag: *#{head.number} {kit.escape(head.title)}*: {news}")
    return kit.message(operation.plain(head, news), [first, *changes(summary)], foot=foot, more=IN_THREAD)


def details(summary: PlanSummary) -> Message:
    """Every changed resource with its attributes, for the thread."""
    blocks = kit.sections(_full(one) for one in summary.changes[:DETAIL_RESOURCES])
    hidden = len(summary.changes) - DETAIL_RESOURCES
    if hidden > 0:
        blocks.append(kit.context(f"and {hidden} more; the attached plan has all of them"))
    blocks += (
        kit.sections(["*Outputs*", *map(_attribute, summary.outputs[:DETAIL_RESOURCES])]) if summary.outputs else []
    )
    text = f"The plan in detail: {counts(summary)}"
    return kit.message(text, blocks or [kit.section(text)], more="The rest is in the attached plan.")


def _with_plan(
    plan: PlanView,
    approval: ApprovalView,
    status: str,
    news: str,
    extra: Iterable[Block] = (),
    *,
    headings: tuple[str, str] = images.PLANNED,
    buttons: Iterable[Block] = (),
) -> Message:
    blocks = [
        operation.first_line(plan.head, status, news),
        *extra,
        *images.table(plan.images, plan.region, plan.seen_at, headings),
        *changes(plan.summary),
    ]
    foot = [*buttons, operation.approval_lines(approval), _fine_print(plan)]
    return kit.message(operation.plain(plan.head, news), blocks, foot=foot, more=IN_THREAD)


def _interrupted(plan: PlanView, approval: ApprovalView, result: ApplyResult) -> Message:
    news = "interrupted during the apply, and not started again"
    if gone := _gone(plan.summary, result):
        news = f"{gone} ({news})"
    reported = result.applied or result.under_way
    first = f"Terraform was cut short. {'Until then it had reported:' if reported else 'It had reported nothing yet.'}"
    held = [] if result.in_state is None else [f"The state now holds: {_named(result.in_state) or 'nothing'}."]
    last = " ".join([*held, "A new plan shows what is left."])
    extra = [kit.section(first), *_how_far(result), kit.section(last)]
    again = [operation.plan_again_button(plan.head)]
    headings = images.BEGUN if gone else _headings(result)
    return _with_plan(plan, approval, "interrupted", news, extra, headings=headings, buttons=again)


def _did(summary: PlanSummary, result: ApplyResult) -> str:
    if result.succeeded and summary.outputs and not summary.changes:
        return f"{len(summary.outputs)} output{_s(summary.outputs)} changed"
    return f"{result.added} added, {result.changed} changed, {result.destroyed} destroyed"


def _headings(result: ApplyResult) -> tuple[str, str]:
    """What an apply that stopped calls the images: as planned, unless Terraform has told of a change."""
    told = result.added or result.changed or result.destroyed or result.applied or result.under_way
    return images.BEGUN if told else images.PLANNED


def _gone(summary: PlanSummary, result: ApplyResult) -> str:
    """What was destroyed and did not come back, where the state tells: the first thing to know, for it may be an outage."""
    if result.in_state is None:
        return ""
    there = frozenset(result.in_state)
    missing = [one for one in summary.changes if one.address not in there and SENSITIVE not in one.address]
    replaced = [one.address for one in missing if one.change is Change.REPLACE]
    deleted = [one.address for one in missing if one.change is Change.DELETE]
    said = []
    if replaced:
        was, be = ("was", "is") if len(replaced) == 1 else ("were", "are")
        count = f"{len(replaced)} resource{_s(replaced)}"
        said.append(f"{count} {was} destroyed and {be} not there again: {_named(replaced)}")
    if deleted:
        said.append(f"destroyed as planned: {_named(deleted)}")
    return "; ".join(said)


def _how_far(result: ApplyResult) -> list[Block]:
    """What an apply that did not come to its end has done, what it was at, and what it had not begun."""
    parts = {"Done": result.applied, "Begun, and not done": result.under_way, "Not begun": result.remaining}
    lines = [f"*{words}:* {_named(addresses)}" for words, addresses in parts.items() if addresses]
    return [kit.section("\n".join(lines))] if lines else []


def _named(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - NAMED} more" if len(addresses) > NAMED else ""
    return ", ".join(kit.code(address, 80) for address in addresses[:NAMED]) + more


def _fine_print(plan: PlanView) -> Block:
    name = f"plan {kit.code(plan.summary.digest[:12])}"
    return operation.asked_by(plan.head, operation.commit_line(plan.commit), name, _program(plan.summary))


def _program(summary: PlanSummary) -> str:
    return kit.link(summary.program, summary.url) if summary.url else kit.escape(summary.program)


def _commit(commit: Commit | None) -> list[str]:
    return [operation.commit_line(commit)] if commit else []


def _brief(resource: ResourceChange) -> str:
    """The resource and what matters most about it: why it is replaced, and what becomes known before the apply."""
    if resource.change in (Change.DELETE, Change.FORGET):
        return _name(resource, with_reason=True)  # that it goes is all there is to say; what it was is in the thread
    forcing = [attribute for attribute in resource.attributes if attribute.forces_replacement]
    told = [attribute for attribute in resource.attributes if attribute.after != UNKNOWN and attribute not in forcing]
    lines = [_attribute(attribute) for attribute in (forcing or told)[:SHOWN_ATTRIBUTES]]
    return "\n".join([_name(resource, with_reason=not forcing), *lines])


def _full(resource: ResourceChange) -> str:
    lines = [_attribute(attribute) for attribute in resource.attributes[:DETAIL_ATTRIBUTES]]
    hidden = len(resource.attributes) - len(lines)
    more = [f"      … {hidden} more attribute{'s' if hidden != 1 else ''}"] if hidden > 0 else []
    first = f"{HEADINGS[resource.change]}: {_name(resource, with_reason=True).removeprefix('• ')}"
    return "\n".join([first, *lines, *more])


def _name(resource: ResourceChange, *, with_reason: bool) -> str:
    moved = f" (was {kit.code(resource.previous_address)})" if resource.previous_address else ""
    reason = f", {kit.escape(resource.reason)}" if resource.reason and with_reason else ""
    return f"• {kit.code(resource.address)}{moved}{reason}"


def _attribute(attribute: AttributeChange) -> str:
    before = "_(none)_" if attribute.before is None else kit.code(attribute.before, 80)
    after = "_(none)_" if attribute.after is None else kit.code(attribute.after, 80)
    forces = " _forces replacement_" if attribute.forces_replacement else ""
    return f"      {kit.code(attribute.path, 80)}: {before} → {after}{forces}"


def _drift(summary: PlanSummary) -> Iterator[Block]:
    if summary.drift:
        addresses = ", ".join(kit.code(one.address) for one in summary.drift[:5])
        more = f" and {len(summary.drift) - 5} more" if len(summary.drift) > 5 else ""
        yield kit.context(f":mag: changed outside of Terraform: {addresses}{more}")


def _warnings(warnings: Sequence[Diagnostic]) -> Iterator[Block]:
    for warning in warnings[:3]:
        sign = ":information_source:" if warning.severity == "note" else ":warning:"
        yield kit.context(f"{sign} {kit.escape(warning.summary)}{_place(warning)}")


def _errors(errors: Sequence[Diagnostic]) -> Iterator[Block]:
    for error in errors[:3]:
        at = f" ({kit.code(error.address)})" if error.address else ""
        detail = "\n".join(part for part in (error.detail, error.snippet) if part)
        body = "\n" + kit.preformatted(detail, 900) if detail else ""
        summary = kit.escape(kit.cut(error.summary, 200))
        yield kit.section(f":x: *{summary}*{at}{_place(error)}{body}")
    if len(errors) > 3:
        yield kit.context(f"and {len(errors) - 3} more error{_s(errors[3:])}")


def _careful(protected: Sequence[str], typed_word: str) -> Iterator[Block]:
    word = f" To approve, type {kit.code(typed_word)}." if typed_word else ""
    if protected:
        named = ", ".join(kit.code(address) for address in protected[:5])
        more = f" and {len(protected) - 5} more" if len(protected) > 5 else ""
        yield kit.section(f":lock: *Protected, and this plan would lose it:* {named}{more}.{word}")
    elif word:
        yield kit.section(f":lock: *This plan destroys or replaces more than usual.*{word}")


def _under_way(progress: ApplyProgress) -> list[str]:
    elapsed = progress.elapsed or (0,) * len(progress.current)
    return [
        kit.code(address, 60) + (f" for {kit.duration(seconds)}" if seconds else "")
        for address, seconds in zip(progress.current, elapsed, strict=True)
    ]


def _stop_apply(plan: PlanView) -> Block:
    text = "Terraform finishes what it has begun and does not begin more. What was done stays done."
    return operation.cancel_button(plan.head, text)


def _note(note: str) -> list[Block]:
    return [kit.section(note)] if note else []


def _place(diagnostic: Diagnostic) -> str:
    if not diagnostic.filename:
        return ""
    line = f":{diagnostic.line}" if diagnostic.line else ""
    return f" in {kit.code(diagnostic.filename + line)}"


def _s(things: Sequence[object]) -> str:
    return "" if len(things) == 1 else "s"
