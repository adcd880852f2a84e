"""Reads workflow files: what triggers them, their inputs and jobs; refuses what GitHub refuses."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from sandbox.github.expressions import ExpressionError, check, condition, to_text
from sandbox.github.workflow_model import Callable, Input, JobFile, StepFile, WorkflowFile, needs_first
from sandbox.github.yaml_core import load

FOLDER = ".github/workflows/"
_WORKFLOW_KEYS = {"name", "description", "run-name", "on", "env", "permissions", "defaults", "concurrency", "jobs"}
_CALLER_KEYS = {"name", "needs", "if", "strategy", "concurrency", "permissions", "uses", "with", "secrets"}
_JOB_KEYS = {
    *("name", "needs", "if", "strategy", "concurrency", "permissions", "runs-on", "environment", "env", "defaults"),
    *("outputs", "continue-on-error", "timeout-minutes", "cancel-timeout-minutes", "container", "services", "snapshot"),
    "steps",
}
_STEP_KEYS = {"id", "name", "if", "env", "continue-on-error", "timeout-minutes"}
_RUN_KEYS = {*_STEP_KEYS, "run", "shell", "working-directory"}
_USES_KEYS = {*_STEP_KEYS, "uses", "with"}
_INPUT_TYPES = {"string", "boolean", "number", "choice", "environment"}
_REMOTE_ACTION = re.compile(r"[^/@\s]+/[^/@\s]+(/[^@\s]+)?@\S+")
# The stand-in has no containers.
_UNPLAYABLE = {"container": "a job in a container", "services": "services in containers", "snapshot": "a snapshot"}


class WorkflowFileError(ValueError):
    """A workflow file that GitHub would refuse."""


class UnreadableFileError(WorkflowFileError):
    """A workflow file that is no YAML: GitHub knows nothing of its triggers."""


@functools.lru_cache(maxsize=256)
def parse(path: str, text: str) -> WorkflowFile:
    """Read a workflow file; WorkflowFileError names the wrong key or expression.

    The result is shared, and nobody changes it: hundreds of runs of one file would parse it for 20 ms each.
    """
    raw = read_yaml(path, text)
    _only(raw, _WORKFLOW_KEYS, path)
    triggers = _triggers(raw.get("on"))
    jobs = tuple(_job(f"{path}: jobs.{key}", str(key), value) for key, value in _mapping(path, raw.get("jobs")).items())
    if not jobs or not triggers:
        raise WorkflowFileError(f"{path}: no jobs or no trigger")
    try:
        check(raw)
        needs_first(jobs)
    except ValueError as error:
        raise WorkflowFileError(f"{path}: {error}") from error
    return WorkflowFile(
        path=path,
        name=str(raw.get("name") or path),
        run_name=raw.get("run-name"),
        triggers=triggers,
        inputs=_dispatch_inputs(path, triggers),
        callable=_callable(path, triggers),
        env=_environment(path, raw.get("env")),
        jobs=jobs,
    )


def read_yaml(path: str, text: str) -> dict[str, Any]:
    """The mapping in a YAML file, and WorkflowFileError for anything else."""
    try:
        raw = load(text)
    except yaml.YAMLError as error:
        raise UnreadableFileError(f"{path}: {error}") from error
    if not isinstance(raw, dict):
        raise UnreadableFileError(f"{path}: no mapping")
    return {str(key): value for key, value in raw.items()}


def _only(mapping: Mapping[str, Any], allowed: set[str], where: str) -> None:
    if unknown := set(mapping) - allowed:
        raise WorkflowFileError(f"{where}: unknown key {', '.join(sorted(map(str, unknown)))}")


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value or {}, Mapping):
        raise WorkflowFileError(f"{where}: a mapping was expected, not {value!r}")
    return value or {}


def _environment(where: str, value: Any) -> Any:
    return value if isinstance(value, str) and value.startswith("${{") else _mapping(where, value)


def _triggers(on: Any) -> dict[str, Any]:
    if isinstance(on, str):
        return {on: None}
    if isinstance(on, list):
        return dict.fromkeys(on)
    return dict(on or {})


def _dispatch_inputs(path: str, triggers: Mapping[str, Any]) -> tuple[Input, ...] | None:
    if "workflow_dispatch" not in triggers:
        return None
    trigger = _mapping(path, triggers["workflow_dispatch"])
    return read_inputs(path, trigger.get("inputs"))


def _callable(path: str, triggers: Mapping[str, Any]) -> Callable | None:
    if "workflow_call" not in triggers:
        return None
    trigger = _mapping(path, triggers["workflow_call"])
    inputs = read_inputs(path, trigger.get("inputs"))
    outputs = _mapping(path, trigger.get("outputs"))
    return Callable(inputs, {name: _mapping(path, output).get("value") for name, output in outputs.items()})


def read_inputs(path: str, written: Any) -> tuple[Input, ...]:
    """The inputs of a trigger or of an action. Raises WorkflowFileError for a type that GitHub does not know."""
    return tuple(_input(path, str(name), _mapping(path, value)) for name, value in _mapping(path, written).items())


def _input(path: str, name: str, raw: Mapping[str, Any]) -> Input:
    default, kind = raw.get("default"), raw.get("type", "string")
    if kind not in _INPUT_TYPES:
        raise WorkflowFileError(f"{path}: the input {name} has the unknown type {kind!r}")
    text = None if default is None else to_text(default)
    return Input(name, bool(raw.get("required")), text, kind, tuple(map(to_text, raw.get("options") or ())))


def _job(where: str, key: str, written: Any) -> JobFile:
    raw = _mapping(where, written)
    _only(raw, _CALLER_KEYS if "uses" in raw else _JOB_KEYS, where)
    if "uses" not in raw and "runs-on" not in raw:
        raise WorkflowFileError(f"{where}: Required property is missing: runs-on")
    needs = raw.get("needs") or ()
    return JobFile(
        key=key,
        name=None if raw.get("name") is None else to_text(raw["name"]),
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        condition=_condition(where, raw.get("if")),
        runs_on=raw.get("runs-on"),
        strategy=raw.get("strategy"),
        steps=tuple(read_step(f"{where}.steps", step) for step in _steps(where, raw)),
        env=_environment(where, raw.get("env")),
        outputs=_mapping(where, raw.get("outputs")),
        continue_on_error=raw.get("continue-on-error", False),
        uses=raw.get("uses"),
        inputs=_mapping(where, raw.get("with")),
        unplayable=tuple(words for name, words in _UNPLAYABLE.items() if raw.get(name)),
    )


def _steps(where: str, raw: Mapping[str, Any]) -> Sequence[Any]:
    steps = raw.get("steps", ())
    if not isinstance(steps, Sequence) or isinstance(steps, str) or ("uses" not in raw and not steps):
        raise WorkflowFileError(f"{where}: Required property is missing: steps")
    return steps


def read_step(where: str, written: Any) -> StepFile:
    """A step of a job or of a composite action. Raises WorkflowFileError."""
    raw = _mapping(where, written)
    uses, run = raw.get("uses"), raw.get("run")
    _only(raw, _RUN_KEYS if uses is None else _USES_KEYS, where)
    if uses is None and run is None:
        raise WorkflowFileError(f"{where}: a step needs run or uses")
    if uses is not None and not uses.startswith(("./", "docker://")) and not _REMOTE_ACTION.fullmatch(uses):
        raise WorkflowFileError(f"{where}: Expected format {{org}}/{{repo}}[/path]@ref. Actual '{uses}'")
    script = to_text(run).strip()
    named = f"Run {uses or (script.splitlines() or [''])[0]}"
    return StepFile(
        step_id=str(raw.get("id") or ""),
        name=to_text(raw["name"]) if raw.get("name") is not None else named,
        uses=uses,
        run=None if run is None else to_text(run),
        condition=_condition(where, raw.get("if")),
        inputs=_mapping(where, raw.get("with")),
        env=_environment(where, raw.get("env")),
        shell=str(raw.get("shell") or ""),
        continue_on_error=raw.get("continue-on-error", False),
    )


def _condition(where: str, written: Any) -> str:
    try:
        return condition(written)
    except ExpressionError as error:
        raise WorkflowFileError(f"{where}: {error}") from error
