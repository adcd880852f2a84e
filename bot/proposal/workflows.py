"""The workflows of a clone that people can start, and what each is for."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from bot.proposal.stages import stage_in, stage_of
from runners import foreign_yaml
from runners.github.runs.workflow_file import FOLDER, Input, WorkflowFile, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.proposal.repository import Clone

_DEPLOYS = re.compile(r"(?i)\b(?:deploy\w*|release\w*|roll-?out|publish|ship|promote|helm|cd)\b")
_BUILDS = re.compile(r"(?i)\b(?:packer|amis?|images?)\b")
_PACKER = re.compile(r"\bpacker\s+build\b|hashicorp/packer|hashicorp/setup-packer")
_REGION = re.compile(r"(?i)\baws[_-](?:default[_-])?region:\s*[\"']?([a-z]{2}(?:-[a-z]+)+-\d)\b")
_ROLES = frozenset(["machine", "machines", "image", "images", "template", "role", "target", "server"])
_STAGE_INPUTS = frozenset(
    ["environment", "environments", "env", "stage", "target", "target_env", "deploy_env", "workspace"]
)


class Purpose(StrEnum):
    """What a workflow is for."""

    DEPLOY = "deploy"
    BUILD = "build"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow with `workflow_dispatch`. `stage_input` is the input that says where; `records` whether GitHub records its deploys.

    `stages` are the environments that it speaks of: each stage with its spelling there.
    """

    file: str
    title: str
    purpose: Purpose
    inputs: tuple[Input, ...]
    stage_input: Input | None
    stages: Mapping[str, str]
    records: bool
    region: str = ""

    @property
    def words(self) -> str:
        """Its file's name without the suffix."""
        return self.file.rpartition(".")[0]

    @property
    def others(self) -> tuple[Input, ...]:
        """The inputs that do not say where."""
        return tuple(each for each in self.inputs if each != self.stage_input)

    @property
    def machine_input(self) -> Input | None:
        """The input that says which images are built."""
        return next((each for each in self.others if each.name.lower() in _ROLES), None)


def find(clone: Clone) -> tuple[tuple[Workflow, ...], tuple[str, ...]]:
    """The workflows that can be dispatched, by name, and the files of those that cannot be, or not be read."""
    workflows, others = [], []
    for path in clone.paths:
        if str(path.parent) != FOLDER or path.suffix not in {".yml", ".yaml"}:
            continue
        text = clone.text(path)
        try:
            file = parse(path.name, text.encode())
            raw: Any = foreign_yaml.load(text)
        except (ValueError, TypeError):
            others.append(path.name)
            continue
        if file.dispatchable:
            workflows.append(_workflow(file, path.name, raw, _called(clone, raw)))
        else:
            others.append(path.name)
    return tuple(workflows), tuple(others)


def _called(clone: Clone, raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The workflows of the clone that its jobs call."""
    called = []
    for job in _jobs(raw):
        uses = str(job.get("uses", ""))
        if uses.startswith(f"./{FOLDER}/"):
            with suppress(ValueError):
                called.append(foreign_yaml.load(clone.text(PurePosixPath(uses[2:]))))
    return [each for each in called if isinstance(each, dict)]


def _workflow(file: WorkflowFile, name: str, raw: Mapping[str, Any], called: Sequence[Mapping[str, Any]]) -> Workflow:
    stage_input = next((each for each in file.inputs if _says_where(each)), None)
    named = dict(_environments(raw))
    if stage_input:
        named = {stage: option for option in stage_input.options if (stage := stage_of(option))}
    elif spelled := stage_in(name.rpartition(".")[0]) or stage_in(file.name):
        named = {spelled[0]: named.get(*spelled)}
    text = yaml.safe_dump([raw, *called])
    region = _REGION.search(text)
    return Workflow(
        name,
        file.name,
        _purpose(name, file.name, text),
        file.inputs,
        stage_input,
        named,
        records=any("environment" in job for each in (raw, *called) for job in _jobs(each)),
        region=region[1] if region else "",
    )


def _says_where(given: Input) -> bool:
    if given.type == "environment":
        return True
    return given.name.lower() in _STAGE_INPUTS and (not given.options or any(map(stage_of, given.options)))


def _purpose(file: str, title: str, text: str) -> Purpose:
    name = f"{file.rpartition('.')[0].replace('_', '-')} {title}"
    if _PACKER.search(text) or (_BUILDS.search(name) and "packer" in text.lower()):
        return Purpose.BUILD
    return Purpose.DEPLOY if _DEPLOYS.search(name) else Purpose.OTHER


def _jobs(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    jobs = raw.get("jobs")
    yield from (job for job in (jobs.values() if isinstance(jobs, dict) else ()) if isinstance(job, dict))


def _environments(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The environments of GitHub that jobs name literally."""
    for job in _jobs(raw):
        environment = job.get("environment")
        name = environment.get("name") if isinstance(environment, dict) else environment
        if isinstance(name, str) and (stage := stage_of(name)):
            yield stage, name
