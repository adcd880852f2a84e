"""What runners raise: what was being done, how it ended, and the last lines it printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LONGEST_MESSAGE = 300  # characters of what the other side says


class Details(TypedDict, total=False):
    """What every RunnerError may have besides what was being done and what went wrong."""

    remedy: str
    exit_code: int | None
    log_tail: str


@stored("runner-error")
class RunnerError(Exception):
    """Work that failed.

    `doing` says what was being done ("planning instances/staging"); `problem` what went wrong, in words for
    the person who asked; `remedy` what they can do; `exit_code` and `log_tail` when a program ran.
    """

    def __init__(
        self, doing: str, problem: str, *, remedy: str = "", exit_code: int | None = None, log_tail: str = ""
    ) -> None:
        super().__init__(doing, problem)
        self.doing = doing
        self.problem = problem
        self.remedy = remedy
        self.exit_code = exit_code
        self.log_tail = log_tail

    def __str__(self) -> str:
        code = f" (exit code {self.exit_code})" if self.exit_code is not None else ""
        return f"{self.doing}: {self.problem}{code}"

    def redacted(self, redact: Callable[[str], str]) -> Self:
        """The same error with every text passed through `redact`."""
        texts = {key: redact(value) if isinstance(value, str) else value for key, value in vars(self).items()}
        error = type(self).__new__(type(self), texts["doing"], texts["problem"])
        vars(error).update(texts)
        return error


@stored("program-missing-error")
class ProgramMissingError(RunnerError):
    """A program that the work needs is not on this machine."""


@stored("timed-out-error")
class TimedOutError(RunnerError):
    """The work took longer than it may."""


@stored("stale-plan-error")
class StalePlanError(RunnerError):
    """The saved plan no longer fits the state: something else changed it since."""


@stored("state-locked-error")
class StateLockedError(RunnerError):
    """Somebody else holds Terraform's state lock; `problem` says who and since when.

    The rest is in the lock itself, None where it is not: `who` is user@host, `created` aware UTC,
    `operation` in small letters ("apply", "plan"), `path` the state's.
    """

    def __init__(
        self,
        doing: str,
        problem: str,
        *,
        lock_id: str | None = None,
        who: str | None = None,
        created: datetime | None = None,
        operation: str | None = None,
        path: str | None = None,
        **details: Unpack[Details],
    ) -> None:
        super().__init__(doing, problem, **details)
        self.lock_id = lock_id
        self.who = who
        self.created = created
        self.operation = operation
        self.path = path


@stored("not-found-error")
class NotFoundError(RunnerError):
    """What was asked for (a ref, a workflow, a directory) is not there."""


@stored("no-such-ref-error")
class NoSuchRefError(NotFoundError):
    """The repository has no such branch, tag or commit."""


@stored("refused-ref-error")
class RefusedRefError(RunnerError):
    """A name that is not taken for a ref: it is ambiguous, or outside of the repository's branches and tags."""


@stored("unavailable-error")
class UnavailableError(RunnerError):
    """The other side does not answer, or asks for patience: trying later may help.

    `retry_at` (aware UTC) is the time it named, when it named one.
    """

    def __init__(
        self, doing: str, problem: str, *, retry_at: datetime | None = None, **details: Unpack[Details]
    ) -> None:
        super().__init__(doing, problem, **details)
        self.retry_at = retry_at


@stored("uncertain-error")
class UncertainError(UnavailableError):
    """A change was asked for and no answer came: it may have taken effect. Look before asking again."""


@stored("access-denied-error")
class AccessDeniedError(RunnerError):
    """The other side refuses these credentials for this."""


def on_one_line(text: str) -> str:
    """The other side's own words as they fit into `problem`."""
    return " ".join(text.split())[:LONGEST_MESSAGE]
