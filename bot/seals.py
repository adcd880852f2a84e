"""Seals: a keyed digest of each stored value that decides something, so that the database alone cannot forge one.

The keys come from SIGNALBOX_KEY and are never in the database. A seal is an HMAC-SHA256 (RFC 2104). Each purpose has a
key of its own (HKDF, RFC 5869), so a seal made for one purpose is never valid for another.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY_BYTES = 32
NEW_KEY = "python -m bot key"  # the command that prints a new key
# Of 32 random bytes fewer than this are distinct once in 10^12 keys: so text that people type instead is recognized.
_DISTINCT_BYTES = 16
_HEX = re.compile(r"[0-9A-Fa-f]+")

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

Field: TypeAlias = "str | int | float | bool | Sequence[Field] | Mapping[str, Field] | None"  # what JSON has


class Keyring:
    """The keys of SIGNALBOX_KEY. The first one seals; all verify, so that a key can be replaced without a stop."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < KEY_BYTES for key in keys):
            raise ValueError(f"a key has at least {KEY_BYTES} bytes")
        self._keys = tuple(keys)
        self._derive = cache(_derived)

    @classmethod
    def read(cls, text: str) -> Keyring:
        """The keys of a comma-separated list in hexadecimal or base64. Raises ValueError, which shows no key."""
        return cls([_decoded(key.strip()) for key in text.split(",")])

    def key(self, purpose: str) -> bytes:
        """The key of this purpose that seals, 32 bytes."""
        return self._derive(self._keys[0], purpose)

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """The keys of this purpose that verify; the first one also seals."""
        return tuple(self._derive(key, purpose) for key in self._keys)

    def seal(self, purpose: str, fields: Mapping[str, Field]) -> str:
        """The seal of these fields: 43 characters of base64url."""
        return seal_text(self.key(purpose), canonical(fields))

    def verify(self, purpose: str, fields: Mapping[str, Field], seal: str) -> bool:
        """Whether one of the keys has sealed exactly these fields for this purpose."""
        return self.verify_text(purpose, canonical(fields), seal)

    def verify_text(self, purpose: str, text: str, seal: str) -> bool:
        """Whether one of the keys has sealed exactly this text for this purpose."""
        # As bytes: compare_digest refuses text that is not ASCII, and a forged seal can be any text.
        presented = seal.encode("utf-8", "surrogatepass")
        return any(hmac.compare_digest(seal_text(key, text).encode("ascii"), presented) for key in self.keys(purpose))

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys)"


def new_key() -> str:
    """A new key in base64url, as SIGNALBOX_KEY takes it."""
    return secrets.token_urlsafe(KEY_BYTES)


def canonical(fields: Mapping[str, Field]) -> str:
    """The one text of these fields: JSON with sorted names, so that two different sets of fields never share a text."""
    return _CANONICAL.encode(fields)


def seal_text(key: bytes, text: str) -> str:
    """The seal of a text with the key of a purpose."""
    digest = hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def split_keys(text: str) -> list[str]:
    """The keys of SIGNALBOX_KEY as they are written."""
    return [key.strip() for key in text.split(",") if key.strip()]


def _decoded(text: str) -> bytes:
    key = bytes.fromhex(text) if _HEX.fullmatch(text) and len(text) % 2 == 0 else _from_base64(text)
    if len(key) < KEY_BYTES:
        raise ValueError(f"has a key of {len(key)} bytes; at least {KEY_BYTES} random bytes are needed")
    if len(set(key)) < _DISTINCT_BYTES:
        raise ValueError("has a key that is not random")
    return key


def _from_base64(text: str) -> bytes:
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("has a key that is neither hexadecimal nor base64") from None


def _derived(key: bytes, purpose: str) -> bytes:
    # No salt: the input is random already (RFC 5869, section 3.1).
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"signalbox {purpose}".encode()).derive(key)
