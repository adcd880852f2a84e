"""The pipeline of a promotion as people see it: its runs with their states and links, and why a deploy does not continue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from bot.slack.blocks.jobs import STATE_LABELS
from handlers.deploy.promote.views import CHOICE_BLOCK, SKIP
from runners import phrases
from runners.results import State, WorkflowRun
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message

RUNS_LISTED = 6  # of each repository
# The poll interval of GitHub (seconds) until the pipeline has taken so many seconds; after that the longest.
INTERVALS = ((30.0, 2.0), (300.0, 5.0), (1_200.0, 15.0))
LONGEST_INTERVAL = 30.0
_GOOD = (State.SUCCEEDED, State.SKIPPED)


@stored("pipeline")
@dataclass(frozen=True, slots=True)
class Pipeline:
    """The runs that a push to the branch started. `merged`: by this operation's merge `sha`; else the branch's newest commit.

    `missing` are the workflow files that the push has to start and whose run is not listed yet; `skipped` that the
    commit's message forbids runs; `read` whether GitHub has answered; `problem` why it cannot be read now.
    """

    repository: str
    branch: str
    sha: str = ""
    merged: bool = False
    runs: tuple[WorkflowRun, ...] = ()
    missing: tuple[str, ...] = ()
    skipped: bool = False
    read: bool = False
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether a run has ended otherwise than well."""
        return any(each.state.ended and each.state not in _GOOD for each in self.runs)

    @property
    def ended(self) -> bool:
        """Whether nothing remains to be waited for."""
        return self.read and not self.problem and not self.missing and all(each.state.ended for each in self.runs)

    @property
    def passed(self) -> bool:
        """Whether all of its runs ended well."""
        return self.ended and not self.failed


def interval(passed: float) -> float:
    """Seconds until the next poll, by the seconds that the pipeline has taken."""
    return next((seconds for limit, seconds in INTERVALS if passed < limit), LONGEST_INTERVAL)


def waiting(head: Head, pipelines: Sequence[Pipeline]) -> Message:
    """The runs in progress, with Cancel and the choice not to wait."""
    news = f"waiting for the pipeline of {_repositories([each for each in pipelines if not each.ended])}"
    skip = kit.button("Deploy without waiting", SKIP, str(head.number), ask=_ASK)
    cancel = common.cancel_button(head, "Nothing is deployed; what is merged stays merged, and its pipeline continues.")
    foot = [kit.actions(CHOICE_BLOCK, skip, *cancel["elements"]), common.requester_block(head)]
    return kit.message(
        common.plain(head, news), [common.first_line(head, "running", news), *_sections(pipelines)], foot=foot
    )


_ASK = kit.confirm(
    "Deploy without waiting?", "The deploy may fetch what an earlier pipeline built, or nothing.", "Yes, do not wait"
)


def stopped(head: Head, pipelines: Sequence[Pipeline], promoted: str, command: str) -> Message:
    """A deploy that does not continue: a run failed, or time is up.

    `promoted` (mrkdwn) is what was promoted, `command` what people type to try again.
    """
    failed = [each for each in pipelines if each.failed]
    where = _repositories(failed or [each for each in pipelines if not each.passed])
    if failed:
        news = f"the pipeline of {where} failed, so nothing was deployed"
        advice = "Run it again on GitHub, or mend it"
    else:
        news = f"the pipeline of {where} did not end in time, so nothing was deployed"
        advice = "Check it on GitHub"
    then = kit.context(f"{advice}; then {kit.code(command)}. A deploy that names a ref does not wait for a pipeline.")
    blocks = [common.first_line(head, "failed", news), *_sections(pipelines), kit.section(promoted), then]
    return kit.message(common.plain(head, news), blocks, foot=[common.requester_block(head)])


def notice(pipelines: Sequence[Pipeline], skipped_by: str = "") -> str:
    """How the wait ended, for the message of the deploy that follows (mrkdwn)."""
    if skipped_by:
        unfinished = _repositories([each for each in pipelines if not each.ended])
        return f":fast_forward: {kit.user(skipped_by)} chose not to wait for the pipeline of {unfinished}"
    return "\n".join(_outcome(pipeline) for pipeline in pipelines)


def _outcome(pipeline: Pipeline) -> str:
    name, commit = kit.escape(pipeline.repository), kit.code(pipeline.sha[:7])
    if pipeline.runs:
        runs = phrases.listed([_run_link(each) for each in pipeline.runs], RUNS_LISTED)
        return f":white_check_mark: Pipeline of *{name}* at {commit}: {runs} passed"
    if pipeline.skipped:
        return f":information_source: {commit} of *{name}* says that nothing runs for it: no pipeline to wait for"
    return f":information_source: No workflow of *{name}* ran for {commit}: no pipeline to wait for"


def _sections(pipelines: Sequence[Pipeline]) -> list[Block]:
    return kit.sections("\n".join(_lines(pipeline)) for pipeline in pipelines)


def _lines(pipeline: Pipeline) -> list[str]:
    commit = f" at {kit.code(pipeline.sha[:7])}" if pipeline.sha else ""
    lines = [f"*{kit.escape(pipeline.repository)}*: pipeline of {kit.code(pipeline.branch)}{commit}"]
    if pipeline.problem:
        lines.append(f":warning: {kit.escape(pipeline.problem)}")
    lines += [f"{STATE_LABELS[each.state]} {_run_link(each)}" for each in pipeline.runs[:RUNS_LISTED]]
    lines += phrases.rest(len(pipeline.runs) - RUNS_LISTED, noun="run") if len(pipeline.runs) > RUNS_LISTED else []
    lines += [f"⏳ {kit.code(file)}: its run has not appeared yet" for file in pipeline.missing[:RUNS_LISTED]]
    return lines if len(lines) > 1 else [*lines, "no workflow runs for it"]


def _run_link(run: WorkflowRun) -> str:
    return kit.link(f"{run.workflow}, run {run.number}", run.url)


def _repositories(pipelines: Sequence[Pipeline]) -> str:
    return phrases.listed([kit.escape(each.repository) for each in pipelines], 4)
