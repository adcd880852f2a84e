"""Measures the decisions of the policy: whether a person may run something, and whether they may approve it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.policy import Person
from bot.access.rights import need_of
from bot.config import read
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

ROLES, ENVIRONMENTS, LIMIT = 20, 30, 50.0  # the last in microseconds
NEED = need_of("deploy", {})


async def measure(*, quick: bool) -> list[Figure]:
    """The slowest case of each: the person whom the last of many roles names, by processor time."""
    config = read(_text())
    target, person = config.environments[f"env{ENVIRONMENTS - 1}"], Person(f"U0P{ROLES - 1}", frozenset({"S0ALL"}))
    rounds = 2_000 if quick else 50_000

    def run() -> None:
        policy.check_may(config, person, NEED, target)

    def approve() -> None:
        policy.check_may_approve(config, target, person, "U0OTHER", NEED)

    detail = f"{ROLES} roles, {ENVIRONMENTS} environments; mean of {rounds}"
    return [
        Figure("whether somebody may run it", _microseconds(run, rounds), " µs", LIMIT, detail=detail),
        Figure("whether somebody may approve it", _microseconds(approve, rounds), " µs", LIMIT, detail=detail),
    ]


def _microseconds(work: Callable[[], None], rounds: int) -> float:
    start = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - start) / rounds * 1e6


def _text() -> str:
    names = ", ".join(f"env{number}" for number in range(ENVIRONMENTS))
    roles = [
        f"    r{number}: {{people: [U0P{number}], may: [run, approve], environments: [{names}], commands: [/deploy]}}"
        for number in range(ROLES)
    ]
    environments = [
        f"  env{number}: {{deploy: {{github_actions: {{workflow: d.yml}}}}}}" for number in range(ENVIRONMENTS)
    ]
    head = 'slack: {channel: "#ops"}\ngithub: {repository: o/r}\naccess:\n  operators: [U0ANA]\n  approvers: [U0LEE]\n  roles:'
    return "\n".join([head, *roles, "environments:", *environments, ""])
