"""Machine images: how they are built, checked and cleaned up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.config.models import Model
from bot.config.models.approval import SHARED_APPROVAL, Approval
from bot.config.models.inputs import CommandInputs
from bot.config.models.refs import Refs
from bot.config.values import (
    AccountId,
    Channel,
    Duration,
    LogPattern,
    LogPrefix,
    Name,
    Ref,
    Template,
    Text,
    Variable,
    Workflow,
)


class Rerun(Model):
    """The texts in a failed job's log that lead to a retry, how often, and after which pause."""

    on: tuple[Text, ...] = ("RequestLimitExceeded", "API rate limit exceeded")
    times: Annotated[int, Field(ge=0, le=10)] = 2
    wait: Duration = timedelta(minutes=2)


class Keep(Model):
    """The images that a clean-up never proposes to remove.

    Sharing an image with one of the accounts `ignore_shared_with` does not keep it. With `disable_first` an approved image is first disabled for that time: it cannot be launched, and can be enabled again.
    """

    newest: Annotated[int, Field(ge=1)] = 3
    younger_than: Duration = timedelta(days=30)
    ignore_shared_with: tuple[AccountId, ...] = ()
    disable_first: Duration | None = None


class BuildInputs(Model):
    """The workflow's inputs that select what is built; unset: inputs named `machines` (or `machine`) and `environments`."""

    machines: Variable | None = None
    environments: Variable | None = None


class ImageWorkflow(Model):
    """A further image workflow, which `/build <name>` starts, with a queue of its own.

    Its inputs are its own. What else is not set is as in `images`.
    """

    workflow: Workflow
    channel: Channel | None = None
    ref: Ref | None = None
    refs: Refs | None = None
    inputs: BuildInputs = BuildInputs()
    command_inputs: CommandInputs = Field(default_factory=dict)
    suspicious: tuple[LogPattern, ...] | None = None
    suspect_weight: Annotated[int, Field(ge=1, le=100)] | None = None
    log_prefix: LogPrefix | None = None
    rerun: Rerun | None = None
    follow_runs_by_hand: bool | None = None
    approval: Approval | None = None


class Images(Model):
    """How machine images are built, tagged, checked and cleaned up.

    `workflows` are further image workflows by the name that people type. Messages of builds are posted to `channel`, or to
    Slack's. `command_inputs` are further inputs of the workflow that may be given with the command. `approval` is for
    changes outside of the environments: removing images, terminating builders. With `follow_runs_by_hand` the bot also
    reports runs of the workflow that were started outside of Slack.
    """

    workflow: Workflow
    workflows: Mapping[Name, ImageWorkflow] = {}
    channel: Channel | None = None
    ref: Ref = "main"
    refs: Refs = Refs()
    inputs: BuildInputs = BuildInputs()
    command_inputs: CommandInputs = Field(default_factory=dict)
    instance_tag: Template = "{environment} {machine}"
    ami_name_tag: Mapping[str, Template] | Literal[False] = {"*": "{machine}-{environment}"}
    suspicious: tuple[LogPattern, ...] = ()
    suspect_weight: Annotated[int, Field(ge=1, le=100)] = 3
    log_prefix: LogPrefix | None = None
    rerun: Rerun = Rerun()
    keep: Keep = Keep()
    follow_runs_by_hand: bool = True
    approval: Approval = SHARED_APPROVAL

    @property
    def builds(self) -> Mapping[str, Images]:
        """The settings of each image workflow by its name; "" is that of `workflow`."""
        return {"": self, **{name: self._of(own) for name, own in self.workflows.items()}}

    def _of(self, own: ImageWorkflow) -> Images:
        values = {name: getattr(own, name) for name in ImageWorkflow.model_fields}
        return self.model_copy(update={name: value for name, value in values.items() if value is not None})
