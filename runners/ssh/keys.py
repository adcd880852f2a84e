"""Private keys: as ssh wants them, in files that nobody else can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from runners.errors import AccessDeniedError

if TYPE_CHECKING:
    from pathlib import Path

_KEY_REMEDY = "Give the whole private key without a passphrase, its BEGIN and END lines included."


def key_text(private_key: str, doing: str) -> str:
    """The key as ssh wants it, from what fits into an environment variable.

    Raises:
        AccessDeniedError: it is no private key, or one with a passphrase.
    """
    text = private_key.replace("\r\n", "\n").replace("\\n", "\n").strip() + "\n"
    load = load_ssh_private_key if "OPENSSH" in text.partition("\n")[0] else load_pem_private_key
    try:
        load(text.encode(), password=None)
    except TypeError:
        raise AccessDeniedError(doing, "the private key has a passphrase", remedy=_KEY_REMEDY) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        why = "has a passphrase" if "password" in str(error).lower() else "cannot be read"
        raise AccessDeniedError(doing, f"the private key {why}", remedy=_KEY_REMEDY) from None
    return text


def write_secret(path: Path, text: str) -> None:
    """A new file that nobody else may read at any moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(text)
