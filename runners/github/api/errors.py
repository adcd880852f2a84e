"""GitHub's refusals in words: pure functions from status, message and headers to a RunnerError."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.errors import (
    AccessDeniedError,
    NoSuchRefError,
    NotFoundError,
    RunnerError,
    UnavailableError,
    on_one_line,
    told_to_wait,
    unanswered,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# What GitHub says with a 403 although nobody lacks a permission: such a run is not run again.
_NO_RERUN = ("already running", "cannot be retried", "over a month ago")
_SECONDARY_WAIT = timedelta(minutes=1)  # what GitHub advises where it names no time


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of GitHub's with a status of 300 or more. `headers` have lower-case names."""

    status: int
    message: str
    headers: Mapping[str, str]


def message_of(body: object) -> str:
    """GitHub's own words in an error's JSON body, on one line; empty when there are none."""
    if not isinstance(body, dict):
        return ""
    parts = [str(body.get("message") or "")]
    errors = body.get("errors")
    parts += [_detail(error) for error in errors] if isinstance(errors, list) else []
    return on_one_line(" ".join(parts))


def _detail(error: Any) -> str:
    return str(error.get("message") or "") if isinstance(error, dict) else str(error)


def error_for(refusal: Refusal, doing: str, *, changes: bool, now: datetime | None = None) -> RunnerError:
    """The error that says what GitHub's answer means for `doing`; `changes` when the request was to change something."""
    now = now or datetime.now(UTC)
    status = refusal.status
    if status >= 500:
        return no_answer(doing, f"GitHub answered with its error {status}", changes=changes)
    if status in (403, 429) and _asks_for_patience(refusal):
        return _rate_limited(refusal, doing, now)
    known = {401: _unauthorised, 403: _forbidden, 404: _missing, 410: _missing, 409: _conflict, 422: _unacceptable}
    if status in known:
        return known[status](refusal, doing)
    if status < 400:
        return RunnerError(doing, "GitHub sent us elsewhere", remedy="Was the repository renamed? Use its new name.")
    return RunnerError(doing, f"GitHub refused ({status}): {refusal.message or 'no reason given'}")


def no_answer(doing: str, problem: str, *, changes: bool) -> UnavailableError:
    """The error for a request whose fate is open: uncertain when it was to change something."""
    look = "Look on GitHub before you try again."
    return unanswered(doing, problem, changes=changes, look=look, outages="www.githubstatus.com")


def _asks_for_patience(refusal: Refusal) -> bool:
    spent = refusal.headers.get("x-ratelimit-remaining") == "0"
    return spent or "retry-after" in refusal.headers or "rate limit" in refusal.message.lower() or refusal.status == 429


def _rate_limited(refusal: Refusal, doing: str, now: datetime) -> UnavailableError:
    # The order is GitHub's own: retry-after, else the reset where nothing remains, else a minute.
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    after, reset = refusal.headers.get("retry-after", ""), refusal.headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        until = now + timedelta(seconds=int(after))
    elif refusal.headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        until = datetime.fromtimestamp(int(reset), UTC)
    else:
        until = now + _SECONDARY_WAIT
    return told_to_wait(doing, "GitHub's rate limit is used up", until)


def _unauthorised(refusal: Refusal, doing: str) -> RunnerError:
    return AccessDeniedError(
        doing,
        f"GitHub does not accept our credentials ({refusal.message or 'no reason given'})",
        remedy="Check that the token has not expired or been revoked, or the App's id and private key.",
    )


def _forbidden(refusal: Refusal, doing: str) -> RunnerError:
    if any(words in refusal.message.lower() for words in _NO_RERUN):
        return _conflict(refusal, doing)
    needed = refusal.headers.get("x-accepted-github-permissions", "")
    if "x-github-sso" in refusal.headers:
        remedy = "Authorise the token for the organization's single sign-on."
    elif needed:
        remedy = f"Give the token or App this permission: {needed}."
    else:
        remedy = "Check the permissions of the token or App on this repository."
    return AccessDeniedError(doing, f"GitHub forbids it: {refusal.message or 'no reason given'}", remedy=remedy)


def _missing(refusal: Refusal, doing: str) -> RunnerError:
    said = "" if refusal.message in ("", "Not Found") else f" ({refusal.message})"
    return NotFoundError(
        doing,
        f"GitHub has nothing there, or hides it from us{said}",
        remedy="Check the names, and that the token or App may see the repository.",
    )


def _conflict(refusal: Refusal, doing: str) -> RunnerError:
    said = refusal.message or "no reason given"
    remedy = "Look on GitHub how it stands by now, then ask again if it is still wanted."
    return RunnerError(doing, f"GitHub says that something is in the way: {said}", remedy=remedy)


def _unacceptable(refusal: Refusal, doing: str) -> RunnerError:
    said = refusal.message or "no reason given"
    lower = said.lower()
    if "no ref found" in lower or "no commit found" in lower:
        return NoSuchRefError(doing, f"GitHub knows no such branch, tag or commit ({said})", remedy="Check the ref.")
    remedy = ""
    if "disabled workflow" in lower:
        remedy = "Enable the workflow on the repository's Actions page."
    elif "workflow_dispatch" in lower and "trigger" in lower:
        remedy = "Add `workflow_dispatch` to the workflow's `on:`, on the branch that is dispatched."
    elif "input" in lower:
        remedy = "Compare the inputs with those that the workflow declares under `workflow_dispatch`."
    return RunnerError(doing, f"GitHub cannot do that: {said}", remedy=remedy)
