"""The plan of a run in HCP Terraform: its JSON read into a summary, with what policies, run tasks and cost estimate say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from runners import phrases
from runners.concurrency import run_blocking
from runners.errors import AccessDeniedError, NotFoundError, RunnerError
from runners.hcp import errors as hcp_errors, log as hcp_log, tasks as hcp_tasks
from runners.results import Diagnostic
from runners.terraform import json_plan, summary as terraform_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.hcp.client import HcpTerraform
    from runners.hcp.values import HcpRun
    from runners.results import PlanSummary

_READ_TIMEOUT = 120.0  # seconds for parsing: plans of large states have tens of megabytes


@dataclass(frozen=True, slots=True)
class HcpPlanned:
    """A run's plan. `digest` in `summary` is over run and plan; `sensitive` is to be kept out of all text."""

    summary: PlanSummary
    sensitive: frozenset[str] = field(repr=False)


async def read_plan(hcp: HcpTerraform, run: HcpRun) -> HcpPlanned:
    """The plan of a run, with what its policies, its run tasks and its cost estimate say among the warnings.

    Raises:
        NotFoundError: nothing has one of the addresses that it was limited to.
        AccessDeniedError: our token may not read plans as JSON, which takes admin access to the workspace.
        RunnerError: one of its family.
    """
    doing = f"reading the plan of the run {run.id}"
    try:
        content = await hcp.download(f"/api/v2/plans/{run.plan_id}/json-output", doing=doing)
    except (AccessDeniedError, NotFoundError) as error:
        remedy = f"Give the team of TFE_TOKEN admin access to the workspace. {hcp_errors.NO_ORGANIZATION_TOKEN}"
        raise AccessDeniedError(doing, error.problem, remedy=remedy) from None
    log = await log_of(hcp, "plans", run.plan_id)
    warnings = [diagnostic for diagnostic in hcp_log.diagnostics(log) if diagnostic.severity == "warning"]
    notes = [*await policies(hcp, run), *await hcp_tasks.tasks(hcp, run), *await _costs(hcp, run)]
    return await run_blocking(_parse, run, content, [*notes, *warnings], doing, timeout=_READ_TIMEOUT, doing=doing)


def _parse(run: HcpRun, content: bytes, warnings: list[Diagnostic], doing: str) -> HcpPlanned:
    try:
        document = json_plan.decode(content)
        terraform_plan.look_for(document, run.targets, run.replaces, doing)
        sensitive = terraform_plan.sensitive_values(document)
        digest = hashlib.sha256(run.id.encode() + b"\n" + content).hexdigest()
        version = document.terraform_version or run.terraform_version
        program = f"HCP Terraform, terraform {version}".removesuffix(", terraform ")
        partial = bool(run.targets)
        summary = terraform_plan.read_plan(document, digest=digest, program=program, warnings=warnings, partial=partial)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunnerError(doing, f"it is no plan that can be read ({type(error).__name__})") from None
    return HcpPlanned(replace(summary, url=run.url), sensitive)


async def plan_text(hcp: HcpTerraform, run: HcpRun) -> str:
    """What planning printed, for people."""
    return hcp_log.for_people(await log_of(hcp, "plans", run.plan_id))


async def log_of(hcp: HcpTerraform, kind: str, resource: str) -> str:
    """The log of a plan or an apply as far as it is written; empty where there is none (any more).

    pytfe's own `logs` gives an empty text whatever there is.
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


async def policies(hcp: HcpTerraform, run: HcpRun) -> list[Diagnostic]:
    """What policies failed in this run, as warnings."""
    if not run.has_policy_checks:
        return []
    document = await hcp.read(f"/api/v2/runs/{run.id}/policy-checks", doing=f"reading the policy checks of {run.id}")
    return [note for check in document["data"] for note in _policy(check.get("attributes") or {})]


def _policy(attributes: Mapping[str, Any]) -> list[Diagnostic]:
    result = attributes.get("result") or {}
    kinds = {"mandatory": "hard-failed", "overridable": "soft-failed", "advisory": "advisory-failed"}
    failed = [f"{result[key]} {kind}" for kind, key in kinds.items() if result.get(key)]
    if not failed:
        return []
    return [Diagnostic("warning", f"Policies failed: {', '.join(failed)}", f"{result.get('passed') or 0} passed")]


async def _costs(hcp: HcpTerraform, run: HcpRun) -> list[Diagnostic]:
    if run.cost_estimate_id is None:
        return []
    doing = f"reading the cost estimate of {run.id}"
    attributes = (await hcp.read(f"/api/v2/cost-estimates/{run.cost_estimate_id}", doing=doing))["data"]["attributes"]
    if attributes.get("status") != "finished":
        return []
    change = str(attributes.get("delta-monthly-cost") or "0")
    sign = "" if change.startswith("-") else "+"
    summary = f"Estimated costs: {attributes.get('proposed-monthly-cost')} USD a month ({sign}{change})"
    unknown = int(attributes.get("unmatched-resources-count") or 0)
    without = f"{phrases.counted(unknown, 'resource has', 'resources have')} no known price" if unknown else ""
    return [Diagnostic("note", summary, without)]
