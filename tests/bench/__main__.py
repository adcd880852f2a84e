"""`python -m tests.bench [--only NAME] [--quick]`: measures, prints a table, exits 0 only if every target holds."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING

from tests.bench import (
    artifact_store,
    audit_log,
    aws_round,
    burst,
    busy,
    check_code,
    click,
    click_seals,
    commands,
    crowd,
    deploy_by_hand,
    drift_round,
    github_calls,
    home,
    idle,
    log_scan,
    many_hosts,
    masking,
    million,
    plan_by_hand,
    plan_summary,
    policy,
    spread,
    start,
    takeover,
    waiting,
    wall,
)
from tests.bench.figures import Figure, table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    Measurement = Callable[..., Coroutine[object, object, list[Figure]]]

MEASUREMENTS: dict[str, Measurement] = {
    "commands": commands.measure,
    "burst": burst.measure,
    "busy": busy.measure,
    "crowd": crowd.measure,
    "check": check_code.measure,
    "click": click.measure,
    "click-seals": click_seals.measure,
    "start": start.measure,
    "idle": idle.measure,
    "takeover": takeover.measure,
    "spread": spread.measure,
    "waiting": waiting.measure,
    "million": million.measure,
    "audit-log": audit_log.measure,
    "plan-summary": plan_summary.measure,
    "plan-by-hand": plan_by_hand.measure,
    "aws-round": aws_round.measure,
    "log-scan": log_scan.measure,
    "masking": masking.measure,
    "policy": policy.measure,
    "github-calls": github_calls.measure,
    "home": home.measure,
    "deploy-by-hand": deploy_by_hand.measure,
    "many-hosts": many_hosts.measure,
    "wall": wall.measure,
    "artifact-store": artifact_store.measure,
    "drift-round": drift_round.measure,
}


async def measure(names: Iterable[str], *, quick: bool) -> list[Figure]:
    """Run the measurements one after the other, and print the name of each."""
    figures: list[Figure] = []
    for name in names:
        _say(f"measuring {name}, load average {os.getloadavg()[0]:.1f} ...")
        result = await MEASUREMENTS[name](quick=quick)
        _say(f"{table(result)}\n")
        figures += result
    return figures


def main(arguments: list[str] | None = None) -> int:
    """Run the measurements that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures Signalbox.")
    parser.add_argument("--only", choices=MEASUREMENTS, action="append", help="this measurement; may be repeated")
    parser.add_argument("--quick", action="store_true", help="few runs: whether it works, not how fast it is")
    chosen = parser.parse_args(arguments)
    figures = asyncio.run(measure(chosen.only or MEASUREMENTS, quick=chosen.quick))
    _say(f"{table(figures)}\n")
    _say(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    return 0 if all(figure.holds for figure in figures) else 1


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command line prints


if __name__ == "__main__":
    sys.exit(main())
