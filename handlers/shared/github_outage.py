"""GitHub's outages while a run is followed: recorded when GitHub answers again, reported when the run has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from runners import phrases

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import WorkflowRun

OUTAGE = "github silent"  # annotations of an operation: begin and end of an outage, in Unix seconds


class GitHubOutage:
    """Observes each update of an operation's run. Create it again whenever the run is followed again."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._since: float | None = None

    async def observe(self, run: WorkflowRun) -> None:
        """Record the outage that this update ends."""
        if run.stale_since:
            self._since = run.stale_since.timestamp()
        elif self._since is not None:
            services, since, self._since = self._operation.services, self._since, None
            await services.annotations.add(self._operation.number, OUTAGE, f"{since:.0f} {services.clock():.0f}")


async def outage_notice(operation: Operation) -> str:
    """Durable: for how long GitHub did not answer (mrkdwn); empty when it always answered."""
    recorded = await operation.step(
        "outages", lambda: operation.services.annotations.values_of(operation.number, OUTAGE)
    )
    outages = [(float(since), float(until)) for since, until in (value.split(" ") for value in recorded)]
    if not outages:
        return ""
    began = min(since for since, _ in outages)
    whole = phrases.duration(sum(until - since for since, until in outages))
    often = f" in all, {len(outages)} times, first" if len(outages) > 1 else ""
    when = f"for {whole}{often} from {kit.moment(began)} on"
    return f":information_source: GitHub did not answer {when}. The run went on there."
