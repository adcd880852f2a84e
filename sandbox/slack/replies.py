"""What Slack's client shows a person after they did something."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.slack.messages import Message
    from sandbox.slack.views import View


@dataclass(frozen=True)
class Reply:
    """How a command, a message or a click went.

    `status` is the app's HTTP status (0: none came; over Socket Mode an ack is 200); `text` and `ephemerals` what the
    acknowledgement itself said; `error` what Slack shows when the app failed.
    """

    status: int
    ok: bool
    text: str | None = None
    ephemerals: list[Message] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class ViewReply:
    """How a submission went: `errors` by block_id under their inputs; `closed` whether the modal is gone.

    `error` is what Slack shows at the modal's top when the app failed; `view` the modal shown now, if any.
    """

    errors: dict[str, str]
    closed: bool
    error: str | None = None
    view: View | None = None
