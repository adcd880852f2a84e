"""The types of a plan in JSON, as `terraform show -json` prints it.

Attribute values stay JSON text (`Raw`, views of the whole document) until they are needed: most values of a plan of
100 MB do not change. Fields: developer.hashicorp.com/terraform/internals/json-format, format 1.2; OpenTofu's
has no `applyable`, `complete` and `deferred_changes`. Unknown fields are ignored.
"""

# No `from __future__ import annotations`: msgspec evaluates the fields' types when a class is defined.

from collections.abc import Mapping
from typing import Any, Optional, Self

import msgspec
from msgspec import Raw, Struct

NULL = Raw(b"null")


class ChangeJson(Struct, gc=False):
    """A change's values before and after, and their marks, which have the values' shape."""

    actions: tuple[str, ...] = ()
    before: Raw = NULL
    after: Raw = NULL
    after_unknown: Raw = NULL
    before_sensitive: Raw = NULL
    after_sensitive: Raw = NULL
    replace_paths: list[tuple[str | int, ...]] | None = None
    importing: dict[str, Any] | None = None


class ResourceJson(Struct, gc=False):
    """A resource of `resource_changes`, `resource_drift` or `deferred_changes`."""

    address: str = ""
    type: str = ""
    mode: str = ""
    name: str = ""
    module_address: str = ""
    index: int | str | None = None
    previous_address: str | None = None
    action_reason: str | None = None
    deposed: str | None = None
    change: ChangeJson = msgspec.field(default_factory=ChangeJson)


class StateResource(Struct, gc=False):
    """A resource of a state."""

    address: str = ""
    mode: str = ""
    values: Raw = NULL
    sensitive_values: Raw = NULL


class Module(Struct, gc=False):
    """A module of a state, with its child modules."""

    resources: list[StateResource] | None = None
    child_modules: list["Module"] | None = None


class Output(Struct, gc=False):
    """An output value of a state."""

    value: Raw = NULL
    sensitive: bool = False


class Values(Struct, gc=False):
    """The content of a state."""

    outputs: dict[str, Output] | None = None
    root_module: Module | None = None


class State(Struct, gc=False):
    """A state: the one before the plan, or as `terraform show -json` prints it."""

    values: Values | None = None


class Variable(Struct, gc=False):
    """A variable's declaration."""

    sensitive: bool = False
    default: Raw = NULL


class VariableValue(Struct, gc=False):
    """A variable's value."""

    value: Raw = NULL


class ModuleCall(Struct, gc=False):
    """A call of a module."""

    expressions: Raw = NULL
    module: Optional["ModuleConfiguration"] = None


class ModuleConfiguration(Struct, gc=False):
    """A module in the code."""

    variables: dict[str, Variable] | None = None
    module_calls: dict[str, ModuleCall] | None = None


class Configuration(Struct, gc=False):
    """The code that was planned."""

    root_module: ModuleConfiguration | None = None


class Deferred(Struct, gc=False):
    """A change that a later plan has to make."""

    reason: str = ""
    resource_change: ResourceJson | None = None


class RelevantAttribute(Struct, gc=False):
    """An attribute that the changes of the plan may depend on."""

    resource: str = ""


class LifecycleTrigger(Struct, gc=False):
    """The resource and its event ("BeforeCreate", "AfterUpdate", ...) that run an action."""

    triggering_resource_address: str = ""
    action_trigger_event: str = ""


class Invocation(Struct, gc=False):
    """An action that the apply also runs."""

    address: str | None = None
    lifecycle_action_trigger: LifecycleTrigger | None = None


class DeferredInvocation(Struct, gc=False):
    """An action that a later plan has to run."""

    reason: str = ""
    action_invocation: Invocation | None = None


class CheckProblem(Struct, gc=False):
    """A failure of a check."""

    message: str = ""


class CheckAddress(Struct, gc=False):
    """The address of a checked object."""

    to_display: str | None = None


class CheckInstance(Struct, gc=False):
    """A check's outcome for one object: pass, fail, error or unknown."""

    status: str = ""
    address: CheckAddress | None = None
    problems: list[CheckProblem] | None = None


class Check(Struct, gc=False):
    """A check, precondition or postcondition."""

    instances: list[CheckInstance] | None = None


class PlanJson(Struct, gc=False):
    """The whole document."""

    format_version: str = ""
    terraform_version: str = ""
    resource_changes: list[ResourceJson] | None = None
    resource_drift: list[ResourceJson] | None = None
    relevant_attributes: list[RelevantAttribute] | None = None
    deferred_changes: list[Deferred] | None = None
    action_invocations: list[Invocation] | None = None
    deferred_action_invocations: list[DeferredInvocation] | None = None
    output_changes: dict[str, ChangeJson] | None = None
    planned_values: Values | None = None
    prior_state: State | None = None
    configuration: Configuration | None = None
    variables: dict[str, VariableValue] | None = None
    checks: list[Check] | None = None
    errored: bool = False
    complete: bool | None = None
    applyable: bool | None = None


class Number(float):
    """A number with a fraction or an exponent, which keeps its spelling: Terraform's are more precise than a float."""

    spelling: str

    def __new__(cls, spelling: str) -> Self:
        """The number that is written like this in JSON."""
        number = super().__new__(cls, spelling)
        number.spelling = spelling
        return number


Document = PlanJson | bytes | Mapping[str, Any]
_plan_decoder = msgspec.json.Decoder(PlanJson)
_state_decoder = msgspec.json.Decoder(State)
_value_decoder = msgspec.json.Decoder(float_hook=Number)
_object_decoder = msgspec.json.Decoder(dict[str, Raw])


def decode(document: Document) -> PlanJson:
    """Decode a plan from bytes or from parsed JSON; a decoded plan is returned as it is.

    Raises:
        ValueError: the document is no JSON, or not that of a plan.
    """
    if isinstance(document, PlanJson):
        return document
    return _plan_decoder.decode(document if isinstance(document, bytes) else msgspec.json.encode(document))


def decode_state(document: bytes) -> State:
    """Decode a state as `terraform show -json` prints it. Raises ValueError."""
    return _state_decoder.decode(document)


def with_address(resource: ResourceJson) -> ResourceJson:
    """The resource with its address: the drift of Terraform 1.0 has only its parts."""
    if not resource.address:
        index = "" if resource.index is None else f"[{msgspec.json.encode(resource.index).decode()}]"
        data = "data" if resource.mode == "data" else ""
        parts = (resource.module_address, data, resource.type, f"{resource.name}{index}")
        resource.address = ".".join(filter(None, parts))
    return resource


def decoded(raw: Raw) -> Any:
    """The value of the JSON text; numbers keep their spelling."""
    return _value_decoder.decode(raw)


def fields(raw: Raw) -> dict[str, Raw]:
    """An object's fields, each as JSON text; empty when it is no object."""
    return _object_decoder.decode(raw) if bytes(memoryview(raw)[:1]) == b"{" else {}


def size(raw: Raw) -> int:
    """The number of bytes of the JSON text."""
    return memoryview(raw).nbytes


def has_mark(raw: Raw) -> bool:
    """Whether any of these marks is true."""
    return b"true" in bytes(raw)
