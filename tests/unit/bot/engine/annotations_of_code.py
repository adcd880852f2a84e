"""Type annotations as objects, also where a module imports their names for type checkers only."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
import typing
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def names_in(module: str) -> dict[str, Any]:
    """The names that annotations of this module can use."""
    names: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                with suppress(ModuleNotFoundError):  # an alias that exists for type checkers only
                    names[alias.asname or alias.name] = _imported(node.module, alias.name)
    return names | vars(sys.modules[module])


def _imported(module: str, name: str) -> Any:
    loaded = importlib.import_module(module)
    return getattr(loaded, name) if hasattr(loaded, name) else importlib.import_module(f"{module}.{name}")


def evaluated(annotation: Any, module: str) -> Any:
    """An annotation as an object."""
    return eval(annotation, names_in(module)) if isinstance(annotation, str) else annotation  # noqa: S307  -- our code


def fields_of(kind: type) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    assert dataclasses.is_dataclass(kind)
    return {field.name: evaluated(field.type, kind.__module__) for field in dataclasses.fields(kind)}


def returned_by(function: Any) -> Any:
    """What a function returns."""
    return evaluated(function.__annotations__["return"], function.__module__)


def classes_in(hint: Any) -> Iterator[type]:
    """The classes that an annotation names."""
    if isinstance(hint, type) and not typing.get_args(hint):
        yield hint
    for part in typing.get_args(hint):
        yield from classes_in(part)
