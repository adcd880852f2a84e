"""Puts the lines of a configuration together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.proposal import environments
from bot.proposal.text import comment, entry
from bot.proposal.workflows import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.proposal.facts import Facts
    from bot.proposal.workflows import Workflow

SCHEMA = "# yaml-language-server: $schema=signalbox.schema.json"
_DEFAULT_INPUTS = {"machines": ("machines", "machine"), "environments": ("environments", "environment")}


@dataclass(frozen=True, slots=True)
class Answer:
    """A value of the configuration, and what is said behind it."""

    value: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person answers: the repository as owner/name, the channel, the user group."""

    repository: Answer
    channel: Answer
    group: Answer


def compose(facts: Facts, answers: Answers, *, branch: str) -> str:
    """The text of signalbox.yaml."""
    return "\n".join(_lines(facts, answers, "" if branch in {"", "main"} else branch)) + "\n"


def _lines(facts: Facts, answers: Answers, branch: str) -> Iterator[str]:
    yield SCHEMA
    yield comment("A beginning, from what this repository has. Read each line, then: python -m bot check")
    yield entry("slack", {"channel": answers.channel.value}, comment=answers.channel.comment)
    yield entry("github", {"repository": answers.repository.value}, comment=answers.repository.comment)
    people = [answers.group.value]
    yield entry("access", {"operators": people, "approvers": people}, comment=answers.group.comment)
    if region := facts.region or _needed_region(facts):
        yield entry("aws", {"region": region}, comment="" if facts.region else "guessed: nothing here names a region")
    yield "environments:"
    yield from environments.lines(facts, branch)
    yield from _images(facts, branch)
    yield from _remarks(facts)


def _needed_region(facts: Facts) -> str:
    by_tags = facts.ansible and facts.ansible.machines and not facts.ansible.inventory
    return "us-east-1" if by_tags or facts.code.uses_aws or facts.by_purpose(Purpose.BUILD) else ""


def _images(facts: Facts, branch: str) -> Iterator[str]:
    builds = sorted(facts.by_purpose(Purpose.BUILD), key=lambda each: each.machine_input is None)
    if not builds:
        return
    first, others = builds[0], builds[1:]
    yield "images:"
    for key, written in _build(first, branch).items():
        yield entry(key, written, indent=2)
    if others:
        yield "  workflows:"
        for each in others:
            yield entry(each.words.lower().replace("_", "-"), _build(each, branch), indent=4, comment=each.title)


def _build(workflow: Workflow, branch: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"workflow": workflow.file, **({"ref": branch} if branch else {})}
    selecting = {"machines": workflow.machine_input, "environments": workflow.stage_input}
    named = {key: each.name for key, each in selecting.items() if each and each.name not in _DEFAULT_INPUTS[key]}
    if named:
        settings["inputs"] = {key: each.name for key, each in selecting.items() if each}
    if given := [each.name for each in workflow.others if each != workflow.machine_input]:
        settings["command_inputs"] = given
    return settings


def _remarks(facts: Facts) -> Iterator[str]:
    if rest := facts.by_purpose(Purpose.OTHER):
        yield comment("Workflows that people may start by /run, once they are named here:")
        yield comment("operations:")
        for each in rest:
            settings = {
                "workflow": each.file,
                "description": each.title,
                "inputs": [given.name for given in each.inputs],
            }
            yield comment(f"  {entry(each.words.lower().replace('_', '-'), {k: v for k, v in settings.items() if v})}")
    if facts.not_dispatchable:
        yield comment(
            f"Nobody can start these workflows, since they lack workflow_dispatch: {', '.join(facts.not_dispatchable)}"
        )
    if facts.ansible and facts.ansible.others:
        yield comment(f"Playbooks that are not used: {', '.join(map(str, facts.ansible.others))}")
