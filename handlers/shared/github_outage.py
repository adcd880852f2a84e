"""For how long GitHub told nothing of a run that is followed: noted when it tells again, and said when the run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import WorkflowRun

SILENT = "github silent"  # notes: from when until when, in Unix seconds


class GitHubOutage:
    """Sees each news of an operation's run. Make it anew whenever the run is followed anew."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._since: float | None = None

    async def see(self, run: WorkflowRun) -> None:
        """Note a silence that this news ends."""
        if run.stale_since:
            self._since = run.stale_since.timestamp()
        elif self._since is not None:
            services, since, self._since = self._operation.services, self._since, None
            await services.annotations.add(self._operation.number, SILENT, f"{since:.0f} {services.clock():.0f}")


async def told(operation: Operation) -> str:
    """Durable: for how long GitHub told nothing (mrkdwn); empty when it always answered."""
    recorded = await operation.step(
        "silences", lambda: operation.services.annotations.values_of(operation.number, SILENT)
    )
    silences = [(float(since), float(until)) for since, until in (value.split(" ") for value in recorded)]
    if not silences:
        return ""
    begun = min(since for since, _ in silences)
    whole = kit.duration(sum(until - since for since, until in silences))
    often = f" in all, {len(silences)} times, first" if len(silences) > 1 else ""
    return f":information_source: GitHub told nothing for {whole}{often} from {kit.moment(begun)} on. The run went on there."
