"""What a plan in JSON says beside its changes: failed checks, deferred changes, actions. Pure.

What this version does not know is refused or said; it is never taken for harmless.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.results import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from runners.terraform.json_plan import CheckInstance, Invocation, PlanJson

FORMAT = "1"  # the major version of Terraform's JSON format; a new minor version only adds fields
CHECK_FAILED = "Check block assertion failed"  # Terraform's and OpenTofu's warning, while planning and after an apply
UPDATE = "Update Signalbox, or apply this outside of it."
# internal/command/jsonchecks/status.go of Terraform and OpenTofu.
_STATUSES = {"fail": "Check failed", "error": "Check could not be made"}
_HARMLESS_STATUSES = {"pass", "unknown"}
# internal/command/jsonplan/plan.go of Terraform 1.17-dev; OpenTofu defers nothing.
_DEFERRED = {
    "instance_count_unknown": "its count or for_each is known only after an apply",
    "resource_config_unknown": "its arguments are known only after an apply",
    "provider_config_unknown": "its provider's settings are known only after an apply",
    "deferred_prereq": "something that it depends on is left for a later plan too",
    "absent_prereq": "something that it depends on does not exist yet",
    "unknown": "Terraform does not say why",
}


@dataclass(frozen=True, slots=True)
class Notices:
    """What a plan says beside its changes: failed checks, what is left for a later plan, actions, all other diagnostics."""

    checks: Sequence[Diagnostic]
    deferred: Sequence[Diagnostic]
    actions: Sequence[Diagnostic]
    rest: Sequence[Diagnostic]

    @property
    def worst_first(self) -> tuple[Diagnostic, ...]:
        """All of them."""
        return (*self.checks, *self.deferred, *self.actions, *self.rest)


def refuse_unknown(plan: PlanJson, actions: Collection[tuple[str, ...]]) -> None:
    """Raise RunnerError for a plan of another format, or with an action that is not in `actions`."""
    if plan.format_version.split(".")[0] != FORMAT:
        version = plan.format_version or "without a version"
        problem = f"the plan's JSON has the format {version}, and this Signalbox reads format {FORMAT}"
        raise RunnerError("reading the plan", problem, remedy=UPDATE)
    changes = [
        (change.address, change.change) for change in (*(plan.resource_changes or ()), *(plan.resource_drift or ()))
    ]
    deferred = (each.resource_change for each in plan.deferred_changes or () if each.resource_change)
    changes += [(change.address, change.change) for change in deferred]
    changes += [(f"output.{name}", change) for name, change in (plan.output_changes or {}).items()]
    for address, change in changes:
        if change.actions not in actions:
            named = ", ".join(change.actions)
            problem = f"the plan has an action that this Signalbox does not know: {named} (of {address})"
            raise RunnerError("reading the plan", problem, remedy=f"Nothing was applied. {UPDATE}")


def read(plan: PlanJson, printed: Sequence[Diagnostic]) -> Notices:
    """The plan's notices, and the diagnostics that planning `printed`."""
    checks = [diagnostic for diagnostic in printed if diagnostic.summary == CHECK_FAILED]
    checks += _failed_checks(plan, {diagnostic.detail for diagnostic in checks})
    rest = [diagnostic for diagnostic in printed if diagnostic.summary != CHECK_FAILED]
    return Notices(
        checks=checks,
        deferred=list(_deferred(plan)),
        actions=[
            Diagnostic("warning", "The apply also runs an action", _trigger(action), address=action.address)
            for action in plan.action_invocations or ()
        ],
        rest=sorted(rest, key=lambda diagnostic: ("error", "warning", "note").index(_severity(diagnostic))),
    )


def _severity(diagnostic: Diagnostic) -> str:
    return diagnostic.severity if diagnostic.severity in ("error", "note") else "warning"


def _instances(plan: PlanJson) -> Iterator[CheckInstance]:
    for check in plan.checks or ():
        yield from check.instances or ()


def _failed_checks(plan: PlanJson, reported: Collection[str]) -> Iterator[Diagnostic]:
    """Failed checks, except those that planning has printed."""
    for instance in _instances(plan):
        if instance.status in _HARMLESS_STATUSES:
            continue
        unknown = f'Check has an outcome that Signalbox does not know: "{instance.status}"'
        messages = [problem.message for problem in instance.problems or ()] or [""]
        address = instance.address.to_display if instance.address else None
        for message in messages:
            if not message or message not in reported:
                yield Diagnostic("warning", _STATUSES.get(instance.status, unknown), message, address=address)


def _deferred(plan: PlanJson) -> Iterator[Diagnostic]:
    for change in plan.deferred_changes or ():
        address = change.resource_change.address if change.resource_change else None
        yield Diagnostic("warning", "Left for a later plan", _reason(change.reason), address=address)
    for invocation in plan.deferred_action_invocations or ():
        action = invocation.action_invocation
        address = action.address if action else None
        yield Diagnostic("warning", "Action left for a later plan", _reason(invocation.reason), address=address)


def _reason(reason: str) -> str:
    text = _DEFERRED.get(reason) or reason.replace("_", " ") or _DEFERRED["unknown"]
    return f"Terraform cannot plan it yet: {text}"


def _trigger(action: Invocation) -> str:
    trigger = action.lifecycle_action_trigger
    if trigger is None:
        return ""
    event = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", trigger.action_trigger_event).lower()  # "AfterCreate"
    return f"{event} of {trigger.triggering_resource_address}".strip()


def failed_after_apply(diagnostics: Iterable[Diagnostic]) -> int:
    """How many assertions of checks fail after an apply, which Terraform reports as warnings."""
    return len({diagnostic for diagnostic in diagnostics if diagnostic.summary == CHECK_FAILED})


def applied_worst_first(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics of an apply that are no errors, failed checks first."""
    others = dict.fromkeys(diagnostic for diagnostic in diagnostics if diagnostic.severity != "error")
    return tuple(
        sorted(others, key=lambda diagnostic: (diagnostic.summary != CHECK_FAILED, diagnostic.severity == "note"))
    )
