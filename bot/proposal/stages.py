"""Names of environments in what people write: dev, staging, prod and their spellings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# In the order in which code goes through them. The first spelling is the one that is kept apart from the code's own.
SPELLINGS = {
    "sandbox": ("sandbox", "playground"),
    "dev": ("dev", "development", "develop"),
    "test": ("test", "testing", "tst"),
    "qa": ("qa",),
    "uat": ("uat", "acceptance"),
    "staging": ("staging", "stage", "stg", "preprod", "preview"),
    "prod": ("prod", "production", "prd", "live"),
}
ORDER = tuple(SPELLINGS)
_STAGES = {spelling: stage for stage, spellings in SPELLINGS.items() for spelling in spellings}
_WORDS = re.compile(r"[A-Za-z]+")


def stage_of(name: str) -> str | None:
    """The stage of a name that is one by itself ("Production": prod); None for any other."""
    return _STAGES.get(name.lower())


def stage_in(text: str) -> tuple[str, str] | None:
    """The stage that a longer name speaks of, and its spelling there ("deploy-production.yml"); None for none or several."""
    stages = {(stage, word) for word in _WORDS.findall(text) if (stage := stage_of(word))}
    return next(iter(stages)) if len({stage for stage, _ in stages}) == 1 else None


def sort(stages: Iterable[str]) -> list[str]:
    """Known stages in their order, then all others by name."""
    return sorted(stages, key=lambda stage: (ORDER.index(stage) if stage in ORDER else len(ORDER), stage))
