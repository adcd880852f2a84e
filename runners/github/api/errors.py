"""Errors of GitHub's API: what each refusal means, and what is refused before it becomes part of a URL. Pure."""

from __future__ import annotations

import re
from typing import Any

from runners.errors import AccessDeniedError, NoSuchRefError, NotFoundError, RunnerError, on_one_line
from runners.http import Refusal, RemoteApi

# GitHub refuses these reruns with a 403 although nobody lacks a permission.
_NO_RERUN = ("already running", "cannot be retried", "over a month ago")

# GitHub's 403s for which no permission helps: words of its message, and the remedy.
_FORBIDDEN_REMEDIES = {
    "ip allow list": "Add the address of the bot's machine to the organization's IP allow list.",
    "suspended": "Ask the organization's owners: the account, or the App's installation, is suspended.",
    "archived": "Unarchive the repository, or name another one.",
    "access blocked": "GitHub has blocked the repository; its page says why.",
    "upgrade to github": "The plan of the repository's owner does not include this.",
    "two-factor": "Enable two-factor authentication for the token's account, which the organization requires.",
    "sso": "Authorise the token for the organization's single sign-on.",
    "saml": "Authorise the token for the organization's single sign-on.",
    "fine-grained personal access token": "Ask the organization's owners to allow this kind of token, or use an App.",
    "personal access token (classic)": "Use a fine-grained token or an App: the organization forbids classic tokens.",
}
# Refusals of too many requests that say so in words alone: docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
_TOO_FAST = ("rate limit", "abuse detection", "submitted too quickly", "endpoint has been spammed")

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")


def check_repository(repository: str, doing: str) -> None:
    """Refuse anything but `owner/name`, before it becomes part of a URL. Raises RunnerError."""
    if not _REPOSITORY.fullmatch(repository) or repository.endswith(("/.", "/..")):
        raise RunnerError(doing, "that is no name of a repository", remedy="Write it as owner/name.")


def message_of(body: object) -> str:
    """GitHub's message in an error's JSON body, on one line; empty without a message."""
    if not isinstance(body, dict):
        return ""
    parts = [str(body.get("message") or "")]
    errors = body.get("errors")
    parts += [_detail(error) for error in errors] if isinstance(errors, list) else []
    return on_one_line(" ".join(parts))


def _detail(error: Any) -> str:
    return str(error.get("message") or "") if isinstance(error, dict) else str(error)


def _unauthorised(refusal: Refusal, doing: str) -> RunnerError:
    return AccessDeniedError(
        doing,
        f"GitHub does not accept our credentials ({refusal.reason})",
        remedy="Check that the token has not expired or been revoked, or the App's id and private key.",
    )


def _forbidden(refusal: Refusal, doing: str) -> RunnerError:
    if any(words in refusal.message.lower() for words in _NO_RERUN):
        return _conflict(refusal, doing)
    needed = refusal.headers.get("x-accepted-github-permissions", "")
    specific = next((remedy for words, remedy in _FORBIDDEN_REMEDIES.items() if words in refusal.message.lower()), "")
    if "x-github-sso" in refusal.headers:
        remedy = _FORBIDDEN_REMEDIES["sso"]
    elif specific:
        remedy = specific
    elif needed:
        remedy = f"Give the token or App this permission: {needed}."
    else:
        remedy = "Check the permissions of the token or App on this repository."
    return AccessDeniedError(doing, f"GitHub forbids it: {refusal.reason}", remedy=remedy)


def _missing(refusal: Refusal, doing: str) -> RunnerError:
    detail = "" if refusal.message in ("", "Not Found") else f" ({refusal.message})"
    return NotFoundError(
        doing,
        f"GitHub has nothing there, or hides it from us{detail}",
        remedy="Check the names, and that the token or App may see the repository.",
    )


def _conflict(refusal: Refusal, doing: str) -> RunnerError:
    remedy = "Look on GitHub how it stands by now, then ask again if it is still wanted."
    return RunnerError(doing, f"GitHub says that something is in the way: {refusal.reason}", remedy=remedy)


def _unlawful(refusal: Refusal, doing: str) -> RunnerError:
    remedy = "GitHub has taken it down for legal reasons; its page has the notice. Name another repository."
    return AccessDeniedError(doing, f"GitHub may not show it: {refusal.reason}", remedy=remedy)


def _wrong(refusal: Refusal, doing: str) -> RunnerError:
    remedy = "Report it with these words: Signalbox sent a request that this server does not take."
    return RunnerError(doing, f"GitHub does not understand the request: {refusal.reason}", remedy=remedy)


def _unacceptable(refusal: Refusal, doing: str) -> RunnerError:
    lower = refusal.message.lower()
    if "no ref found" in lower or "no commit found" in lower:
        problem = f"GitHub knows no such branch, tag or commit ({refusal.message})"
        return NoSuchRefError(doing, problem, remedy="Check the ref.")
    remedy = ""
    if "disabled workflow" in lower:
        remedy = "Enable the workflow on the repository's Actions page."
    elif "workflow_dispatch" in lower and "trigger" in lower:
        remedy = "Add `workflow_dispatch` to the workflow's `on:`, on the branch that is dispatched."
    elif "input" in lower:
        remedy = "Compare the inputs with those that the workflow declares under `workflow_dispatch`."
    return RunnerError(doing, f"GitHub cannot do that: {refusal.reason}", remedy=remedy)


GITHUB = RemoteApi(
    name="GitHub",
    status_page="www.githubstatus.com",
    check_first="Look on GitHub before you try again.",
    redirect_remedy="Was the repository renamed? Use its new name.",
    rate_limit="GitHub's rate limit is used up",
    # Every status that GitHub's description of its API documents; 5xx and 429 pass, and have no entry.
    errors={
        400: _wrong,
        401: _unauthorised,
        402: _forbidden,
        403: _forbidden,
        404: _missing,
        405: _conflict,
        406: _wrong,
        409: _conflict,
        410: _missing,
        412: _conflict,
        413: _wrong,
        415: _wrong,
        422: _unacceptable,
        451: _unlawful,
    },
    message_of=message_of,
    rate_limit_statuses=frozenset({403, 422, 429}),
    rate_limit_words=_TOO_FAST,
)
