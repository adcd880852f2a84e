"""PyGithub on a thread: one client object per call, which repeats nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import github
import urllib3.exceptions

from runners.github.api.errors import GITHUB, message_of
from runners.github.api.session import API_VERSION
from runners.http import Refusal, counts
from runners.http.connections import USER_AGENT

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
    """Run `function` with the repository's object, and close the client, which `client_for` made for this call.

    Raises:
        RunnerError: or one of its kinds, as api/errors.py chooses; UncertainError when a change may have happened.
    """

    def call() -> T:
        try:
            result = function(client.get_repo(repository))
        except github.GithubException as error:
            counts.answered(GITHUB.name, error.status, error.headers or {})
            headers = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
            refusal = Refusal(error.status, message_of(error.data), headers)
            raise GITHUB.error_for(refusal, doing, changes=changes) from None
        except github.BadAttributeException:  # an answer of another shape
            raise GITHUB.no_answer(doing, "GitHub's answer makes no sense", changes=changes) from None
        except OSError as error:  # the base of what requests raises
            counts.unanswered(GITHUB.name)
            unsent = _never_sent(error)
            problem = "GitHub cannot be reached" if unsent else "the connection to GitHub broke"
            raise GITHUB.no_answer(doing, problem, changes=changes and not unsent) from None
        else:
            counts.answered(GITHUB.name, HTTPStatus.OK, _rate_limit(client))
            return result
        finally:
            client.close()

    return await GITHUB.call_on_thread(call, doing=doing, changes=changes, timeout=CALL_TIMEOUT)


def _rate_limit(client: github.Github) -> dict[str, str]:
    """What the client's last answer left of the rate limit, as the headers say it; -1 where it said nothing."""
    remaining, limit = client.requester.rate_limiting
    return {"x-ratelimit-remaining": str(remaining), "x-ratelimit-limit": str(limit)}


def _never_sent(error: OSError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
