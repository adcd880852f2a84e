"""Measures the redaction of a log, beside the search for one value after the other that it replaced."""

from __future__ import annotations

import random
import re
import time
from statistics import median
from typing import TYPE_CHECKING

from bot.redaction import HIDDEN, TOKEN_SHAPES, Redactor
from runners.spellings import spellings
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZE, SECRETS, LIMIT = 1_000_000, 200, 50.0  # characters, values, milliseconds
_LINE = "2026-11-28T12:00:00.000Z ==> amazon-ebs.backend: Get:{n} http://archive.ubuntu.com/ubuntu noble/main lib{n} [{n} kB]\n"


async def measure(*, quick: bool) -> list[Figure]:
    """Redact the same log both ways in turn; processor time is measured, so that other work does not matter."""
    rng = random.Random(7)  # noqa: S311 - the same secrets in each run
    secrets = [_secret(rng, number) for number in range(SECRETS)]
    log = _log(rng, secrets)
    start = time.process_time()
    redact = Redactor(secrets)
    build = (time.process_time() - start) * 1e3
    one_by_one = _OneByOne(secrets)
    outcomes = redact(log), one_by_one(log)
    if any(secret in text for text in outcomes for secret in secrets):
        raise RuntimeError("a secret remained")
    rounds = [(_milliseconds(redact, log), _milliseconds(one_by_one, log)) for _ in range(2 if quick else 7)]
    ours, theirs = [first for first, _ in rounds], [second for _, second in rounds]
    many = f"{len(one_by_one.values)} spellings of {SECRETS} secrets, 1 MB"
    return [
        Figure(
            "redacting a log",
            median(ours),
            " ms",
            LIMIT,
            detail=f"median of {len(ours)}, up to {max(ours):.0f}; {many}",
        ),
        Figure("one spelling after the other", median(theirs), " ms", detail="the same spellings, found by `in`"),
        Figure("building the search, once in a process", build, " ms", detail=many),
    ]


class _OneByOne:
    """Searches for each spelling, and replaces those that are there."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self.values = sorted({text for secret in secrets for text in spellings(secret)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        present = [value for value in self.values if value in text]
        return str(TOKEN_SHAPES.sub(HIDDEN, re.sub("|".join(map(re.escape, present)), HIDDEN, text)))


def _milliseconds(mask: Callable[[str], str], text: str) -> float:
    start = time.process_time()
    mask(text)
    return (time.process_time() - start) * 1e3


def _secret(rng: random.Random, number: int) -> str:
    value = rng.randbytes(12).hex()
    return f"mysql://user{number}:{value}<&>$'`@db.internal/x" if number % 4 == 0 else f"{value}-{number}"


def _log(rng: random.Random, secrets: Sequence[str]) -> str:
    lines = [_LINE.format(n=rng.randrange(10**6)) for _ in range(SIZE // len(_LINE))]
    for secret in secrets[::4]:
        lines.insert(rng.randrange(len(lines)), f"+ connect {secret}\n")
    return "".join(lines)[:SIZE]
