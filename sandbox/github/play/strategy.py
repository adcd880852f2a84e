"""A job's strategy: its combinations, how many run at once, and whether one that fails ends the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github.expressions import ExpressionError, Value, expand, resolved, truthy
from sandbox.github.expressions.values import to_number
from sandbox.github.matrix import Combination, combinations, leaves, named

if TYPE_CHECKING:
    from sandbox.github.expressions import Contexts
    from sandbox.github.runs import Job
    from sandbox.github.workflow_model import JobFile


@dataclass(frozen=True, slots=True)
class Variant:
    """One of a job's combinations, with the contexts that it has them in."""

    matrix: Combination
    name: str
    contexts: Contexts


@dataclass(frozen=True, slots=True)
class Turn:
    """A job with all that it runs with: `refused` are the reasons why it cannot be played."""

    job: Job
    contexts: Contexts
    environments: tuple[Value, ...]
    refused: list[str]
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class Strategy:
    """`at_once` jobs of `variants` run at a time."""

    variants: tuple[Variant, ...]
    fail_fast: bool
    at_once: int

    @classmethod
    def of(cls, file: JobFile, contexts: Contexts) -> Strategy:
        """Evaluate the strategy and the names of a job. Raises ExpressionError in GitHub's words."""
        written = resolved(file.strategy, contexts)
        if not isinstance(written, Mapping | None):
            raise ExpressionError("Unexpected value for the strategy: a mapping was expected")
        strategy = written or {}
        matrices = combinations(strategy.get("matrix"))
        limit = strategy.get("max-parallel")
        if limit is not None and not to_number(limit) >= 1:
            raise ExpressionError(f"Unexpected value for max-parallel: {limit!r}")
        at_once = len(matrices) if limit is None else int(to_number(limit))
        fail_fast = truthy(strategy.get("fail-fast", True))
        variants = []
        for number, (matrix, in_brackets) in enumerate(matrices):
            about: dict[str, Value] = {"fail-fast": fail_fast, "job-index": number, "job-total": len(matrices)}
            available: dict[str, Value] = {**contexts, "matrix": matrix or None}
            available["strategy"] = {**about, "max-parallel": at_once}
            variants.append(Variant(matrix, display_name(file, in_brackets, available), available))
        return cls(tuple(variants), fail_fast, at_once)


def display_name(file: JobFile, in_brackets: str, contexts: Contexts) -> str:
    """The job's name on GitHub: `deploy (backend)`, also after a name of its own, unless that has an expression."""
    if file.name is not None and "${{" in file.name:
        return expand(file.name, contexts) or file.key
    return named(file.name or file.key, in_brackets)


def labels_of(file: JobFile, contexts: Contexts) -> tuple[str, ...]:
    """The labels of the runner that a job asks for; none where that cannot be evaluated."""
    try:
        runs_on = resolved(file.runs_on, contexts)
    except ExpressionError:
        return ()
    return tuple(leaves(runs_on.get("labels")) if isinstance(runs_on, Mapping) else leaves(runs_on))
