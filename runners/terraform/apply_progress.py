"""Counts the messages of `terraform apply -json`. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from runners.results import ApplyProgress, Diagnostic
from runners.terraform.errors import from_json, read_message

if TYPE_CHECKING:
    from collections.abc import Mapping

# How often the apply completes a resource, by its action in Terraform's "Machine-Readable UI"; others are not applied.
STEPS = {"create": 1, "update": 1, "delete": 1, "read": 1, "replace": 2}
# Actions that change nothing when applied, or nothing outside of the state, or ephemeral resources and provider functions.
OTHERS = {"noop", "move", "remove", "import", "open", "renew", "close"}
# internal/command/views/json/message_types.go of Terraform 1.17-dev and of OpenTofu 1.12.
EVENTS = re.compile(
    r"version|log|diagnostic|resource_drift|planned_change|planned_action_invocation|change_summary|outputs"
    r"|(apply|provision|refresh|action|ephemeral_op|ephemeral_action)_(start|started|progress|complete|errored)"
    r"|policy_(info|diagnostic|result|query_summary)"
)
PLAIN_LINES = 30


class ApplyCounter:
    """The state of an apply according to its output, which may have unknown messages, plain text, a truncated line."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.applied: list[str] = []
        self.diagnostics: list[Diagnostic] = []
        self.plain: list[str] = []
        self._expected: dict[str, int] = {}
        self._completed: Counter[str] = Counter()
        self._addresses: set[str] = set()
        self._done: set[str] = set()
        self._current: dict[str, int] = {}
        self._begun: dict[str, None] = {}
        self._imported: set[str] = set()
        self._created: Counter[str] = Counter()
        self._deleted: Counter[str] = Counter()
        self._replaced: set[str] | None = None
        self._unknown: dict[str, None] = {}
        self._summary: Mapping[str, Any] | None = None

    def take(self, line: str) -> bool:
        """Count a line; whether the progress has changed."""
        before = self.progress
        message = read_message(line)
        if not message:
            self.plain = [*self.plain, line][-PLAIN_LINES:]
        elif not EVENTS.fullmatch(kind := str(message.get("type"))):
            self._unknown[f"the message {kind}"] = None
        self._take(message)
        return self.progress != before

    def _take(self, message: Mapping[str, Any]) -> None:
        match message:
            case {
                "type": "planned_change",
                "change": {"action": str(action), "resource": {"addr": str(address)}} as change,
            }:
                self._plan(address, action, imported="importing" in change)
            case {"type": "apply_start", "hook": {"resource": {"addr": str(address)}}}:
                self._current[address] = 0
                self._begun[address] = None
                self._update_done(address)
            case {"type": "apply_complete", "hook": {"action": str(action), "resource": {"addr": str(address)}}}:
                self._complete(address, action)
            case {"type": "apply_progress", "hook": {"resource": {"addr": str(address)}, "elapsed_seconds": seconds}}:
                if address in self._current and isinstance(seconds, int | float):
                    self._current[address] = int(seconds)
            case {"type": "action_complete"}:
                self.counts["run"] += 1
            case {"type": "apply_errored", "hook": {"resource": {"addr": str(address)}}}:
                self._current.pop(address, None)
            case {"type": "change_summary", "changes": {"operation": "apply"} as changes}:
                self._summary = changes
            case {"type": "diagnostic", "diagnostic": dict(diagnostic)}:
                self.diagnostics.append(from_json(diagnostic))

    def _plan(self, address: str, action: str, *, imported: bool) -> None:
        self._replaced = self._replaced or set()
        if action == "replace":
            self._replaced.add(address)
        if imported:
            self._imported.add(address)
        if action in STEPS:
            # A deposed object has the address of its resource.
            self._expected[address] = self._expected.get(address, 0) + STEPS[action]
            self._update_done(address)
        elif action not in OTHERS:
            self._unknown[f"the action {action}"] = None

    def _complete(self, address: str, action: str) -> None:
        self._current.pop(address, None)
        self._completed[address] += 1
        self.counts[action] += 1
        self._created[address] += action == "create"
        self._deleted[address] += action == "delete"
        if action not in STEPS:
            self._unknown[f"the action {action}"] = None
        self._update_done(address)
        if address in self._done and action != "read":
            self.applied.append(address)

    def _update_done(self, address: str) -> None:
        self._addresses.add(address)
        if self._completed[address] >= self._expected.get(address, 1):
            self._done.add(address)
        else:
            self._done.discard(address)

    @property
    def progress(self) -> ApplyProgress:
        """The progress; complete once Terraform reports the end of the apply."""
        done = len(self._addresses) if self._summary else len(self._done)
        return ApplyProgress(done, len(self._addresses), tuple(self._current), self._elapsed)

    @property
    def complete(self) -> bool:
        """Whether Terraform has reported the end of the apply, which it does last."""
        return self._summary is not None

    @property
    def _elapsed(self) -> tuple[int, ...]:
        # Empty while all changes have just begun.
        return tuple(self._current.values()) if any(self._current.values()) else ()

    @property
    def under_way(self) -> tuple[str, ...]:
        """Addresses whose change was begun and not completed."""
        return () if self._summary else tuple(address for address in self._begun if address not in self._done)

    @property
    def remaining(self) -> tuple[str, ...]:
        """Addresses whose change was not begun."""
        return () if self._summary else tuple(address for address in self._expected if address not in self._begun)

    @property
    def added(self) -> int:
        """The number of resources created; a replacement counts as created and as destroyed, as in Terraform."""
        return self._count("add", "create")

    @property
    def changed(self) -> int:
        """The number of resources changed in place."""
        return self._count("change", "update")

    @property
    def destroyed(self) -> int:
        """The number of resources destroyed."""
        return self._count("remove", "delete")

    @property
    def replaced(self) -> int:
        """The number of resources replaced: those that were planned so, or in a log without plan, those of both steps."""
        both = [address for address in self._created if self._created[address] and self._deleted[address]]
        return len(both) if self._replaced is None else len(self._replaced.intersection(both))

    @property
    def imported(self) -> int:
        """The number of resources imported."""
        return self._count("import", "import") or (len(self._imported) if self._summary else 0)

    @property
    def actions(self) -> int:
        """The number of actions run, without those that failed."""
        return self._count("action_invocation", "run")

    @property
    def unknown(self) -> Diagnostic | None:
        """A warning of what Terraform reported and this version does not know."""
        if not self._unknown:
            return None
        detail = f"Signalbox does not know {', '.join(self._unknown)}. What it means is not in this message."
        return Diagnostic("warning", "Terraform reported more than Signalbox understands", detail)

    def _count(self, field: str, action: str) -> int:
        number = (self._summary or {}).get(field)
        return number if isinstance(number, int) else self.counts[action]
