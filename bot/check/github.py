"""Checks GitHub: the identity, the repository, and the workflows that the configuration names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from bot.check.nearest import other_refs, there_is
from bot.check.permissions import check_permissions
from bot.check.required_checks import check_required
from bot.check.result import Findings
from bot.config import GitHubActions
from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github.runs import workflow_file
from runners.github.visible import visible_repositories
from runners.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from bot.config.models.inputs import CommandInput
    from runners.github import GitHub
    from runners.github.runs.workflow_file import WorkflowFile


_REMEDY = "Check GITHUB_TOKEN (or the App's id and key), and the names of the repositories."


@dataclass(frozen=True, slots=True)
class _Dispatch:
    """A workflow that the configuration names, and the inputs that the bot passes to it."""

    key: str
    repository: str
    workflow: str
    ref: str
    inputs: tuple[str, ...]
    mark_input: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    fixed_inputs: bool = True  # people give no inputs besides these, and those of `allowed`
    allowed: Mapping[str, CommandInput] = field(default_factory=dict)
    keys: tuple[str, str] = ("inputs", "command_inputs")  # of the inputs that are always sent, and of `allowed`


async def check_github(config: Config, environ: Mapping[str, str], github: GitHub) -> Findings:
    """Check the repository, the permissions of the identity, and each configured workflow at its ref."""
    findings = Findings("github")
    try:
        readable = await _check_repositories(config, github, findings)
        await check_permissions(config, github, readable, findings)
        await check_required(config, github, readable, findings)
        dispatches = _dispatches(config)
        for dispatch in dispatches:
            if dispatch.repository in readable:
                await _check_workflow(github, dispatch.repository, dispatch, findings)
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy or _REMEDY)
    else:
        findings.add_fact(", ".join(dict.fromkeys(dispatch.workflow for dispatch in dispatches)) or "no workflows")
        if dispatches and not environ.get("GITHUB_WEBHOOK_SECRET"):
            findings.add_fact("runs are polled (GITHUB_WEBHOOK_SECRET is not set)")
    return findings


async def _check_repositories(config: Config, github: GitHub, findings: Findings) -> frozenset[str]:
    """The repositories that can be read; a problem for each other one."""
    readable = set()
    for repository, key in configured_repositories(config).items():
        try:
            login = await github.login(repository)
            await github.get(repository, f"/repos/{repository}", doing=f"reading {repository}")
        except NotFoundError as error:
            others = await visible_repositories(github)
            there = f"{there_is(repository, others, 'we see')} " if others else ""
            findings.add_problem(f"{key}: {error}", f"{there}{error.remedy or _REMEDY}")
            continue
        readable.add(repository)
        if repository in config.repositories:
            findings.add_fact(f"{repository} as {login or 'an identity without a name'}")
    return frozenset(readable)


def configured_repositories(config: Config) -> dict[str, str]:
    """All repositories that the configuration names, each with the first key that does."""
    keys = {config.github.repository: "github.repository"}
    for each in config.environments.values():
        if each.repository:
            keys.setdefault(each.repository, each.key_of("repository"))
        for repository in each.promote.repositories if each.promote else ():
            keys.setdefault(repository, each.key_of("promote", "repositories"))
    return keys


def _dispatches(config: Config) -> list[_Dispatch]:
    dispatches = []
    for name, actions in config.deployed_by(GitHubActions).items():
        mark_input = (actions.mark_input,) if actions.mark_input else ()
        environment = config.environments[name]
        key, repository = environment.key_of("deploy", "github_actions"), config.repository_of(environment)
        inputs = (*actions.inputs, *mark_input)
        dispatches.append(
            _Dispatch(
                key,
                repository,
                actions.workflow,
                actions.ref,
                inputs,
                actions.mark_input or "",
                actions.inputs,
                allowed=actions.command_inputs,
            )
        )
    for name, images in config.builds.items():
        key, home = f"images.workflows.{name}" if name else "images", config.github.repository
        selects = tuple(name for name in (images.inputs.machines, images.inputs.environments) if name)
        allowed = images.command_inputs
        dispatches.append(
            _Dispatch(key, home, images.workflow, images.ref, selects, fixed_inputs=False, allowed=allowed)
        )
    return [*dispatches, *_custom_dispatches(config)]


def _custom_dispatches(config: Config) -> list[_Dispatch]:
    dispatches = []
    for name, custom in config.operations.custom.items():
        if custom.workflow is None:
            continue
        mark_input = (custom.mark_input,) if custom.mark_input else ()
        dispatches.append(
            _Dispatch(
                f"operations.{name}",
                config.repository_of(config.environments[custom.environment]),
                custom.workflow,
                custom.ref,
                (*custom.fixed_inputs, *mark_input),
                custom.mark_input or "",
                custom.fixed_inputs,
                allowed=custom.inputs,
                keys=("fixed_inputs", "inputs"),
            )
        )
    return dispatches


async def _check_workflow(github: GitHub, repository: str, dispatch: _Dispatch, findings: Findings) -> None:
    file = quote(dispatch.workflow)
    doing = f"reading the workflow {dispatch.workflow}"
    try:
        about = (await github.get(repository, f"/repos/{repository}/actions/workflows/{file}", doing=doing)).data
    except NotFoundError:
        findings.add_problem(
            f"{dispatch.key}: there is no workflow {dispatch.workflow} in {repository}",
            f"{await _workflows_there(github, repository, dispatch.workflow)}The file must be on the default branch, and the "
            "token or App needs Actions: read and write.",
        )
        return
    if about.get("state") != "active":
        findings.add_problem(
            f"{dispatch.key}: {dispatch.workflow} is {about.get('state')}", "Enable it on GitHub's Actions page."
        )
    await _check_file(github, repository, dispatch, findings)


async def _workflows_there(github: GitHub, repository: str, workflow: str) -> str:
    """The workflows that there are, the nearest first; "" where GitHub does not list them."""
    try:
        path = f"/repos/{repository}/actions/workflows?per_page=100"
        listed = (await github.get(repository, path, doing="listing the workflows")).data["workflows"]
    except (RunnerError, KeyError):
        return ""
    return f"{there_is(workflow, (str(each['path']).rpartition('/')[2] for each in listed))} "


async def _check_file(github: GitHub, repository: str, dispatch: _Dispatch, findings: Findings) -> None:
    try:
        file = await workflow_file.read(github, repository, dispatch.workflow, dispatch.ref)
    except NotFoundError:
        findings.add_problem(
            f"{dispatch.key}: there is no {dispatch.workflow} on {dispatch.ref}",
            await other_refs(github, repository, dispatch.ref) or "Check `ref`, or add the workflow to that branch.",
        )
        return
    except UnavailableError:
        raise
    except RunnerError as error:
        findings.add_problem(f"{dispatch.key}: {error}", error.remedy)
        return
    where = f"{dispatch.workflow} on {dispatch.ref}"
    if not file.dispatchable:
        findings.add_problem(
            f"{dispatch.key}: {where} cannot be started by the bot", "Add `workflow_dispatch:` below `on:`."
        )
        return
    _check_inputs(file, dispatch, where, findings)


def _check_inputs(file: WorkflowFile, dispatch: _Dispatch, where: str, findings: Findings) -> None:
    declared = {each.name for each in file.inputs}
    if unknown := [name for name in (*dispatch.inputs, *dispatch.allowed) if name not in declared]:
        there = there_is(unknown[0], declared, "it has the inputs") + " " if declared else ""
        findings.add_problem(
            f"{dispatch.key}: {dispatch.workflow} has no input {', '.join(unknown)}",
            f"{there}Add it below `workflow_dispatch: inputs:`, or remove it from signalbox.yaml.",
        )
    elif dispatch.mark_input and dispatch.mark_input not in file.displayed:
        findings.add_problem(
            f"{dispatch.key}: GitHub does not show the mark: no name of a run of {where} contains it",
            f"Add `run-name: Deploy ${{{{ inputs.{dispatch.mark_input} }}}}` to the workflow, or remove `mark_input`.",
        )
    for each in file.inputs:
        value = dispatch.values.get(each.name)
        if value is not None and each.options and value not in each.options:
            problem = f"{dispatch.key}.{dispatch.keys[0]}.{each.name}: {where} does not take {value!r}"
            findings.add_problem(problem, there_is(value, each.options, "it takes"))
        choices = dispatch.allowed[each.name].choices if each.name in dispatch.allowed else ()
        for choice in [choice for choice in choices if each.options and choice not in each.options]:
            problem = f"{dispatch.key}.{dispatch.keys[1]}.{each.name}: {where} does not take {choice!r}"
            findings.add_problem(problem, there_is(choice, each.options, "it takes"))
    possible = (*dispatch.inputs, *dispatch.allowed)
    missing = workflow_file.missing_inputs(file, possible) if dispatch.fixed_inputs else ()
    if missing := tuple(name for name in missing if not nearest(name, unknown)):  # else it is misspelled, as reported
        findings.add_problem(
            f"{dispatch.key}: {where} requires the input {', '.join(missing)}, which has no default",
            f"Set it under {dispatch.key}.{dispatch.keys[0]}, allow it under {dispatch.keys[1]}, or give it a default in the "
            "workflow.",
        )
