"""The frozen models of signalbox.yaml, a file for each part; docs/configuration.md explains every key."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen and strict model: an unknown key, or a number in place of text, is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
