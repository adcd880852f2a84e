"""Names for the classes whose values the durable engine stores. See bot/engine/serializer.py for the stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound=type)

STORED_CLASSES: dict[str, type] = {}
STORED_NAMES: dict[type, str] = {}


def stored(name: str) -> Callable[[C], C]:
    """Let the durable engine store values of this dataclass, enum or exception under `name`.

    An operation that waits during an upgrade is read by the next version: the class can move or be renamed, its stored
    name must stay. Raises ValueError when the name belongs to another class.
    """

    def register(kind: C) -> C:
        if name in STORED_CLASSES:
            raise ValueError(
                f"{kind.__qualname__} cannot be stored as {name!r}: {STORED_CLASSES[name].__qualname__} is"
            )
        STORED_CLASSES[name], STORED_NAMES[kind] = kind, name
        return kind

    return register
