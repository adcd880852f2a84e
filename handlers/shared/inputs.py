"""Inputs of a workflow that a person gives: checked against the workflow's file at a ref."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments, inputs
from bot.errors import UserError
from bot.slack.modal import open_modal_early
from handlers.shared.input_views import BOOLEANS
from runners.errors import RunnerError
from runners.github.runs import workflow_file
from runners.github.runs.workflow_file import Input

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from bot.config.models.inputs import CommandInput
    from bot.operations.registry import WorkflowOf
    from bot.services import Services
    from bot.slack.modal import Content
    from runners.github.runs.workflow_file import WorkflowFile

# GitHub's limit for the inputs of a workflow_dispatch, by its page "Events that trigger workflows".
MOST_CHARACTERS = 65_535
READ_WITHIN = 1.5  # seconds in which a modal's workflow is read; Slack waits for three
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def check_sent(file: WorkflowFile, sent: Mapping[str, str], title: str, *, given: Collection[str] = ()) -> None:
    """Raises UserError unless GitHub takes these inputs for the workflow; `title` names it ("deploy.yml at main").

    `given` are the inputs that a person may give: only these are asked for.
    """
    declared = {each.name: each for each in file.inputs}
    for name, value in sent.items():
        if name not in declared:
            meant = arguments.nearest(name, declared, otherwise="; it has none." if not declared else "")
            raise UserError(f"{title} has no input {arguments.quoted(name)}{meant} Nothing was started.")
        if problem := _problem_of(declared[name], value):
            raise UserError(problem)
    if missing := missing_inputs([declared[name] for name in given if name in declared], sent):
        raise needs(title, missing)
    size = len(json.dumps(dict(sent), ensure_ascii=False))
    if size > MOST_CHARACTERS:
        raise UserError(f"The inputs have {size:,} characters; GitHub takes {MOST_CHARACTERS:,}. Nothing was started.")


def missing_inputs(declared: Iterable[Input], sent: Mapping[str, str]) -> list[str]:
    """The inputs without which GitHub refuses a dispatch with what is sent."""
    return [each.name for each in declared if each.required and not sent.get(each.name, each.default)]


def needs(title: str, missing: Sequence[str]) -> UserError:
    """The error for missing inputs of what has this title."""
    add = " ".join(f"{name}=…" for name in missing)
    return UserError(f"{title} needs {' and '.join(missing)}: add {add}. Nothing was started.")


async def ask_for(services: Services, trigger_id: str, title: str, content: Content, missing: Sequence[str]) -> None:
    """Open the window that asks for inputs. Raises UserError, which names the missing ones, where Slack opens none."""
    try:
        await open_modal_early(services.chat, trigger_id, title, content)
    except UserError as error:
        raise (needs(title, missing) if missing else error) from error


def _problem_of(declared: Input, value: str) -> str:
    if not value:
        return ""  # as good as not given; a required one is reported as missing
    choices = BOOLEANS if declared.type == "boolean" else declared.options
    if choices and value not in choices:
        return inputs.not_among(declared.name, value, choices)
    if declared.type == "number" and not _NUMBER.fullmatch(value):
        return f"{declared.name} cannot be {arguments.quoted(value)}; it is a number. Nothing was started."
    return ""


def digest(sent: Mapping[str, str]) -> str:
    """What an approval is bound to: the digest of all inputs."""
    return hashlib.sha256(json.dumps(dict(sent), sort_keys=True).encode()).hexdigest()


def configured_inputs(allowed: Mapping[str, CommandInput]) -> tuple[Input, ...]:
    """The inputs as the configuration has them: for a playbook, which declares none."""
    return tuple(Input(name, options=each.choices) for name, each in allowed.items())


async def declared_inputs(
    services: Services, workflow: WorkflowOf, ref: str, allowed: Mapping[str, CommandInput]
) -> tuple[Input, ...]:
    """The allowed inputs as the workflow's file at the ref declares them, in its order.

    While GitHub does not say so in time they are as the configuration has them.
    """
    configured = {each.name: each for each in configured_inputs(allowed)}
    if not allowed:
        return ()
    try:
        async with asyncio.timeout(READ_WITHIN):
            file = await workflow_file.read(services.github, workflow.repository, workflow.file, ref)
    except (TimeoutError, RunnerError):
        return tuple(configured.values())
    return tuple(_narrowed(each, allowed[each.name]) for each in file.inputs if each.name in allowed)


def _narrowed(declared: Input, allowed: CommandInput) -> Input:
    options = declared.options or allowed.choices
    return replace(declared, options=tuple(each for each in options if each in (allowed.choices or options)))


def refused_fields(values: Mapping[str, str], check: Callable[[Mapping[str, str]], None]) -> dict[str, str]:
    """The fields of a submitted modal that `check` refuses, each with the reason; `check` raises UserError for inputs."""
    refused = {}
    for field, value in values.items():
        try:
            check(submitted({field: value}))
        except UserError as error:
            refused[field] = str(error)
    return refused


def submitted(values: Mapping[str, str]) -> dict[str, str]:
    """The inputs of a submitted modal; an empty field gives none. Raises UserError."""
    given = inputs.given(values)
    return {name: inputs.checked(name, value.strip()) for name, value in given.items() if value.strip()}
