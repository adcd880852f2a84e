"""What the app manifest registers: commands, scopes, events, interactivity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# docs.slack.dev/reference/events: what an event takes.
SCOPES_OF_EVENTS = {
    "app_mention": "app_mentions:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
}


@dataclass(frozen=True)
class Command:
    """One slash command as the manifest has it."""

    command: str
    description: str
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class Shortcut:
    """One shortcut as the manifest has it: of a message, or "global"."""

    callback_id: str
    name: str
    of_message: bool


@dataclass(frozen=True)
class Registration:
    """The app as installed. Without a manifest nothing is held back: `scopes` and `events` are None."""

    commands: dict[str, Command] = field(default_factory=dict)
    shortcuts: dict[str, Shortcut] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    events: frozenset[str] | None = None
    interactivity: bool = True
    home_tab: bool = True
    messages_tab: bool = True
    messages_tab_read_only: bool = False

    @property
    def takes_messages(self) -> bool:
        """Whether people may write to the app in direct messages."""
        return self.messages_tab and not self.messages_tab_read_only

    def hears(self, event: str) -> bool:
        """Whether the app subscribed to this kind of event, and has the scope that the event takes."""
        return self.events is None or (event in self.events and self.may(SCOPES_OF_EVENTS.get(event)))

    def may(self, scope: str | None) -> bool:
        """Whether the app was granted this scope."""
        return scope is None or self.scopes is None or scope in self.scopes


def read_manifest(manifest: dict[str, Any]) -> Registration:
    """The parts of an app manifest that matter here; absent parts are off, as in Slack."""
    features = manifest.get("features", {})
    settings = manifest.get("settings", {})
    commands = [
        Command(
            command["command"],
            command["description"],
            command.get("usage_hint", ""),
            should_escape=command.get("should_escape", False),
        )
        for command in features.get("slash_commands", ())
    ]
    shortcuts = [
        Shortcut(each["callback_id"], each["name"], of_message=each["type"] == "message")
        for each in features.get("shortcuts", ())
    ]
    return Registration(
        shortcuts={each.callback_id: each for each in shortcuts},
        commands={command.command: command for command in commands},
        scopes=frozenset(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ())),
        events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", ())),
        interactivity=settings.get("interactivity", {}).get("is_enabled", False),
        home_tab=features.get("app_home", {}).get("home_tab_enabled", False),
        messages_tab=features.get("app_home", {}).get("messages_tab_enabled", False),
        messages_tab_read_only=features.get("app_home", {}).get("messages_tab_read_only_enabled", False),
    )
