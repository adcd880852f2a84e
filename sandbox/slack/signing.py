"""Slack's request signature, version 0."""

from __future__ import annotations

import hashlib
import hmac


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """The value of X-Slack-Signature: `v0=` and the HMAC-SHA256 of `v0:timestamp:body`."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
