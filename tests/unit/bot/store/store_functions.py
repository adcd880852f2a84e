"""The public functions of bot/store that ask the database, and which of them a test calls."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

import bot.store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

TAKES = {"Store", "sa.Connection", "sa.Engine"}
# Helpers of the others, and what asks no table of Signalbox or only tables of a fixed size, once at the start.
WITHOUT_QUERIES = frozenset({"database", "database_outage", "groups", "identity", "migrations", "sealed"})
OF_FILES = frozenset({"ArtifactPlace", "DirectoryPlace"})
MEMORY_ONLY = frozenset({"RefusedAttempts"})  # appends to the audit log through Audit


def public_functions() -> Iterator[tuple[Any, str, str]]:
    """The owner (class or module), the attribute and the full name of each that may ask the database."""
    for each_module in pkgutil.iter_modules(bot.store.__path__):
        if each_module.name in WITHOUT_QUERIES or each_module.ispkg:
            continue
        module = importlib.import_module(f"bot.store.{each_module.name}")
        for name, each in vars(module).items():
            if name.startswith("_") or getattr(each, "__module__", "") != module.__name__:
                continue
            if inspect.isclass(each) and name not in OF_FILES | MEMORY_ONLY:
                for method, code in vars(each).items():
                    if not method.startswith("_") and inspect.isfunction(code) and _asks(code):
                        yield each, method, f"{each_module.name}.{name}.{method}"
            elif inspect.isfunction(each) and _asks(each):
                yield module, name, f"{each_module.name}.{name}"


def _asks(function: Callable[..., Any]) -> bool:
    taken = {each.annotation for each in inspect.signature(function).parameters.values()}
    return inspect.iscoroutinefunction(function) or bool(taken & TAKES)


def record_calls(patch: pytest.MonkeyPatch) -> set[str]:
    """From now on the full names of the public functions that are called are in this set."""
    called = set[str]()

    def recording(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def record(*arguments: Any, **named: Any) -> Any:
            called.add(name)
            return function(*arguments, **named)

        return record

    for owner, attribute, name in list(public_functions()):
        patch.setattr(owner, attribute, recording(getattr(owner, attribute), name))
    return called
