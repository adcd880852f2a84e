"""What the bot raises for people: errors whose text is the reply."""

from __future__ import annotations

from dataclasses import dataclass

from runners.stored import stored


@stored("user-error")
class UserError(Exception):
    """The person can put this right; the message is the reply, in plain words."""


@stored("needs-click")
class NeedsClickError(UserError):
    """The command opens a window, for which Slack wants a click first: what was written in a message has none."""


@stored("denied")
class Denied(UserError):  # noqa: N818  -- the design's word for it; it reads as the decision it is
    """This person may not do this, now; the message says why and who may."""


@stored("closed")
class ClosedError(Denied):
    """The target may not be changed now, by anybody; `opens_at` is when it may (Unix seconds), None where nobody knows."""

    opens_at: float | None = None


@stored("forged")
class ForgedError(Denied):
    """A record that decides does not verify: something other than Signalbox has changed the database."""


@stored("no-longer-approved")
class NoLongerApprovedError(Denied):
    """What was approved may not start now: an approver no longer may approve, or the approval was overtaken."""


@stored("already-ended-error")
class AlreadyEndedError(Exception):
    """A request begins nothing: it has begun an operation before, which has ended. The message names it."""


@stored("already-open-error")
class AlreadyOpenError(Exception):
    """A request begins nothing: an operation of the same request is open, `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class ChangedWorkflowError(Exception):
    """This version cannot continue a workflow from the steps that an earlier one recorded; the message says why."""


class LeaseLostError(Exception):
    """Another process has the right to work under this executor's name; this one must stop."""


@stored("cancelled")
class Cancelled(UserError):  # noqa: N818  -- a state, like Denied
    """Somebody pressed Cancel while the operation was under way; the message says who."""


class NothingThereError(Exception):
    """What was to be read does not exist; the message names where it would be."""


@stored("database-away-error")
class DatabaseAwayError(Exception):
    """The database cannot be reached, or cannot write, for now; the message says why. What was asked of it may be done."""


@stored("configuration-fault")
@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the configuration: line (1-based, None when there is none), key path, problem in words."""

    line: int | None
    key: str
    problem: str


@stored("configuration-error")
class ConfigError(Exception):
    """The configuration cannot be used; `faults` says everything that is wrong with it."""

    def __init__(self, source: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(source, faults)
        self.source = source
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        places = (f"{self.source}:{fault.line}" if fault.line else self.source for fault in self.faults)
        return [
            f"{place}: {fault.key}: {fault.problem}" if fault.key else f"{place}: {fault.problem}"
            for place, fault in zip(places, self.faults, strict=True)
        ]
