"""One view, a modal or a Home tab, as it is now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.slack import rendering
from sandbox.slack.people_seed import APP_ID, BOT_ID, TEAM_ID

if TYPE_CHECKING:
    from sandbox.slack.mrkdwn import Names


@dataclass(eq=False, repr=False, slots=True)
class View:
    """A modal or Home tab as `user` sees it; an update changes it in place.

    `body` is the view as the app sent it, with block ids filled in; `values` is Slack's
    `state.values`: {block_id: {action_id: {...}}}.
    """

    id: str
    user: str
    body: dict[str, Any]
    names: Names
    hash: str = ""
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    root_view_id: str = ""
    previous_view_id: str | None = None
    open: bool = True
    updates: int = 0

    def __repr__(self) -> str:
        return f"<View {self.id} of {self.user}: {self.rendered!r}>"

    @property
    def type(self) -> str:
        """Either modal or home."""
        return str(self.body["type"])

    @property
    def title(self) -> str:
        """What stands at the top of a modal."""
        return str(self.body.get("title", {}).get("text", ""))

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """The view's blocks."""
        return list(self.body["blocks"])

    @property
    def callback_id(self) -> str:
        """The app's own name for this kind of view."""
        return str(self.body.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        """What the app hid in the view."""
        return str(self.body.get("private_metadata", ""))

    @property
    def rendered(self) -> str:
        """The view as a person reads it."""
        return "\n".join([*([self.title] if self.title else []), rendering.blocks_text(self.blocks, self.names)])

    @property
    def buttons(self) -> list[str]:
        """The visible texts of the buttons among its blocks."""
        return rendering.button_texts(self.blocks)

    @property
    def json(self) -> dict[str, Any]:
        """The view as Slack sends it to the app."""
        defaults = {"private_metadata": "", "callback_id": "", "external_id": "", "close": None, "submit": None}
        return {
            **defaults,
            "clear_on_close": False,
            "notify_on_close": False,
            **self.body,
            "id": self.id,
            "team_id": TEAM_ID,
            "state": {"values": self.values},
            "hash": self.hash,
            "root_view_id": self.root_view_id,
            "previous_view_id": self.previous_view_id,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }
