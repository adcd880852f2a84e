"""What there is in place of a name that there is not, the nearest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners import nearest
from runners.errors import RunnerError
from runners.github.api.reads import CachedReads
from runners.github.ref_facts import branches_and_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runners.github import GitHub

NAMED = 5


def there_is(word: str, choices: Iterable[str], what: str = "there is") -> str:
    """A sentence for a remedy: There is instances/production, instances/staging."""
    names = ", ".join(nearest.ranked(word, choices)[:NAMED])
    return f"{what[:1].upper()}{what[1:]} {names}." if names else f"{what[:1].upper()}{what[1:]} none."


async def other_refs(github: GitHub, repository: str, ref: str) -> str:
    """The branches and tags that the repository has, where it does not have this one; "" where it has, or where they are unknown."""
    try:
        full_names = [name for name, _ in await branches_and_tags(CachedReads(github), repository)]
    except RunnerError:
        return ""
    short = {name.removeprefix("refs/").partition("/")[2] for name in full_names}
    return "" if ref in {*short, *full_names} else there_is(ref, short, f"{repository} has")
