"""A plan as `terraform show -json` prints it, decoded only as far as it is read.

Attribute values stay JSON text (`Raw`, views of the whole document) until they are needed: of a plan of 100 MB
most change nothing. Fields: developer.hashicorp.com/terraform/internals/json-format, format 1.2; OpenTofu's
has no `applyable`, `complete` and `deferred_changes`. Unknown fields are ignored.
"""

# No `from __future__ import annotations`: msgspec evaluates the fields' types here and now.

from collections.abc import Mapping
from typing import Any, Optional

import msgspec
from msgspec import Raw, Struct

NULL = Raw(b"null")


class ChangeJson(Struct, gc=False):
    """A change's values before and after, and marks of the same shape as these."""

    actions: tuple[str, ...] = ()
    before: Raw = NULL
    after: Raw = NULL
    after_unknown: Raw = NULL
    before_sensitive: Raw = NULL
    after_sensitive: Raw = NULL
    replace_paths: list[tuple[str | int, ...]] | None = None
    importing: dict[str, Any] | None = None


class ResourceJson(Struct, gc=False):
    """One resource of `resource_changes`, `resource_drift` or `deferred_changes`."""

    address: str
    type: str = ""
    mode: str = ""
    previous_address: str | None = None
    action_reason: str | None = None
    deposed: str | None = None
    change: ChangeJson = msgspec.field(default_factory=ChangeJson)


class StateResource(Struct, gc=False):
    """One resource of a state."""

    address: str = ""
    mode: str = ""
    values: Raw = NULL
    sensitive_values: Raw = NULL


class Module(Struct, gc=False):
    """A module of a state, with those inside of it."""

    resources: list[StateResource] | None = None
    child_modules: list["Module"] | None = None


class Output(Struct, gc=False):
    """An output value of a state."""

    value: Raw = NULL
    sensitive: bool = False


class Values(Struct, gc=False):
    """What a state holds."""

    outputs: dict[str, Output] | None = None
    root_module: Module | None = None


class State(Struct, gc=False):
    """The state before the plan."""

    values: Values | None = None


class Variable(Struct, gc=False):
    """A variable's declaration."""

    sensitive: bool = False
    default: Raw = NULL


class Given(Struct, gc=False):
    """A variable's value."""

    value: Raw = NULL


class Call(Struct, gc=False):
    """A call of a module."""

    expressions: Raw = NULL
    module: Optional["CodeModule"] = None


class CodeModule(Struct, gc=False):
    """A module as the code has it."""

    variables: dict[str, Variable] | None = None
    module_calls: dict[str, Call] | None = None


class Code(Struct, gc=False):
    """The code that was planned."""

    root_module: CodeModule | None = None


class Deferred(Struct, gc=False):
    """A change that a later plan has to make."""

    reason: str = ""
    resource_change: ResourceJson | None = None


class Invocation(Struct, gc=False):
    """An action that the apply also runs."""

    address: str | None = None


class Problem(Struct, gc=False):
    """What a check found."""

    message: str = ""


class Named(Struct, gc=False):
    """Anything's address."""

    to_display: str | None = None


class CheckInstance(Struct, gc=False):
    """A check's outcome for one object: pass, fail, error or unknown."""

    status: str = ""
    address: Named | None = None
    problems: list[Problem] | None = None


class Check(Struct, gc=False):
    """A check, precondition or postcondition."""

    instances: list[CheckInstance] | None = None


class PlanJson(Struct, gc=False):
    """The whole document."""

    terraform_version: str = ""
    resource_changes: list[ResourceJson] | None = None
    resource_drift: list[ResourceJson] | None = None
    deferred_changes: list[Deferred] | None = None
    action_invocations: list[Invocation] | None = None
    output_changes: dict[str, ChangeJson] | None = None
    planned_values: Values | None = None
    prior_state: State | None = None
    configuration: Code | None = None
    variables: dict[str, Given] | None = None
    checks: list[Check] | None = None
    errored: bool = False
    complete: bool | None = None
    applyable: bool | None = None


Document = PlanJson | bytes | Mapping[str, Any]
_plan = msgspec.json.Decoder(PlanJson)
_object = msgspec.json.Decoder(dict[str, Raw])


def decode(document: Document) -> PlanJson:
    """The plan in these bytes; a plan that has been parsed already is taken too.

    Raises:
        ValueError: this is no JSON, or not that of a plan.
    """
    if isinstance(document, PlanJson):
        return document
    return _plan.decode(document if isinstance(document, bytes) else msgspec.json.encode(document))


def value(raw: Raw) -> Any:
    """What the JSON text says."""
    return msgspec.json.decode(raw)


def fields(raw: Raw) -> dict[str, Raw]:
    """An object's fields, each still as text; none when it is no object."""
    return _object.decode(raw) if bytes(memoryview(raw)[:1]) == b"{" else {}


def size(raw: Raw) -> int:
    """How many bytes of JSON this is."""
    return memoryview(raw).nbytes


def marks_something(raw: Raw) -> bool:
    """Whether there is a true among these marks."""
    return b"true" in bytes(raw)
