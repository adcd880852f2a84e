"""What there is in place of a name that there is not, the nearest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED = 5


def there_is(word: str, choices: Iterable[str], what: str = "there is") -> str:
    """A sentence for a remedy: There is instances/production, instances/staging."""
    similar = process.extract(word, sorted(set(choices)), scorer=fuzz.ratio, limit=NAMED)
    names = ", ".join(match[0] for match in similar)
    return f"{what[:1].upper()}{what[1:]} {names}." if names else f"{what[:1].upper()}{what[1:]} none."
