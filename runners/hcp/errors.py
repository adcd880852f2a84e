"""HCP Terraform's refusals in words: from what its client raises to a RunnerError. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.errors import (
    AccessDeniedError,
    NotFoundError,
    RunnerError,
    UnavailableError,
    on_one_line,
    told_to_wait,
    unanswered,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ORGANIZATION_TOKEN = (
    "Use the token of a team or of a person who may apply runs there: an organization's token cannot."  # noqa: S105 - words
)
_WAIT = 60.0  # seconds, where HCP Terraform names no time


class RunConflictError(RunnerError):
    """The run is in another state than this request needs (409): look at it again."""


def error_for(
    doing: str,
    status: int | None,
    said: str,
    *,
    changes: bool,
    retry_after: float | None = None,
    now: datetime | None = None,
) -> RunnerError:
    """What an answer means for `doing`: `status` is None when none came; `changes` when the request was to change something."""
    said = on_one_line(said) or "no reason given"
    if status is None or status >= 500:
        problem = (
            f"HCP Terraform answered with its error {status}" if status else f"HCP Terraform does not answer ({said})"
        )
        return no_answer(doing, problem, changes=changes)
    if status == 429:
        until = (now or datetime.now(UTC)) + timedelta(seconds=retry_after or _WAIT)
        return told_to_wait(doing, "HCP Terraform takes no more requests", until)
    return _refusal(doing, status, said)


def _refusal(doing: str, status: int, said: str) -> RunnerError:
    match status:
        case 401:
            problem = f"HCP Terraform does not accept TFE_TOKEN ({said})"
            return AccessDeniedError(
                doing, problem, remedy="It has expired or was revoked: put a new one into TFE_TOKEN."
            )
        case 403:
            return AccessDeniedError(doing, f"HCP Terraform forbids it: {said}", remedy=NO_ORGANIZATION_TOKEN)
        case 404:
            problem = f"HCP Terraform has nothing there, or hides it from TFE_TOKEN ({said})"
            return NotFoundError(doing, problem, remedy=f"Check organization and workspace. {NO_ORGANIZATION_TOKEN}")
        case 409:
            return RunConflictError(doing, f"HCP Terraform does not do that now: {said}")
        case 422:
            return RunnerError(doing, f"HCP Terraform does not take the request: {said}")
        case _ if 300 <= status < 400:
            return RunnerError(doing, f"HCP Terraform sent us elsewhere ({status})", remedy="Check TFE_ADDRESS.")
        case _:
            return RunnerError(doing, f"HCP Terraform refused ({status}): {said}")


def no_answer(doing: str, problem: str, *, changes: bool) -> UnavailableError:
    """The error for a request whose fate is open: uncertain when it was to change something."""
    look = "Look at the run in HCP Terraform first."
    return unanswered(doing, problem, changes=changes, look=look, outages="status.hashicorp.com")


def message_of(body: object) -> str:
    """The words in a JSON:API error document; empty when there are none."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return said_in(errors if isinstance(errors, list) else [])


def said_in(errors: Sequence[Any]) -> str:
    """The words of JSON:API error objects, or of HCP Terraform's plain strings."""
    return "; ".join(filter(None, map(_one, errors)))


def _one(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("detail") or error.get("title") or error.get("status") or "")


_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain_log(text: str) -> str:
    """A log without terminal colours and without the marks that HCP Terraform puts around it (STX, ETX)."""
    return _ESCAPES.sub("", text).replace("\x02", "").replace("\x03", "").replace("\r\n", "\n")
