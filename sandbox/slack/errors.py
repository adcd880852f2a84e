"""What the Web API answers when it refuses a call."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refused call: `code` is Slack's error word, `extra` further fields of the answer.

    `headers` and `status` differ from 200 only for rate limits.
    """

    def __init__(self, code: str, *, status: int = 200, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(code, extra)
        self.code = code
        self.status = status
        self.headers = headers or {}
        self.extra = extra

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON body that Slack would send."""
        return {"ok": False, "error": self.code, **self.extra}


def refused(code: str, problems: list[str]) -> ApiError:
    """An error whose problems are listed as Slack lists them, e.g. `[ERROR] missing required field: text`."""
    return ApiError(
        code, errors=problems, response_metadata={"messages": [f"[ERROR] {problem}" for problem in problems]}
    )
