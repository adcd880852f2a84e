"""GitHub's API through PyGithub, whose objects block: one call on a thread, and its errors in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import github
import urllib3.exceptions

from runners.blocking import run_blocking
from runners.errors import TimedOutError
from runners.github.errors import Refusal, error_for, message_of, no_answer
from runners.github.http import API_VERSION, USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from github.Repository import Repository

T = TypeVar("T")

CALL_TIMEOUT = 45.0  # seconds for one call, which may make several requests


def client_for(api_url: str, token: str, *, timeout: int) -> github.Github:
    """A PyGithub object for one call: it repeats nothing by itself, least of all a POST. `timeout` is in seconds, for a request."""
    return github.Github(
        base_url=api_url,
        auth=github.Auth.Token(token),
        timeout=timeout,
        user_agent=USER_AGENT,
        per_page=100,
        retry=None,
        seconds_between_requests=None,  # these objects live for one call: changes are paced by GitHub.call
        seconds_between_writes=None,
        lazy=True,  # objects are fetched when something of them is read
        api_version=API_VERSION,
    )


async def call_once(
    client: github.Github, repository: str, function: Callable[[Repository], T], *, doing: str, changes: bool
) -> T:
    """Run `function` with the repository's object, and close the client, which `client_for` made for this.

    Raises:
        RunnerError: or one of its kinds, as github_errors words them; with `changes` an open fate is an UncertainError.
    """
    try:
        return await run_blocking(_with_repository, client, repository, function, timeout=CALL_TIMEOUT, doing=doing)
    except github.GithubException as error:
        headers = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
        raise error_for(Refusal(error.status, message_of(error.data), headers), doing, changes=changes) from None
    except TimedOutError as error:
        raise no_answer(doing, error.problem, changes=changes) from None
    except OSError as error:  # the base of what requests raises
        unsent = _never_sent(error)
        problem = "GitHub cannot be reached" if unsent else "the connection to GitHub broke"
        raise no_answer(doing, problem, changes=changes and not unsent) from None
    except (AssertionError, RuntimeError, ValueError, LookupError, TypeError, github.BadAttributeException):
        # PyGithub's checks of an answer, and ours: other hosts' URLs in it, a redirect elsewhere, no JSON.
        raise no_answer(doing, "GitHub's answer makes no sense", changes=changes) from None


def _with_repository(client: github.Github, repository: str, function: Callable[[Repository], T]) -> T:
    try:
        return function(client.get_repo(repository))
    finally:
        client.close()


def _never_sent(error: OSError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
