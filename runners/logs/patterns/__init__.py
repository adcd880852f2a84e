"""The tables of failure patterns by tool, each pattern with a line that it matches and one that it does not."""

from __future__ import annotations

from typing import NamedTuple

STRONG, WEAK, CERTAIN = (
    3,
    1,
    100,
)  # the weights of findings; a job is suspect from a sum that `images.suspect_weight` sets


class Row(NamedTuple):
    """A failure pattern of a tool: its name for people, the RE2 expression, a line that fails and one that does not."""

    name: str
    pattern: str
    example: str
    counterexample: str
    weight: int = STRONG


Table = dict[str, tuple[Row, ...]]
