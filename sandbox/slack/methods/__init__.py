"""The Web API methods that the stand-in answers, by name. Any other is an unknown_method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack.methods import app, chat, conversations, files, reactions, users, validation, views

if TYPE_CHECKING:
    from sandbox.slack.methods.registry import Method

METHODS: dict[str, Method] = {
    method.name: method
    for module in (app, chat, conversations, files, reactions, users, validation, views)
    for method in module.METHODS
}
