"""Reports addresses of services that the bot would call without encryption."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.check.result import NOTE
from runners.results import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESSES = ("SLACK_API_URL", "GITHUB_API_URL", "TFE_ADDRESS")


def unencrypted_addresses(environ: Mapping[str, str]) -> list[Connection]:
    """One line for each address over plain HTTP to another machine: tokens and secrets would be readable on the way."""
    return [
        Connection(NOTE, ok=True, detail=f"{name} is not encrypted, so tokens can be read on the way. Use https://.")
        for name in ADDRESSES
        if _is_unencrypted(environ.get(name, ""))
    ]


def _is_unencrypted(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False  # the check of that service reports it
    return parts.scheme.lower() == "http" and not _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # RFC 6761, 6.3: these names lead to the loopback address.
        return host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")
