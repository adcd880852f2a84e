"""Advances runs through HCP Terraform's statuses, with a real terraform."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.hcp import terraform
from sandbox.hcp.model import Event, Run, Stage, TaskResult, new_id, now
from sandbox.hcp.web import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sandbox.hcp.model import Configuration, Workspace

SYSTEM = "hcp-terraform"  # who changed a run that nobody acted on
_APPLIED = re.compile(r"Resources: (\d+) added, (\d+) changed, (\d+) destroyed")
_CONFLICTS = {
    "apply": "Run was not paused for confirmation; apply not allowed.",
    "discard": "Run was not paused for confirmation or priority; discard not allowed.",
    "cancel": "Run was not planning or applying; cancel not allowed.",
}


class Runs:
    """Creates and advances runs. `on_change` gets each change of a run's status, with the name of who caused it."""

    def __init__(self, files: Path, on_change: Callable[[Run, str], None]) -> None:
        self._files = files
        self._on_change = on_change
        self.faults: list[BaseException] = []

    def create(
        self,
        workspace: Workspace,
        configuration: Configuration,
        message: str,
        by: str,
        variables: tuple[tuple[str, str], ...] = (),
        *,
        auto_apply: bool | None = None,
        **more: Any,
    ) -> Run:
        """A new run at the end of the workspace's queue; `more` are the run's own `plan_only`, `targets`, `replaces`."""
        applies = workspace.auto_apply if auto_apply is None else auto_apply
        run = Run(workspace, message, configuration, by, variables, auto_apply=applies, **more)
        run.events.append(Event("created", by))
        workspace.runs.append(run)
        self._on_change(run, by)
        run.task = asyncio.create_task(self._advance(run))
        return run

    async def stop(self, runs: Iterable[Run]) -> None:
        """Kill the processes of these runs. Raises the first error inside the stand-in itself, if there was any."""
        tasks = [run.task for run in runs if run.task and not run.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.faults:
            raise self.faults[0]

    def act(self, run: Run, action: str, by: str, comment: str = "") -> None:
        """Apply, discard or cancel. Raises ApiError 409 when the run's status does not allow it."""
        allowed = {"apply": run.confirmable, "discard": run.discardable, "cancel": run.cancelable}
        if not allowed[action]:
            raise ApiError(409, "transition not allowed", _CONFLICTS[action])
        if comment:
            run.comments.append((by, comment))
        run.waits = False
        if action == "apply":
            run.confirmed_by = by
            run.events.append(Event("confirmed", by))
            self._move(run, "confirmed", by)
            run.proceed.set()
        elif action == "discard":
            run.events.append(Event("discarded", by))
            self._move(run, "discarded", by)
            run.proceed.set()
        else:
            run.events.append(Event("canceled", by))
            self._cancel(run, by)

    def _cancel(self, run: Run, by: str) -> None:
        run.timestamps["canceled-at"] = now()
        if run.process:
            terraform.interrupt(run)  # the run's own task sets the status at its end
        else:
            self._move(run, "canceled", by)
            run.proceed.set()

    def _move(self, run: Run, status: str, by: str = SYSTEM) -> None:
        run.status = status
        run.timestamps[f"{status.replace('_', '-')}-at"] = now()
        if run.ended:
            run.workspace.changed.set()
        self._on_change(run, by)

    async def _advance(self, run: Run) -> None:
        try:
            await self._wait_in_queue(run)
            if not run.ended:
                await self._plan(run)
            if run.status == "planned":
                await self._after_plan(run)
            if run.status == "confirmed":
                await self._apply(run)
        except Exception as error:  # noqa: BLE001 - reported when the stand-in stops
            self.faults.append(error)
            self._move(run, "errored")

    async def _wait_in_queue(self, run: Run) -> None:
        workspace = run.workspace
        if run.plan_only:
            return
        while not run.ended and (workspace.current is not run or workspace.locked_by):
            workspace.changed.clear()
            changed, proceed = (asyncio.ensure_future(event.wait()) for event in (workspace.changed, run.proceed))
            try:
                await asyncio.wait({changed, proceed}, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
                proceed.cancel()

    async def _plan(self, run: Run) -> None:
        files, directory = self._files / run.id, self._files / run.id / "code" / run.workspace.working_directory
        if run.configuration.source == "github" and run.configuration.fetched is None and run.workspace.fetch:
            self._move(run, "fetching")
            run.configuration.fetched = run.workspace.fetch()
            run.configuration.status = "uploaded"
        self._move(run, "plan_queued")
        self._move(run, "planning")
        log = self._log(run.plan, files / "plan.log")
        await asyncio.to_thread(terraform.unpack, run.configuration, files / "code")
        if not directory.is_dir():
            log.write_text(f"Error: Working directory {run.workspace.working_directory} does not exist\n")
            return self._end_stage(run, run.plan, 1)
        await asyncio.to_thread(terraform.prepare, directory, run.workspace.state, dict(run.variables))
        json_lines = ["-json"] if run.workspace.structured else []
        code = await terraform.execute(run, ["init", "-input=false", "-no-color"], directory, files / "init.log")
        if code:
            log.write_bytes((files / "init.log").read_bytes())
            return self._end_stage(run, run.plan, code)
        arguments = ["plan", *json_lines, "-input=false", "-out=tfplan", *_plan_options(run)]
        code = await terraform.execute(run, arguments, directory, log)
        if code == 0:
            run.plan.json_plan = await terraform.show_plan(run, directory, files / "plan.json")
            _count(run)
        can_apply = run.has_changes and not run.plan_only
        return self._end_stage(run, run.plan, code, "planned" if can_apply else "planned_and_finished")

    def _log(self, stage: Stage, log: Path) -> Path:
        stage.status, stage.log = "running", log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        return log

    def _end_stage(self, run: Run, stage: Stage, code: int, next_status: str = "") -> None:
        stage.ended = True
        canceled = "canceled-at" in run.timestamps
        stage.status = "canceled" if canceled else "errored" if code else "finished"
        self._move(run, "canceled" if canceled else "errored" if code else next_status)

    async def _after_plan(self, run: Run) -> None:
        workspace = run.workspace
        if workspace.tasks:
            self._move(run, "post_plan_running")
            run.task_stage, run.task_results = new_id("ts"), [TaskResult(task) for task in workspace.tasks]
            if any(task.level == "mandatory" and task.status != "passed" for task in workspace.tasks):
                return self._move(run, "errored")
            self._move(run, "post_plan_completed")
        if workspace.costs:
            self._move(run, "cost_estimating")
            run.cost_estimate = new_id("ce")
            self._move(run, "cost_estimated")
        if workspace.policies:
            self._move(run, "policy_checking")
            run.policy_check = new_id("polchk")
            if workspace.policies.hard_failed:
                return self._move(run, "errored")
            self._move(run, "policy_override" if workspace.policies.soft_failed else "policy_checked")
        if run.auto_apply:
            return self._move(run, "confirmed")
        run.waits = True
        self._on_change(run, SYSTEM)
        await run.proceed.wait()
        return None

    async def _apply(self, run: Run) -> None:
        files, directory = self._files / run.id, self._files / run.id / "code" / run.workspace.working_directory
        self._move(run, "apply_queued")
        self._move(run, "applying")
        log = self._log(run.apply, files / "apply.log")
        json_lines = ["-json"] if run.workspace.structured else []
        code = await terraform.execute(run, ["apply", *json_lines, "-input=false", "tfplan"], directory, log)
        counts = _APPLIED.findall(await asyncio.to_thread(log.read_text, errors="replace"))
        added, changed, destroyed = map(int, counts[-1]) if counts else (None, None, None)
        run.apply.additions, run.apply.changes, run.apply.destructions = added, changed, destroyed
        self._end_stage(run, run.apply, code, "applied")


def _plan_options(run: Run) -> list[str]:
    # A run that only plans does not wait for others, so it must ignore the state's lock.
    lock = ["-lock=false"] if run.plan_only else []
    return [
        *lock,
        *(f"-target={target}" for target in run.targets),
        *(f"-replace={replace}" for replace in run.replaces),
    ]


def _count(run: Run) -> None:
    document = json.loads(run.plan.json_plan)
    actions = [entry["change"]["actions"] for entry in document.get("resource_changes", ())]
    run.plan.additions = sum("create" in action for action in actions)
    run.plan.changes = sum(action == ["update"] for action in actions)
    run.plan.destructions = sum("delete" in action for action in actions)
    outputs = document.get("output_changes", {}).values()
    run.has_changes = any(
        entry not in (["no-op"], ["read"]) for entry in [*actions, *(out["actions"] for out in outputs)]
    )
