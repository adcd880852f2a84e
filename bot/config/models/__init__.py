"""What signalbox.yaml says, as frozen models, a file for each part; docs/configuration.md explains every key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen, and strict: an unknown key or a number where text belongs is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
