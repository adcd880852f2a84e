"""Strategies of hypothesis for the values of stored classes, from their annotations."""

from __future__ import annotations

import dataclasses
import typing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union

from hypothesis import strategies as st

from tests.unit.bot.engine.annotations_of_code import fields_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

TEXT = st.text(max_size=12)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-8))])
LEAVES: dict[Any, SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=12),
    NoneType: st.none(),
    datetime: st.datetimes(timezones=ZONES),
    date: st.dates(),
    timedelta: st.timedeltas(),
    Decimal: st.decimals(allow_nan=False),
    Path: st.from_regex(r"/[a-z]{1,8}(/[a-z.]{1,8})?", fullmatch=True).map(Path),
    Any: st.one_of(TEXT, st.integers(), st.lists(TEXT, max_size=2), st.dictionaries(TEXT, st.booleans(), max_size=2)),
}


@cache
def values_of(hint: Any) -> SearchStrategy[Any]:
    """Values of an annotation. Raises LookupError for one that this does not know."""
    if hint in LEAVES:
        return LEAVES[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(typing.cast("type", hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (UnionType, Union):
        return st.one_of(*map(values_of, arguments))
    if origin is tuple and arguments[-1] is not Ellipsis:
        return st.tuples(*map(values_of, arguments))
    return _container(origin, arguments)


def _container(origin: Any, arguments: tuple[Any, ...]) -> SearchStrategy[Any]:
    name, first = getattr(origin, "__name__", str(origin)), values_of(arguments[0])
    match name:
        case "tuple" | "Sequence":
            return st.lists(first, max_size=2).map(tuple)
        case "list":
            return st.lists(first, max_size=2)
        case "frozenset":
            return st.frozensets(first, max_size=2)
        case "dict" | "Mapping":
            return st.dictionaries(first, values_of(arguments[1]), max_size=2)
    raise LookupError(f"{name} is no container that tests generate values of")


def _dataclass(kind: type) -> SearchStrategy[Any]:
    fields = {name: values_of(hint) for name, hint in fields_of(kind).items()}
    return st.fixed_dictionaries(fields).map(lambda values: _filled(kind, values))


def _filled(kind: type, values: dict[str, Any]) -> Any:
    # Not through __init__, whose checks random values do not pass.
    value: object = object.__new__(kind)
    for name, part in values.items():
        object.__setattr__(value, name, part)
    return value
