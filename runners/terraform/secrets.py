"""What a plan marks sensitive, gathered from all the places where it does. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.terraform import json_plan as shape, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from msgspec import Raw

    from runners.terraform.json_plan import (
        ChangeJson,
        CodeModule,
        Document,
        Module,
        PlanJson,
        ResourceJson,
        StateResource,
    )


def sensitive_values(document: Document) -> frozenset[str]:
    """Every scalar, as text of at least four characters, that the plan marks sensitive anywhere."""
    return frozenset(_sensitive(shape.decode(document)))


def _sensitive(plan: PlanJson) -> Iterator[str]:
    for change in _changes(plan):
        yield from _marked(change.before, change.before_sensitive)
        yield from _marked(change.after, change.after_sensitive)
    for state in (plan.planned_values, plan.prior_state and plan.prior_state.values):
        if state:
            for output in (state.outputs or {}).values():
                if output.sensitive:
                    yield from values.scalars(shape.value(output.value))
            for resource in resources(state.root_module):
                yield from _marked(resource.values, resource.sensitive_values)
    given = {name: variable.value for name, variable in (plan.variables or {}).items()}
    yield from _sensitive_variables(plan.configuration.root_module if plan.configuration else None, given)


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
    if not shape.marks_something(marks):
        return
    shapes = shape.value(marks)
    if not isinstance(shapes, dict):
        yield from values.marked(shape.value(value), shapes)
        return
    fields = shape.fields(value)
    for key, mark in shapes.items():
        if key in fields and values.marks_any(mark):
            yield from values.marked(shape.value(fields[key]), mark)


def _sensitive_variables(module: CodeModule | None, given: Mapping[str, Raw]) -> Iterator[str]:
    if module is None:
        return
    for name, variable in (module.variables or {}).items():
        if variable.sensitive:
            yield from values.scalars(shape.value(given.get(name, shape.NULL)))
            yield from values.scalars(shape.value(variable.default))
    for call in (module.module_calls or {}).values():
        expressions = {name: shape.fields(expression) for name, expression in shape.fields(call.expressions).items()}
        constants = {
            name: expression["constant_value"]
            for name, expression in expressions.items()
            if "constant_value" in expression
        }
        yield from _sensitive_variables(call.module, constants)


def resources(module: Module | None) -> Iterator[StateResource]:
    """The resources of a module and of those inside of it."""
    if module:
        yield from module.resources or ()
        for child in module.child_modules or ():
            yield from resources(child)
