"""Custom operations: workflows that a team starts by /run, beside the settings in `operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from bot.config.matching import Matching
from bot.config.models import Model
from bot.config.models.inputs import CommandInputs
from bot.config.values import InputName, NameWithPart, Ref, Workflow


class CustomOperation(Model):
    """A workflow that `/run <name>` starts for an environment, which gives its queue, channel, approval, refs and windows.

    `inputs` are those that a person may give, `fixed_inputs` are always sent. `mark_input` names the input for the
    operation's mark.
    """

    workflow: Workflow
    environment: NameWithPart
    ref: Ref = "main"
    description: Annotated[str, Matching(r"[^\n]{0,200}", "is too long; write one line of up to 200 characters")] = ""
    inputs: CommandInputs = Field(default_factory=dict)
    fixed_inputs: Mapping[InputName, str] = {}
    mark_input: InputName | None = None
