"""Looking after Packer's builders: which there are, which job each belongs to, and a message for each that is stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.access.policy import target_of
from bot.config import WatchBuilders
from bot.config.targets import BUILDERS
from bot.operations.registry import DueRun, Invocation, PeriodicTask, Topic
from bot.operations.requests import OperationRequest, request_of
from handlers.builders import views
from runners.aws.builders import finding
from runners.aws.builders.joining import Limits, join
from runners.aws.builders.reading import Recognition
from runners.errors import RunnerError
from runners.github.runs import listing
from runners.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.results import Builder, FoundBuilders, Joined, WorkflowRun

KIND = "builder"
NOBODY = "signalbox"
# Runs are read from so long before the oldest builder's start: its job began before it, and may have waited for others.
BEFORE = timedelta(hours=6)
OLDEST = timedelta(days=14)  # runs from before are not read; GitHub keeps their logs no longer by default, either
NO_WORKFLOW = "signalbox.yaml has no images section, so no workflow can be asked"
UNREAD = "GitHub did not tell which jobs ran"


@dataclass(frozen=True, slots=True)
class BuilderObservation:
    """All builders there are, each joined to its job; `trouble` says what could not be read of GitHub's runs."""

    joined: tuple[Joined, ...]
    found: FoundBuilders
    trouble: str = ""


def settings(config: Config) -> WatchBuilders:
    """How builders are looked after; the usual values where the configuration says nothing."""
    return (config.watch.builders if config.watch else None) or WatchBuilders()


def recognition(config: Config) -> Recognition:
    """What marks a builder beside Packer's own names."""
    watch = settings(config)
    return Recognition(watch.name_tag, watch.run_tag)


async def survey(services: Services, *, timeout: float = 120.0) -> BuilderObservation:
    """All builders of all regions with their jobs. GitHub is asked only when there is a builder."""
    found = await finding.find(services.account, recognition(services.config), timeout=timeout)
    joined, trouble = await join_jobs(services, found.builders)
    return BuilderObservation(joined, found, trouble)


async def join_jobs(services: Services, builders: Sequence[Builder]) -> tuple[tuple[Joined, ...], str]:
    """Each builder with its job, and what could not be read."""
    if not builders:
        return (), ""
    now = datetime.fromtimestamp(services.clock(), UTC)
    since = max(min(builder.started_at for builder in builders) - BEFORE, now - OLDEST)
    trouble, runs = "", None
    try:
        runs = await _runs(services, builders, since)
    except RunnerError as error:
        trouble = services.redact(str(error))
    if runs and len(runs) >= listing.MOST_RUNS_WITH_JOBS:  # older ones were not read
        since = max(since, min(run.created_at for run in runs))
    watch = settings(services.config)
    limits = Limits(watch.grace, watch.longest_build, watch.older_than)
    unread = UNREAD if services.config.images else NO_WORKFLOW
    return join(builders, runs, now=now, limits=limits, read_since=since, unread=unread), trouble


async def _runs(services: Services, builders: Sequence[Builder], since: datetime) -> list[WorkflowRun] | None:
    images, repository = services.config.images, services.config.github.repository
    if images is None:
        return None
    runs = list(await listing.runs_since(services.github, repository, images.workflow, since))
    known = {run.run_id for run in runs}
    named = {builder.run_id for builder in builders if builder.run_id} - known
    found = [await listing.run_with_jobs(services.github, repository, run_id) for run_id in sorted(named)]
    return [*runs, *(run for run in found if run)]


async def look_after(services: Services, _: DueRun) -> timedelta | None:
    """One round: begin a message for every stuck builder that has none yet; when the next one may become stuck."""
    joined = (await survey(services)).joined
    for one in joined:
        if one.stuck:
            await tell_of(services, one)
    return min((left for one in joined if (left := grace_left(services, one)) is not None), default=None)


def grace_left(services: Services, one: Joined) -> timedelta | None:
    """For how long Packer may still clean up by itself; None where it does not."""
    if one.verdict is not Verdict.ENDING or one.ended_at is None:
        return None
    over = datetime.fromtimestamp(services.clock(), UTC) - one.ended_at
    return max(settings(services.config).grace - over, timedelta())


async def tell_of(services: Services, one: Joined) -> None:
    """Begin the message of a stuck builder; one that has its message gets no second one."""
    builder = one.builder
    key = f"builder-{builder.region}-{builder.instance_id}"
    if await services.operations.exists(key):
        return
    target = target_of(services.config, BUILDERS)
    wish = OperationRequest(
        KIND,
        f"Builder {builder.instance_id}",
        NOBODY,
        key,
        target,
        {"region": builder.region, "instance": builder.instance_id},
        lane=builder.instance_id,
    )
    channel = await services.chat.channel_id(target.channel)
    await services.engine.begin(request_of(wish, channel))


async def topic(services: Services, _: Invocation, __: Sequence[str]) -> Message:
    """All builders now, busy and stuck."""
    seen = await survey(services)
    return views.page(seen.joined, seen.found, seen.trouble, services.clock())


def _intervals(config: Config) -> Mapping[str, timedelta]:
    watch = config.watch.builders if config.watch else None
    return {BUILDERS: watch.every} if watch else {}


PERIODIC_TASKS = (PeriodicTask("builders", _intervals, look_after),)
TOPICS = (Topic("builders", "", "Packer's builders: which work, which are stuck.", topic, most=0),)
