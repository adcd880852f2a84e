"""The form in which values are kept in the database, which later versions of this program can read.

Pickle, but dataclasses by the names of their fields. A field that came later has its default, one that is gone is passed
over, and a class that moved is found by `MOVED`: what waits while the bot is updated goes on.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import pickle
from typing import Any

# A class that is kept and moves, or gets another name, keeps its old address here: "module:name" -> "module:name".
MOVED: dict[str, str] = {}


def pack(value: object) -> str:
    """A value as text. Raises what pickle raises for something that cannot be kept, a lambda for example."""
    file = io.BytesIO()
    _Packer(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return base64.b64encode(file.getvalue()).decode("ascii")


def unpack(text: str) -> Any:
    """The value of a text that this or an earlier version has packed.

    Raises TypeError when a dataclass needs a field that was not kept, and what pickle raises for a class that is gone.
    """
    return _Unpacker(io.BytesIO(base64.b64decode(text))).load()


class _Packer(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        """Dataclasses by the names of their fields; pickle itself knows frozen ones with slots by their order alone."""
        if isinstance(obj, type) or not dataclasses.is_dataclass(obj) or isinstance(obj, BaseException):
            return NotImplemented
        return _restored, (type(obj), {field.name: getattr(obj, field.name) for field in dataclasses.fields(obj)})


class _Unpacker(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The class by the name that it has today."""
        now_module, _, now_name = MOVED.get(f"{module}:{name}", f"{module}:{name}").partition(":")
        return super().find_class(now_module, now_name)


def _restored(kind: type, kept: dict[str, object]) -> object:
    # As pickle does it, the object is filled without being initialised again: it was checked when it was made.
    restored: object = object.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(restored, field.name, kept[field.name] if field.name in kept else _default(kind, field))
    return restored


def _default(kind: type, field: dataclasses.Field[object]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise TypeError(f"{kind.__name__} was kept without {field.name}, which has no default")
