"""What a delivery to the app is, whichever way it goes, and how it may end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

ANSWER_WITHIN = 3.0  # seconds that the app has to acknowledge


class Outcome(StrEnum):
    """How a delivery went; the values are the words that Slack's client shows."""

    ANSWERED = "ok"
    TIMED_OUT = "operation_timeout"
    UNREACHABLE = "dispatch_failed"
    CLIENT_ERROR = "http_client_error"
    SERVER_ERROR = "http_service_error"


@dataclass(frozen=True)
class Answer:
    """What the app answered. `status` is 0 when nothing came; `payload` is the JSON body, `text` any other."""

    outcome: Outcome
    status: int = 0
    text: str = ""
    payload: dict[str, Any] | None = None

    @property
    def ok(self) -> bool:
        """Whether the app acknowledged in time."""
        return self.outcome is Outcome.ANSWERED


class Transport(Protocol):
    """A way to the app."""

    async def command(self, fields: dict[str, str]) -> Answer:
        """Deliver a slash command."""

    async def interaction(self, payload: dict[str, Any]) -> Answer:
        """Deliver a click, a submission, a closing."""

    async def event(self, payload: dict[str, Any], attempt: int) -> Answer:
        """Deliver an event; `attempt` counts the retries from 0."""
