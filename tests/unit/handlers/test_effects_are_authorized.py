"""Whatever changes something outside is decided again directly before, in the function that does it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import handlers

# Calls of the runners that change something for an operation, as handlers write them.
EFFECTS = (
    "terraform.apply",
    "terraform.force_unlock",
    "reruns.rerun_failed",
    "pulls.merge",
)
CHECK = "check_authorized"
TREES = {path: ast.parse(path.read_text()) for path in Path(handlers.__path__[0]).rglob("*.py")}


def _calls(tree: ast.AST) -> list[tuple[int, str]]:
    """The line and the text of each call."""
    return [(node.lineno, ast.unparse(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _functions_that(effect: str) -> list[tuple[str, ast.AsyncFunctionDef]]:
    """The innermost functions that call it."""
    callers = []
    for path, tree in TREES.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
        calling = [each for each in functions if effect in {name for _, name in _calls(each)}]
        outer = {id(each) for each in calling for other in calling if other is not each and other in ast.walk(each)}
        callers += [(f"{path.name}: {each.name}", each) for each in calling if id(each) not in outer]
    return callers


@pytest.mark.parametrize("effect", EFFECTS)
def test_it_is_checked_again_before_it_starts(effect: str) -> None:
    callers = _functions_that(effect)
    assert callers
    for name, function in callers:
        line = min(at for at, called in _calls(function) if called == effect)
        assert [at for at, called in _calls(function) if called.endswith(CHECK) and at < line], name
