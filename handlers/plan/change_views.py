"""Views of a plan's changes: resources (worst first), outputs, drift, warnings."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners import phrases
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.slack.blocks.kit import Block, Message
    from runners.results import AttributeChange, Diagnostic, PlanSummary, ResourceChange

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
_STILL_EXISTS = " (it stays, but Terraform no longer manages it)"
_OLD_STILL_EXISTS = " (the old one stays, but Terraform no longer manages it)"
# Headings of a group of resources: before an apply, and after a successful apply.
TO_DO = {
    Change.DELETE: ":red_circle: *To destroy*",
    Change.REPLACE: ":large_orange_circle: *To replace*",
    Change.REPLACE_KEEPING_OLD: f":large_orange_circle: *To replace*{_OLD_STILL_EXISTS}",
    Change.FORGET: f":white_circle: *To forget*{_STILL_EXISTS}",
    Change.UPDATE: ":large_yellow_circle: *To change in place*",
    Change.CREATE: ":large_green_circle: *To create*",
    Change.MOVE: ":white_circle: *To move*",
    Change.IMPORT: ":white_circle: *To import*",
    Change.READ: ":white_circle: *To read during the apply*",
}
DONE = {
    Change.DELETE: ":red_circle: *Destroyed*",
    Change.REPLACE: ":large_orange_circle: *Replaced*",
    Change.REPLACE_KEEPING_OLD: f":large_orange_circle: *Replaced*{_OLD_STILL_EXISTS}",
    Change.FORGET: f":white_circle: *Forgotten*{_STILL_EXISTS}",
    Change.UPDATE: ":large_yellow_circle: *Changed in place*",
    Change.CREATE: ":large_green_circle: *Created*",
    Change.MOVE: ":white_circle: *Moved*",
    Change.IMPORT: ":white_circle: *Imported*",
    Change.READ: ":white_circle: *Read during the apply*",
}
OUTSIDE = {**DONE, Change.DELETE: ":red_circle: *Deleted*", Change.UPDATE: ":large_yellow_circle: *Changed*"}
LONGEST_PATH, LONGEST_VALUE, LONGEST_NOTE = 80, 130, 200  # characters; a text of the summary is shorter
MOST_RESOURCES, MOST_ATTRIBUTES, MOST_GROUPS, MOST_WARNINGS = 12, 3, 15, 5
_INDEX = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')  # of an instance: ["backend"] or [0]
DETAIL_RESOURCES, DETAIL_ATTRIBUTES, DETAIL_WARNINGS = 40, 12, 20
TOO_MUCH = "too much to compare here; see the attached plan"
UNKNOWN = "(known after apply)"  # as in results.AttributeChange


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


def changes(summary: PlanSummary, *, done: bool = False) -> Iterator[Block]:
    """What will change, or has changed (`done`), worst first, with values; the rest is in the thread."""
    listed, headings = summary.changes[:MOST_RESOURCES], DONE if done else TO_DO
    for change, group in groupby(listed, key=lambda resource: resource.change):
        yield from kit.sections([headings[change], *map(_brief, group)])
    yield from _grouped(summary.changes[len(listed) :])
    if summary.outputs:
        yield from kit.sections(["*Outputs*", *map(_attribute, summary.outputs[:5])])
        yield from (kit.context(line) for line in phrases.rest(len(summary.outputs) - 5, noun="outputs"))
    yield from drift_lines(summary)
    yield from warning_lines(summary.warnings)


def details(summary: PlanSummary) -> Message:
    """The message in the thread: every changed resource with its attributes, outputs, drift and warnings."""
    blocks = list(_full_list(summary.changes, TO_DO))
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


def _grouped(hidden: Sequence[ResourceChange]) -> Iterator[Block]:
    """The numbers of resources that are not displayed, by kind of change, module and type."""
    if not hidden:
        return
    groups = Counter((CHANGE_TEXTS[resource.change], _module(resource.address), resource.type) for resource in hidden)
    lines = [
        f"• {count} {text}: {kit.code(kind)} in {kit.code(module) if module else 'the root module'}"
        for (text, module, kind), count in list(groups.items())[:MOST_GROUPS]
    ]
    more = phrases.rest(len(groups) - MOST_GROUPS, "… and", "kinds")
    yield from kit.sections([f"*And {len(hidden):,} more* (all of it is in the thread)", *lines, *more])


def _module(address: str) -> str:
    """The module of a resource, without instance keys; empty for the root module."""
    return ".".join(re.findall(r"module\.[A-Za-z0-9_-]+", _INDEX.sub("", address)))


def _brief(resource: ResourceChange) -> str:
    """The resource with its most important attributes: those that force a replacement, else those with known values."""
    if resource.change in (Change.DELETE, Change.FORGET):
        return _name(resource)  # its attributes are in the thread
    forcing = [attribute for attribute in resource.attributes if attribute.forces_replacement]
    attributes = [
        attribute for attribute in resource.attributes if attribute.after != UNKNOWN and attribute not in forcing
    ]
    if resource.change is Change.UPDATE and not attributes:
        attributes = list(resource.attributes)  # known only after the apply
    displayed = (forcing or attributes)[:MOST_ATTRIBUTES]
    lines = [_value(attribute, resource.change) for attribute in displayed]
    hidden = len(resource.attributes) - len(displayed) + resource.more_attributes
    more = (
        [f"{line}, in the thread" for line in _and_more(hidden)] if resource.change is Change.UPDATE or forcing else []
    )
    return "\n".join([_name(resource), *lines, *more, *_not_compared(resource)])


def _full(resource: ResourceChange, headings: Mapping[Change, str]) -> str:
    lines = [_value(attribute, resource.change) for attribute in resource.attributes[:DETAIL_ATTRIBUTES]]
    hidden = len(resource.attributes) - len(lines) + resource.more_attributes
    first = f"{headings[resource.change]}: {_name(resource).removeprefix('• ')}"
    return "\n".join([first, *lines, *_and_more(hidden), *_not_compared(resource)])


def _and_more(hidden: int) -> list[str]:
    return phrases.rest(hidden, "      … and", phrases.plural(hidden, "difference"))


def _not_compared(resource: ResourceChange) -> list[str]:
    return [] if resource.detailed else [f"      _{TOO_MUCH}_"]


def _name(resource: ResourceChange) -> str:
    moved = f" (was {kit.code(resource.previous_address)})" if resource.previous_address else ""
    reason = f", {kit.escape(resource.reason)}" if resource.reason else ""
    return f"• {kit.code(resource.address)}{moved}{reason}"


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
    """The first warnings, each in small print, and how many more there are."""
    for warning in warnings[:most]:
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
