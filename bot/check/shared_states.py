"""Names the environments that share a Terraform state: they share a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.result import NOTE
from bot.config.targets import queue_of
from runners.results import Connection

if TYPE_CHECKING:
    from bot.config import Config


def shared_states(config: Config) -> list[Connection]:
    """A line for each state that several environments plan."""
    queues = dict.fromkeys(queue_of(config, name) for name in config.environments)
    return [
        Connection(
            NOTE,
            ok=True,
            detail=f"{' and '.join(queue)} plan the same Terraform state ({_state(config, queue[0])}), "
            "so their operations share one queue",
        )
        for queue in queues
        if len(queue) > 1
    ]


def _state(config: Config, name: str) -> str:
    terraform = config.environments[name].terraform
    if terraform and terraform.hcp:
        return f"{terraform.hcp.organization}/{terraform.hcp.workspace}"
    return f"directory {terraform.code}, workspace {terraform.workspace or 'default'}" if terraform else ""
