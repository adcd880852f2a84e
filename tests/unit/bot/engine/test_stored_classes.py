"""Every class whose values steps return is registered, and every value of a registered class is read as it was stored."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import pkgutil
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import bot
import handlers
from bot.engine import serializer
from bot.engine.engine import StepResult
from bot.errors import UserError
from bot.inbound.app import find_handlers
from bot.operations.operation import Operation
from bot.services import Services
from runners.errors import RunnerError
from runners.stored import STORED_CLASSES, STORED_NAMES
from tests.unit.bot.engine.annotations_of_code import classes_in, evaluated, fields_of, names_in, returned_by
from tests.unit.bot.engine.stored_values import values_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

find_handlers()  # imports every module of handlers that defines a stored class
# A value of each class as an earlier version stored it. A class may change in any way in which it is still read.
# `python -m tests.unit.bot.engine.test_stored_classes` adds new classes to it. Until the first release it also replaces
# what is no longer read, after a field was renamed for example.
EARLIER = Path(__file__).parents[3] / "data" / "stored_classes.json"
OURS = ("bot", "handlers", "runners")
DATA = sorted(name for name, kind in STORED_CLASSES.items() if not issubclass(kind, BaseException))


@pytest.mark.parametrize("name", DATA)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_value_is_read_as_it_was_stored(name: str, data: st.DataObject) -> None:
    value = data.draw(values_of(STORED_CLASSES[name]))
    again = serializer.unpack(serializer.pack(value))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize("name", DATA)
def test_every_class_has_a_value_of_an_earlier_version_that_is_read(name: str) -> None:
    stored = json.loads(EARLIER.read_text())
    assert name in stored, "add it: see EARLIER"
    assert _is_read(name, stored[name]), "until the first release, see EARLIER"


def test_the_engine_has_a_stored_class_too() -> None:
    assert STORED_CLASSES["step-result"] is StepResult
    assert "step-result" in DATA


def test_no_class_that_an_earlier_version_stored_has_lost_its_name() -> None:
    assert set(json.loads(EARLIER.read_text())) <= set(STORED_CLASSES)


@pytest.mark.parametrize("name", DATA)
def test_every_class_in_a_field_of_a_stored_class_is_registered(name: str) -> None:
    kind = STORED_CLASSES[name]
    if dataclasses.is_dataclass(kind):
        parts = {part for hint in fields_of(kind).values() for part in classes_in(hint)}
        assert {part for part in parts if _must_be_registered(part)} <= set(STORED_NAMES)


@pytest.mark.parametrize("family", [RunnerError, UserError])
def test_every_error_that_a_step_may_raise_is_registered(family: type[Exception]) -> None:
    assert {kind for kind in _family(family) if kind.__module__.startswith(OURS)} <= set(STORED_NAMES)


def test_every_class_that_a_step_returns_is_registered() -> None:
    returned = {kind: call for call in _calls_of_steps() for kind in call.returned}
    assert len(returned) > 30
    missing = {kind: call for kind, call in returned.items() if _must_be_registered(kind) and kind not in STORED_NAMES}
    assert not missing, "decorate it with runners.stored.stored"


def _family(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for derived in kind.__subclasses__():
        yield from _family(derived)


def _must_be_registered(kind: type) -> bool:
    return kind.__module__.startswith(OURS) and (dataclasses.is_dataclass(kind) or issubclass(kind, Enum))


@dataclasses.dataclass(frozen=True)
class _Call:
    """A call of `step` or `once`; `returned` are the classes in what its functions return."""

    module: str
    line: int
    returned: tuple[type, ...]


def _calls_of_steps() -> Iterator[_Call]:
    modules = [_module(each.name) for root in (bot, handlers) for each in _modules_of(root)]
    by_name = _functions(modules)
    for module in modules:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("step", "once")
            ):
                functions = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
                hints = [hint for function in functions for hint in _returned(function, module, by_name)]
                yield _Call(module.__name__, node.lineno, tuple(kind for hint in hints for kind in classes_in(hint)))


def _modules_of(package: ModuleType) -> list[pkgutil.ModuleInfo]:
    each = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [module for module in each if "migrations" not in module.name and not module.name.endswith("__main__")]


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


def _functions(modules: list[ModuleType]) -> dict[str, list[tuple[str, str]]]:
    """The annotation of what each function of this name returns, with its module."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for module in modules:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
                by_name.setdefault(node.name, []).append((ast.unparse(node.returns), module.__name__))
    return by_name


def _returned(function: ast.expr, module: ModuleType, by_name: dict[str, list[tuple[str, str]]]) -> list[Any]:
    match function:
        case ast.Lambda(body=ast.Call(func=called)) | ast.Call(func=ast.Name("partial"), args=[called, *_]):
            return _returned(called, module, by_name)
        case ast.Name(name):
            own = [each for each in by_name.get(name, ()) if each[1] == module.__name__]
            return [evaluated(*each) for each in own] or [returned_by(names_in(module.__name__)[name])]
        case ast.Attribute(ast.Attribute(ast.Attribute(attr="services") | ast.Name("services"), service), name):
            return [returned_by(getattr(evaluated(Services.__annotations__[service], "bot.services"), name))]
        case ast.Attribute(ast.Name("operation") | ast.Attribute(attr="_operation"), name):
            return [returned_by(getattr(Operation, name))]
        case ast.Attribute(ast.Name(owner), name) if inspect.ismodule(names_in(module.__name__).get(owner)):
            return [returned_by(getattr(names_in(module.__name__)[owner], name))]
        case ast.Attribute(_, name):  # of an object whose class is not clear here: every method of this name
            return [evaluated(*each) for each in by_name[name]]
    raise AssertionError(f"{module.__name__}:{function.lineno}: a form that this test does not know")


def _example(name: str) -> Any:
    values: list[Any] = []

    @settings(
        max_examples=5,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values_of(STORED_CLASSES[name]))
    def draw(value: Any) -> None:
        values.append(value)

    draw()
    return json.loads(serializer.pack(values[-1]))


def _is_read(name: str, form: Any) -> bool:
    with suppress(serializer.UnreadableError):
        return type(serializer.unpack(json.dumps(form))) is STORED_CLASSES[name]
    return False


if __name__ == "__main__":
    forms = json.loads(EARLIER.read_text())
    EARLIER.write_text(
        json.dumps(
            {name: forms[name] if _is_read(name, forms.get(name)) else _example(name) for name in DATA}, indent=1
        )
    )
