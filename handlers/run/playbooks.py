"""The playbooks of /run: prepared, read before anybody approves, rolled out as those of a deploy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import inputs as given_inputs
from bot.errors import UserError
from bot.slack.blocks import kit
from bot.store.operations import Status
from handlers.run import views
from handlers.run.settings import LINK, NAME, command_text, inputs_of, settings_of
from handlers.run.views import Run
from handlers.shared.ansible import examination, outcome_views, rollout as shared_rollout
from handlers.shared.ansible.log_judgement import judge
from handlers.shared.ansible.outcome_views import RolloutEnd
from handlers.shared.ansible.rollout_end import cause, post_details, remaining, status
from handlers.shared.ansible.scope import Scope, Work, check_secrets
from handlers.shared.ansible.views import Frame
from handlers.shared.checkout import commit_of
from handlers.shared.examined import Examined
from handlers.shared.machine_types import MACHINES
from runners.results import hosts_digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.config import Ansible
    from bot.config.models.custom import CustomOperation
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Block, Message
    from handlers.shared.ansible.rollout import Rollout


async def prepared(operation: Operation, settings: CustomOperation) -> Run:
    """Within a step: what the operation would run. Raises UserError for what is certain to fail later."""
    arguments, ref = operation.record.arguments, operation.record.arguments["ref"]
    ansible, given = _ansible_of(operation, settings), given_inputs.given(arguments)
    await check_secrets(operation)
    inputs = inputs_of(arguments[NAME], settings, given)
    machines = _machines_of(operation, settings)
    commit = await commit_of(operation, ref)
    return Run(
        arguments[NAME],
        "",
        settings.description,
        commit,
        settings.ref,
        inputs=inputs,
        given=given,
        playbooks=_files(operation, ansible, machines),
        machines=machines,
        tags=ansible.tags,
        skip_tags=ansible.skip_tags,
        link=arguments.get(LINK, ""),
    )


async def examine(operation: Operation, run: Run) -> Run:
    """Durable, before anybody approves, of a commit that may run: Ansible reads the playbooks, and finds their hosts.

    The run has notices for the approvers now. Raises RunnerError: see preflight.examine.
    """
    reading = views.working(operation.head, f"reading the code at {kit.escape(run.commit.short)}")
    await operation.show("reading", reading, Status.RUNNING)
    step = await operation.step("examine", lambda: examination.examine(operation, _work(operation, run)))
    examined = Examined.of(step)
    return replace(run, notices=(*run.notices, *examined.notices), hosts=examined.hosts)


def bound(run: Run) -> str:
    """What an approval is bound to, beside the commit and the inputs."""
    bound_to = [run.playbooks, run.machines, run.tags, run.skip_tags]
    return json.dumps([*bound_to, hosts_digest(run.hosts)] if run.hosts else bound_to)


def unchanged(operation: Operation, settings: CustomOperation, run: Run) -> bool:
    """Whether signalbox.yaml still says what was displayed. Raises UserError where the environment has no Ansible any more."""
    ansible, machines = _ansible_of(operation, settings), _machines_of(operation, settings)
    now = _files(operation, ansible, machines), machines, ansible.tags, ansible.skip_tags
    return now == (run.playbooks, run.machines, run.tags, run.skip_tags)


async def execute(operation: Operation, run: Run, approval: ApprovalView | None) -> None:
    """Durable: run the playbooks, each once, and end the operation with them."""

    async def finish(rollout: Rollout, cancelled_by: str | None) -> None:
        await post_details(rollout, "run")
        rest = remaining(rollout, cancelled_by)
        limited = {} if set(rest) >= set(run.machines) else {MACHINES: ",".join(rest)}
        judged = await judge(rollout, cancelled_by)
        end = RolloutEnd(
            rollout.not_started,
            cancelled_by=kit.user(cancelled_by) if cancelled_by else "",
            then=command_text({**operation.record.arguments, **limited}) if rest else "",
            judged=judged,
            suspect=views.SUSPECT_RUN,
            cause="" if cancelled_by else cause(rollout),
        )
        message = outcome_views.ended(rollout.frame, rollout.state, end)
        outcome = "suspect" if judged.suspects else ""
        await operation.end(status(rollout, cancelled_by), message, outcome=outcome)

    await shared_rollout.roll_out(operation, _work(operation, run), _frame(operation, run, approval), finish)


def _frame(operation: Operation, run: Run, approval: ApprovalView | None) -> Frame:
    head, name = operation.head, kit.escape(run.name)

    def draw(state: str, news: str, details: Iterable[Block], buttons: Iterable[Block]) -> Message:
        return views.message(head, state, news, run, approval, details=details, buttons=buttons)

    return Frame(
        head,
        run.commit,
        approval,
        draw,
        doing=f"running {kit.escape(run.files)}",
        activity=f"runs {run.name}",
        done=f"ran {name} on",
        no_host=f"ran {kit.escape(run.files)}, which names no host of the inventory, so nothing was done",
        got="",
        untouched="not run",
        command=command_text(operation.record.arguments),
    )


def _work(operation: Operation, run: Run) -> Work:
    """What Ansible runs. Raises UserError where signalbox.yaml has no such operation any more."""
    ansible = _ansible_of(operation, settings_of(operation.services.config, run.name))
    return Work(Scope(operation.environment, run.machines), ansible, run.commit, run.given, run.hosts)


def _ansible_of(operation: Operation, settings: CustomOperation) -> Ansible:
    ansible = operation.services.config.playbook_settings(settings)
    if ansible is None:
        name = operation.record.arguments[NAME]
        raise UserError(f"{name} runs no playbook by now. Nothing was started; run the command again.")
    return ansible


def _machines_of(operation: Operation, settings: CustomOperation) -> tuple[str, ...]:
    """The machine types of the operation, or those that were asked for. Raises UserError where one is no longer configured."""
    machines = operation.services.config.machines_of(settings)
    named = tuple(filter(None, operation.record.arguments.get(MACHINES, "").split(",")))
    if removed := [machine for machine in named if machine not in machines]:
        raise UserError(
            f"{', '.join(removed)} is no machine type of {operation.record.arguments[NAME]} by now. Nothing was started."
        )
    return named or machines


def _files(operation: Operation, ansible: Ansible, machines: Iterable[str]) -> tuple[str, ...]:
    environment = operation.environment.whole
    return tuple(ansible.playbook.format(machine=machine, environment=environment) for machine in machines)
