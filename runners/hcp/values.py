"""Workspaces and runs of HCP Terraform as values, read from JSON:API documents. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = Mapping[str, Any]


class Phase(Enum):
    """How far a run is; several of HCP Terraform's statuses are one phase."""

    PLANNING = "planning"
    WAITING = "waiting for confirmation"
    OVERRIDE = "waiting for an override"
    APPLYING = "applying"
    UNCHANGED = "nothing to do"
    APPLIED = "applied"
    DISCARDED = "discarded"
    CANCELED = "cancelled"
    ERRORED = "failed"
    UNKNOWN = "in a state that Signalbox does not know"

    @property
    def ended(self) -> bool:
        """Whether the run can no longer change."""
        return self in _ENDED


_ENDED = (Phase.UNCHANGED, Phase.APPLIED, Phase.DISCARDED, Phase.CANCELED, Phase.ERRORED)
# developer.hashicorp.com/terraform/cloud-docs/api-docs/run, "Run States".
_BEFORE_A_PLAN = (
    "pending",
    "fetching",
    "fetching_completed",
    "pre_plan_running",
    "pre_plan_completed",
    "queuing",
    "plan_queued",
    "planning",
    "planned",
    "cost_estimating",
    "cost_estimated",
    "policy_checking",
    "policy_checked",
    "tf_policy_checking",
    "tf_policy_checked",
    "post_plan_running",
    "post_plan_completed",
)
_PHASES = {
    **dict.fromkeys(_BEFORE_A_PLAN, Phase.PLANNING),
    "policy_override": Phase.OVERRIDE,
    "tf_policy_override": Phase.OVERRIDE,
    "post_plan_awaiting_decision": Phase.OVERRIDE,
    "confirmed": Phase.APPLYING,
    "queuing_apply": Phase.APPLYING,
    "apply_queued": Phase.APPLYING,
    "pre_apply_running": Phase.APPLYING,
    "pre_apply_completed": Phase.APPLYING,
    "applying": Phase.APPLYING,
    "applied": Phase.APPLIED,
    "planned_and_finished": Phase.UNCHANGED,
    "discarded": Phase.DISCARDED,
    "canceled": Phase.CANCELED,
    "force_canceled": Phase.CANCELED,
    "errored": Phase.ERRORED,
    "policy_soft_failed": Phase.ERRORED,
}


@stored("hcp-workspace")
@dataclass(frozen=True, slots=True)
class HcpWorkspace:
    """A workspace.

    `locked_by` is the name of the lock's holder, perhaps with a reason in brackets. `repository` (owner/name) is None for
    a workspace that gets its code through the API; `branch` is empty for the repository's default branch. `current_run`
    is the id of the run that the others wait for.
    """

    id: str
    organization: str
    name: str
    auto_apply: bool
    may_start: bool
    locked_by: str | None
    repository: str | None
    branch: str
    current_run: str | None

    def __str__(self) -> str:
        return f"{self.organization}/{self.name}"


@dataclass(frozen=True, slots=True)
class HcpRun:
    """The state of a run when it was read.

    `status` is HCP Terraform's own. Ids are None while there is no such object. `targets` are the only addresses that it
    plans (empty: all), `replaces` the addresses that it replaces. `has_changes`: whether its plan changes something, None
    where HCP Terraform does not report it.
    """

    id: str
    status: str
    message: str
    url: str
    confirmable: bool
    discardable: bool
    cancelable: bool
    auto_apply: bool
    terraform_version: str
    plan_id: str
    apply_id: str | None
    configuration_id: str | None
    cost_estimate_id: str | None
    has_policy_checks: bool
    has_tasks: bool = False
    targets: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    has_changes: bool | None = None

    @property
    def phase(self) -> Phase:
        """Its phase."""
        return Phase.WAITING if self.confirmable else _PHASES.get(self.status, Phase.UNKNOWN)

    @property
    def killed(self) -> bool:
        """Whether it was killed, and not interrupted."""
        return self.status == "force_canceled"


def run_from(data: Json, *, page: str) -> HcpRun:
    """The run in a JSON:API resource; `page` is its workspace's URL in the browser. Raises KeyError."""
    attributes, actions = data["attributes"], data["attributes"].get("actions") or {}
    return HcpRun(
        id=data["id"],
        status=str(attributes.get("status", "")),
        message=str(attributes.get("message") or ""),
        url=f"{page}/runs/{data['id']}",
        confirmable=actions.get("is-confirmable") is True,
        discardable=actions.get("is-discardable") is True,
        cancelable=actions.get("is-cancelable") is True,
        auto_apply=attributes.get("auto-apply") is True,
        terraform_version=str(attributes.get("terraform-version") or ""),
        plan_id=related(data, "plan") or "",
        apply_id=related(data, "apply"),
        configuration_id=related(data, "configuration-version"),
        cost_estimate_id=related(data, "cost-estimate"),
        has_policy_checks=bool(_linkage(data, "policy-checks")),
        has_tasks=bool(_linkage(data, "task-stages")),
        targets=tuple(map(str, attributes.get("target-addrs") or ())),
        replaces=tuple(map(str, attributes.get("replace-addrs") or ())),
        has_changes=changes if isinstance(changes := attributes.get("has-changes"), bool) else None,
    )


def related(data: Json, name: str) -> str | None:
    """The id that a to-one relationship refers to."""
    linkage = _linkage(data, name)
    return linkage.get("id") if isinstance(linkage, dict) else None


def _linkage(data: Json, name: str) -> Any:
    return ((data.get("relationships") or {}).get(name) or {}).get("data")


def workspace_from(document: Json, organization: str) -> HcpWorkspace:
    """The workspace in a document that was read with `include=locked_by`. Raises KeyError."""
    data = document["data"]
    attributes = data["attributes"]
    linked = attributes.get("vcs-repo") or {}
    permissions = attributes.get("permissions") or {}
    return HcpWorkspace(
        id=data["id"],
        organization=organization,
        name=str(attributes.get("name") or ""),
        auto_apply=attributes.get("auto-apply") is True,
        may_start=permissions.get("can-queue-run") is not False,
        locked_by=_locked_by(document) if attributes.get("locked") else None,
        repository=linked.get("identifier") or None,
        branch=linked.get("branch") or "",
        current_run=related(data, "current-run"),
    )


def _locked_by(document: Json) -> str | None:
    """The holder's name with its reason; None for the lock of a run, which ends with the run."""
    data = document["data"]
    holder = _linkage(data, "locked-by") or {}
    if holder.get("type") == "runs":
        return None
    name = name_of(document, holder) or holder.get("id") or "somebody"
    reason = data["attributes"].get("locked-reason")
    return f"{name} ({reason})" if reason else str(name)


def name_of(document: Json, reference: Json) -> str | None:
    """The name of a user or team that was included in a document."""
    referenced = reference.get("type"), reference.get("id")
    for resource in document.get("included") or ():
        if (resource.get("type"), resource.get("id")) == referenced:
            attributes = resource.get("attributes") or {}
            name = attributes.get("username") or attributes.get("name")
            return str(name) if name else None
    return None


# How the actions of events that decide a run begin, see developer.hashicorp.com/terraform/enterprise/api-docs/run.
_DECISIONS = ("confirm", "appl", "discard", "cancel", "force")


def decided_by(document: Json) -> str | None:
    """The person who decided a run, from its events, read with `include=actor`; None when they name nobody."""
    events = sorted(document["data"], key=lambda event: str((event.get("attributes") or {}).get("created-at", "")))
    for event in reversed(events):
        if str((event.get("attributes") or {}).get("action", "")).startswith(_DECISIONS):
            actor = _linkage(event, "actor")
            if isinstance(actor, dict):
                return name_of(document, actor)
    return None
