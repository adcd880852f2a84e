"""What `ansible-inventory --list` prints: its JSON marks texts that are no templates."""

from __future__ import annotations

import json
from typing import Any

_DATA = "__ansible_unsafe"


def parse(content: str | bytes) -> dict[str, Any]:
    """The groups, and the variables of each host below `_meta`; every text as it is."""
    return dict(json.loads(content, object_hook=_plain))


def _plain(value: dict[str, Any]) -> Any:
    return value[_DATA] if value.keys() == {_DATA} else value
