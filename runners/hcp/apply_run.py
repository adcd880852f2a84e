"""The apply of a run in HCP Terraform: confirmed at most once, and followed to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runners.errors import StalePlanError, TimedOutError, UncertainError
from runners.hcp import log as hcp_log
from runners.hcp.errors import RunConflictError
from runners.hcp.plans import read_log, read_plan
from runners.hcp.runs import follow_run, read_run, who_decided
from runners.hcp.values import HcpRun, HcpWorkspace, Phase
from runners.results import ApplyResult, Diagnostic
from runners.terraform import notices
from runners.terraform.computed import withheld
from runners.terraform.masking import masker
from runners.terraform.summary import masked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform
    from runners.results import ApplyProgress
    from runners.spellings import Masker

    OnProgress = Callable[[ApplyProgress], Awaitable[None]]


_IN_THE_RUN = "Its details are not displayed: the plan has sensitive values that are known only after the apply. They are in the run in HCP Terraform."


async def confirm(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, digest: str, comment: str) -> None:
    """Confirm the run if it waits for confirmation and its plan has this digest.

    Raises:
        StalePlanError: the plan has another digest, or the run no longer waits; nothing was confirmed.
        RunnerError: or one of its kinds; UncertainError only when the run cannot be read either.
    """
    doing = f"confirming the run {run_id} in {workspace}"
    run = await read_run(hcp, workspace, run_id)
    _refuse_unless_waiting(run, doing)
    plan = await read_plan(hcp, run)
    if plan.summary.digest != digest:
        raise StalePlanError(
            doing, "its plan is not the one that was approved", remedy="Nothing was applied. Plan again."
        )

    def apply(client: TFEClient) -> None:
        from pytfe.models import RunApplyOptions  # noqa: PLC0415

        client.runs.apply(run_id, RunApplyOptions(comment=comment))

    try:
        await hcp.call(apply, doing=doing, changes=True)
    except RunConflictError:
        _refuse_unless_waiting(await read_run(hcp, workspace, run_id), doing)
        raise
    except UncertainError:
        if (await read_run(hcp, workspace, run_id)).phase is Phase.WAITING:
            raise


def _refuse_unless_waiting(run: HcpRun, doing: str) -> None:
    if run.phase is not Phase.WAITING:
        problem = f"the run no longer waits for confirmation: it is {run.phase.value}"
        raise StalePlanError(doing, problem, remedy=f"See {run.url}")


async def follow_apply(
    hcp: HcpTerraform,
    workspace: HcpWorkspace,
    run_id: str,
    *,
    total: int,
    on_progress: OnProgress,
    timeout: float,
    sensitive: frozenset[str] = frozenset(),
    computes_secrets: bool = False,
) -> ApplyResult:
    """Follow a confirmed run until it ends; `total` is the number of resources that the plan changes.

    With `computes_secrets`, which only the apply knows, the details of errors and warnings are withheld.

    The result's `finished` is false for a run that was killed, or is not over after `timeout` seconds (it then continues).
    """
    mask = masker(sensitive)

    async def report(run: HcpRun) -> None:
        if run.phase is Phase.APPLYING and run.apply_id:
            await on_progress(hcp_log.progress(hcp_log.count(await read_log(hcp, "applies", run.apply_id)), total))

    try:
        run = await follow_run(
            hcp, workspace, run_id, until=lambda run: run.phase.ended, timeout=timeout, on_run=report
        )
    except TimedOutError as error:
        late = Diagnostic("error", f"The apply takes longer than {timeout:g} seconds", error.remedy)
        return ApplyResult(False, 0, 0, 0, errors=(late,))  # noqa: FBT003 - a field
    result = await _result(hcp, run, mask)
    return _without_details(result) if computes_secrets else result


def _without_details(result: ApplyResult) -> ApplyResult:
    errors, warnings = (
        tuple(withheld(each, _IN_THE_RUN) for each in texts) for texts in (result.errors, result.warnings)
    )
    return replace(result, errors=errors, warnings=warnings)


async def _result(hcp: HcpTerraform, run: HcpRun, mask: Masker) -> ApplyResult:
    attributes: dict[str, Any] = {}
    log = ""
    if run.apply_id:
        document = await hcp.read(f"/api/v2/applies/{run.apply_id}", doing=f"reading the apply of {run.id}")
        attributes = document["data"]["attributes"]
        log = await read_log(hcp, "applies", run.apply_id)
    counter = hcp_log.count(log)
    errors = [masked(error, mask) for error in await _errors(hcp, run, log)]
    warnings = [*hcp_log.diagnostics(log), *([counter.unknown] if counter.unknown else [])]
    return ApplyResult(
        finished=not run.killed,
        added=_number(attributes.get("resource-additions"), counter.added),
        changed=_number(attributes.get("resource-changes"), counter.changed),
        destroyed=_number(attributes.get("resource-destructions"), counter.destroyed),
        applied=tuple(counter.applied),
        under_way=tuple(counter.under_way),
        remaining=tuple(counter.remaining),
        errors=tuple(errors),
        replaced=counter.replaced,
        imported=_number(attributes.get("resource-imports"), counter.imported),
        actions=_number(attributes.get("action-invocations"), counter.actions),
        failed_checks=notices.failed_after_apply(warnings),
        warnings=tuple(masked(warning, mask) for warning in notices.applied_worst_first(warnings)),
    )


async def _errors(hcp: HcpTerraform, run: HcpRun, log: str) -> list[Diagnostic]:
    if run.phase is Phase.APPLIED:
        return []
    errors = [diagnostic for diagnostic in hcp_log.diagnostics(log) if diagnostic.severity == "error"]
    if run.phase is Phase.ERRORED:
        return errors or [Diagnostic("error", "The apply failed in HCP Terraform", hcp_log.tail(log))]
    who = await who_decided(hcp, run.id)
    return [
        *errors,
        Diagnostic("error", f"The run was {run.phase.value} in HCP Terraform{f' by {who}' if who else ''}"),
    ]


def _number(reported: Any, counted: int) -> int:
    return reported if isinstance(reported, int) else counted
