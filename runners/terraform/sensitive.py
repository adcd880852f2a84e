"""The sensitive values of a plan: from its changes, states, outputs and variables. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.terraform import json_plan, masking

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from msgspec import Raw

    from runners.terraform.json_plan import (
        ChangeJson,
        Document,
        Module,
        ModuleConfiguration,
        PlanJson,
        ResourceJson,
        StateResource,
        Values,
    )

# Masked only where they are marked: they are in most texts, or in EC2's lists.
_COMMON = re.compile(
    r"(?i)true|false|null|none|yes|enabled|disabled|default|main|master|primary|secondary|production|prod|staging|test"
    r"|development|public|private|admin|root|user|localhost|name|type|text|value|context|section|actions|header|button"
    r"|terraform|tofu|[a-z]{2}(?:-[a-z]+)+-\d|(?:ami|i|vpc|subnet|sg|vol|snap|lt)-[0-9a-f]{8,17}"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{,14}")  # what is longer is no word
_NAMES = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[A-Za-z][\w-]*")
_KEY = re.compile(r"\[.*?\](?=\.|$)")  # of an address: a value, and no name
_KEYS = re.compile(rb'"([A-Za-z][\w-]{0,40})":')


def sensitive_values(document: Document, ordinary: Collection[str] = ()) -> frozenset[str]:
    """The values that the plan marks sensitive and that are secrets, as text of at least four characters.

    Words that the code and the plan are written in, and ids of images, are no secrets: they are masked only where they are
    marked. So are the `ordinary` words, which the caller knows (names of environments, for instance).
    """
    plan = json_plan.decode(document)
    values = {value for value in _sensitive(plan) if not _COMMON.fullmatch(value)} - frozenset(ordinary)
    if not any(map(_NAME.fullmatch, values)):
        return frozenset(values)
    return frozenset(values - {word for word in _words_of(plan) if _NAME.fullmatch(word)})


def sensitive_in_state(document: bytes, ordinary: Collection[str] = ()) -> frozenset[str]:
    """The values that a state (`terraform show -json`) marks sensitive, chosen as in `sensitive_values`."""
    state = json_plan.decode_state(document)
    values = {value for value in _sensitive_in(state.values) if not _COMMON.fullmatch(value)} - frozenset(ordinary)
    names = {
        name
        for resource in resources(state.values.root_module if state.values else None)
        for name in _NAMES.findall(_KEY.sub("", resource.address))
    }
    return frozenset(values - names)


def computes_secrets(document: Document) -> bool:
    """Whether the apply will compute values that the plan marks sensitive."""
    return any(
        _both_marked(change.after_sensitive, change.after_unknown) for change in _changes(json_plan.decode(document))
    )


def _both_marked(sensitive: Raw, unknown: Raw) -> bool:
    if not json_plan.has_mark(sensitive) or not json_plan.has_mark(unknown):
        return False
    return masking.marks_overlap(json_plan.decoded(sensitive), json_plan.decoded(unknown))


def _words_of(plan: PlanJson) -> Iterator[str]:
    """The names in the code, and the keys of what changes: everybody who reads the plan sees them."""
    for resource in _resource_changes(plan):
        yield from _NAMES.findall(_KEY.sub("", resource.address))
        yield from _KEY.sub("", resource.address).split(".")
        yield resource.type
        changed = resource.change.actions != ("no-op",)
        for values in (resource.change.before, resource.change.after) if changed else ():
            yield from (key.decode() for key in _KEYS.findall(memoryview(values)))
    yield from plan.output_changes or ()
    yield from plan.variables or ()


def _sensitive(plan: PlanJson) -> Iterator[str]:
    for change in _changes(plan):
        yield from _marked(change.before, change.before_sensitive)
        yield from _marked(change.after, change.after_sensitive)
    yield from _sensitive_in(plan.planned_values)
    yield from _sensitive_in(plan.prior_state.values if plan.prior_state else None)
    values = {name: variable.value for name, variable in (plan.variables or {}).items()}
    yield from _sensitive_variables(plan.configuration.root_module if plan.configuration else None, values)


def _sensitive_in(state: Values | None) -> Iterator[str]:
    if state is None:
        return
    for output in (state.outputs or {}).values():
        if output.sensitive:
            yield from masking.scalars(json_plan.decoded(output.value))
    for resource in resources(state.root_module):
        yield from _marked(resource.values, resource.sensitive_values)


def _changes(plan: PlanJson) -> Iterator[ChangeJson]:
    for resource_change in _resource_changes(plan):
        yield resource_change.change
    yield from (plan.output_changes or {}).values()


def _resource_changes(plan: PlanJson) -> Iterator[ResourceJson]:
    yield from plan.resource_changes or ()
    yield from plan.resource_drift or ()
    for deferred in plan.deferred_changes or ():
        if deferred.resource_change:
            yield deferred.resource_change


def _marked(value: Raw, marks: Raw) -> Iterator[str]:
    if not json_plan.has_mark(marks):
        return
    decoded_marks = json_plan.decoded(marks)
    if not isinstance(decoded_marks, dict):
        yield from masking.marked_scalars(json_plan.decoded(value), decoded_marks)
        return
    fields = json_plan.fields(value)
    for key, mark in decoded_marks.items():
        if key in fields and masking.marks_any(mark):
            yield from masking.marked_scalars(json_plan.decoded(fields[key]), mark)


def _sensitive_variables(module: ModuleConfiguration | None, values: Mapping[str, Raw]) -> Iterator[str]:
    if module is None:
        return
    for name, variable in (module.variables or {}).items():
        if variable.sensitive:
            yield from masking.scalars(json_plan.decoded(values.get(name, json_plan.NULL)))
            yield from masking.scalars(json_plan.decoded(variable.default))
    for call in (module.module_calls or {}).values():
        expressions = {
            name: json_plan.fields(expression) for name, expression in json_plan.fields(call.expressions).items()
        }
        constants = {
            name: expression["constant_value"]
            for name, expression in expressions.items()
            if "constant_value" in expression
        }
        yield from _sensitive_variables(call.module, constants)


def resources(module: Module | None) -> Iterator[StateResource]:
    """The resources of a module and of its child modules."""
    if module:
        yield from module.resources or ()
        for child in module.child_modules or ():
            yield from resources(child)
