"""A sample of every message: the public functions of `handlers` that return a `Message`, called with the values of `values.py`.

What a function needs is read from its annotations, so that a new view is in the gallery without a line here. `VARIANTS` names the
states of one view that differ, and what the annotations alone do not say.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import handlers
from bot.slack.blocks import common, replies
from bot.slack.blocks.platform import adapted
from tests.gallery.values import DECIDED, NOW, VALUES, VARIANTS, WORDS

if typing.TYPE_CHECKING:
    from bot.slack.blocks.kit import Message

BESIDE = (common, replies)  # views that are in no feature
# Helpers whose result is a part of another view's message.
NOT_A_MESSAGE = {"bot.slack.blocks.common.replace_button"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A message under the name of the view that drew it, and of its variant."""

    name: str
    message: Message

    @property
    def asks(self) -> bool:
        """Whether it has buttons that decide."""
        return any(block.get("block_id") == common.DECISION_BLOCK for block in self.message.blocks)


def samples() -> list[Sample]:
    """All of them, by name."""
    made = []
    for name, view in sorted(views().items()):
        variants = VARIANTS.get(name) or (DECIDED if name.endswith(".not_approved") else {"": {}})
        for variant, given in variants.items():
            message = view(**arguments(view, given))
            if message is not None:
                made.append(Sample(f"{name} {variant}".strip(), adapted(message, ())))
    return made


@cache
def views() -> dict[str, Callable[..., Message | None]]:
    """Every view by its full name."""
    by_name = {}
    for module in (*_modules(), *BESIDE):
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
            full = f"{module.__name__}.{name}"
            if own and full not in NOT_A_MESSAGE and _returns_message(function):
                by_name[full] = function
    return by_name


def _modules() -> Iterator[types.ModuleType]:
    for module in pkgutil.walk_packages(handlers.__path__, "handlers."):
        yield importlib.import_module(module.name)


def _returns_message(function: Callable[..., Any]) -> bool:
    if inspect.iscoroutinefunction(function) or "Services" in function.__annotations__.values():
        return False  # no view: a view draws what it is given
    return str(function.__annotations__.get("return", "")).removesuffix(" | None") in {"Message", "kit.Message"}


def arguments(view: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the view is called with: `given`, and for every other parameter without a default a value of its type."""
    hints = typing.get_type_hints(view, {**vars(inspect.getmodule(view)), **_type_names(view.__module__)})
    parameters = inspect.signature(view).parameters.values()
    made = {
        each.name: value(hints[each.name], each.name)
        for each in parameters
        if each.name not in given and each.default is each.empty and each.kind is not each.VAR_POSITIONAL
    }
    return {**made, **given}


def value(hint: Any, name: str) -> Any:
    """A value of this type; texts by the name of what they are for."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return value(next(each for each in inner if each is not type(None)), name)
    if origin is tuple and inner[-1:] != (Ellipsis,):
        return tuple(value(each, name) for each in inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return WORDS.get(name, {})
    if origin is not None:
        return _several(inner[0], name, as_set=issubclass(origin, AbstractSet) and not issubclass(origin, Sequence))
    if isinstance(hint, type):
        return _single(hint, name)
    raise TypeError(f"the gallery has no value for {name}: {hint}; add one to tests/gallery/values.py")


def _several(hint: Any, name: str, *, as_set: bool) -> Any:
    if typing.get_origin(hint) is dict:  # blocks
        return ()
    values = VALUES.get(hint)
    items = values if isinstance(values, list) else [value(hint, name)]
    return frozenset(items) if as_set else tuple(items)


def _single(hint: type, name: str) -> Any:
    if hint in VALUES:
        values = VALUES[hint]
        return values[0] if isinstance(values, list) else values
    if dataclasses.is_dataclass(hint):
        return _made(hint)
    if issubclass(hint, enum.Enum):
        return next(iter(hint))
    plain = {str: name, int: 3, float: NOW, bool: False, datetime: datetime.fromtimestamp(NOW, UTC)}
    if name in WORDS:
        return WORDS[name]
    if hint in plain:
        return plain[hint]
    raise TypeError(f"the gallery has no value for {name}: {hint}; add one to tests/gallery/values.py")


def _made(hint: type) -> Any:
    hints = typing.get_type_hints(
        hint, {**vars(importlib.import_module(hint.__module__)), **_type_names(hint.__module__)}
    )
    needed = [each for each in dataclasses.fields(hint) if each.init and _needed(each)]
    return hint(**{each.name: value(hints[each.name], each.name) for each in needed})


def _needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


@cache
def _type_names(module: str) -> dict[str, Any]:
    """What a module imports for type checkers alone."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    guarded = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in guarded for node in block.body if isinstance(node, ast.ImportFrom) and node.module]
    names = {}
    for node in imports:
        source = importlib.import_module(str(node.module))
        for alias in node.names:
            if hasattr(source, alias.name):
                names[alias.asname or alias.name] = getattr(source, alias.name)
            else:
                names |= {alias.asname or alias.name: _submodule(source, alias.name)}
    return names


def _submodule(package: types.ModuleType, name: str) -> Any:
    """A submodule; `Any` for an alias that itself is there for type checkers alone."""
    try:
        return importlib.import_module(f"{package.__name__}.{name}")
    except ModuleNotFoundError:
        return Any
