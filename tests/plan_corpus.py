"""The corpus of plans in tests/data, made by real terraform from generated configurations: see `tests.plan_generator`.

Terraform's own words about each plan and its apply are the reference: they share no code with the project.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "plans.jsonl.gz"
_NUMBERS = re.compile(r"(\d+) to (import|add|change|destroy|forget|invoke)\b")


@dataclass(frozen=True, slots=True)
class Case:
    """A plan, and what Terraform printed of it and of its apply.

    `headline` is the line of the plan that people read ("Plan: 1 to add, ..." or "No changes. ..."); `printed` the
    messages of `plan -json` and `applied` those of `apply -json`, without `@` fields. `secrets` are the sensitive values.
    """

    seed: int
    program: str
    options: list[str]
    exit_code: int
    headline: str
    text: str
    plan: dict[str, Any]
    printed: list[dict[str, Any]]
    applied: list[dict[str, Any]]
    apply_exit_code: int
    secrets: list[str] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, int]:
        """What the headline counts, by Terraform's verb."""
        return {verb: int(number) for number, verb in _NUMBERS.findall(self.headline)}


@cache
def corpus() -> tuple[Case, ...]:
    """The cases in tests/data."""
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return tuple(Case(**json.loads(line)) for line in lines)
