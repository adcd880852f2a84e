"""The headers of every page that a browser opens: no script, no other origin, no cache, no referrer, no frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def headers(style_digest: str, *, form_action: str = "'none'") -> Mapping[str, str]:
    """The headers of a page whose only style has this SHA-256 in base64; `form_action` is where its forms may be sent."""
    policy = f"default-src 'none'; style-src 'sha256-{style_digest}'; base-uri 'none'; form-action {form_action}"
    return {
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
