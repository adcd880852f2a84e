"""Plays the steps of a job: their conditions, outputs and environment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sandbox.github.expressions import (
    ExpressionError,
    Incomplete,
    Status,
    Value,
    displayed,
    holds,
    resolved,
    truthy,
)
from sandbox.github.play import actions, players
from sandbox.github.play.contexts import mapping, of_steps, resolved_each, resolved_texts, with_environment
from sandbox.github.play.outputs import written_by
from sandbox.github.play.stage import RunnerLostError, Stage, StepFailedError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.github.clock import Clock
    from sandbox.github.commits import Commit
    from sandbox.github.expressions import Contexts
    from sandbox.github.play.scripts import Script
    from sandbox.github.play.stage import Player
    from sandbox.github.runs import Job, Step
    from sandbox.github.workflow_model import StepFile


@dataclass(frozen=True, slots=True)
class Runner:
    """What a job runs with. `report` is called after each change; `was_cancelled` separates a cancelled job from a stopped one."""

    clock: Clock
    commit: Commit
    repository: str
    image_builder: Player | None
    report: Callable[[Job], None]
    was_cancelled: Callable[[Job], bool]


class JobPlay:
    """The steps of a job. `contexts` are those of the job, `environments` are `env:` of its workflow and its own."""

    def __init__(
        self, runner: Runner, job: Job, contexts: Contexts, environments: tuple[Value, ...], rng: random.Random
    ) -> None:
        self._runner = runner
        self._job = job
        self._contexts: dict[str, Value] = dict(contexts)
        self._environments = environments
        self._rng = rng
        self._checked_out = False

    async def play(self, script: Script | None, refused: Sequence[str]) -> str:
        """Play all steps; the job's conclusion. A job that cannot be played fails in its first step, which says why."""
        failed = False
        for step, file in zip(self._job.steps, [None, *self._job.file.steps, None], strict=True):
            try:
                if file is not None and not self._runs(file, failed=failed):
                    step.end("skipped", self._runner.clock.now())
                    self._record(file, "skipped", "skipped", {})
                    continue
                own = script if script is not None and step.name == (script.step or _main_step(self._job)) else None
                failed = not await self._play_step(step, file, own, () if file else refused) or failed
            except RunnerLostError:
                self._log(step, "##[error]The hosted runner lost communication with the server.")
                step.end("failure", self._runner.clock.now())
                return "failure"
            except ExpressionError as error:
                self._log(step, f"##[error]The template is not valid. {error}")
                step.end("failure", self._runner.clock.now())
                failed = True
        self._job.outputs = resolved_texts(self._job.file.outputs, self._contexts)
        return "failure" if failed else "success"

    def _runs(self, file: StepFile, *, failed: bool) -> bool:
        self._contexts["job"] = {"status": "failure" if failed else "success"}
        contexts = self._with(file)
        return holds(file.condition, contexts, Status(success=not failed, failure=failed))

    def _with(self, file: StepFile | None) -> dict[str, Value]:
        if "steps" not in self._contexts:
            self._contexts = of_steps(self._contexts, *self._environments)
        return with_environment(self._contexts, file.env) if file is not None else self._contexts

    def _log(self, step: Step, line: str) -> None:
        step.lines.append((self._runner.clock.now(), line))

    async def _play_step(
        self, step: Step, file: StepFile | None, script: Script | None, refused: Sequence[str]
    ) -> bool:
        """Whether the job goes on well after the step."""
        stage = self._stage(step, file, script)
        step.start(self._runner.clock.now())
        self._runner.report(self._job)
        outputs: dict[str, Value] = {}
        try:
            outputs = await self._act(stage, file, refused)
            outcome = "success"
        except StepFailedError as error:
            stage.log(f"##[error]Process completed with exit code {error.exit_code}.")
            outcome = "failure"
        except asyncio.CancelledError:
            if self._runner.was_cancelled(self._job):
                stage.log("##[error]The operation was canceled.")
            raise
        tolerated = file is not None and truthy(resolved(file.continue_on_error, stage.contexts))
        conclusion = "success" if tolerated else outcome
        step.end(conclusion, self._runner.clock.now())
        if file is not None:
            self._record(file, outcome, conclusion, outputs)
        return conclusion == "success"

    def _record(self, file: StepFile, outcome: str, conclusion: str, outputs: Mapping[str, Value]) -> None:
        if file.step_id:
            entry: dict[str, Value] = {"outputs": outputs, "outcome": outcome, "conclusion": conclusion}
            self._contexts["steps"] = {**mapping(self._with(None)["steps"]), file.step_id: entry}

    def _stage(self, step: Step, file: StepFile | None, script: Script | None) -> Stage:
        contexts = self._with(file)
        command = "" if file is None else displayed(file.uses or file.run or "", contexts).strip()
        if file is not None:
            step.name = displayed(file.name, contexts)
        first = (command.splitlines() or [""])[0]
        runner = self._runner
        return Stage(self._job, step, first, runner.commit, runner.clock, self._rng, script, contexts)

    async def _act(self, stage: Stage, file: StepFile | None, refused: Sequence[str]) -> dict[str, Value]:
        """Play the step; its outputs."""
        if refused and stage.step is self._job.steps[0]:
            stage.log(*(f"##[error]The sandbox cannot play this job: {reason}." for reason in refused))
            raise StepFailedError(1)
        if file is None:
            await (players.set_up if stage.step is self._job.steps[0] else players.complete)(stage)
            return {}
        return await self._act_out(stage, file)

    async def _act_out(self, stage: Stage, file: StepFile) -> dict[str, Value]:
        if file.uses is not None and actions.local_path(file.uses, self._runner.repository).startswith("./"):
            return await self._composite(stage, file)
        await players.player_of(file.uses, file.run, image_builder=self._runner.image_builder)(stage)
        if file.uses is not None:
            self._checked_out = self._checked_out or file.uses.startswith(actions.CHECKOUT)
            return Incomplete(f"the sandbox does not run the action {file.uses}")
        script, variables = displayed(file.run or "", stage.contexts), self._variables(stage.contexts)
        files = self._runner.commit.files if self._checked_out else {}
        written = written_by(script, "GITHUB_ENV", variables, files, file.shell)
        if written:
            self._contexts["env"] = {**mapping(self._contexts["env"]), **written}
        return written_by(script, "GITHUB_OUTPUT", variables, files, file.shell)

    def _variables(self, contexts: Contexts) -> dict[str, Value]:
        github = {f"GITHUB_{key.upper()}": value for key, value in mapping(contexts["github"]).items()}
        return {**github, **mapping(contexts["env"])}

    async def _composite(self, stage: Stage, file: StepFile) -> dict[str, Value]:
        """Play the steps of an action of the repository within the step that uses it."""
        uses = file.uses or ""
        if uses.startswith("./") and not self._checked_out:
            folder = f"/home/runner/work/{uses}"
            stage.log(
                f"##[error]Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '{folder}'. "
                "Did you forget to run actions/checkout before running your local action?"
            )
            raise StepFailedError(1)
        action = actions.local_action(actions.local_path(uses, self._runner.repository), self._runner.commit.files)
        given = resolved_each(file.inputs, stage.contexts)
        inputs = {item.name: given.get(item.name, item.default or "") for item in action.inputs}
        inner: dict[str, Value] = {**stage.contexts, "inputs": inputs, "steps": {}}
        failed = False
        for each in action.steps:
            contexts = with_environment(inner, each.env)
            if not holds(each.condition, contexts, Status(success=not failed, failure=failed)):
                continue
            command = (displayed(each.uses or each.run or "", contexts).strip().splitlines() or [""])[0]
            try:
                outputs: dict[str, Value] = await self._act_out(
                    replace(stage, command=command, contexts=contexts), each
                )
            except StepFailedError as error:
                stage.log(f"##[error]Process completed with exit code {error.exit_code}.")
                outputs, failed = {}, failed or not truthy(resolved(each.continue_on_error, contexts))
            if each.step_id:
                end: dict[str, Value] = {"outputs": outputs, "outcome": "failure" if failed else "success"}
                inner["steps"] = {**mapping(inner["steps"]), each.step_id: end}
        if failed:
            raise StepFailedError(1)
        return resolved_texts(action.outputs, inner)


def first_names(steps: tuple[StepFile, ...], contexts: Contexts) -> list[str]:
    """The names of steps before they run: as written where a name needs more than the job's contexts."""
    return [_first_name(step.name, contexts) for step in steps]


def _first_name(written: str, contexts: Contexts) -> str:
    try:
        return displayed(written, contexts)
    except ExpressionError:
        return written


def _main_step(job: Job) -> str:
    """The last step that runs a command: the work itself, after checkout and setup."""
    commands = [step for step, file in zip(job.steps[1:-1], job.file.steps, strict=True) if file.run is not None]
    return (commands or job.steps)[-1].name
