"""How machine images are built, judged and kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from bot.config.models import Model
from bot.config.models.approval import SHARED_APPROVAL, Approval
from bot.config.values import Duration, Ref, Regex, Template, Text, Variable, Workflow


class Rerun(Model):
    """Which words in a failed job's log mean "try again", how often, and after how long."""

    on: tuple[Text, ...] = ("RequestLimitExceeded", "API rate limit exceeded")
    times: Annotated[int, Field(ge=0, le=10)] = 2
    wait: Duration = timedelta(minutes=2)


class Keep(Model):
    """Which images a clean-up never offers to remove.

    With `disable_first` an approved image is first disabled for so long: nobody can launch it, and it can be taken back.
    """

    newest: Annotated[int, Field(ge=1)] = 3
    younger_than: Duration = timedelta(days=30)
    disable_first: Duration | None = None


class BuildInputs(Model):
    """The workflow's inputs that say what is built; unset: those called so (`machines` or `machine`), if there are any."""

    machines: Variable | None = None
    environments: Variable | None = None


class Images(Model):
    """How machine images are built, tagged, judged and kept.

    `approval` is for what belongs to no environment: removing images, ending builders. With `follow_runs_by_hand` a
    run of the workflow that nobody asked for here gets its message all the same.
    """

    workflow: Workflow
    ref: Ref = "main"
    inputs: BuildInputs = BuildInputs()
    instance_tag: Template = "{environment} {machine}"
    ami_name_tag: Mapping[str, Template] = {"*": "{machine}-{environment}"}
    suspicious: tuple[Regex, ...] = ()
    rerun: Rerun = Rerun()
    keep: Keep = Keep()
    follow_runs_by_hand: bool = True
    approval: Approval = SHARED_APPROVAL
