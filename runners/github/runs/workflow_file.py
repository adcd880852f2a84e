"""Reads a workflow's file at a ref: whether it can be dispatched, its inputs, and the jobs of its matrices."""

from __future__ import annotations

import base64
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from runners import foreign_yaml
from runners.concurrency import run_blocking
from runners.errors import NotFoundError, RunnerError
from runners.github.api.errors import check_repository

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from runners.github import GitHub

FOLDER = ".github/workflows"
LONGEST = 1 << 20  # bytes; GitHub accepts no longer files
PARSING = 10.0  # seconds
MOST_JOBS = 256  # of a matrix; GitHub's own limit
_DISPATCH = "workflow_dispatch"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_FORMAT = re.compile(r"format\(\s*'([^']*)'\s*,(.*)\)", re.IGNORECASE)
_INPUT = re.compile(r"(?:github\.event\.)?inputs\.([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Input:
    """An input of `workflow_dispatch`; `options` are the values of a choice.

    `type` is string, choice, boolean, number or environment (docs.github.com/actions, workflow syntax,
    `on.workflow_dispatch.inputs`).
    """

    name: str
    required: bool = False
    default: str | None = None
    options: tuple[str, ...] = ()
    type: str = "string"
    description: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """A parsed workflow. `inputs` are empty for a workflow without inputs or without workflow_dispatch.

    `jobs` are GitHub's names of the jobs of its matrices, as far as these are literal. `displayed` are the inputs whose
    values the name of each run, or of a job without a condition, shows: GitHub's API gives a run's inputs nowhere else.
    """

    name: str
    dispatchable: bool
    inputs: tuple[Input, ...] = ()
    jobs: tuple[str, ...] = ()
    displayed: frozenset[str] = frozenset()


async def read(github: GitHub, repository: str, workflow: str, ref: str) -> WorkflowFile:
    """Read the workflow's file at a branch, tag or commit.

    Raises:
        NotFoundError: no such file at that ref.
        RunnerError: the file is not a workflow.
    """
    doing = f"reading {workflow} at {ref} in {repository}"
    check_repository(repository, doing)
    path = f"/repos/{repository}/contents/{FOLDER}/{quote(workflow, safe='')}?ref={quote(ref, safe='')}"
    try:
        file = (await github.get(repository, path, doing=doing)).data
    except NotFoundError:
        raise NotFoundError(
            doing,
            f"there is no {FOLDER}/{workflow} at {ref}",
            remedy="Check the file's name, and that the branch or tag has it.",
        ) from None
    try:
        text = base64.b64decode(file["content"])[:LONGEST]
        return await run_blocking(parse, workflow, text, timeout=PARSING, doing=doing)
    except (KeyError, TypeError, ValueError):
        raise RunnerError(
            doing, "the file is no workflow that I can read", remedy="See what GitHub says of it."
        ) from None


async def state(github: GitHub, repository: str, workflow: str) -> str:
    """The workflow's state on GitHub: active, disabled_manually, disabled_inactivity, ...

    Raises:
        NotFoundError: no such workflow: its file is not on the default branch.
    """
    doing = f"looking up {workflow} in {repository}"
    check_repository(repository, doing)
    path = f"/repos/{repository}/actions/workflows/{quote(workflow, safe='')}"
    try:
        return str((await github.get(repository, path, doing=doing)).data["state"])
    except NotFoundError:
        raise NotFoundError(
            doing,
            f"GitHub knows no workflow {workflow} in {repository}, or hides it from us",
            remedy="Its file must be on the default branch too; and the token or App needs to read `actions`.",
        ) from None


def parse(workflow: str, text: bytes) -> WorkflowFile:
    """Parse a workflow's file; `workflow` is its default name. Raises ValueError."""
    raw = foreign_yaml.load(text)
    if not isinstance(raw, dict):
        raise TypeError("no mapping")
    # YAML 1.1 reads the bare word `on` as true; GitHub reads it as text.
    on = raw.get("on", raw.get(True))
    jobs = _mapping(raw.get("jobs"))
    names = itertools.chain.from_iterable(_names(str(key), job) for key, job in jobs.items())
    return WorkflowFile(
        str(raw.get("name") or workflow),
        dispatchable=on == _DISPATCH or (isinstance(on, list | dict) and _DISPATCH in on),
        inputs=tuple(_inputs(on)),
        jobs=tuple(names),
        displayed=frozenset(_displayed_inputs([raw.get("run-name"), *map(_certain_name, jobs.values())])),
    )


def missing_inputs(file: WorkflowFile, given: Collection[str]) -> tuple[str, ...]:
    """The inputs that GitHub refuses a dispatch without: required, without a default, and not among `given`."""
    return tuple(each.name for each in file.inputs if each.required and not each.default and each.name not in given)


def _certain_name(job: Any) -> Any:
    """The job's own name; None for a job that may not run, or not under this name."""
    return None if "if" in _mapping(job) or "needs" in _mapping(job) else _mapping(job).get("name")


def _displayed_inputs(names: Iterable[Any]) -> Iterable[str]:
    """The inputs that are in one of these names by themselves, or where the template of a format() has them."""
    for expression in itertools.chain.from_iterable(_EXPRESSION.findall(str(name)) for name in names if name):
        call = _FORMAT.fullmatch(expression)
        parts = enumerate(call[2].split(",")) if call else [(0, expression)]
        for number, part in parts:
            reference = _INPUT.fullmatch(part.strip())
            if reference and (call is None or f"{{{number}}}" in call[1].replace("{{", "")):
                yield reference[1]


def _inputs(on: Any) -> Iterable[Input]:
    for name, declaration in _mapping(_mapping(_mapping(on).get(_DISPATCH)).get("inputs")).items():
        values = _mapping(declaration)
        default, options = values.get("default"), values.get("options")
        yield Input(
            str(name),
            required=values.get("required") is True,
            default=None if default is None else _as_text(default),
            options=tuple(map(_as_text, options)) if isinstance(options, list) else (),
            type=str(values.get("type") or "string"),
            description=str(values.get("description") or ""),
        )


def _as_text(value: Any) -> str:
    """A value as GitHub sends it: YAML's true is "true"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _names(key: str, job: Any) -> list[str]:
    matrix = _mapping(_mapping(_mapping(job).get("strategy")).get("matrix"))
    if not matrix or "${{" in str(job.get("name", "")):
        return []  # no matrix, or names that only the run determines
    axes = {str(name): values for name, values in matrix.items() if name not in ("include", "exclude")}
    if not all(isinstance(values, list) for values in axes.values()):
        return []
    excluded = [pattern for pattern in _listed(matrix.get("exclude")) if isinstance(pattern, dict)]
    products = itertools.islice(itertools.product(*axes.values()), MOST_JOBS) if axes else ()
    combinations = [dict(zip(axes, values, strict=True)) for values in products]
    name = str(job.get("name") or key)
    return [
        f"{name} ({', '.join(map(str, combination.values()))})"
        for combination in combinations
        if not _is_among(combination, excluded)
    ]


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_among(combination: Mapping[str, Any], patterns: Iterable[Mapping[str, Any]]) -> bool:
    return any(all(combination.get(str(key)) == value for key, value in pattern.items()) for pattern in patterns)
