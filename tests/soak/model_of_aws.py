"""The model's rules about AWS: builders that are terminated, images that are removed, and what must stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.soak.aws_calls import Builder, Call
    from tests.soak.history import Change, Operation
    from tests.soak.model import Observed

_PRECISION = 0.05  # seconds, as in model.py
_REMOVED = re.compile(r"(\d+) of \d+ removed")
_OPEN = ("waiting", "running", "approval")
BUILDER, CLEAN_UP = "builder", "clean up"
TERMINATE = "TerminateInstances"


def doubled(observed: Observed) -> Iterator[str]:
    """Each change is made once, by one machine; what another one's request says later was on its way while AWS was cut off."""
    first: dict[tuple[str, str], Call] = {}
    for call in observed.cloud.calls:
        before = first.setdefault((call.action, call.resource), call)
        late = call.machine != before.machine and call.machine not in observed.cloud.cut_off
        if call is not before and (call.changed or late):
            yield f"doubled: {call.action} of {call.resource} by {before.machine} and by {call.machine}"


def precious(observed: Observed) -> Iterator[str]:
    """Nothing is removed that was in use, or that nobody asked to remove."""
    yield from (f"lost: {each} was to stay" for each in sorted(observed.cloud.precious - observed.cloud.there))


def builders(observed: Observed) -> Iterator[str]:
    """Each builder has one alert, which says how the builder ended; nobody but Signalbox ends builders here."""
    alerts = [each for each in observed.operations if each.kind == BUILDER]
    for builder in observed.cloud.builders:
        own = [each for each in alerts if each.title == f"Builder {builder.instance}"]
        if len(own) > 1:
            yield f"doubled: {len(own)} alerts of {builder.instance}"
        for alert in own:
            if alert.status not in _OPEN:
                yield from _alert(observed, builder, alert)


def _alert(observed: Observed, builder: Builder, alert: Operation) -> Iterator[str]:
    line = observed.messages.get(alert.number, "")
    remaining = sorted({builder.instance, builder.key, builder.group} & observed.cloud.there)
    calls = [each for each in _changes(observed) if each.action == TERMINATE and each.resource == builder.instance]
    if remaining and "not everything" not in line:
        yield f"untrue: #{alert.number} left {', '.join(remaining)}, and says: {line}"
    if not remaining and "not everything" in line:
        yield f"untrue: #{alert.number} left nothing, and says: {line}"
    if ("terminated" in line) != bool(calls):
        yield f"untrue: #{alert.number} terminated the builder {len(calls)} times, and says: {line}"
    pressed = (alert.number, "Terminate") in observed.pressed
    if "for @" in line and not pressed:
        yield f"untrue: nobody pressed Terminate of #{alert.number}, and it says: {line}"
    begins = [each.begin for each in calls]
    if begins and not pressed and min(begins) < alert.created_at + observed.terminates_after - _PRECISION:
        yield f"undecided: #{alert.number} terminated {builder.instance} {min(begins) - alert.created_at:.1f} s after its alert"


def clean_ups(observed: Observed) -> Iterator[str]:
    """As many images are gone as the clean-ups say, with their snapshots; each image was approved by somebody."""
    operations = [each for each in observed.operations if each.kind == CLEAN_UP]
    if any(each.status in _OPEN for each in operations):
        return
    claimed = 0
    for operation in operations:
        line = observed.messages.get(operation.number, "")
        if match := _REMOVED.search(line):
            claimed += int(match[1])
            if not observed.decisions.get(operation.number):
                yield f"undecided: nobody approved #{operation.number}, which says: {line}"
    removed = {each.resource for each in _changes(observed) if each.action == "DeregisterImage"}
    if len(removed) != claimed:
        yield f"untrue: {len(removed)} images are gone, and the clean-ups say {claimed}"
    snapshots = dict(observed.cloud.snapshots)
    for image in sorted(removed):
        if image in observed.cloud.there or snapshots.get(image) in observed.cloud.there:
            yield f"lost: {image} was removed, and it or its snapshot is still there"


def _changes(observed: Observed) -> list[Call]:
    return [each for each in observed.cloud.calls if each.changed]


def fenced(observed: Observed) -> Iterator[str]:
    """A process changes something at AWS only while its lease is valid."""
    leases = [each for each in observed.history if each.what == "signalbox_workers"]
    for call in observed.cloud.calls:
        held = _held(leases, call.machine, call.begin)
        if held is None or held.row["ended"] or held.row["lease_until"] < call.begin - _PRECISION:
            until = f"until {held.row['lease_until'] - call.begin:+.2f} s" if held else "never"
            yield f"unfenced: {call.machine} began {call.action} of {call.resource}, and held its lease {until}"


def _held(leases: list[Change], executor: str, at: float) -> Change | None:
    own = [each for each in leases if each.row["executor"] == executor and each.at <= at]
    return own[-1] if own else None


RULES = (doubled, precious, builders, clean_ups, fenced)
