"""Custom operations: workflows and playbooks that a team starts by /run, beside the settings in `operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from bot.config.matching import Matching
from bot.config.models import Model
from bot.config.models.inputs import CommandInputs
from bot.config.values import InputName, Name, NameWithPart, Playbook, Ref, Tag, Workflow


class CustomOperation(Model):
    """A workflow or playbook that `/run <name>` starts for an environment, which gives its queue, channel, approval, refs and windows.

    `inputs` are those that a person may give, `fixed_inputs` are always sent. `mark_input` names the workflow's input for
    the operation's mark. A `playbook` runs as the environment's `deploy.ansible`, on its `machines` or on these, with
    `tags` of its own.
    """

    workflow: Workflow | None = None
    playbook: Playbook | None = None
    environment: NameWithPart
    ref: Ref = "main"
    description: Annotated[str, Matching(r"[^\n]{0,200}", "is too long; write one line of up to 200 characters")] = ""
    inputs: CommandInputs = Field(default_factory=dict)
    fixed_inputs: Mapping[InputName, str] = {}
    mark_input: InputName | None = None
    machines: tuple[Name, ...] = ()
    tags: tuple[Tag, ...] = ()
    skip_tags: tuple[Tag, ...] = ()
