"""The views that are open: the modals of each person, and everybody's Home tab."""

from __future__ import annotations

import itertools
import secrets
from typing import TYPE_CHECKING, Any

from sandbox.slack import state
from sandbox.slack.bus import Happening
from sandbox.slack.errors import ApiError
from sandbox.slack.views import View

if TYPE_CHECKING:
    from sandbox.slack.bus import Bus
    from sandbox.slack.mrkdwn import Names

MODALS_ON_TOP = 3


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
            (view for view in self._by_id.values() if view.open and view.body.get("external_id") == external_id), None
        )

    def _unique(self, body: dict[str, Any], *, apart_from: View | None = None) -> None:
        existing = self._by_external_id(body.get("external_id"))
        if existing is not None and existing is not apart_from:
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
        self._publish(user)
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
        self._publish(user)
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
        self._publish(view.user, view)

    def publish(self, user: str, body: dict[str, Any], given_hash: str | None = None) -> View:
        """Set a person's Home tab.

        Raises:
            ApiError: hash_conflict.
        """
        view = self._homes.get(user)
        if view is None:
            view = self._homes[user] = self._new(user, body)
            self._publish(user, view)
        else:
            self.update(view, body, given_hash)
        return view

    def close(self, view: View, *, everything: bool = False) -> None:
        """Take a modal off its stack, or the whole stack."""
        stack = self._stacks.get(view.user, [])
        closing = list(stack) if everything else [view]
        for modal in closing:
            modal.open = False
        self._stacks[view.user] = [modal for modal in stack if modal.open]
        self._publish(view.user)

    def _publish(self, user: str, view: View | None = None) -> None:
        if view is not None and view.type == "home":
            self._bus.publish(Happening("home", view=view, user=user))
        else:
            self._bus.publish(Happening("view", view=self.top(user), user=user))


def _hash() -> str:
    return f"{secrets.randbelow(10**9)}.{secrets.token_hex(4)}"
