"""All that a clone says about how it is deployed, and the environments that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.config.value_problems import region_problem
from bot.proposal import playbooks, terraform, workflows as workflow_files
from bot.proposal.stages import sort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.proposal.repository import Clone

ONLY = "prod"  # the environment of a repository that names none


@dataclass(frozen=True, slots=True)
class Stage:
    """An environment: its stage ("prod"), its name as the code writes it, and other spellings there."""

    key: str
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read; `not_dispatchable` are the files of workflows that nobody can start by hand."""

    workflows: tuple[workflow_files.Workflow, ...]
    not_dispatchable: tuple[str, ...]
    code: terraform.Code
    ansible: playbooks.Ansible | None
    stages: tuple[Stage, ...]
    guessed: bool  # nothing names an environment

    @property
    def region(self) -> str:
        """The AWS region that the code or a workflow names; "" for none."""
        named = [self.code.region, *(each.region for each in self.workflows)]
        return next((region for region in named if region and not region_problem(region)), "")

    def by_purpose(self, purpose: workflow_files.Purpose) -> list[workflow_files.Workflow]:
        """The workflows for this."""
        return [each for each in self.workflows if each.purpose is purpose]


def read(clone: Clone) -> Facts:
    """Read it."""
    dispatchable, others = workflow_files.find(clone)
    code, ansible = terraform.find(clone), playbooks.find(clone)
    spellings: dict[str, list[str]] = {}
    for stage, spelling in _named(dispatchable, code, ansible):
        its = spellings.setdefault(stage, [])
        if spelling.lower() not in map(str.lower, its):
            its.append(spelling)
    stages = tuple(Stage(key, *_names(spellings[key])) for key in sort(spellings))
    return Facts(dispatchable, others, code, ansible, stages or (Stage(ONLY, ONLY),), not stages)


def _names(spellings: list[str]) -> tuple[str, tuple[str, ...]]:
    return spellings[0], tuple(spellings[1:])


def _named(
    dispatchable: tuple[workflow_files.Workflow, ...], code: terraform.Code, ansible: playbooks.Ansible | None
) -> Iterator[tuple[str, str]]:
    """Each stage with a spelling, those first that a path or an input needs as they are."""
    if ansible:
        yield from ansible.stages.items()
    for workflow in dispatchable:
        if workflow.purpose is not workflow_files.Purpose.OTHER:
            yield from workflow.stages.items()
    yield from (root.stage for root in code.roots if root.stage)
    yield from (stage for stage in code.units if stage)
    for root in code.roots:
        yield from ((stage, spelling) for stage, (spelling, _) in root.var_files.items())
