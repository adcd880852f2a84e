"""The stored form of the durable engine's values: JSON in which each class goes by its registered name.

A value of a class that is not registered (see runners/stored.py) is neither written nor read, so a row that somebody
plants in the database can name data, but no code. Dataclasses are stored by the names of their fields: a field that was
added later takes its default, a field that was removed is passed over.
"""

from __future__ import annotations

import base64
import dataclasses
import inspect
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any

from bot.seals import seal_text
from runners.stored import STORED_CLASSES, STORED_NAMES, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.seals import Keyring

PLAIN = frozenset({type(None), bool, int, float, str})
SEALED = "engine"  # the purpose of the seals
TAG = "$"  # begins the first key of each JSON object that is not a plain mapping


class NotStorableError(TypeError):
    """A value that cannot be stored; the message names its class."""


class UnreadableError(ValueError):
    """Stored text that this version cannot read; the message says why."""


@stored("unexpected-error")
class UnexpectedError(Exception):
    """Replaces, when it is read again, an exception whose class is not registered. Its text names that class."""


def pack_sealed(keyring: Keyring, value: object) -> str:
    """The stored form of a value after its seal. Raises NotStorableError."""
    text = pack(value)
    return f"{seal_text(keyring.key(SEALED), text)} {text}"


def unpack_sealed(keyring: Keyring, stored_text: str) -> Any:
    """The value of a sealed stored form. Raises UnreadableError, also for text that Signalbox has not sealed."""
    seal, _, text = stored_text.partition(" ")
    if not keyring.verify_text(SEALED, text, seal):
        raise UnreadableError(
            "the stored value does not verify: something other than Signalbox has changed the database, or SIGNALBOX_KEY "
            "lacks the key that sealed it"
        )
    return unpack(text)


def pack(value: object) -> str:
    """The stored form of a value. Raises NotStorableError."""
    return json.dumps(_encode(value), separators=(",", ":"))


def unpack(text: str) -> Any:
    """The value of a stored form that this or an earlier version wrote. Raises UnreadableError."""
    try:
        return json.loads(text, object_hook=_decode)
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError("the stored value is nested too deeply") from None
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:  # not JSON, or of another form
        raise UnreadableError(f"the stored value cannot be read: {error}") from error


def _encode(value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind in _ENCODERS:
        return _ENCODERS[kind](value)
    name = STORED_NAMES.get(kind)
    if isinstance(value, BaseException):
        return _encode_error(name, value)
    if name is None:
        raise NotStorableError(
            f"a value of {kind.__module__}.{kind.__qualname__} cannot be stored; "
            'register the class: @stored("a name that stays") of runners/stored.py'
        )
    if isinstance(value, Enum):
        return {"$enum": name, "value": _encode(value.value)}
    return {"$class": name, **{field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(kind)}}


def _encode_mapping(mapping: dict[Any, Any]) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith(TAG) for key in mapping):
        return {key: _encode(value) for key, value in mapping.items()}
    return {"$mapping": [[_encode(key), _encode(value)] for key, value in mapping.items()]}


def _encode_error(name: str | None, error: BaseException) -> dict[str, Any]:
    if name is None:
        kind = type(error)
        return _encode_error("unexpected-error", UnexpectedError(f"{kind.__module__}.{kind.__qualname__}: {error}"))
    return {"$error": name, "args": _encode(list(error.args)), "attributes": _encode(vars(error))}


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    list: lambda value: [_encode(item) for item in value],
    tuple: lambda value: {"$tuple": [_encode(item) for item in value]},
    set: lambda value: {"$set": [_encode(item) for item in value]},
    frozenset: lambda value: {"$frozenset": [_encode(item) for item in value]},
    dict: _encode_mapping,
    datetime: lambda value: {"$datetime": value.isoformat()},
    date: lambda value: {"$date": value.isoformat()},
    timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value: {"$decimal": str(value)},
    bytes: lambda value: {"$bytes": base64.b64encode(value).decode("ascii")},
    PosixPath: lambda value: {"$path": str(value)},
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$mapping": dict,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$timedelta": lambda parts: timedelta(*parts),
    "$decimal": Decimal,
    "$bytes": base64.b64decode,
    "$path": Path,
}


def _decode(pairs: dict[str, Any]) -> Any:
    """What json calls for each JSON object, innermost first."""
    tag = next(iter(pairs), "")
    if not tag.startswith(TAG):
        return pairs
    if tag in _DECODERS:
        return _DECODERS[tag](pairs[tag])
    kind = STORED_CLASSES.get(pairs[tag])
    if kind is None:
        raise UnreadableError(f"the stored value is of the class {pairs[tag]!r}, which this version does not have")
    if tag == "$class" and dataclasses.is_dataclass(kind):
        return _dataclass(kind, pairs)
    if tag == "$enum" and issubclass(kind, Enum):
        return kind(pairs["value"])
    if tag == "$error" and issubclass(kind, BaseException):
        return _error(kind, pairs)
    raise UnreadableError(f"the stored value has the class {pairs[tag]!r} as {tag!r}, which it is not")


def _dataclass(kind: type, stored_fields: Mapping[str, Any]) -> object:
    # Without __init__, as pickle does it: the value was checked when it was made.
    value: object = object.__new__(kind)
    for field in dataclasses.fields(kind):
        present = field.name in stored_fields
        object.__setattr__(value, field.name, stored_fields[field.name] if present else _default(kind, field))
    return value


def _default(kind: type, field: dataclasses.Field[object]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    raise UnreadableError(f"{kind.__name__} was stored without {field.name}, which has no default")


def _error(kind: type[BaseException], pairs: Mapping[str, Any]) -> BaseException:
    error = kind.__new__(kind, *pairs["args"])
    vars(error).update({**_optional_attributes(kind), **pairs["attributes"]})
    return error


def _optional_attributes(kind: type[BaseException]) -> dict[str, Any]:
    """The keyword arguments with defaults of an error's __init__, which it keeps as attributes of the same names."""
    parameters = [
        parameter
        for base in kind.__mro__
        if issubclass(base, Exception) and "__init__" in vars(base) and base.__module__ != "builtins"
        for parameter in inspect.signature(vars(base)["__init__"]).parameters.values()
    ]
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
