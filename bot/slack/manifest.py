"""The Slack app's manifest, app.yaml, for one's own address or for Socket Mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bot.errors import UserError

FILE = Path(__file__).parents[2] / "app.yaml"
PATH = "/slack/events"
_ADDRESSES = ("url", "request_url")


def read() -> dict[str, Any]:
    """The manifest as it is in app.yaml, with an example's address."""
    manifest: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return manifest


def needed_scopes() -> tuple[str, ...]:
    """The scopes that the bot's token must have."""
    return tuple(read()["oauth_config"]["scopes"]["bot"])


def manifest_for(url: str | None) -> dict[str, Any]:
    """The manifest for a bot that Slack reaches at `url` (https://your.host), or without one for Socket Mode.

    Raises UserError when Slack would not take the address.
    """
    manifest = read()
    manifest["settings"]["socket_mode_enabled"] = url is None
    if url is not None and not url.startswith("https://"):
        raise UserError(f'"{url[:60]}" is no address that Slack can use; write https:// and the host')
    address = None if url is None else url.rstrip("/").removesuffix(PATH) + PATH
    mine: dict[str, Any] = _addressed(manifest, address)
    return mine


def as_yaml(manifest: dict[str, Any]) -> str:
    """The manifest as text to paste into Slack."""
    return yaml.safe_dump(manifest, sort_keys=False, width=110, allow_unicode=True)


def _addressed(value: Any, address: str | None) -> Any:
    if isinstance(value, list):
        return [_addressed(inner, address) for inner in value]
    if not isinstance(value, dict):
        return value
    fields = {key: inner for key, inner in value.items() if address or key not in _ADDRESSES}
    return {key: address if key in _ADDRESSES else _addressed(inner, address) for key, inner in fields.items()}
