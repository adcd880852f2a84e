"""Actions secrets: stored from sealed boxes and never returned; tests may read `secrets`."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, SealedBox

from sandbox.github.refusals import RefusedError

LARGEST = 48 << 10  # bytes of a secret
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NAME_RULE = (
    "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not "
    "allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_)."
)


@dataclass(slots=True)
class Secret:
    """A secret. `visibility` is an organization's: all, private or selected, which are the `repositories`."""

    name: str
    value: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    visibility: str = "private"
    repositories: tuple[str, ...] = ()


@dataclass(slots=True)
class Vault:
    """The secrets of a repository or an organization, by name in capitals."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    _key: PrivateKey = field(default_factory=PrivateKey.generate, repr=False)

    @property
    def public_key(self) -> str:
        """The public key for sealing secrets, in base64."""
        return base64.b64encode(bytes(self._key.public_key)).decode()

    @property
    def key_id(self) -> str:
        """The ID of the public key."""
        return str(568_250_000_000_000_000 + int.from_bytes(bytes(self._key.public_key)[:6], "big"))

    def new_key(self) -> None:
        """Replace the key: secrets sealed with the old key are refused from now on."""
        self._key = PrivateKey.generate()

    def put(self, name: str, sealed: str, key_id: str, visibility: str = "private") -> bool:
        """Store a secret; whether it is new. Raises RefusedError for what GitHub refuses."""
        if not _NAME.fullmatch(name):
            raise RefusedError(NAME_RULE)
        if name.upper().startswith("GITHUB_"):
            raise RefusedError("Secret names must not start with GITHUB_.")
        if key_id != self.key_id:
            raise RefusedError("The key_id is not that of the current public key.")
        value, now = self._opened(sealed), datetime.now(UTC)
        existing = self.secrets.get(name.upper())
        created = now if existing is None else existing.created_at
        self.secrets[name.upper()] = Secret(name.upper(), value, created, now, visibility)
        return existing is None

    def _opened(self, sealed: str) -> str:
        try:
            opened = SealedBox(self._key).decrypt(base64.b64decode(sealed, validate=True))
        except (CryptoError, binascii.Error, ValueError, TypeError) as error:
            raise RefusedError("Bad request - improperly encrypted secret") from error
        if len(opened) > LARGEST:
            raise RefusedError("Secret value must be at most 48 KB.")
        return opened.decode()
