"""Values that only Signalbox reads, wherever they are stored: AES-256-GCM with keys that are derived from SIGNALBOX_KEY.

Each purpose has keys of its own (bot/seals.py). What is encrypted is bound to the fields that name it: under another
name, or for another operation, it does not decrypt.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.errors import ForgedError
from bot.seals import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.seals import Field, Keyring

FORMAT = b"signalbox-1\n"  # precedes the nonce
NONCE_BYTES, TAG_BYTES = 12, 16
OVERHEAD = len(FORMAT) + NONCE_BYTES + TAG_BYTES  # bytes that encryption adds


def encrypt(keyring: Keyring, purpose: str, named: Mapping[str, Field], content: bytes) -> bytes:
    """The content, encrypted with the newest key of this purpose and bound to these fields; OVERHEAD bytes longer.

    At most 2 GB.
    """
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(keyring.key(purpose)).encrypt(nonce, content, _associated(purpose, named))


def decrypt(keyring: Keyring, purpose: str, named: Mapping[str, Field], encrypted: bytes, what: str) -> bytes:
    """The content that `encrypt` was given with the same purpose and fields; an older key of the keyring decrypts too.

    Raises ForgedError, with `what` ("the saved plan of #7"), for anything else.
    """
    start = len(FORMAT) + NONCE_BYTES
    if encrypted.startswith(FORMAT) and len(encrypted) >= OVERHEAD:
        nonce, sealed, associated = encrypted[len(FORMAT) : start], encrypted[start:], _associated(purpose, named)
        for key in keyring.keys(purpose):
            try:
                return AESGCM(key).decrypt(nonce, sealed, associated)
            except InvalidTag:
                continue
    raise ForgedError(
        f"{what[:1].upper()}{what[1:]} does not verify: something other than Signalbox has changed where it is stored, or "
        "SIGNALBOX_KEY lacks the key that encrypted it. Nothing was started."
    )


def _associated(purpose: str, named: Mapping[str, Field]) -> bytes:
    return FORMAT + canonical({"purpose": purpose, **named}).encode()
