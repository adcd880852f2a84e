"""How a Slack stand-in is set up: the app's secrets and where its request URL is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SlackSettings:
    """What Slack's app page would hold.

    `bot_token` and `app_token` are what the app must present, `signing_secret` signs what it is sent.
    An `app_token` makes Socket Mode available. `request_url` is where commands, interactions and events
    are posted; None sends them over Socket Mode. `rate_limits` false never answers 429.
    """

    bot_token: str
    signing_secret: str
    app_token: str | None
    request_url: str | None
    rate_limits: bool = True
