"""The steps that the code of the workflows names, read from its source: by module and function, in the order of the source."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.engine.versions import APPLICATION_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[3]
FILE = PROJECT / "tests" / "data" / "workflow_steps.json"
# The calls that store a step, each with the words that its name begins with (bot/operations/operation.py).
NAMED = {
    "step": "", "once": "once ", "show": "show ", "details": "details ", "attach": "attach ", "audit": "audit ",
    "patched": "patch ", "deprecate_patch": "patch ",
}  # fmt: skip
UNNAMED = ("wait", "end", "approved", "announce", "finish_silently", "fail")
PACKAGES = ("handlers", "bot/operations")


def steps() -> dict[str, list[str]]:
    """The steps by "path function". A name that the source computes is its source text."""
    listing = dict[str, list[str]]()
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            for name, function in _functions(ast.parse(path.read_text())):
                if listed := list(_calls(function)):
                    listing[f"{path.relative_to(PROJECT)} {name}"] = listed
    return listing


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{node.name}.")
        elif isinstance(node, ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node


def _calls(function: ast.AST) -> Iterator[str]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda each: (each.lineno, each.col_offset)):
        if not isinstance(call.func, ast.Attribute) or not _is_of_a_workflow(call.func.value):
            continue
        if call.func.attr in NAMED and call.args:
            yield NAMED[call.func.attr] + _text(call.args[0])
        elif call.func.attr in UNNAMED:
            yield call.func.attr


def _is_of_a_workflow(value: ast.expr) -> bool:
    """Whether this is an operation or the engine, by its name."""
    name = ast.unparse(value)
    return name.rpartition(".")[2].strip("_") in {"operation", "engine", "self", "op"} or name.startswith(
        "OpenApproval"
    )


def _text(argument: ast.expr) -> str:
    return str(argument.value) if isinstance(argument, ast.Constant) else ast.unparse(argument)


def text() -> str:
    """The file as it has to be: the version of the workflows, and their steps."""
    return json.dumps({"version": APPLICATION_VERSION, "steps": steps()}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
