"""The results of measurements, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Figure:
    """A measured value with its limit; a figure without a limit is only printed.

    `more_is_better` says on which side of the limit the value must be; `detail` explains the value.
    """

    what: str
    value: float
    unit: str
    limit: float | None = None
    more_is_better: bool = False
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether the value is within its limit."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.more_is_better else self.value <= self.limit

    @property
    def target(self) -> str:
        """The limit as text."""
        if self.limit is None:
            return "-"
        return f"{'at least' if self.more_is_better else 'at most'} {_number(self.limit)}{self.unit}"

    @property
    def verdict(self) -> str:
        """pass, FAIL, or nothing for a figure without a limit."""
        if self.limit is None:
            return ""
        return "pass" if self.holds else "FAIL"


def of_runs(what: str, seconds: Sequence[float], limit: float) -> Figure:
    """The slowest of several runs, with a limit in seconds."""
    detail = f"median {median(seconds):.2f} s of {len(seconds)} runs"
    return Figure(f"{what}, slowest", max(seconds), " s", limit, detail=detail)


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    rows = [("figure", "measured", "target", "", "made of")]
    rows += [
        (figure.what, f"{_number(figure.value)}{figure.unit}", figure.target, figure.verdict, figure.detail)
        for figure in figures
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"
