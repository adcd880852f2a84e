"""Workflow files: what triggers them, their inputs, and their jobs with the matrix expanded."""

from __future__ import annotations

import functools
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.github.expressions import condition, expand

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = ".github/workflows/"
MAX_JOBS = 256  # of a matrix
_FROM_JSON = re.compile(r"\$\{\{\s*fromJSON\((inputs|needs\.[\w-]+\.outputs)\.([\w-]+)\)\s*\}\}", re.IGNORECASE)
_WORKFLOW_KEYS = {"name", "run-name", "on", "env", "permissions", "defaults", "jobs"}
_JOB_KEYS = {"name", "needs", "if", "runs-on", "strategy", "steps", "env", "environment", "outputs"}
_STEP_KEYS = {"id", "name", "if", "uses", "with", "run", "env", "shell", "working-directory"}


class WorkflowFileError(ValueError):
    """A workflow file that GitHub would refuse, or that uses features the stand-in does not support."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of workflow_dispatch."""

    name: str
    required: bool
    default: str | None
    type: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepFile:
    """A step of the file; `run` and `uses` may have expressions."""

    name: str
    uses: str | None
    run: str | None
    condition: str


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job of the file. `matrix` has an entry for each job to run, and an empty entry without a matrix."""

    key: str
    name: str | None
    needs: tuple[str, ...]
    condition: str
    runs_on: str
    fail_fast: bool
    max_parallel: int | None
    matrix: tuple[Mapping[str, str], ...]  # empty: it cannot be evaluated
    steps: tuple[StepFile, ...]

    def display_name(self, matrix: Mapping[str, str], inputs: Mapping[str, str]) -> str:
        """The job's name on GitHub: `deploy (backend)` unless the file has another name."""
        if self.name is not None:
            return expand(self.name, {"matrix": matrix, "inputs": inputs})
        return f"{self.key} ({', '.join(matrix.values())})" if matrix else self.key


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A workflow. `triggers` have their filters; `inputs` is None when it cannot be dispatched."""

    path: str
    name: str
    run_name: str | None
    triggers: Mapping[str, Any]
    inputs: tuple[Input, ...] | None
    jobs: tuple[JobFile, ...] = field(default=())


@functools.lru_cache(maxsize=64)
def _read(text: str) -> Any:
    """The file's YAML, which nobody changes: hundreds of runs of one file would parse it for 20 ms each."""
    return yaml.safe_load(text)


def parse(path: str, text: str, inputs: Mapping[str, str] | None = None) -> WorkflowFile:
    """Read a workflow file; WorkflowFileError names the wrong or unsupported key.

    `inputs` are those of the dispatch, which a matrix may use; without them the defaults count.
    """
    try:
        raw = _read(text)
    except yaml.YAMLError as error:
        raise WorkflowFileError(f"{path}: {error}") from error
    if not isinstance(raw, dict):
        raise WorkflowFileError(f"{path}: no mapping")
    # YAML 1.1 reads the bare word `on` as true.
    raw = {"on" if key is True else str(key): value for key, value in raw.items()}
    _only(raw, _WORKFLOW_KEYS, path)
    triggers = _triggers(raw.get("on"))
    declared = _inputs(triggers)
    values = {declaration.name: declaration.default or "" for declaration in declared or ()} | dict(inputs or {})
    jobs = tuple(_job(path, key, value, values) for key, value in (raw.get("jobs") or {}).items())
    if not jobs or not triggers:
        raise WorkflowFileError(f"{path}: no jobs or no trigger")
    return WorkflowFile(path, raw.get("name", path), raw.get("run-name"), triggers, declared, jobs)


def _only(mapping: Mapping[str, Any], allowed: set[str], where: str) -> None:
    if unknown := set(mapping) - allowed:
        raise WorkflowFileError(f"{where}: unknown key {', '.join(sorted(unknown))}")


def _triggers(on: Any) -> dict[str, Any]:
    if isinstance(on, str):
        return {on: None}
    if isinstance(on, list):
        return dict.fromkeys(on)
    return dict(on or {})


def _inputs(triggers: Mapping[str, Any]) -> tuple[Input, ...] | None:
    if "workflow_dispatch" not in triggers:
        return None
    written = (triggers["workflow_dispatch"] or {}).get("inputs") or {}
    return tuple(_input(name, value or {}) for name, value in written.items())


def _input(name: str, raw: Mapping[str, Any]) -> Input:
    default = raw.get("default")
    text = None if default is None else str(default).lower() if isinstance(default, bool) else str(default)
    return Input(
        name, bool(raw.get("required")), text, raw.get("type", "string"), tuple(map(str, raw.get("options", ())))
    )


def _job(path: str, key: str, raw: Mapping[str, Any], inputs: Mapping[str, str]) -> JobFile:
    _only(raw, _JOB_KEYS, f"{path}: jobs.{key}")
    strategy = raw.get("strategy") or {}
    needs = raw.get("needs") or ()
    return JobFile(
        key=key,
        name=raw.get("name"),
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        condition=condition(raw.get("if")),
        runs_on=str(raw["runs-on"]),
        fail_fast=bool(strategy.get("fail-fast", True)),
        max_parallel=strategy.get("max-parallel"),
        matrix=expand_matrix(strategy.get("matrix") or {}, inputs),
        steps=tuple(_step(f"{path}: jobs.{key}.steps", step) for step in raw["steps"]),
    )


def _step(where: str, raw: Mapping[str, Any]) -> StepFile:
    _only(raw, _STEP_KEYS, where)
    uses, run = raw.get("uses"), raw.get("run")
    named = f"Run {uses or (run or '').splitlines()[0]}"
    return StepFile(raw.get("name", named), uses, run, condition(raw.get("if")))


def expand_matrix(raw: Mapping[str, Any], inputs: Mapping[str, str] | None = None) -> tuple[Mapping[str, str], ...]:
    """The combinations of a matrix in GitHub's order, less `exclude`, plus each `include`.

    An axis may be `${{ fromJSON(inputs.x) }}`, or `${{ fromJSON(needs.a.outputs.x) }}` for the output of a job that
    splits the input x: no shell runs here, so this is assumed. Empty when the value is not a list or is an empty
    list: GitHub cannot evaluate such a job's strategy.
    """
    axes = {key: _axis(values, inputs or {}) for key, values in raw.items() if key not in {"include", "exclude"}}
    if not all(axes.values()):
        return ()
    products = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    remaining = [
        product for product in products if not any(_fits(product, pattern) for pattern in raw.get("exclude", ()))
    ]
    more = [{key: str(value) for key, value in entry.items()} for entry in raw.get("include", ())]
    if len(remaining) + len(more) > MAX_JOBS:
        raise WorkflowFileError(f"a matrix of {len(remaining) + len(more)} jobs: GitHub takes {MAX_JOBS}")
    return tuple([*remaining, *more] or [{}])


def _axis(values: Any, inputs: Mapping[str, str]) -> list[str]:
    if not isinstance(values, str):
        return [str(value) for value in values]
    expression = _FROM_JSON.fullmatch(values.strip())
    if expression is None:
        raise WorkflowFileError(f"a matrix of {values!r}, which the stand-in cannot evaluate")
    value = inputs.get(expression[2], "")
    if expression[1].lower() != "inputs":
        return value.split(",") if value else []
    try:
        items = json.loads(value)
    except ValueError:
        return []
    return [str(value) for value in items] if isinstance(items, list) else []


def _fits(combination: Mapping[str, str], pattern: Mapping[str, Any]) -> bool:
    return all(combination.get(key) == str(value) for key, value in pattern.items())
