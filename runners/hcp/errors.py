"""Maps HCP Terraform's refusals to RunnerErrors by their status. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runners.errors import AccessDeniedError, NotFoundError, RunnerError, on_one_line
from runners.http import Refusal, RemoteApi
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ORGANIZATION_TOKEN = (
    "Use the token of a team or of a person who may apply runs there: an organization's token cannot."  # noqa: S105 - a text
)


@stored("run-conflict-error")
class RunConflictError(RunnerError):
    """The run's state does not allow this request (409): read the run again."""


def _unauthorised(refusal: Refusal, doing: str) -> RunnerError:
    problem = f"HCP Terraform does not accept TFE_TOKEN ({refusal.reason})"
    return AccessDeniedError(doing, problem, remedy="It has expired or was revoked: put a new one into TFE_TOKEN.")


def _forbidden(refusal: Refusal, doing: str) -> RunnerError:
    return AccessDeniedError(doing, f"HCP Terraform forbids it: {refusal.reason}", remedy=NO_ORGANIZATION_TOKEN)


def _missing(refusal: Refusal, doing: str) -> RunnerError:
    problem = f"HCP Terraform has nothing there, or hides it from TFE_TOKEN ({refusal.reason})"
    return NotFoundError(doing, problem, remedy=f"Check organization and workspace. {NO_ORGANIZATION_TOKEN}")


def _conflict(refusal: Refusal, doing: str) -> RunnerError:
    return RunConflictError(doing, f"HCP Terraform does not do that now: {refusal.reason}")


def _unacceptable(refusal: Refusal, doing: str) -> RunnerError:
    return RunnerError(doing, f"HCP Terraform does not take the request: {refusal.reason}")


def message_of(body: object) -> str:
    """The message of a JSON:API error document; empty without a message."""
    errors = body.get("errors") if isinstance(body, dict) else None
    return details_of(errors if isinstance(errors, list) else [])


def details_of(errors: Sequence[Any]) -> str:
    """The details of JSON:API error objects, or of HCP Terraform's plain strings, on one line."""
    return on_one_line("; ".join(filter(None, map(_detail, errors))))


def _detail(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("detail") or error.get("title") or error.get("status") or "")


HCP_TERRAFORM = RemoteApi(
    name="HCP Terraform",
    status_page="status.hashicorp.com",
    check_first="Look at the run in HCP Terraform first.",
    redirect_remedy="Check TFE_ADDRESS.",
    rate_limit="HCP Terraform takes no more requests",
    errors={401: _unauthorised, 403: _forbidden, 404: _missing, 409: _conflict, 422: _unacceptable},
    message_of=message_of,
)


_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain_log(text: str) -> str:
    """A log without terminal colours and without the control characters that HCP Terraform adds (STX, ETX)."""
    return _ESCAPES.sub("", text).replace("\x02", "").replace("\x03", "").replace("\r\n", "\n")
