"""The plan of a run in HCP Terraform: waited for, and read into a summary with policies, run tasks and the cost estimate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from runners import phrases
from runners.concurrency import run_blocking
from runners.errors import AccessDeniedError, NotFoundError, RunnerError
from runners.hcp import errors as hcp_errors, log as hcp_log, run_tasks
from runners.hcp.runs import follow_run, who_decided
from runners.hcp.values import HcpRun, HcpWorkspace, Phase
from runners.results import Diagnostic
from runners.terraform import (
    errors as terraform_errors,
    json_plan,
    sensitive as terraform_sensitive,
    summary as terraform_plan,
)
from runners.terraform.listing import appended, listing
from runners.terraform.masking import masker
from runners.terraform.program import OLDEST, Program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.hcp.client import HcpTerraform
    from runners.hcp.runs import OnRun
    from runners.results import PlanSummary

_PARSE_TIMEOUT = 120.0  # seconds; plans of large states have tens of megabytes


@dataclass(frozen=True, slots=True)
class HcpPlan:
    """A run's plan. The summary's `digest` covers run and plan; `sensitive` values must appear in no text.

    With `computes_secrets` the apply has others, which the plan does not know yet.
    """

    summary: PlanSummary
    sensitive: frozenset[str] = field(repr=False)
    computes_secrets: bool = False


async def wait_for_plan(
    hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, timeout: float, on_run: OnRun | None = None
) -> HcpRun:
    """Wait until the run has a plan: it then waits for confirmation, or there is nothing to do.

    Raises:
        RunnerError: planning failed (`log_tail` has Terraform's diagnostics), the run was discarded or cancelled, or a
            policy needs an override.
        TimedOutError, UnavailableError: as `follow_run`.
    """
    run = await follow_run(
        hcp, workspace, run_id, until=lambda run: run.phase is not Phase.PLANNING, timeout=timeout, on_run=on_run
    )
    doing = f"planning in {workspace}"
    match run.phase:
        case Phase.WAITING if run.auto_apply:
            problem = "the run applies its plan by itself (auto-apply), so nobody could approve it here first"
            raise RunnerError(doing, problem, remedy="Switch the workspace to manual apply.")
        case Phase.WAITING | Phase.UNCHANGED:
            return run
        case Phase.UNKNOWN:
            problem = f'the run has the status "{run.status}", which this Signalbox does not know'
            raise RunnerError(doing, problem, remedy=f"Update Signalbox, or decide the run there: {run.url}")
        case Phase.ERRORED:
            raise await _planning_failed(hcp, run, doing)
        case Phase.OVERRIDE:
            problem = "a policy or a run task failed, and the run goes on only when somebody who may overrides that"
            raise RunnerError(doing, problem, remedy=f"Override and confirm, or discard it, there: {run.url}")
        case phase:
            who = await who_decided(hcp, run.id)
            problem = (
                f"the run was {phase.value} in HCP Terraform{f' by {who}' if who else ''} before it could be shown"
            )
            raise RunnerError(doing, problem, remedy=f"See {run.url}")


async def _planning_failed(hcp: HcpTerraform, run: HcpRun, doing: str) -> RunnerError:
    failed_tasks = await run_tasks.mandatory_failures(hcp, run)
    if failures := failed_tasks or await _failed_policies(hcp, run):
        tail = "\n".join(f"{failure.summary}\n{failure.detail}".strip() for failure in failures)
        problem = f"a mandatory {'run task' if failed_tasks else 'policy'} failed"
        return RunnerError(doing, problem, remedy=f"See {run.url}", log_tail=tail)
    log = await read_log(hcp, "plans", run.plan_id)
    error = terraform_errors.explain(
        doing,
        1,
        hcp_log.diagnostics(log),
        version=f"terraform {run.terraform_version}".strip(),
        tail=hcp_log.tail(log) or "HCP Terraform kept no log.",
    )
    error.exit_code = None  # HCP Terraform reports none
    error.remedy = f"{error.remedy} See {run.url}".strip()
    return error


async def read_plan(
    hcp: HcpTerraform, run: HcpRun, ordinary: frozenset[str] = frozenset(), *, complete: bool = False
) -> HcpPlan:
    """The plan of a run; results of its policies, run tasks and cost estimate are among the summary's warnings.

    `ordinary` words are no secrets, though the plan may mark them; `complete` as for `runners.terraform.summary.read_plan`.

    Raises:
        NotFoundError: an address that the run was limited to does not exist.
        AccessDeniedError: TFE_TOKEN may not read plans as JSON, which needs admin access to the workspace.
        RunnerError: or one of its kinds.
    """
    doing = f"reading the plan of the run {run.id}"
    try:
        content = await hcp.download(f"/api/v2/plans/{run.plan_id}/json-output", doing=doing)
    except (AccessDeniedError, NotFoundError) as error:
        remedy = f"Give the team of TFE_TOKEN admin access to the workspace. {hcp_errors.NO_ORGANIZATION_TOKEN}"
        raise AccessDeniedError(doing, error.problem, remedy=remedy) from None
    log = await read_log(hcp, "plans", run.plan_id)
    printed = [diagnostic for diagnostic in hcp_log.diagnostics(log) if diagnostic.severity == "warning"]
    checks = [*await _failed_policies(hcp, run), *await run_tasks.results(hcp, run), *await _cost_estimate(hcp, run)]
    options = (ordinary, complete)
    return await run_blocking(_parse, run, content, [*checks, *printed], options, timeout=_PARSE_TIMEOUT, doing=doing)


def _parse(run: HcpRun, content: bytes, warnings: list[Diagnostic], options: tuple[frozenset[str], bool]) -> HcpPlan:
    ordinary, complete = options
    doing = f"reading the plan of the run {run.id}"
    try:
        document = json_plan.decode(content)
        _check_version(run, document.terraform_version or run.terraform_version, doing)
        terraform_plan.check_addresses(document, run.targets, run.replaces, doing)
        sensitive = terraform_plan.sensitive_values(document, ordinary)
        computes = terraform_sensitive.computes_secrets(document)
        digest = hashlib.sha256(run.id.encode() + b"\n" + content).hexdigest()
        version = document.terraform_version or run.terraform_version
        program = f"HCP Terraform, terraform {version}".removesuffix(", terraform ")
        partial = bool(run.targets)
        # Terraform before 1.8 does not say in the plan whether it is applyable; the run then does.
        changed = True if document.applyable is None and run.has_changes else None
        summary = terraform_plan.read_plan(
            document,
            digest=digest,
            program=program,
            warnings=warnings,
            partial=partial,
            changed=changed,
            ordinary=ordinary,
            complete=complete,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunnerError(doing, f"it is no plan that can be read ({type(error).__name__})") from None
    return HcpPlan(replace(summary, url=run.url), sensitive, computes)


def _check_version(run: HcpRun, version: str, doing: str) -> None:
    program = Program("", "terraform", version)
    if version and not program.is_at_least(OLDEST):
        problem = f"{program} is too old: Signalbox needs terraform {'.'.join(map(str, OLDEST['terraform']))} or newer"
        raise RunnerError(doing, problem, remedy=f"Choose a newer version in the workspace's settings. See {run.url}")


async def plan_text(hcp: HcpTerraform, run: HcpRun, plan: HcpPlan) -> str:
    """The plan as Terraform prints it, then every difference of its complete summary, without the sensitive values."""
    text = hcp_log.for_people(await read_log(hcp, "plans", run.plan_id))
    return await run_blocking(_masked_text, text, plan, timeout=_PARSE_TIMEOUT, doing="reading the plan")


def _masked_text(text: str, plan: HcpPlan) -> str:
    return masker(plan.sensitive)(appended(text, listing(plan.summary)))


async def read_log(hcp: HcpTerraform, kind: str, resource: str) -> str:
    """The log so far of a plan or an apply (`kind` is "plans" or "applies"); empty where there is none (any more).

    pytfe's own `logs` always returns an empty text.
    """
    doing = f"reading the log of {resource}"
    document = await hcp.read(f"/api/v2/{kind}/{resource}", doing=doing)
    address = document["data"]["attributes"].get("log-read-url")
    if not address:
        return ""
    try:
        return (await hcp.download(str(address), doing=doing)).decode("utf-8", "replace")
    except NotFoundError:
        return ""


async def _failed_policies(hcp: HcpTerraform, run: HcpRun) -> list[Diagnostic]:
    if not run.has_policy_checks:
        return []
    document = await hcp.read(f"/api/v2/runs/{run.id}/policy-checks", doing=f"reading the policy checks of {run.id}")
    return [failure for check in document["data"] for failure in _policy_failures(check.get("attributes") or {})]


def _policy_failures(attributes: Mapping[str, Any]) -> list[Diagnostic]:
    result = attributes.get("result") or {}
    kinds = {"mandatory": "hard-failed", "overridable": "soft-failed", "advisory": "advisory-failed"}
    failed = [f"{result[key]} {kind}" for kind, key in kinds.items() if result.get(key)]
    if not failed:
        return []
    return [Diagnostic("warning", f"Policies failed: {', '.join(failed)}", f"{result.get('passed') or 0} passed")]


async def _cost_estimate(hcp: HcpTerraform, run: HcpRun) -> list[Diagnostic]:
    if run.cost_estimate_id is None:
        return []
    doing = f"reading the cost estimate of {run.id}"
    attributes = (await hcp.read(f"/api/v2/cost-estimates/{run.cost_estimate_id}", doing=doing))["data"]["attributes"]
    if attributes.get("status") != "finished":
        return []
    change = str(attributes.get("delta-monthly-cost") or "0")
    sign = "" if change.startswith("-") else "+"
    summary = f"Estimated costs: {attributes.get('proposed-monthly-cost')} USD a month ({sign}{change})"
    unpriced = int(attributes.get("unmatched-resources-count") or 0)
    detail = f"{phrases.counted(unpriced, 'resource has', 'resources have')} no known price" if unpriced else ""
    return [Diagnostic("note", summary, detail)]
