"""Packer's builders with the jobs they belong to: what /infra builders, their alerts, builds and image clean-ups share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.access.policy import target_of
from bot.config import WatchBuilders
from bot.config.targets import BUILDERS
from bot.operations.periodic import REQUESTER
from bot.operations.requests import OperationRequest, request_of
from runners.aws.builders import discovery
from runners.aws.builders.job_join import Limits, join
from runners.aws.builders.recognition import Recognition
from runners.errors import RunnerError
from runners.github.runs import listing
from runners.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Config
    from bot.services import Services
    from runners.results import Builder, BuilderList, Joined, WorkflowRun

ALERT = "builder"  # the kind of operation that follows a stuck builder
# A builder's job began before the builder did, and may have waited for other jobs.
RUNS_FROM_BEFORE = timedelta(hours=6)
OLDEST_RUNS = timedelta(days=14)  # GitHub keeps the logs of older runs no longer by default, either
NO_WORKFLOW = "signalbox.yaml has no images section, so no workflow can be asked"
UNREAD_JOBS = "GitHub did not tell which jobs ran"


@dataclass(frozen=True, slots=True)
class BuilderSnapshot:
    """All builders with their jobs at one time; `problem` says why GitHub's runs could not be read, if they could not."""

    joined: tuple[Joined, ...]
    builders: BuilderList
    problem: str = ""


def settings(config: Config) -> WatchBuilders:
    """The configuration of `watch.builders`, or its defaults where the configuration has no such section."""
    return (config.watch.builders if config.watch else None) or WatchBuilders()


def recognition(config: Config) -> Recognition:
    """The tags by which a builder is recognised, besides Packer's own names."""
    watch = settings(config)
    return Recognition(watch.name_tag, watch.run_tag)


async def snapshot(services: Services, *, timeout: float = 120.0) -> BuilderSnapshot:
    """Read all builders of all regions, and their jobs. GitHub is asked only when there is a builder."""
    builders = await discovery.find_builders(services.account, recognition(services.config), timeout=timeout)
    joined, problem = await join_jobs(services, builders.builders)
    return BuilderSnapshot(joined, builders, problem)


async def join_jobs(services: Services, builders: Sequence[Builder]) -> tuple[tuple[Joined, ...], str]:
    """Each builder with its job; and why GitHub's runs could not be read, empty when they were."""
    if not builders:
        return (), ""
    now = datetime.fromtimestamp(services.clock(), UTC)
    since = max(min(builder.started_at for builder in builders) - RUNS_FROM_BEFORE, now - OLDEST_RUNS)
    problem, runs = "", None
    try:
        runs, since = await _runs(services, builders, since)
    except RunnerError as error:
        problem = services.redact(str(error))
    watch = settings(services.config)
    limits = Limits(watch.grace, watch.longest_build, watch.older_than)
    unreadable = UNREAD_JOBS if services.config.images else NO_WORKFLOW
    return join(builders, runs, now=now, limits=limits, read_since=since, unreadable=unreadable), problem


async def _runs(
    services: Services, builders: Sequence[Builder], since: datetime
) -> tuple[list[WorkflowRun] | None, datetime]:
    """The runs of all image workflows with their jobs, and since when they are complete; None without such a workflow."""
    builds, repository = services.config.builds, services.config.github.repository
    if not builds:
        return None, since
    runs: list[WorkflowRun] = []
    complete_since = since
    for images in builds.values():
        own = await listing.runs_since(services.github, repository, images.workflow, since)
        if len(own) >= listing.MOST_RUNS_WITH_JOBS:  # older runs were not read
            complete_since = max(complete_since, min(run.created_at for run in own))
        runs += own
    listed = {run.run_id for run in runs}
    tagged = {builder.run_id for builder in builders if builder.run_id} - listed
    others = [await listing.run_with_jobs(services.github, repository, run_id) for run_id in sorted(tagged)]
    return [*runs, *(run for run in others if run)], complete_since


def remaining_grace(services: Services, joined: Joined) -> timedelta | None:
    """How long Packer may still clean up by itself; None unless the builder's job has just ended."""
    if joined.verdict is not Verdict.ENDING or joined.ended_at is None:
        return None
    over = datetime.fromtimestamp(services.clock(), UTC) - joined.ended_at
    return max(settings(services.config).grace - over, timedelta())


async def begin_alert(services: Services, joined: Joined) -> None:
    """Begin the alert of a stuck builder, unless this builder has an alert already."""
    builder = joined.builder
    key = f"builder-{builder.region}-{builder.instance_id}"
    if await services.operations.started_by(key):
        return
    target = target_of(services.config, BUILDERS)
    request = OperationRequest(
        ALERT,
        f"Builder {builder.instance_id}",
        REQUESTER,
        key,
        target,
        {"region": builder.region, "instance": builder.instance_id},
        lane=builder.instance_id,
    )
    await services.engine.begin(request_of(request, await services.chat.channel_id(target.channel)))
