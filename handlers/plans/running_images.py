"""The images that run where a plan has nothing to do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handlers.plans.images import TIMEOUT
from runners import amis
from runners.errors import RunnerError

if TYPE_CHECKING:
    from bot.operation import Operation
    from runners.results import Image, PlanSummary

log = logging.getLogger(__name__)


async def running(operation: Operation, summary: PlanSummary) -> tuple[tuple[str, Image], ...]:
    """Each machine with its image, as the state has it; by their ids alone when EC2 does not answer."""
    services, machines = operation.services, operation.environment.machines
    try:
        return await amis.describe_running(services.aws.ec2, summary, machines, timeout=TIMEOUT)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, services.redact(str(error)))
        return amis.running(summary, machines)
