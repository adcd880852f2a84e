"""Each refusal of GitHub becomes an error with a cause and a remedy."""

from __future__ import annotations

import importlib.util
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.engine import serializer
from runners.errors import (
    AccessDeniedError,
    NoSuchRefError,
    NotFoundError,
    RunnerError,
    UnavailableError,
    UncertainError,
)
from runners.github.api.errors import GITHUB, message_of
from runners.http import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def refused(status: int, message: str = "", **headers: str) -> Refusal:
    return Refusal(status, message, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (refused(400, "Problems parsing JSON"), RunnerError, "Problems parsing JSON"),
        (refused(401, "Bad credentials"), AccessDeniedError, "credentials (Bad credentials)"),
        (refused(403, "Resource not accessible"), AccessDeniedError, "forbids it: Resource not accessible"),
        (refused(403, "Blocked", x_ratelimit_remaining="0", x_ratelimit_reset="1795435200"), UnavailableError, "rate"),
        (refused(403, "You have exceeded a secondary rate limit"), UnavailableError, "until 12:01:00 UTC"),
        (refused(403, "Slow down", retry_after="90"), UnavailableError, "until 12:01:30 UTC"),
        (refused(429), UnavailableError, "until 12:01:00 UTC"),
        (refused(404, "Not Found"), NotFoundError, "nothing there"),
        (refused(410, "Gone"), NotFoundError, "Gone"),
        (refused(409, "Cannot cancel"), RunnerError, "in the way: Cannot cancel"),
        (refused(422, "No commit found for SHA: x"), NoSuchRefError, "No commit found"),
        (refused(422, "Unexpected inputs provided: [x]"), RunnerError, "Unexpected inputs"),
        (refused(301, "Moved"), RunnerError, "elsewhere"),
        (refused(503), UnavailableError, "its error 503"),
    ],
)
def test_each_refusal_has_its_error(refusal: Refusal, kind: type[RunnerError], words: str) -> None:
    error = GITHUB.error_for(refusal, "doing it", changes=False, now=NOW)
    assert type(error) is kind
    assert words in error.problem
    assert error.doing == "doing it"


def test_what_a_permission_is_called_is_passed_on() -> None:
    error = GITHUB.error_for(refused(403, "No", x_accepted_github_permissions="actions=write"), "x", changes=True)
    assert "actions=write" in error.remedy
    assert "single sign-on" in GITHUB.error_for(refused(403, "No", x_github_sso="required"), "x", changes=True).remedy


def test_an_error_of_githubs_leaves_a_change_uncertain_and_survives_storage() -> None:
    error = GITHUB.error_for(refused(502), "x", changes=True)
    assert type(error) is UncertainError
    limited = GITHUB.error_for(refused(429), "x", changes=True, now=NOW)
    again = serializer.unpack(serializer.pack(limited))
    assert (type(again), again.retry_at) == (UnavailableError, NOW + timedelta(minutes=1))


def test_githubs_words_come_on_one_line_of_bounded_length() -> None:
    assert message_of({"message": "Validation\nFailed", "errors": [{"message": "a"}, "b"]}) == "Validation Failed a b"
    assert message_of(None) == message_of(["x"]) == message_of({}) == ""
    assert len(message_of({"message": "x" * 1000})) == 300


def documented_statuses() -> set[int]:
    """Every status that GitHub's published description gives for a refusal, as githubkit was generated from it."""
    spec = importlib.util.find_spec("githubkit_schemas")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    methods = Path(spec.submodule_search_locations[0]) / "v2022_11_28" / "rest"
    texts = [path.read_text() for path in methods.glob("*.py")]
    return {int(status) for text in texts for status in re.findall(r'^\s+"([45]\d\d)":', text, re.MULTILINE)}


def test_every_documented_status_is_classified() -> None:
    statuses = documented_statuses()
    assert {401, 403, 404, 409, 410, 422, 503} <= statuses
    assert {status for status in statuses if status < 500 and status != 429} <= GITHUB.errors.keys()
    for status in statuses:
        error = GITHUB.error_for(refused(status, "Why"), "x", changes=False, now=NOW)
        assert isinstance(error, UnavailableError) is (status == 429 or status >= 500)
        assert error.remedy or status in (409, 422)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("The `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this.", "IP allow list"),
        ("Sorry. Your account was suspended.", "suspended"),
        ("Repository was archived so is read-only.", "Unarchive"),
        ("Repository access blocked", "blocked"),
        ("Upgrade to GitHub Pro or make this repository public to enable this feature.", "plan"),
        ("Resource protected by organization SAML enforcement. You must grant your token access.", "single sign-on"),
        ("Resource not accessible by integration", "permissions of the token or App"),
    ],
)  # fmt: skip
def test_a_403_says_what_helps(message: str, remedy: str) -> None:
    error = GITHUB.error_for(refused(403, message), "x", changes=True)
    assert type(error) is AccessDeniedError
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."),
        (403, "API rate limit exceeded for installation ID 1."),
        (422, "Validation Failed was submitted too quickly"),
        (422, "Validation failed, or the endpoint has been spammed."),
    ],
)
def test_too_many_requests_pass_however_github_says_it(status: int, message: str) -> None:
    assert type(GITHUB.error_for(refused(status, message), "x", changes=True, now=NOW)) is UnavailableError


def test_the_headers_of_the_last_request_of_an_hour_make_no_rate_limit_of_a_wrong_one() -> None:
    error = GITHUB.error_for(refused(422, "Unexpected inputs", x_ratelimit_remaining="0"), "x", changes=True, now=NOW)
    assert type(error) is RunnerError
