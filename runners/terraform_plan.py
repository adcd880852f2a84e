"""A plan as `terraform show -json` prints it, read into a summary that holds nothing sensitive. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners import terraform_values as values
from runners.results import AttributeChange, Change, Diagnostic, PlanSummary, ResourceChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from runners.terraform_values import Masker, Path

    Json = Mapping[str, Any]

# Terraform's format 1.2: developer.hashicorp.com/terraform/internals/json-format, "Change Representation".
ACTIONS = {
    ("create",): Change.CREATE,
    ("read",): Change.READ,
    ("update",): Change.UPDATE,
    ("delete", "create"): Change.REPLACE,
    ("create", "delete"): Change.REPLACE,
    ("create", "forget"): Change.REPLACE,
    ("delete",): Change.DELETE,
    ("forget",): Change.FORGET,
}
ORDERS = {
    ("create", "delete"): "the new one is made before the old one goes",
    ("create", "forget"): "the old one stays, but Terraform forgets it",
}
REASONS = {
    "replace_because_tainted": "marked as tainted",
    "replace_because_cannot_update": "it cannot be changed in place",
    "replace_by_request": "its replacement was asked for",
    "replace_by_triggers": "something in its replace_triggered_by changes",
    "delete_because_no_resource_config": "it is no longer in the code",
    "delete_because_no_module": "its module is no longer in the code",
    "delete_because_wrong_repetition": "the code uses count or for_each differently now",
    "delete_because_count_index": "count is lower now",
    "delete_because_each_key": "its key is no longer in for_each",
    "delete_because_no_move_target": "it was moved to where the code has nothing",
    "read_because_config_unknown": "what it asks for is known only during the apply",
    "read_because_dependency_pending": "what it depends on changes first",
    "read_because_check_nested": "a check reads it after the apply",
}
WORST_FIRST = {change: place for place, change in enumerate(Change)}


def sensitive_values(document: Json) -> frozenset[str]:
    """Every scalar, as text of at least four characters, that the plan marks sensitive anywhere."""
    return frozenset(_sensitive(document))


def _sensitive(document: Json) -> Iterator[str]:
    changes = [one.get("change", {}) for one in _resource_changes(document)]
    for change in [*changes, *document.get("output_changes", {}).values()]:
        yield from values.marked(change.get("before"), change.get("before_sensitive"))
        yield from values.marked(change.get("after"), change.get("after_sensitive"))
    for state in (document.get("planned_values", {}), document.get("prior_state", {}).get("values", {})):
        for output in state.get("outputs", {}).values():
            yield from values.marked(output.get("value"), output.get("sensitive"))
        for resource in _resources(state.get("root_module", {})):
            yield from values.marked(resource.get("values"), resource.get("sensitive_values"))
    root = document.get("configuration", {}).get("root_module", {})
    given = {name: one.get("value") for name, one in document.get("variables", {}).items()}
    yield from _sensitive_variables(root, given)


def _sensitive_variables(module: Json, given: Json) -> Iterator[str]:
    for name, variable in module.get("variables", {}).items():
        if variable.get("sensitive"):
            yield from values.scalars(given.get(name))
            yield from values.scalars(variable.get("default"))
    for call in module.get("module_calls", {}).values():
        constants = {name: one.get("constant_value") for name, one in call.get("expressions", {}).items() if _is(one)}
        yield from _sensitive_variables(call.get("module", {}), constants)


def _is(expression: Any) -> bool:
    return isinstance(expression, dict)  # nested blocks come as arrays, and no variable is one


def _resource_changes(document: Json) -> Iterator[Json]:
    yield from document.get("resource_changes") or ()
    yield from document.get("resource_drift") or ()
    for one in document.get("deferred_changes") or ():
        yield one.get("resource_change", {})


def _resources(module: Json) -> Iterator[Json]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def read_plan(document: Json, *, digest: str, program: str, warnings: Sequence[Diagnostic] = ()) -> PlanSummary:
    """The summary of a plan. `warnings` are what planning printed; the plan's own remarks come after them."""
    mask = values.Masker(sensitive_values(document))
    shown = (_resource(one, mask) for one in document.get("resource_changes") or ())
    changes = [one for one in shown if one]
    changes.sort(key=lambda one: (WORST_FIRST[one.change], one.address))
    drift = (_resource(one, mask) for one in document.get("resource_drift") or ())
    managed = _resources(document.get("planned_values", {}).get("root_module", {}))
    return PlanSummary(
        digest=digest,
        program=program,
        changes=tuple(changes),
        outputs=tuple(_outputs(document.get("output_changes") or {}, mask)),
        drift=tuple(one for one in drift if one and one.change is not Change.MOVE),
        warnings=tuple(masked(one, mask) for one in [*warnings, *_remarks(document)]),
        resources=sum(1 for one in managed if one.get("mode") == "managed"),
    )


def masked(one: Diagnostic, mask: Masker) -> Diagnostic:
    """The same diagnostic with known secrets masked in its texts."""
    snippet = mask(one.snippet) if one.snippet else one.snippet
    address = mask(one.address) if one.address else one.address
    return Diagnostic(one.severity, mask(one.summary), mask(one.detail), one.filename, one.line, snippet, address)


def _resource(one: Json, mask: Masker) -> ResourceChange | None:
    change = one.get("change", {})
    kind = _kind(one, change)
    if kind is None:
        return None
    previous = one.get("previous_address")
    return ResourceChange(
        address=mask(one["address"]),
        type=one["type"],
        change=kind,
        attributes=tuple(_attributes(change, mask)),
        reason=mask("; ".join(_reasons(one, change))) or None,
        previous_address=mask(previous) if previous and previous != one["address"] else None,
    )


def _kind(one: Json, change: Json) -> Change | None:
    kind = ACTIONS.get(tuple(change.get("actions", ())))
    if kind:
        return kind
    if change.get("importing"):
        return Change.IMPORT
    return Change.MOVE if one.get("previous_address") not in (None, one["address"]) else None


def _reasons(one: Json, change: Json) -> Iterator[str]:
    if reason := one.get("action_reason"):
        yield REASONS.get(reason, reason.replace("_", " "))
    if order := ORDERS.get(tuple(change.get("actions", ()))):
        yield order
    if importing := change.get("importing"):
        identity = importing.get("id")
        yield f"imported from {identity}" if identity else "imported"
    if one.get("deposed"):
        yield "left over from an earlier replacement"


def _attributes(change: Json, mask: Masker) -> list[AttributeChange]:
    before, after = _covered(change, mask)
    found = list(values.differences(before, after))
    if before is None or after is None:  # of a whole new or vanishing resource, what is empty says nothing
        found = [one for one in found if (one.before or one.after) not in ({}, [])]
    forcing = [tuple(path) for path in change.get("replace_paths", ())]
    shown = [_attribute(one, mask, forces=_touches(one.path, forcing)) for one in found]
    # What forces a replacement explains it; what only the apply will tell says least.
    return sorted(shown, key=lambda one: (not one.forces_replacement, one.after == values.UNKNOWN))


def _covered(change: Json, mask: Masker) -> tuple[Any, Any]:
    before = values.cover(change.get("before"), change.get("before_sensitive"), None, mask)
    after = values.cover(change.get("after"), change.get("after_sensitive"), change.get("after_unknown"), mask)
    return before, after


def _attribute(one: values.Difference, mask: Masker, *, forces: bool) -> AttributeChange:
    before, after = values.show_both(one.before, one.after)
    return AttributeChange(mask(values.show_path(one.path)), before, after, forces_replacement=forces)


def _touches(path: Path, forcing: Iterable[Path]) -> bool:
    return any(path[: len(one)] == one[: len(path)] for one in forcing)


def _outputs(changes: Mapping[str, Json], mask: Masker) -> Iterator[AttributeChange]:
    for name, change in sorted(changes.items()):
        if change.get("actions") in (["no-op"], None):
            continue
        before, after = _covered(change, mask)
        found = list(values.differences(before, after, (name,)))
        # Only its sensitivity changed, or it is null: a change to apply all the same.
        for one in found or [values.Difference((name,), before, after)]:
            yield _attribute(one, mask, forces=False)


def _remarks(document: Json) -> Iterator[Diagnostic]:
    for one in document.get("deferred_changes") or ():
        address = one.get("resource_change", {}).get("address")
        reason = str(one.get("reason", "")).replace("_", " ")
        yield Diagnostic("warning", "Left for a later plan", f"Terraform cannot plan it yet: {reason}", address=address)
    for one in document.get("action_invocations") or ():
        yield Diagnostic("warning", "The apply also runs an action", address=one.get("address"))
