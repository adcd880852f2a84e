"""The Web API methods that the stand-in answers, by name. Any other is an unknown_method."""

from __future__ import annotations

from sandbox.slack.methods import app, chat, conversations, files, reactions, users, views

METHODS = {
    method.name: method
    for module in (app, chat, conversations, files, reactions, users, views)
    for method in module.METHODS
}
