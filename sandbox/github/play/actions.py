"""The actions that steps use: which ones are played, which ones are refused, and what a local composite one says."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.github.workflow_file import WorkflowFileError, read_inputs, read_step, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.github.expressions import Value
    from sandbox.github.play.contexts import RepositorySettings
    from sandbox.github.workflow_model import Input, JobFile, StepFile, WorkflowFile

CHECKOUT = "actions/checkout@"
# What these do to a runner or to a cloud changes nothing in the sandbox: played as steps without an effect.
_OWNERS = frozenset(
    ["actions", "aws-actions", "azure", "docker", "github", "google-github-actions", "hashicorp", "opentofu"]
)
_ACTIONS = frozenset(
    [
        *("astral-sh/setup-uv", "pnpm/action-setup", "ruby/setup-ruby", "shivammathur/setup-php"),
        *("terraform-linters/setup-tflint", "webfactory/ssh-agent", "gruntwork-io/terragrunt-action"),
    ]
)


class NotPlayableError(Exception):
    """Something that a runner of GitHub would do and the stand-in cannot; the message names it."""


@dataclass(frozen=True, slots=True)
class CompositeAction:
    """A composite action of the repository."""

    name: str
    inputs: tuple[Input, ...]
    outputs: Mapping[str, Value]
    steps: tuple[StepFile, ...]


def local_path(uses: str, repository: str) -> str:
    """`./path` for an action or a workflow of the repository itself that is used by its full name; else `uses`."""
    own = f"{repository}/".lower()
    return f"./{uses[len(own) :].rpartition('@')[0]}" if uses.lower().startswith(own) and "@" in uses else uses


def local_action(uses: str, files: Mapping[str, bytes]) -> CompositeAction:
    """The action in a directory of the repository. Raises NotPlayableError, and WorkflowFileError for a broken file."""
    folder = posixpath.normpath(uses)
    paths = [path for path in (f"{folder}/action.yml", f"{folder}/action.yaml") if path in files]
    if not paths:
        if f"{folder}/Dockerfile" in files:
            raise NotPlayableError(f"the Docker container action {uses}")
        raise NotPlayableError(f"{uses}: Can't find 'action.yml', 'action.yaml' or 'Dockerfile' there")
    raw = read_yaml(paths[0], files[paths[0]].decode(errors="replace"))
    runs = raw.get("runs") or {}
    kind = runs.get("using")
    if kind != "composite":
        kinds = "Docker container" if kind == "docker" else f"JavaScript ({kind})"
        raise NotPlayableError(f"the {kinds} action {uses}")
    outputs = {name: (output or {}).get("value") for name, output in (raw.get("outputs") or {}).items()}
    return CompositeAction(
        name=str(raw.get("name") or uses),
        inputs=read_inputs(paths[0], raw.get("inputs")),
        outputs=outputs,
        steps=tuple(read_step(f"{paths[0]}: runs.steps", step) for step in runs.get("steps") or ()),
    )


def unplayable(job: JobFile, files: Mapping[str, bytes], settings: RepositorySettings) -> list[str]:
    """What the stand-in cannot play of a job, in words."""
    if job.uses is not None and not local_path(job.uses, settings.full_name).startswith("./"):
        return [f"the workflow {job.uses} of another repository"]
    return [*job.unplayable, *dict.fromkeys(_of_steps(job.steps, files, settings, ()))]


def unplayable_jobs(
    file: WorkflowFile, files: Mapping[str, bytes], settings: RepositorySettings
) -> dict[str, list[str]]:
    """The jobs of a workflow that the stand-in cannot play, with the reasons."""
    refused = {job.key: unplayable(job, files, settings) for job in file.jobs}
    return {key: reasons for key, reasons in refused.items() if reasons}


def _of_steps(
    steps: tuple[StepFile, ...], files: Mapping[str, bytes], settings: RepositorySettings, within: tuple[str, ...]
) -> Iterator[str]:
    for uses in (local_path(step.uses, settings.full_name) for step in steps if step.uses is not None):
        if uses.startswith("docker://"):
            yield f"the Docker container action {uses}"
        elif uses.startswith("./"):
            yield from _of_local(uses, files, settings, within)
        elif not _is_played(uses, settings):
            yield f"the action {uses}, which the sandbox does not know"


def _of_local(
    uses: str, files: Mapping[str, bytes], settings: RepositorySettings, within: tuple[str, ...]
) -> Iterator[str]:
    if uses in within:
        yield f"the action {uses}, which uses itself"
        return
    try:
        action = local_action(uses, files)
    except (NotPlayableError, WorkflowFileError) as error:
        yield str(error)
    else:
        yield from _of_steps(action.steps, files, settings, (*within, uses))


def _is_played(uses: str, settings: RepositorySettings) -> bool:
    owner, name = uses.partition("@")[0].lower().split("/")[:2]
    return (
        owner in _OWNERS
        or f"{owner}/{name}" in _ACTIONS
        or f"{owner}/{name}" in {each.lower() for each in settings.actions}
    )
