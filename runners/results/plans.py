"""Terraform's plans and applies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runners.stored import stored


@stored("resource-change-kind")
class Change(StrEnum):
    """What a plan means to do with one resource, worst first."""

    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"
    UPDATE = "update"
    CREATE = "create"
    READ = "read"
    MOVE = "move"
    IMPORT = "import"


@stored("attribute-change")
@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute: `before` and `after` as shown to people.

    None means absent. Sensitive values are already "(sensitive)"; what is known only after the apply is
    "(known after apply)". `forces_replacement` when this attribute is why the resource is replaced.
    """

    path: str
    before: str | None
    after: str | None
    forces_replacement: bool = False


@stored("resource-change")
@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource of a plan and what would happen to it.

    `detailed` is false where the plan is too big to compare all attributes: then `attributes` is empty.
    """

    address: str
    type: str
    change: Change
    attributes: tuple[AttributeChange, ...] = ()
    reason: str | None = None
    previous_address: str | None = None
    detailed: bool = True


@stored("diagnostic")
@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or warning as Terraform words it. `severity` is "error" or "warning", or "note" for what is good to know.

    `url` is where more can be read.
    """

    severity: str
    summary: str
    detail: str = ""
    filename: str | None = None
    line: int | None = None
    snippet: str | None = None
    address: str | None = None
    url: str = ""


@stored("plan-summary")
@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A saved plan, read from `terraform show -json`.

    `digest` is the SHA-256 (hex) of the plan file's bytes; `changes` are sorted worst first and
    hold no no-ops; `outputs` are the changed output values; `drift` what changed outside of
    Terraform; `resources` how many managed resources the planned state holds; `url` where else it can be read.
    Where nothing is to be done, `images` are the AMI ids by the address of the resource that has one.
    """

    digest: str
    program: str
    changes: tuple[ResourceChange, ...]
    outputs: tuple[AttributeChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    resources: int = 0
    url: str = ""
    images: tuple[tuple[str, str], ...] = ()

    @property
    def up_to_date(self) -> bool:
        """Whether applying this plan would do nothing."""
        return not self.changes and not self.outputs

    def count(self, change: Change) -> int:
        """How many resources would be changed in this way."""
        return sum(1 for resource in self.changes if resource.change is change)


@dataclass(frozen=True, slots=True)
class ApplyProgress:
    """An apply under way: `done` of `total` resources; `current` are the addresses under way.

    `elapsed` has for how many seconds each of these has run, as far as Terraform reports it (every ten seconds).
    """

    done: int
    total: int
    current: tuple[str, ...] = ()
    elapsed: tuple[int, ...] = ()


@stored("apply-result")
@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How an apply ended.

    `finished` is false when Terraform was interrupted (killed, machine lost): then the counts come from its
    log, and only a new plan is certain. `errors` are empty exactly when all went well. `applied` are the
    resources that are done; `under_way` those that were begun and came to no good end; `remaining` those that were
    never begun.
    """

    finished: bool
    added: int
    changed: int
    destroyed: int
    applied: tuple[str, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    in_state: tuple[str, ...] | None = None
    under_way: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the whole plan was applied."""
        return self.finished and not self.errors
