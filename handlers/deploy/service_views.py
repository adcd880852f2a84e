"""The list of an environment's services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit, part_list
from bot.slack.blocks.part_list import PartLine
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Message

DEPLOY_LISTED = "deploy-listed"


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service: its name, the commit that it runs ("" where that is unknown), and since when (Unix seconds)."""

    name: str
    sha: str
    since: float


def services(environment: str, lines: Sequence[ServiceLine]) -> Message:
    """The services of an environment, each with the commit that it runs and a button that deploys its usual ref."""
    title = f"{environment} has {phrases.counted(len(lines), 'service')}"
    rows = [_row(environment, line) for line in lines]
    return part_list.listing(title, rows, f"/deploy {environment} <service>")


def _row(environment: str, line: ServiceLine) -> PartLine:
    runs = (
        f" runs {kit.code(line.sha[:7])} since {kit.moment(line.since)}" if line.sha else ": no deploy by Signalbox yet"
    )
    ask = kit.confirm(f"Deploy {line.name} to {environment}?", "Its usual branch is deployed.", "Deploy")
    button = kit.button(f"Deploy {line.name}", DEPLOY_LISTED, f"{environment}/{line.name}", ask=ask)
    return PartLine(line.name, runs, button)
