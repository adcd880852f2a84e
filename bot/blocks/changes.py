"""What a plan changes, in words: its resources worst first, its outputs, what has drifted, what it warns of."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from bot.blocks import kit
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.blocks.kit import Block, Message
    from runners.results import AttributeChange, Diagnostic, PlanSummary, ResourceChange

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
DETAIL_RESOURCES, DETAIL_ATTRIBUTES = 40, 12
UNKNOWN = "(known after apply)"  # how results.AttributeChange says it


def counts(summary: PlanSummary) -> str:
    """The plan in numbers, worst first: "1 to destroy, 2 to replace"."""
    numbers = [(summary.count(change), words) for change, words in WORDS.items()]
    said = [f"{number} {words}" for number, words in numbers if number]
    if summary.outputs:
        said.append(f"{len(summary.outputs)} output{plural(summary.outputs)} to change")
    return ", ".join(said) or "nothing to do"


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
    yield from drift_lines(summary)
    yield from _warnings(summary.warnings)


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


def drift_lines(summary: PlanSummary) -> Iterator[Block]:
    """What was changed outside of Terraform."""
    if summary.drift:
        addresses = ", ".join(kit.code(one.address) for one in summary.drift[:5])
        more = f" and {len(summary.drift) - 5} more" if len(summary.drift) > 5 else ""
        yield kit.context(f":mag: changed outside of Terraform: {addresses}{more}")


def _warnings(warnings: Sequence[Diagnostic]) -> Iterator[Block]:
    for warning in warnings[:3]:
        sign = ":information_source:" if warning.severity == "note" else ":warning:"
        yield kit.context(f"{sign} {kit.escape(warning.summary)}{place(warning)}")


def place(diagnostic: Diagnostic) -> str:
    """Where in the code it is, in mrkdwn; empty when that is not told."""
    if not diagnostic.filename:
        return ""
    line = f":{diagnostic.line}" if diagnostic.line else ""
    return f" in {kit.code(diagnostic.filename + line)}"


def plural(things: Sequence[object]) -> str:
    """The s at the end of a word for these; none for one of them."""
    return "" if len(things) == 1 else "s"
