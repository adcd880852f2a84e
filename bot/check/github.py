"""Checks GitHub: the identity, the repository, and the workflows that the configuration names."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import yaml

from bot.check.permissions import check_permissions
from bot.check.result import Findings
from bot.config import GitHubActions
from runners.errors import NotFoundError, RunnerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from runners.github import GitHub


@dataclass(frozen=True, slots=True)
class _Dispatch:
    """A workflow that the configuration names, and the inputs that the bot passes to it."""

    key: str
    workflow: str
    ref: str
    inputs: tuple[str, ...]


async def check_github(config: Config, environ: Mapping[str, str], github: GitHub) -> Findings:
    """Check the repository, the permissions of the identity, and each configured workflow at its ref."""
    findings = Findings("github")
    repository = config.github.repository
    try:
        login = await github.login(repository)
        await github.get(repository, f"/repos/{repository}", doing=f"reading {repository}")
        findings.add_fact(f"{repository} as {login or 'an identity without a name'}")
        await check_permissions(config, github, findings)
        dispatches = _dispatches(config)
        for dispatch in dispatches:
            await _check_workflow(github, repository, dispatch, findings)
    except RunnerError as error:
        remedy = error.remedy or "Check GITHUB_TOKEN (or the App's id and key) and github.repository."
        findings.add_problem(str(error), remedy)
    else:
        findings.add_fact(", ".join(dict.fromkeys(dispatch.workflow for dispatch in dispatches)) or "no workflows")
        if dispatches and not environ.get("GITHUB_WEBHOOK_SECRET"):
            findings.add_fact("runs are polled (GITHUB_WEBHOOK_SECRET is not set)")
    return findings


def _dispatches(config: Config) -> list[_Dispatch]:
    dispatches = []
    for name, actions in config.deployed_by(GitHubActions).items():
        mark_input = (actions.mark_input,) if actions.mark_input else ()
        key = f"environments.{name}.deploy.github_actions"
        dispatches.append(_Dispatch(key, actions.workflow, actions.ref, (*actions.inputs, *mark_input)))
    if config.images:
        dispatches.append(_Dispatch("images", config.images.workflow, config.images.ref, ()))
    return dispatches


async def _check_workflow(github: GitHub, repository: str, dispatch: _Dispatch, findings: Findings) -> None:
    file = quote(dispatch.workflow)
    doing = f"reading the workflow {dispatch.workflow}"
    try:
        about = (await github.get(repository, f"/repos/{repository}/actions/workflows/{file}", doing=doing)).data
    except NotFoundError:
        findings.add_problem(
            f"{dispatch.key}: there is no workflow {dispatch.workflow} in {repository}",
            "Check the name. The file must be on the default branch, and the token or App needs Actions: read and write.",
        )
        return
    if about.get("state") != "active":
        findings.add_problem(
            f"{dispatch.key}: {dispatch.workflow} is {about.get('state')}", "Enable it on GitHub's Actions page."
        )
    await _check_file(github, repository, dispatch, findings)


async def _check_file(github: GitHub, repository: str, dispatch: _Dispatch, findings: Findings) -> None:
    path = (
        f"/repos/{repository}/contents/.github/workflows/{quote(dispatch.workflow)}?ref={quote(dispatch.ref, safe='')}"
    )
    try:
        about = (await github.get(repository, path, doing=f"reading {dispatch.workflow} on {dispatch.ref}")).data
    except NotFoundError:
        findings.add_problem(
            f"{dispatch.key}: there is no {dispatch.workflow} on {dispatch.ref}",
            "Check `ref`, or add the workflow to that branch.",
        )
        return
    inputs = dispatch_inputs(str(about.get("content", "")))
    if inputs is None:
        findings.add_problem(
            f"{dispatch.key}: {dispatch.workflow} on {dispatch.ref} cannot be started by the bot",
            "Add `workflow_dispatch:` below `on:`.",
        )
        return
    unknown = [name for name in dispatch.inputs if name not in inputs]
    if unknown:
        findings.add_problem(
            f"{dispatch.key}: {dispatch.workflow} has no input {', '.join(unknown)}",
            "Add it below `workflow_dispatch: inputs:`, or remove it from signalbox.yaml.",
        )


def dispatch_inputs(content: str) -> frozenset[str] | None:
    """The inputs of a workflow file (base64, as GitHub returns it); None without workflow_dispatch."""
    try:
        # The base loader reads `on` as text; YAML 1.1 reads it as true.
        workflow = yaml.load(base64.b64decode(content), Loader=yaml.BaseLoader)  # noqa: S506  -- makes text, lists, maps
    except (yaml.YAMLError, binascii.Error, UnicodeDecodeError, RecursionError):
        return None
    events = workflow.get("on") if isinstance(workflow, dict) else None
    if isinstance(events, dict) and "workflow_dispatch" in events:
        trigger = events["workflow_dispatch"]
        inputs = trigger.get("inputs") if isinstance(trigger, dict) else None
        return frozenset(inputs) if isinstance(inputs, dict) else frozenset()
    names = events if isinstance(events, list) else [events]
    return frozenset() if "workflow_dispatch" in names else None
