"""What the stand-in knows about each Web API method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.slack.backend import Backend
    from sandbox.slack.rate_limits import Tier

    Handle = Callable[[Backend, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Method:
    """One method: who may call it, how often, with which arguments (name to kind), and what it does."""

    name: str
    handle: Handle
    scope: str | None
    tier: Tier
    arguments: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    takes_json: bool = False
    for_app_token: bool = False
