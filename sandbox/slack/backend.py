"""What the parts of the stand-in share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandbox.slack.rate_limits import RateLimits
from sandbox.slack.registration import Registration
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.triggers import Triggers
from sandbox.slack.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.slack.settings import SlackSettings

REMEMBERED_CALLS = 20_000


@dataclass
class ApiCall:
    """One Web API call, or one post to a response URL (method "response_url").

    `phase` is "before" it takes effect, then "after"; `answer` is None until then; `at` in seconds since the epoch.
    """

    method: str
    arguments: dict[str, Any]
    at: float
    phase: Literal["before", "after"] = "before"
    answer: dict[str, Any] | None = None

    @property
    def error(self) -> str | None:
        """Slack's error word where the call was refused."""
        return None if self.answer is None or self.answer.get("ok") else str(self.answer.get("error"))


@dataclass
class Backend:
    """The stand-in's state: the workspace, what is registered, and what was called.

    `socket_url` makes an address for one more connection in Socket Mode; None where the app has no token for that.
    """

    settings: SlackSettings
    workspace: Workspace = field(default_factory=Workspace)
    registration: Registration = field(default_factory=Registration)
    base_url: str = ""
    on_call: list[Callable[[ApiCall], Awaitable[None]]] = field(default_factory=list)
    calls: deque[ApiCall] = field(default_factory=lambda: deque(maxlen=REMEMBERED_CALLS))
    refused: deque[ApiCall] = field(default_factory=lambda: deque(maxlen=REMEMBERED_CALLS))
    socket_url: Callable[[], str] | None = None

    def __post_init__(self) -> None:
        self.clock = self.workspace.clock
        self.triggers = Triggers(self.clock)
        self.response_urls = ResponseUrls(self.clock)
        self.limits = RateLimits(self.clock)

    def limit_key(self, arguments: dict[str, Any]) -> str:
        """The channel that a call counts against, by id even where it was named."""
        name = str(arguments.get("channel", ""))
        return self.workspace.channel_id(name.lstrip("#")) or name

    async def ended(self, call: ApiCall) -> None:
        """Record an answered call, and notify the hooks before the caller reads the answer."""
        call.phase = "after"
        self.calls.append(call)
        if call.error is not None:
            self.refused.append(call)
        for hook in self.on_call:
            await hook(call)

    def note_refusal(self, what: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        """Remember an answer of the app that Slack would not take."""
        self.refused.append(ApiCall(what, arguments, self.clock.now(), "after", answer))
