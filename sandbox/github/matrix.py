"""The combinations of a matrix and the names of their jobs, as GitHub makes them.

Source: the documentation of `jobs.<job_id>.strategy.matrix`, and MatrixBuilder and JobNameBuilder of actions/runner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from sandbox.github.expressions import ExpressionError, Value, equals, to_text
from sandbox.github.expressions.values import to_number

MAX_JOBS = 256  # of a matrix
LONGEST_NAME = 100
Combination: TypeAlias = Mapping[str, Value]


class Combinations(list[tuple[Combination, str]]):
    """Each combination with what its job's name has in brackets, before the values that an `include` adds to it."""


def combinations(matrix: Value) -> Combinations:
    """The combinations of an evaluated `matrix:` in GitHub's order; a single empty one for none.

    Raises ExpressionError, in GitHub's words, for a matrix that GitHub refuses.
    """
    if matrix is None:
        return Combinations([({}, "")])
    if not isinstance(matrix, Mapping):
        raise ExpressionError("Unexpected value for the matrix: a mapping was expected")
    axes = {key: _axis(key, values) for key, values in matrix.items() if key not in {"include", "exclude"}}
    include, exclude = _filters(matrix, "include"), _filters(matrix, "exclude")
    if not axes and not include:
        raise ExpressionError("Matrix must define at least one vector")
    _check_excluded(axes, exclude)
    products = (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())) if axes else ()
    result, unmatched = Combinations(), list(include)
    for product in products:
        if any(_fits(product, entry) for entry in exclude):
            continue
        extra: dict[str, Value] = {}
        for entry in include:
            if _fits(product, {key: value for key, value in entry.items() if key in axes}):
                extra.update({key: value for key, value in entry.items() if key not in axes})
                unmatched = [other for other in unmatched if other is not entry]
        result.append(({**product, **extra}, _in_brackets(product)))
    for entry in unmatched:
        own = {key: entry[key] for key in sorted(entry, key=lambda key: key not in axes)}
        result.append((own, _in_brackets(own)))
    if len(result) > MAX_JOBS:
        raise ExpressionError(f"a matrix of {len(result)} jobs: GitHub takes {MAX_JOBS}")
    return result or Combinations([({}, "")])


def named(name: str, in_brackets: str) -> str:
    """A job's name with the values of its combination, at most 100 characters long."""
    whole = f"{name} ({in_brackets})" if in_brackets else name
    return whole if len(whole) <= LONGEST_NAME else f"{whole[: LONGEST_NAME - 3]}..."


def leaves(value: Value) -> list[str]:
    """The texts in a value, those of objects and arrays in it too, without nulls and empty ones."""
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in leaves(item)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [text for item in value for text in leaves(item)]
    return [text] if (text := to_text(value)) else []


def _in_brackets(combination: Combination) -> str:
    return ", ".join(leaves(combination))


def _axis(name: str, values: Value) -> Sequence[Value]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ExpressionError(f"Unexpected value for the matrix vector '{name}': a sequence was expected")
    if not values:
        raise ExpressionError(f"Matrix vector '{name}' does not contain any values")
    return values


def _filters(matrix: Mapping[str, Value], which: str) -> list[Combination]:
    written = matrix.get(which, [])
    if not isinstance(written, Sequence) or isinstance(written, str):
        raise ExpressionError(f"Unexpected value for matrix {which}s: a sequence was expected")
    filters: list[Combination] = []
    for entry in written:
        if not isinstance(entry, Mapping):
            raise ExpressionError(f"Unexpected value for an item of matrix {which}s: a mapping was expected")
        if not entry:
            raise ExpressionError(f"Matrix {which} mapping does not contain any values")
        filters.append(entry)
    return filters


def _check_excluded(axes: Mapping[str, Sequence[Value]], exclude: Sequence[Combination]) -> None:
    for key in itertools.chain.from_iterable(exclude):
        if key not in axes:
            raise ExpressionError(f"Matrix exclude key '{key}' does not match any key within the matrix")


def _fits(combination: Combination, entry: Combination) -> bool:
    """Whether each plain value in the entry loosely equals the one at the same place of the combination."""
    return all(equals(_at(combination, path), value) for path, value in _paths(entry))


def _paths(value: Value, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Value]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from _paths(item, (*path, str(number)))
    else:
        yield path, value


def _at(value: Value, path: Sequence[str]) -> Value:
    for key in path:
        if isinstance(value, Mapping):
            value = next((item for name, item in value.items() if name.lower() == key.lower()), None)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            number = to_number(key)
            value = value[int(number)] if not math.isnan(number) and 0 <= number < len(value) else None
        else:
            return None
    return value
