"""The pipeline of a promotion: the runs that the merge started build what the deploy fetches, so the deploy waits for them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from handlers.deploy.promote import pipeline_views as views
from handlers.deploy.promote.pipeline_views import Pipeline
from handlers.deploy.promote.views import Promotion, Stage
from runners.errors import RunnerError, UnavailableError
from runners.github.api.reads import CachedReads
from runners.github.runs import push_runs
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bot.config import Promote
    from bot.operations.operation import Operation

log = logging.getLogger(__name__)
# A run appears within seconds of its push. A commit that is older, and that this operation did not merge, may have been
# pushed when the workflow did not exist yet, or its runs may be deleted by now.
YOUNG = timedelta(minutes=10)


@stored("pipeline-result")
@dataclass(frozen=True, slots=True)
class PipelineResult:
    """How the wait for the pipelines ended: `skipped_by` is the person (a user id) who did not want to wait."""

    pipelines: tuple[Pipeline, ...]
    skipped_by: str = ""

    @property
    def passed(self) -> bool:
        """Whether the deploy continues."""
        return bool(self.skipped_by) or all(pipeline.passed for pipeline in self.pipelines)


class PipelineReader:
    """Reads the pipelines of the promoted repositories. Create it again whenever the workflow starts."""

    def __init__(self, operation: Operation, settings: Promote) -> None:
        self._services = operation.services
        self._reads = CachedReads(operation.services.github)
        # The workflow files that alone count; None for all.
        self._chosen = settings.pipeline if isinstance(settings.pipeline, tuple) else None

    async def read(self, pipelines: tuple[Pipeline, ...]) -> tuple[Pipeline, ...]:
        """All pipelines as they are now; one has a `problem` while it cannot be read."""
        updated = []
        for pipeline in pipelines:
            try:
                read = pipeline if pipeline.ended else await self._read(pipeline)
                updated.append(self._services.redact.within(read))
            except RunnerError as error:
                if isinstance(error, UnavailableError):
                    log.warning("%s", self._services.redact(str(error)))
                problem = f"{error.problem}. {error.remedy}" if error.remedy else error.problem
                updated.append(replace(pipeline, problem=self._services.redact(problem)))
        return tuple(updated)

    async def _read(self, before: Pipeline) -> Pipeline:
        repository, branch = before.repository, before.branch
        sha = before.sha or await self._tip(repository, branch)
        expected = await push_runs.expected(self._reads, repository, sha, branch)
        runs = await push_runs.started(self._reads, repository, sha, branch)
        if self._chosen is not None:
            runs = tuple(each for each in runs if each.file in self._chosen)
        files = [file for file in expected.files if self._chosen is None or file in self._chosen]
        if not before.merged and self._services.clock() - expected.committed_at.timestamp() > YOUNG.total_seconds():
            files = []
        listed = {each.file for each in runs}
        missing = tuple(file for file in files if file not in listed)
        skipped = expected.skipped and not runs
        return replace(before, sha=sha, runs=runs, missing=missing, skipped=skipped, read=True, problem="")

    async def _tip(self, repository: str, branch: str) -> str:
        doing = f"reading {branch} of {repository}"
        data = await self._reads.get(repository, f"/branches/{quote(branch, safe='')}", doing=doing)
        return str(data["commit"]["sha"])


def pipelines_of(promotions: Sequence[Promotion], *, merged_only: bool) -> tuple[Pipeline, ...]:
    """The pipelines to wait for: of what was merged, and of the target branch where there was nothing to merge."""
    wanted = (Stage.MERGED,) if merged_only else (Stage.MERGED, Stage.NOTHING)
    return tuple(
        Pipeline(
            each.repository,
            each.target,
            sha=each.pull.merge_sha if each.pull and each.stage is Stage.MERGED else "",
            merged=each.stage is Stage.MERGED,
        )
        for each in promotions
        if each.stage in wanted
    )


async def awaited(
    operation: Operation,
    settings: Promote,
    pipelines: tuple[Pipeline, ...],
    choose: Callable[[float, float], Awaitable[str | None]],
) -> PipelineResult:
    """Durable: wait until all runs of the pipelines have ended, one failed, a person skips the wait, or time is up.

    `choose(began, within)` waits so many seconds for a person who skips it. Raises Cancelled.
    """
    began = await operation.step("pipeline began", partial(_now, operation))
    wait = partial(_follow, operation, settings, pipelines, began, choose)
    return await operation.step("wait for the pipeline", lambda: operation.unless_cancelled(wait()))


async def _now(operation: Operation) -> float:
    return operation.services.clock()


async def _follow(
    operation: Operation,
    settings: Promote,
    pipelines: tuple[Pipeline, ...],
    began: float,
    choose: Callable[[float, float], Awaitable[str | None]],
) -> PipelineResult:
    reader, limit = PipelineReader(operation, settings), settings.wait.total_seconds()
    async with operation.live() as live:
        await operation.set_activity("waits for the pipeline of what was promoted")
        while True:
            pipelines = await reader.read(pipelines)
            if all(pipeline.ended for pipeline in pipelines) or any(pipeline.failed for pipeline in pipelines):
                return PipelineResult(pipelines)
            passed = operation.services.clock() - began
            if passed > limit:
                return PipelineResult(pipelines)
            live.show(partial(views.waiting, operation.head, pipelines))
            if person := await choose(began, views.interval(passed)):
                return PipelineResult(pipelines, person)
