"""The machine image that a change sets, read from the plan's own values, sensitive ones too. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runners.terraform import json_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.terraform.json_plan import ChangeJson

    Path = tuple[str | int, ...]

AMI_ID = re.compile(r"ami-(?:[0-9a-f]{17}|[0-9a-f]{8})")  # EC2 user guide: 8 or 17 hexadecimal digits
_MENTIONED = re.compile(rb'"ami-')


def planned_image(change: ChangeJson) -> tuple[str | None, str] | None:
    """The AMI id before, if any, and the one that the plan sets; None without one. What forces a replacement comes first."""
    if not _MENTIONED.search(memoryview(change.after)):
        return None
    before, after = (dict(_image_ids(json_plan.decoded(side))) for side in (change.before, change.after))
    forcing = [tuple(path) for path in change.replace_paths or []]
    changed = [path for path, image in after.items() if before.get(path) != image]
    changed.sort(key=lambda path: not any(path[: len(first)] == first for first in forcing))
    return (before.get(changed[0]), after[changed[0]]) if changed else None


def _image_ids(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str) and AMI_ID.fullmatch(value):
        yield path, value
    elif isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _image_ids(entry, (*path, key))
