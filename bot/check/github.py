"""GitHub: the identity, the repository, and the workflows that the configuration names."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import yaml

from bot.check.permissions import check_permissions
from bot.check.result import Findings
from runners.errors import NotFoundError, RunnerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from runners.github import GitHub


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A workflow as the configuration names it, and the inputs that it will be given."""

    key: str
    workflow: str
    ref: str
    inputs: tuple[str, ...]


async def check_github(config: Config, environ: Mapping[str, str], github: GitHub) -> Findings:
    """Tries the repository with our identity, what that may do, then each configured workflow at its ref."""
    found = Findings("github")
    repository = config.github.repository
    try:
        login = await github.login(repository)
        await github.get(repository, f"/repos/{repository}", doing=f"reading {repository}")
        found.note(f"{repository} as {login or 'an identity that GitHub does not name'}")
        await check_permissions(config, github, found)
        workflows = _wanted(config)
        for one in workflows:
            await _check_workflow(github, repository, one, found)
    except RunnerError as error:
        remedy = error.remedy or "Check GITHUB_TOKEN (or the App's id and key) and github.repository."
        found.fail(str(error), remedy)
    else:
        found.note(", ".join(dict.fromkeys(workflow.workflow for workflow in workflows)) or "no workflows")
        if workflows and not environ.get("GITHUB_WEBHOOK_SECRET"):
            found.note("runs are watched by asking (GITHUB_WEBHOOK_SECRET is not set)")
    return found


def _wanted(config: Config) -> list[_Wanted]:
    wanted = []
    for name, environment in config.environments.items():
        if actions := environment.deploy.github_actions:
            marks = (actions.mark_input,) if actions.mark_input else ()
            key = f"environments.{name}.deploy.github_actions"
            wanted.append(_Wanted(key, actions.workflow, actions.ref, (*actions.inputs, *marks)))
    if config.images:
        wanted.append(_Wanted("images", config.images.workflow, config.images.ref, ()))
    return wanted


async def _check_workflow(github: GitHub, repository: str, wanted: _Wanted, found: Findings) -> None:
    file = quote(wanted.workflow)
    doing = f"reading the workflow {wanted.workflow}"
    try:
        about = (await github.get(repository, f"/repos/{repository}/actions/workflows/{file}", doing=doing)).data
    except NotFoundError:
        found.fail(
            f"{wanted.key}: there is no workflow {wanted.workflow} in {repository}",
            "Check the name; it must be on the default branch, and our identity needs Actions: read and write.",
        )
        return
    if about.get("state") != "active":
        found.fail(f"{wanted.key}: {wanted.workflow} is {about.get('state')}", "Enable it on GitHub's Actions page.")
    await _check_file(github, repository, wanted, found)


async def _check_file(github: GitHub, repository: str, wanted: _Wanted, found: Findings) -> None:
    path = f"/repos/{repository}/contents/.github/workflows/{quote(wanted.workflow)}?ref={quote(wanted.ref, safe='')}"
    try:
        about = (await github.get(repository, path, doing=f"reading {wanted.workflow} on {wanted.ref}")).data
    except NotFoundError:
        found.fail(
            f"{wanted.key}: there is no {wanted.workflow} on {wanted.ref}", "Check ref, or merge the workflow there."
        )
        return
    inputs = dispatch_inputs(str(about.get("content", "")))
    if inputs is None:
        found.fail(
            f"{wanted.key}: {wanted.workflow} on {wanted.ref} cannot be started by the bot",
            "Add `workflow_dispatch:` below `on:`.",
        )
        return
    unknown = [name for name in wanted.inputs if name not in inputs]
    if unknown:
        found.fail(
            f"{wanted.key}: {wanted.workflow} has no input {', '.join(unknown)}",
            "Add it below `workflow_dispatch: inputs:`, or take it out of signalbox.yaml.",
        )


def dispatch_inputs(content: str) -> frozenset[str] | None:
    """The inputs of a workflow file (base64, as GitHub hands it out); None when it has no workflow_dispatch."""
    try:
        # The base loader takes `on` as the word that it is; YAML 1.1 would make it true.
        workflow = yaml.load(base64.b64decode(content), Loader=yaml.BaseLoader)  # noqa: S506  -- makes text, lists, maps
    except (yaml.YAMLError, binascii.Error, UnicodeDecodeError, RecursionError):
        return None
    events = workflow.get("on") if isinstance(workflow, dict) else None
    if isinstance(events, dict) and "workflow_dispatch" in events:
        dispatch = events["workflow_dispatch"]
        inputs = dispatch.get("inputs") if isinstance(dispatch, dict) else None
        return frozenset(inputs) if isinstance(inputs, dict) else frozenset()
    names = events if isinstance(events, list) else [events]
    return frozenset() if "workflow_dispatch" in names else None
