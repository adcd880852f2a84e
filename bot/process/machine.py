"""The identity of a machine: a random id in the workplace, where the files of its operations are."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "machine"


def machine_id(workplace: Path) -> str:
    """The id of this workplace, made at the first call: processes that share a workplace share their operations' files."""
    path = workplace / FILE
    new = path.with_name(f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        new.write_text(secrets.token_hex(8), encoding="ascii")
        new.chmod(0o600)
        with suppress(FileExistsError):  # another process was first
            os.link(new, path)
        new.unlink()
    return path.read_text(encoding="ascii").strip()
