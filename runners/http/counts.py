"""Counts of calls to APIs, and what remains of their rate limits, for metrics."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLS = Counter(
    "signalbox_api_calls",
    "Calls of an API by result: ok, refused, limited (by a rate limit), no_answer.",
    ["api", "result"],
    registry=None,
)
REMAINING = Gauge(
    "signalbox_api_rate_limit_remaining",
    "Calls that remain of the rate limit, by the API's last answer.",
    ["api", "resource"],
    registry=None,
)
LIMIT = Gauge(
    "signalbox_api_rate_limit", "Calls that the rate limit of the API allows.", ["api", "resource"], registry=None
)
# docs.github.com/en/rest/rate-limit: those that Signalbox uses; whatever else an answer names is "other".
RESOURCES = frozenset({"core", "graphql", "search", "code_search", "dependency_sbom", "integration_manifest"})


def answered(api: str, status: int, headers: Mapping[str, str]) -> None:
    """Count an answer; names in `headers` are in any case."""
    lowered = {name.lower(): value for name, value in headers.items()}
    remaining, limit = lowered.get("x-ratelimit-remaining", ""), lowered.get("x-ratelimit-limit", "")
    limited = status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.FORBIDDEN and remaining == "0")
    good = status < 300 or status == HTTPStatus.NOT_MODIFIED
    CALLS.labels(_name(api), "ok" if good else "limited" if limited else "refused").inc()
    resource = lowered.get("x-ratelimit-resource", "core")
    note_remaining(api, remaining, limit, resource if resource in RESOURCES else "other")


def note_remaining(api: str, remaining: str, limit: str, resource: str = "core") -> None:
    """Note what remains of a rate limit; texts that are no numbers are ignored."""
    if remaining.isdecimal() and limit.isdecimal():
        REMAINING.labels(_name(api), resource).set(int(remaining))
        LIMIT.labels(_name(api), resource).set(int(limit))


def unanswered(api: str) -> None:
    """Count a call without an answer."""
    CALLS.labels(_name(api), "no_answer").inc()


def _name(api: str) -> str:
    """The value of the label: "github" for GitHub, "hcp_terraform" for HCP Terraform."""
    return api.lower().replace(" ", "_")
