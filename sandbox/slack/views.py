"""Views: the modals a person has open, and everybody's Home tab."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.slack import rendering, state
from sandbox.slack.bus import Happening
from sandbox.slack.errors import ApiError
from sandbox.slack.people_seed import APP_ID, BOT_ID, TEAM_ID

if TYPE_CHECKING:
    from sandbox.slack.bus import Bus
    from sandbox.slack.mrkdwn import Names

MODALS_ON_TOP = 3


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


class Views:
    """Every view of the workspace: a stack of modals and one Home tab for each person."""

    def __init__(self, bus: Bus, names: Names) -> None:
        self._bus = bus
        self._names = names
        self._numbers = itertools.count(1)
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}
        self._by_id: dict[str, View] = {}

    def top(self, user: str) -> View | None:
        """The modal that `user` sees now."""
        stack = self._stacks.get(user)
        return stack[-1] if stack else None

    def home(self, user: str) -> View | None:
        """What the app published on this person's Home tab."""
        return self._homes.get(user)

    def get(self, view_id: str) -> View | None:
        """An open modal or a published Home tab."""
        view = self._by_id.get(view_id)
        return view if view is not None and view.open else None

    def find(self, *, view_id: str | None, external_id: str | None) -> View:
        """The view that a call means.

        Raises:
            ApiError: not_found.
        """
        view = self.get(view_id) if view_id else self._by_external_id(external_id)
        if view is None:
            raise ApiError("not_found")
        return view

    def _by_external_id(self, external_id: str | None) -> View | None:
        if not external_id:
            return None
        return next(
            (one for one in self._by_id.values() if one.open and one.body.get("external_id") == external_id), None
        )

    def _unique(self, body: dict[str, Any], *, apart_from: View | None = None) -> None:
        found = self._by_external_id(body.get("external_id"))
        if found is not None and found is not apart_from:
            raise ApiError("duplicate_external_id")

    def _new(self, user: str, body: dict[str, Any]) -> View:
        self._unique(body)
        view = View(f"V0VIEW{next(self._numbers):04}", user, body, self._names)
        view.hash = _hash()
        view.values = state.initial(body["blocks"])
        view.root_view_id = view.id
        self._by_id[view.id] = view
        return view

    def open(self, user: str, body: dict[str, Any]) -> View:
        """Show a modal. One that was open before gives way to it."""
        view = self._new(user, body)
        for old in self._stacks.pop(user, ()):
            old.open = False
        self._stacks[user] = [view]
        self._tell(user)
        return view

    def push(self, user: str, body: dict[str, Any]) -> View:
        """Put a modal on top of the open one.

        Raises:
            ApiError: not_found without an open modal, push_limit_reached at three.
        """
        stack = self._stacks.get(user)
        if not stack:
            raise ApiError("not_found")
        if len(stack) >= MODALS_ON_TOP:
            raise ApiError("push_limit_reached")
        view = self._new(user, body)
        view.root_view_id, view.previous_view_id = stack[0].id, stack[-1].id
        stack.append(view)
        self._tell(user)
        return view

    def update(self, view: View, body: dict[str, Any], given_hash: str | None = None) -> None:
        """Change an open view; what was typed stays where block and action ids stay.

        Raises:
            ApiError: hash_conflict when the view changed since the app saw `given_hash`.
        """
        if given_hash and given_hash != view.hash:
            raise ApiError("hash_conflict")
        self._unique(body, apart_from=view)
        view.values = state.carried_over(view.values, body["blocks"])
        view.body, view.hash = body, _hash()
        view.updates += 1
        self._tell(view.user, view)

    def publish(self, user: str, body: dict[str, Any], given_hash: str | None = None) -> View:
        """Set a person's Home tab.

        Raises:
            ApiError: hash_conflict.
        """
        view = self._homes.get(user)
        if view is None:
            view = self._homes[user] = self._new(user, body)
            self._tell(user, view)
        else:
            self.update(view, body, given_hash)
        return view

    def close(self, view: View, *, everything: bool = False) -> None:
        """Take a modal off its stack, or the whole stack."""
        stack = self._stacks.get(view.user, [])
        gone = list(stack) if everything else [view]
        for one in gone:
            one.open = False
        self._stacks[view.user] = [one for one in stack if one.open]
        self._tell(view.user)

    def _tell(self, user: str, view: View | None = None) -> None:
        if view is not None and view.type == "home":
            self._bus.publish(Happening("home", view=view, user=user))
        else:
            self._bus.publish(Happening("view", view=self.top(user), user=user))


def _hash() -> str:
    return f"{secrets.randbelow(10**9)}.{secrets.token_hex(4)}"
