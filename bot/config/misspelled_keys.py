"""Keys that are surely misspelled: each is one fault, and its value is read as that of the right key.

Otherwise one slip has several faults: the unknown key, the missing one, and whatever depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.models.written import WrittenConfig
from bot.config.validation_faults import choices_of, model_at
from runners.nearest import is_slip, nearest

if TYPE_CHECKING:
    from bot.config.document import Document, Keys


def correct(document: Document) -> None:
    """Add a fault for each misspelled key, and rename it in the document's data and lines."""
    document.data = _corrected(document, document.data, (), ())


def _corrected(document: Document, value: object, written: Keys, keys: Keys) -> object:
    """The value with the right keys. In the file it is at `written`, where keys may be wrong."""
    if written != keys and written in document.lines:
        document.lines.setdefault(keys, document.lines[written])
    if isinstance(value, tuple):
        return tuple(_corrected(document, each, (*written, place), (*keys, place)) for place, each in enumerate(value))
    if not isinstance(value, dict):
        return value
    meant = _meant(value, keys)
    for key, right in meant.items():
        document.fault((*written, key), f"unknown key; did you mean `{right}`?")
    corrected: dict[str, object] = {}
    for key, each in value.items():
        right = str(meant.get(key, key))
        corrected[right] = _corrected(document, each, (*written, key), (*keys, right))
    return corrected


def _meant(value: dict[str, object], keys: Keys) -> dict[str, str]:
    """The right key of each misspelled one."""
    model = model_at(WrittenConfig, keys)
    if model is None or model.model_config.get("extra") == "allow":
        return {}
    allowed = choices_of(WrittenConfig, keys)
    meant: dict[str, str] = {}
    for key in [key for key in value if key not in allowed]:
        right = nearest(key, allowed)
        if right and is_slip(key, right) and right not in {*value, *meant.values()}:
            meant[key] = right
    return meant
