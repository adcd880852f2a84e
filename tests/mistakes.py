"""Slips of a person who types: a letter left out, doubled or swapped with the next one, or the wrong case.

The same seed makes the same slips. A nightly run makes all kinds in each place, others one.
"""

from __future__ import annotations

import copy
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Path = tuple[str | int, ...]

_WORD = re.compile(r"[A-Za-z]{2,}")
_ENDING = re.compile(r"\.(ya?ml|tfvars|tf|hcl)$")


@dataclass(frozen=True)
class Mistake:
    """A wrong text in place of a right one; `path` is where in a document."""

    path: Path
    right: str
    wrong: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.wrong} for {self.right}"

    def put_into(self, document: Any) -> Any:
        """A copy of the document with the wrong text: as the value there, or as the key where the path ends in the right one."""
        changed = copy.deepcopy(document)
        inner = changed
        for step in self.path[:-1]:
            inner = inner[step]
        last = self.path[-1]
        if isinstance(inner, dict) and inner[last] != self.right:
            renamed = {self.wrong if key == last else key: value for key, value in inner.items()}
            inner.clear()
            inner.update(renamed)
        else:
            inner[last] = self.wrong
        return changed


def slips(text: str, seed: str, *, cases: bool = True) -> Iterator[str]:
    """Wrong spellings of a text: its ending (.yml) and what is no letter stay. `cases`: whether the case is one of the slips."""
    chance = random.Random(f"{seed} {text}")  # noqa: S311  -- the same each time
    kinds: list[Callable[[str, random.Random], str]] = [
        _left_out,
        _doubled,
        _swapped,
        *([_other_case] if cases else []),
    ]
    chance.shuffle(kinds)
    end = match.start() if (match := _ENDING.search(text)) else len(text)
    words = [match for match in _WORD.finditer(text, 0, end) if match[0] != "usergroup"] or [*_WORD.finditer(text)]
    made: list[str] = []
    for kind in kinds:
        if not words:
            break
        word = chance.choice(words)
        wrong = text[: word.start()] + kind(word[0], chance) + text[word.end() :]
        if wrong not in (text, *made):
            made.append(wrong)
    yield from made if nightly() else made[:1]


def nightly() -> bool:
    """Whether this run tries more than an ordinary one."""
    return settings().max_examples > 100


def _left_out(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    return word[:at] + word[at + 1 :]


def _doubled(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word))
    return word[:at] + word[at] + word[at:]


def _swapped(word: str, chance: random.Random) -> str:
    at = chance.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _other_case(word: str, _: random.Random) -> str:
    return word.upper() if word != word.upper() else word.lower()


def leaves(document: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Each text in the document, and each key of a mapping, with its path."""
    if isinstance(document, str):
        yield path, document
    entries = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in entries:
        if isinstance(key, str) and value != key:
            yield (*path, key), key
        yield from leaves(value, (*path, key))
