"""Every difference of a plan as plain text, for the file beside Terraform's own text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners import phrases
from runners.results import Change
from runners.terraform.differences import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runners.results import AttributeChange, Diagnostic, PlanSummary, ResourceChange

_RULE = "=" * 80
_HEADING = "Every difference, as Signalbox reads the plan; characters that the eye cannot see are escaped"
_KINDS = {change: change.value.replace("-", " ") for change in Change} | {
    Change.REPLACE_KEEPING_OLD: "replace, and forget the old one",
    Change.READ: "read during the apply",
}
_OUTSIDE = _KINDS | {Change.DELETE: "deleted", Change.UPDATE: "changed"}


def appended(text: str, listed: str) -> str:
    """Terraform's text of a plan, then the list of differences."""
    return f"{text.rstrip()}\n\n{_RULE}\n{_HEADING}\n{_RULE}\n\n{listed}"


def listing(summary: PlanSummary) -> str:
    """The changes, outputs, drift and warnings of a complete summary, a line for each difference."""
    parts = [
        ("Resources", _resources(summary.changes, _KINDS)),
        ("Outputs", map(_attribute, summary.outputs)),
        ("Outside of Terraform", _resources(summary.drift, _OUTSIDE)),
        ("Warnings and notes", _diagnostics(summary.warnings)),
    ]
    texts = [(title, "\n".join(lines)) for title, lines in parts]
    return "\n\n".join(f"{title}\n{text}" for title, text in texts if text) + "\n"


def _resources(resources: Iterable[ResourceChange], kinds: dict[Change, str]) -> Iterator[str]:
    for resource in resources:
        moved = f" (was {resource.previous_address})" if resource.previous_address else ""
        reason = f": {_line(resource.reason)}" if resource.reason else ""
        yield f"  {kinds[resource.change]} {resource.address}{moved}{reason}"
        yield from (f"  {_attribute(attribute)}" for attribute in resource.attributes)
        yield from phrases.rest(resource.more_attributes, "      … and", "differences")
        if not resource.detailed:
            yield "      too much to compare here; see Terraform's text above"


def _attribute(attribute: AttributeChange) -> str:
    sides = " → ".join("(none)" if side is None else side for side in (attribute.before, attribute.after))
    note = f" ({_line(attribute.note)})" if attribute.note else ""
    forces = ", forces replacement" if attribute.forces_replacement else ""
    return f"    {_line(attribute.path)}: {sides}{note}{forces}"


def _diagnostics(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    for diagnostic in diagnostics:
        address = f" ({diagnostic.address})" if diagnostic.address else ""
        detail = f": {' '.join(diagnostic.detail.split())}" if diagnostic.detail else ""
        yield f"  {diagnostic.severity}: {_line(diagnostic.summary + address + detail)}"


def _line(text: str) -> str:
    return "".join(map(visible.readable, text))
