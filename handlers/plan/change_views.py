"""Views of a plan's changes: resources (worst first), outputs, drift, warnings."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from bot.slack.blocks import images, kit
from runners import phrases
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.slack.blocks.kit import Block, Message
    from handlers.plan.views import BranchMove
    from runners.results import AttributeChange, Diagnostic, ImageChange, PlanSummary, ResourceChange

CHANGE_TEXTS = {
    Change.DELETE: "to destroy",
    Change.REPLACE: "to replace",
    Change.REPLACE_KEEPING_OLD: "to replace and keep the old one",
    Change.FORGET: "to forget",
    Change.UPDATE: "to change",
    Change.CREATE: "to create",
    Change.MOVE: "to move",
    Change.IMPORT: "to import",
    Change.READ: "to read",
}
# How a line about a resource begins: before an apply, and after a successful apply.
TO_DO = {
    Change.DELETE: ":red_circle: *Destroy*",
    Change.REPLACE: ":large_orange_circle: *Replace*",
    Change.REPLACE_KEEPING_OLD: ":large_orange_circle: *Replace, keeping the old one:*",
    Change.FORGET: ":white_circle: *Stop managing, without destroying it:*",
    Change.UPDATE: ":large_yellow_circle: *Change*",
    Change.CREATE: ":large_green_circle: *Create*",
    Change.MOVE: ":white_circle: *Move*",
    Change.IMPORT: ":white_circle: *Import*",
    Change.READ: ":white_circle: *Read*",
}
DONE = {
    Change.DELETE: ":red_circle: *Destroyed*",
    Change.REPLACE: ":large_orange_circle: *Replaced*",
    Change.REPLACE_KEEPING_OLD: ":large_orange_circle: *Replaced, keeping the old one:*",
    Change.FORGET: ":white_circle: *No longer managed, not destroyed:*",
    Change.UPDATE: ":large_yellow_circle: *Changed*",
    Change.CREATE: ":large_green_circle: *Created*",
    Change.MOVE: ":white_circle: *Moved*",
    Change.IMPORT: ":white_circle: *Imported*",
    Change.READ: ":white_circle: *Read*",
}
OUTSIDE = {**DONE, Change.DELETE: ":red_circle: *Deleted*"}
LONGEST_PATH, LONGEST_VALUE, LONGEST_NOTE = 80, 130, 200  # characters; a text of the summary is shorter
MOST_LINES, NAMED, MOST_WARNINGS = 6, 2, 2
SEVERE = (Change.DELETE, Change.REPLACE, Change.REPLACE_KEEPING_OLD, Change.FORGET)
DETAIL_RESOURCES, DETAIL_ATTRIBUTES, DETAIL_WARNINGS = 40, 12, 20
TOO_MUCH = "too much to compare here; see the attached plan"
MOST_COMPARED = 250  # the most commits that GitHub lists


def counts(summary: PlanSummary) -> str:
    """The numbers of changes, worst first: "1 to destroy, 2 to replace"; "0 to destroy" is included."""
    numbers = [(summary.count(change), text) for change, text in CHANGE_TEXTS.items()]
    parts = [f"{number} {text}" for number, text in numbers if number]
    if summary.changes and not summary.count(Change.DELETE):
        parts.append(f"0 {CHANGE_TEXTS[Change.DELETE]}")
    if summary.outputs:
        parts.append(f"{phrases.counted(summary.changed_outputs, 'output')} to change")
    if summary.actions:
        parts.append(f"{phrases.counted(summary.actions, 'action')} to run")
    if summary.applyable and not parts:
        parts.append("only Terraform's state to update")
    return ", ".join([*(parts or ["nothing to do"]), *concerns(summary)])


def concerns(summary: PlanSummary) -> list[str]:
    """What else the first line must say: how many checks fail, and how many changes a later plan has to make."""
    checks = f"{phrases.counted(summary.failed_checks, 'check fails', 'checks fail')}"
    later = f"{phrases.counted(summary.deferred, 'change')} left for a later plan"
    return [*([checks] if summary.failed_checks else []), *([later] if summary.deferred else [])]


def changes(summary: PlanSummary, rolled_out: Sequence[ImageChange] = (), *, done: bool = False) -> Iterator[Block]:
    """What will change, or has changed (`done`), in at most six lines, worst first; everything is in the thread.

    What is destroyed or replaced is named, apart from what is a row of the table of the `rolled_out` images.
    """
    verbs = DONE if done else TO_DO
    displayed = [resource for resource in summary.changes if not _is_row(resource, summary, rolled_out)]
    severe = [resource for resource in displayed if resource.change in SEVERE]
    lines = [(1, f"{verbs[resource.change]} {_brief(resource)}") for resource in severe]
    for change, group in groupby([each for each in displayed if each not in severe], key=lambda each: each.change):
        addresses = [resource.address for resource in group]
        lines.append((len(addresses), f"{verbs[change]} {_named(addresses)}"))
    if summary.outputs:
        paths = [output.path for output in summary.outputs]
        lines.append((len(paths), f":white_circle: *{'Changed' if done else 'Change'} outputs* {_named(paths)}"))
    displayed_lines = lines if len(lines) <= MOST_LINES else lines[: MOST_LINES - 1]
    hidden = sum(count for count, _ in lines[len(displayed_lines) :])
    more = [f"and {hidden:,} more {phrases.plural(hidden, 'change')}, in the thread"] if hidden else []
    yield from kit.sections([*(line for _, line in displayed_lines), *more])
    yield from drift_lines(summary)
    yield from warning_lines(summary.warnings)


def _is_row(resource: ResourceChange, summary: PlanSummary, rolled_out: Sequence[ImageChange]) -> bool:
    """Whether the table of images says all of it: a machine that is replaced or created, or changed, only for its image."""
    if resource.image is None or resource.change in (Change.DELETE, Change.FORGET):
        return False
    rows = {(change.before.image_id if change.before else None, change.after.image_id) for change in rolled_out}
    same = sum(other.image == resource.image for other in summary.changes)
    return resource.image in rows and same == 1


def _named(addresses: Sequence[str]) -> str:
    return phrases.listed([kit.code(address, LONGEST_PATH) for address in addresses], NAMED)


def details(summary: PlanSummary, rolled_out: Sequence[ImageChange] = ()) -> Message:
    """The message in the thread: every changed resource with its attributes, images' names, outputs, drift and warnings."""
    blocks = list(_full_list(summary.changes, TO_DO))
    if named := images.names(rolled_out):
        blocks += kit.sections(["*Images*", *named])
    if summary.outputs:
        blocks += kit.sections(["*Outputs*", *map(_attribute, summary.outputs[:DETAIL_RESOURCES])])
    if summary.drift:
        heading = f"*Outside of Terraform:* {drift_counts(summary).removesuffix(' outside of Terraform')}"
        blocks += [kit.section(heading), *_full_list(summary.drift, OUTSIDE)]
    blocks += warning_lines(summary.warnings, DETAIL_WARNINGS)
    text = f"The plan in detail: {counts(summary)}"
    return kit.message(text, blocks or [kit.section(text)], more="The rest is in the attached plan.")


def _full_list(resources: Sequence[ResourceChange], headings: Mapping[Change, str]) -> Iterator[Block]:
    yield from kit.sections(_full(resource, headings) for resource in resources[:DETAIL_RESOURCES])
    if (hidden := len(resources) - DETAIL_RESOURCES) > 0:
        yield kit.context(f"and {hidden} more; the attached plan has all of them")


def _brief(resource: ResourceChange) -> str:
    """The resource, and why in a few words."""
    forcing = [attribute.path for attribute in resource.attributes if attribute.forces_replacement]
    why = f", because {_named(forcing)} {phrases.plural(len(forcing), 'changes', 'change')}" if forcing else ""
    return _name(resource, with_reason=not forcing) + why


def _full(resource: ResourceChange, headings: Mapping[Change, str]) -> str:
    lines = [_value(attribute, resource.change) for attribute in resource.attributes[:DETAIL_ATTRIBUTES]]
    hidden = len(resource.attributes) - len(lines) + resource.more_attributes
    first = f"{headings[resource.change]} {_name(resource)}"
    return "\n".join([first, *lines, *_and_more(hidden), *_not_compared(resource)])


def _and_more(hidden: int) -> list[str]:
    return phrases.rest(hidden, "      … and", phrases.plural(hidden, "difference"))


def _not_compared(resource: ResourceChange) -> list[str]:
    return [] if resource.detailed else [f"      _{TOO_MUCH}_"]


def _name(resource: ResourceChange, *, with_reason: bool = True) -> str:
    moved = f" (was {kit.code(resource.previous_address)})" if resource.previous_address else ""
    reason = f", {kit.escape(resource.reason)}" if resource.reason and with_reason else ""
    return f"{kit.code(resource.address)}{moved}{reason}"


def _value(attribute: AttributeChange, change: Change) -> str:
    """An attribute of a resource; a new, read or destroyed resource has only one value."""
    if change in (Change.CREATE, Change.READ) and attribute.before is None and attribute.after is not None:
        return f"      {_path(attribute)}: {_side(attribute.after)}{_note(attribute)}"
    if change is Change.DELETE and attribute.after is None and attribute.before is not None:
        return f"      {_path(attribute)}: {_side(attribute.before)}{_note(attribute)}"
    return _attribute(attribute)


def _attribute(attribute: AttributeChange) -> str:
    forces = " _forces replacement_" if attribute.forces_replacement else ""
    sides = f"{_side(attribute.before)} → {_side(attribute.after)}"
    return f"      {_path(attribute)}: {sides}{_note(attribute)}{forces}"


def _path(attribute: AttributeChange) -> str:
    return kit.code(attribute.path, LONGEST_PATH)


def _side(text: str | None) -> str:
    return "_(none)_" if text is None else kit.code(text, LONGEST_VALUE)


def _note(attribute: AttributeChange) -> str:
    return f" ({kit.escape(kit.cut(kit.one_line(attribute.note), LONGEST_NOTE))})" if attribute.note else ""


def drift_lines(summary: PlanSummary) -> Iterator[Block]:
    """The resources that were deleted or changed outside of Terraform, in small print."""
    for deleted, icon, text in ((True, ":red_circle:", "deleted"), (False, ":mag:", "changed")):
        drift = [resource for resource in summary.drift if (resource.change is Change.DELETE) is deleted]
        if drift:
            addresses = phrases.listed([kit.code(resource.address) for resource in drift], 5)
            yield kit.context(f"{icon} {text} outside of Terraform: {addresses}")


def drift_counts(summary: PlanSummary) -> str:
    """How many resources were deleted or changed outside of Terraform: "1 resource deleted, 2 changed outside of ..."."""
    deleted = sum(resource.change is Change.DELETE for resource in summary.drift)
    changed = len(summary.drift) - deleted
    parts = [f"{phrases.counted(deleted, 'resource')} deleted"] if deleted else []
    parts += [f"{changed} changed" if parts else f"{phrases.counted(changed, 'resource')} changed"] if changed else []
    return f"{', '.join(parts)} outside of Terraform"


def warning_lines(warnings: Sequence[Diagnostic], most: int = MOST_WARNINGS) -> Iterator[Block]:
    """The first warnings and all notes, each in small print, and how many more there are."""
    notes = [each for each in warnings if each.severity == "note"]  # as the estimated costs
    warnings = [each for each in warnings if each.severity != "note"]
    for warning in (*warnings[:most], *notes):
        icon = ":information_source:" if warning.severity == "note" else ":warning:"
        detail = kit.escape(kit.cut(" ".join(warning.detail.split("\n\n")[0].split()), 300))
        about = f" ({kit.code(warning.address)})" if warning.address else ""
        summary_link = kit.link(warning.summary, warning.url)
        yield kit.context(f"{icon} {summary_link}{about}{code_position(warning)}{f': {detail}' if detail else ''}")
    hidden = len(warnings) - most
    for line in phrases.rest(hidden, noun=phrases.plural(hidden, "warning")):
        yield kit.context(f"{line}, in the thread")


def code_position(diagnostic: Diagnostic) -> str:
    """The file and line of a diagnostic in mrkdwn; empty if Terraform does not report them."""
    if not diagnostic.filename:
        return ""
    line = f":{diagnostic.line}" if diagnostic.line else ""
    return f" in {kit.code(diagnostic.filename + line)}"


def branch_move(move: BranchMove) -> str:
    """How the branch has moved since the plan, with its newest commits, in mrkdwn."""
    name, number = kit.code(move.ref), len(move.commits)
    if not number:
        return f":warning: *{name} no longer has the commit of this plan.*"
    count = phrases.counted(number, "commit") if number < MOST_COMPARED else f"{number} commits or more"
    lines = [
        f"{kit.link(commit.short, commit.url)} {kit.escape(kit.cut(commit.subject, 90))}"
        for commit in move.commits[-5:]
    ]
    more = f" and {number - 5} before" if number > 5 else ""
    return f":warning: *{name} has moved on by {count} since this plan:* {', '.join(reversed(lines))}{more}."
