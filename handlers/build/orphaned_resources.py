"""What a run of the image workflow left in EC2: reported when the run is over, deleted before failed jobs run again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.shared.builders import begin_alert, join_jobs, recognition, remaining_grace, snapshot
from runners import phrases
from runners.aws.builders.orphaned_resources import find_orphans
from runners.aws.builders.termination import delete_resources, terminate
from runners.errors import RunnerError
from runners.results import OrphanedResources, Verdict
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.results import Builder, Joined, Step, Termination, WorkflowRun

TIMEOUT = 20.0  # seconds: the last update of the build's message waits for this
OVER = (Verdict.ENDING, Verdict.ENDED)  # the job has ended, so Packer no longer runs
NAMED = 12  # builders that the message names


@stored("run-resources")
@dataclass(frozen=True, slots=True)
class RunResources:
    """What a run left in EC2: `builders` that are certainly its own, and `others` that date from its time."""

    builders: tuple[Builder, ...]
    others: OrphanedResources


async def orphaned_builders(services: Services, run: WorkflowRun) -> str:
    """A line (mrkdwn) about the run's builders that still exist, empty when none does. Stuck ones get their alerts."""
    current = await snapshot(services, timeout=TIMEOUT)
    of_run = [
        joined for joined in current.joined if joined.run and joined.run.run_id == run.run_id and joined.builder.live
    ]
    for joined in of_run:
        if joined.stuck and _watched(services):
            await begin_alert(services, joined)
    if of_run:
        return _builders_line(services, of_run)
    if current.builders.unreadable:
        problems = "; ".join(kit.escape(str(unreadable)) for unreadable in current.builders.unreadable[:3])
        return f":warning: EC2 could not be asked what the run left behind: {problems}."
    return ""


def _builders_line(services: Services, builders: Sequence[Joined]) -> str:
    names = phrases.listed([kit.code(joined.builder.instance_id) for joined in builders], NAMED)
    several = len(builders) > 1
    graces = [grace for joined in builders if (grace := remaining_grace(services, joined)) is not None]
    upcoming = _alert_due(max(graces), several=several) if graces and _watched(services) else "see /infra builders"
    return f":warning: Still in EC2: {phrases.plural(len(builders), 'builder')} {names}; {upcoming}."


def _alert_due(grace: timedelta, *, several: bool) -> str:
    they = "they are told here if they are" if several else "it is told here if it is"
    return f"{they} still there in {phrases.age(max(grace.total_seconds(), 60))}"


def _watched(services: Services) -> bool:
    watch = services.config.watch
    return bool(watch and watch.builders)


async def delete_orphans(operation: Operation, run: WorkflowRun) -> str:
    """Durable: delete what a run that is over left in EC2; a line (mrkdwn) about it, empty when there was nothing.

    An error becomes part of the line: failed jobs run again although the clean-up failed.
    """
    services, attempt = operation.services, run.attempt
    try:
        resources = await operation.step(f"orphaned resources of attempt {attempt}", lambda: _find(operation, run))
        terminated = [
            await operation.step(f"terminate {builder.instance_id}", lambda builder=builder: _end(operation, builder))  # type: ignore[misc]
            for builder in resources.builders
        ]
        deleted: tuple[Step, ...] = await operation.step(
            f"delete orphaned resources of attempt {attempt}",
            lambda: delete_resources(services.account, resources.others),
        )
    except RunnerError as error:
        return f":warning: What the failed jobs may have left in EC2 could not be cleaned: {kit.escape(error.problem)}."
    return _deleted_line(terminated, deleted)


async def _find(operation: Operation, run: WorkflowRun) -> RunResources:
    services = operation.services
    orphans = await find_orphans(
        services.account,
        recognition(services.config),
        now=datetime.fromtimestamp(services.clock(), UTC),
        run_id=run.run_id,
        since=run.created_at,
        until=run.ended_at,
    )
    # By its time alone a builder may belong to another run: only a builder joined to this run is terminated.
    builders, _ = await join_jobs(services, orphans.builders)
    of_run = [
        joined.builder
        for joined in builders
        if joined.run and joined.run.run_id == run.run_id and joined.verdict in OVER
    ]
    others = OrphanedResources((), orphans.key_pairs, orphans.security_groups, orphans.volumes)
    return RunResources(tuple(builder for builder in of_run if not builder.protected), others)


async def _end(operation: Operation, builder: Builder) -> Termination:
    services = operation.services
    ended = await terminate(services.account, builder, recognition(services.config))
    outcome = "terminated" if ended.terminated else "not terminated"
    await operation.annotate("builder ended", instance=builder.instance_id, region=builder.region, outcome=outcome)
    return ended


def _deleted_line(terminations: Sequence[Termination], steps: Sequence[Step]) -> str:
    done = [kit.code(termination.builder.instance_id) for termination in terminations if termination.terminated]
    failed = [kit.code(termination.builder.instance_id) for termination in terminations if not termination.terminated]
    counts = Counter(step.what for step in steps if step.removed)
    parts = [f"{phrases.plural(len(done), 'builder')} {', '.join(done)} terminated"] if done else []
    parts += [f"{phrases.counted(count, what)} removed" for what, count in counts.items()]
    parts += [f"{', '.join(failed)} could not be terminated: see /infra builders"] if failed else []
    return f":wastebasket: Cleaned up after the failed jobs: {'; '.join(parts)}." if parts else ""
