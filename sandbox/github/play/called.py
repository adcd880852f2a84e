"""Workflows that jobs call: where they are, and what goes into them and comes out."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sandbox.github.expressions import ExpressionError, Value
from sandbox.github.expressions.values import from_json, is_primitive
from sandbox.github.play.actions import local_path
from sandbox.github.play.contexts import resolved_each, resolved_texts
from sandbox.github.play.scope import MOST_LEVELS, Scope
from sandbox.github.workflow_file import FOLDER, WorkflowFileError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.expressions import Contexts
    from sandbox.github.play.strategy import Variant
    from sandbox.github.workflow_model import Input, JobFile, WorkflowFile


def called_scope(
    scope: Scope, file: JobFile, variant: Variant, number: int, files: Mapping[str, bytes], *, repository: str
) -> Scope:
    """The workflow that a job calls, with its inputs. Raises ExpressionError for a call that GitHub refuses."""
    uses = local_path(file.uses or "", repository)
    callers = (*scope.callers, uses)
    if len(callers) >= MOST_LEVELS:
        raise ExpressionError(f"{uses}: at most {MOST_LEVELS} levels of workflows can call each other")
    called = _read(uses, files)
    if called.callable is None:
        raise ExpressionError(f"workflow is not reusable as it is missing a `on.workflow_call` trigger: {uses}")
    inputs = _inputs(called.callable.inputs, file.inputs, variant.contexts, uses)
    path = (*scope.path_of(file), str(number))
    return Scope(called, inputs, path, f"{scope.prefix}{variant.name} / ", callers)


def outputs_of(called: Scope, contexts: Contexts) -> dict[str, Value]:
    """The outputs of a called workflow, once its jobs have ended."""
    jobs: dict[str, Value] = {
        key: {"result": end.result, "outputs": dict(end.outputs)} for key, end in called.results.items()
    }
    written = called.file.callable.outputs if called.file.callable else {}
    return resolved_texts(written, {**contexts, "jobs": jobs, "inputs": dict(called.inputs)})


def _read(uses: str, files: Mapping[str, bytes]) -> WorkflowFile:
    path = posixpath.normpath(uses)
    if path not in files or not path.startswith(FOLDER):
        raise ExpressionError(f'error parsing called workflow "{uses}": workflow was not found.')
    try:
        return parse(path, files[path].decode(errors="replace"))
    except WorkflowFileError as error:
        raise ExpressionError(f'error parsing called workflow "{uses}": {error}') from error


def _inputs(
    declared: tuple[Input, ...], written: Mapping[str, Value], contexts: Contexts, uses: str
) -> dict[str, Value]:
    # A null that was given is an empty text: it is there.
    given = {name: "" if value is None else value for name, value in resolved_each(written, contexts).items()}
    names = {item.name for item in declared}
    if unexpected := sorted(set(given) - names):
        raise ExpressionError(f"Invalid input, {unexpected[0]} is not defined in the referenced workflow {uses}")
    return {item.name: _input(item, given.get(item.name), uses) for item in declared}


def _input(item: Input, given: Value, uses: str) -> Value:
    if given is None and item.default is None and item.required:
        raise ExpressionError(f"Input {item.name} is required, but not provided while calling {uses}")
    value = item.default if given is None else given
    if value is None:
        return {"boolean": False, "number": 0}.get(item.type, "")
    if isinstance(value, str) and (item.type == "number" or (item.type == "boolean" and given is None)):
        return from_json(value)
    fits = {"boolean": isinstance(value, bool), "number": isinstance(value, int | float)}.get(item.type, True)
    if is_primitive(value) and not fits:
        raise ExpressionError(f"Unexpected value {value!r} for the {item.type} input {item.name} of {uses}")
    return value
