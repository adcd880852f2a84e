"""How Packer names what it makes for the time of a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

NAME_TAG = "Packer Builder"
GROUP_DESCRIPTION = "Temporary group for Packer"


def packer_name(rng: Random, started: float) -> str:
    """`packer_<uuid>`; the uuid's first 8 hex digits are the start time in Unix seconds, as in Packer's own."""
    rest = f"{rng.getrandbits(96):024x}"
    return f"packer_{int(started):08x}-{rest[:4]}-{rest[4:8]}-{rest[8:12]}-{rest[12:]}"
