"""What a build's failed jobs have left in EC2: ended before they are run again, since Packer would make it anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.builders.watch import join_jobs, recognition
from runners.aws.builders.leftovers import leftovers
from runners.aws.builders.terminating import clear, terminate
from runners.errors import RunnerError
from runners.results import OrphanedResources, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.operation import Operation
    from runners.results import Builder, Step, Termination, WorkflowRun

OVER = (Verdict.ENDING, Verdict.ENDED)  # the job has ended: whatever Packer was, it is no more


@dataclass(frozen=True, slots=True)
class Left:
    """What a run has left: `builders` that are certainly its own, and loose things from its time."""

    builders: tuple[Builder, ...]
    loose: OrphanedResources


async def clean_leftovers(operation: Operation, run: WorkflowRun) -> str:
    """Durable: end what a run that is over has left running; what was done, in mrkdwn, empty when there was nothing.

    Nothing here keeps failed jobs from being run again: what cannot be cleaned is said.
    """
    services, attempt = operation.services, run.attempt
    try:
        left = await operation.step(f"leftovers of attempt {attempt}", lambda: _find(operation, run))
        ended = [
            await operation.step(f"terminate {builder.instance_id}", lambda builder=builder: _end(operation, builder))  # type: ignore[misc]
            for builder in left.builders
        ]
        cleared: tuple[Step, ...] = await operation.step(
            f"clear leftovers of attempt {attempt}", lambda: clear(services.account, left.loose)
        )
    except RunnerError as error:
        return f":warning: What the failed jobs may have left in EC2 could not be cleaned: {kit.escape(error.problem)}."
    return _in_words(ended, cleared)


async def _find(operation: Operation, run: WorkflowRun) -> Left:
    services = operation.services
    found = await leftovers(
        services.account,
        recognition(services.config),
        now=datetime.fromtimestamp(services.clock(), UTC),
        run_id=run.run_id,
        since=run.created_at,
        until=run.ended_at,
    )
    # By its time alone a builder may as well be another run's: only one that is joined to this run is ended.
    joined, _ = await join_jobs(services, found.builders)
    ours = [one.builder for one in joined if one.run and one.run.run_id == run.run_id and one.verdict in OVER]
    loose = OrphanedResources((), found.key_pairs, found.security_groups, found.volumes)
    return Left(tuple(builder for builder in ours if not builder.kept), loose)


async def _end(operation: Operation, builder: Builder) -> Termination:
    services = operation.services
    ended = await terminate(services.account, builder, recognition(services.config))
    outcome = "terminated" if ended.terminated else "not terminated"
    await operation.annotate("builder ended", instance=builder.instance_id, region=builder.region, outcome=outcome)
    return ended


def _in_words(ended: Sequence[Termination], cleared: Sequence[Step]) -> str:
    gone = [kit.code(one.builder.instance_id) for one in ended if one.terminated]
    stays = [kit.code(one.builder.instance_id) for one in ended if not one.terminated]
    loose = Counter(step.what for step in cleared if step.gone)
    said = [f"builder{'s' if len(gone) != 1 else ''} {', '.join(gone)} terminated"] if gone else []
    said += [f"{count} {what}{'s' if count != 1 else ''} removed" for what, count in loose.items()]
    said += [f"{', '.join(stays)} could not be terminated: see /infra builders"] if stays else []
    return f":wastebasket: Cleaned up after the failed jobs: {'; '.join(said)}." if said else ""
