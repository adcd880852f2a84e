"""Terraform's plans and applies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from runners.stored import stored

# Marks fields that decisions are made on, and that never hold secrets: they are not redacted.
IDENTIFIER = MappingProxyType({"identifier": True})


@stored("resource-change-kind")
class Change(StrEnum):
    """What a plan means to do with one resource, worst first."""

    DELETE = "delete"
    REPLACE = "replace"
    REPLACE_KEEPING_OLD = "replace-keeping-old"  # a new object is created, and Terraform forgets the old one
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
    "(known after apply)". `forces_replacement` when this attribute is why the resource is replaced. `note` says where
    or in what the two differ, for example "line 7; only white space differs". Both are on one line, as they are displayed:
    of long values the part that differs, with invisible characters escaped. A value may have several of these.
    """

    path: str
    before: str | None
    after: str | None
    forces_replacement: bool = False
    note: str = ""


@stored("resource-change")
@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One resource of a plan and what would happen to it.

    `detailed` is false where the plan is too big to compare all attributes: then `attributes` is empty. `more_attributes`
    counts those that `attributes` leaves out. `imported`: whether the apply also imports it.
    `image` has the AMI ids before and after, where the plan sets one, also a sensitive one.
    """

    address: str = field(metadata=IDENTIFIER)
    type: str = field(metadata=IDENTIFIER)
    change: Change
    attributes: tuple[AttributeChange, ...] = ()
    reason: str | None = None
    previous_address: str | None = field(default=None, metadata=IDENTIFIER)
    detailed: bool = True
    imported: bool = False
    more_attributes: int = 0
    image: tuple[str | None, str] | None = field(default=None, metadata=IDENTIFIER)

    @property
    def unchanged(self) -> bool:
        """Whether all of its attributes were compared, and none differs."""
        return self.detailed and not self.attributes


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
    address: str | None = field(default=None, metadata=IDENTIFIER)
    url: str = ""


@stored("plan-summary")
@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A saved plan, read from `terraform show -json`.

    `digest` is the SHA-256 (hex) of the plan file's bytes; `changes` are sorted worst first and
    hold no no-ops; `outputs` are the changed leaves of output values; `drift` what changed outside of
    Terraform; `resources` how many managed resources the planned state holds; `url` where else it can be read.
    Where nothing is to be done, `images` are the AMI ids by the address of the resource that has one.

    `warnings` hold everything else that the plan says, worst first: the `failed_checks`, the `deferred` changes and the
    `actions` to invoke (these three are counted too), then diagnostics and notes. `applyable`: whether Terraform would
    apply something, which may be only a change of its state that no list shows.
    """

    digest: str = field(metadata=IDENTIFIER)
    program: str
    changes: tuple[ResourceChange, ...]
    outputs: tuple[AttributeChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    resources: int = 0
    url: str = ""
    images: tuple[tuple[str, str], ...] = field(default=(), metadata=IDENTIFIER)
    failed_checks: int = 0
    deferred: int = 0
    actions: int = 0
    applyable: bool = False

    @property
    def up_to_date(self) -> bool:
        """Whether applying this plan would do nothing, by its content and by Terraform's own word."""
        return not (self.changes or self.outputs or self.actions or self.applyable)

    @property
    def changed_outputs(self) -> int:
        """How many outputs change; `outputs` has each changed leaf of their values."""
        return len({re.split(r"[.\[]", leaf.path, maxsplit=1)[0] for leaf in self.outputs})

    def count(self, change: Change) -> int:
        """How many resources would be changed in this way; one that is imported or moved may change otherwise too."""
        if change is Change.IMPORT:
            return sum(resource.imported or resource.change is change for resource in self.changes)
        if change is Change.MOVE:
            return sum(resource.previous_address is not None for resource in self.changes)
        return sum(resource.change is change for resource in self.changes)


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
    never begun. A resource that was `replaced` also counts as added and as destroyed, as in Terraform. `warnings` are what
    Terraform reports beside the errors, failed checks first, of which there are `failed_checks`.
    """

    finished: bool
    added: int
    changed: int
    destroyed: int
    applied: tuple[str, ...] = field(default=(), metadata=IDENTIFIER)
    errors: tuple[Diagnostic, ...] = ()
    in_state: tuple[str, ...] | None = field(default=None, metadata=IDENTIFIER)
    under_way: tuple[str, ...] = field(default=(), metadata=IDENTIFIER)
    remaining: tuple[str, ...] = field(default=(), metadata=IDENTIFIER)
    replaced: int = 0
    imported: int = 0
    actions: int = 0
    failed_checks: int = 0
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the whole plan was applied."""
        return self.finished and not self.errors
