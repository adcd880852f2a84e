"""GitHub Actions as a deploy backend: a workflow deploys to all machines, from a branch or tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.registry import WorkflowOf
from handlers.deploy.arguments import SHORT_SHA
from handlers.deploy.github_actions import rollout
from handlers.deploy.github_actions.rollout import settings_of
from handlers.deploy.inputs import inputs_of
from handlers.shared.examined import Examined
from handlers.shared.inputs import check_sent, declared_inputs
from handlers.shared.ref_lookup import check_startable
from runners.errors import RunnerError, UnavailableError
from runners.github import named_refs, ref_facts
from runners.github.api.reads import CachedReads
from runners.github.runs import workflow_file

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.github.runs.workflow_file import Input
    from runners.results import Commit

TAKES_ROLES = False
TAKES_CHECK = False
TAKES_ROOM = False
roll_out = rollout.roll_out


def title(environment: Environment) -> str:
    """GitHub Actions, with the workflow's file."""
    return f"GitHub Actions {settings_of(environment).workflow}"


def required_checks(environment: Environment) -> bool | tuple[str, ...]:
    """As configured; by default those that the branch requires."""
    return settings_of(environment).required_checks


async def ref_at(operation: Operation, sha: str) -> str:
    """A tag at the commit, else a branch. Raises UserError where there is neither: GitHub starts no workflow at a commit."""
    refs = await ref_facts.branches_and_tags(CachedReads(operation.services.github), operation.repository)
    at = [name for name, tip in refs if tip == sha]
    for prefix in (named_refs.TAGS, named_refs.HEADS):
        for name in at:
            if name.startswith(prefix):
                return name.removeprefix(prefix)
    short, tag = sha[:SHORT_SHA], f"rollback-{sha[:SHORT_SHA]}"
    raise UserError(
        f"GitHub starts workflows on a branch or tag only, and none is at {short}. Nothing was deployed. Tag the commit, "
        f"and type the command again: git tag {tag} {sha} && git push origin {tag}"
    )


async def verify(operation: Operation, ref: str) -> None:
    """Raises UserError for what GitHub would refuse: a commit, and a workflow that lacks its trigger or an input."""
    check_startable(ref)
    actions, services = settings_of(operation.environment), operation.services
    try:
        file = await workflow_file.read(services.github, operation.repository, actions.workflow, ref)
    except UnavailableError:
        raise
    except RunnerError:
        return  # no such ref, no such workflow, a file that only GitHub can read: what comes next says which
    if not file.dispatchable:
        raise UserError(
            f"{actions.workflow} has no workflow_dispatch trigger at {ref}, so GitHub does not start it. Add "
            "`workflow_dispatch:` to its `on:` there. Nothing was deployed."
        )
    where, sent = f"{actions.workflow} at {ref}", inputs_of(operation.environment, operation.record.arguments)
    check_sent(file, sent, where, given=actions.command_inputs)
    if missing := workflow_file.missing_inputs(file, (*sent, *filter(None, [actions.mark_input]))):
        raise UserError(
            f"{where} requires the input {', '.join(missing)}, which has no default. Set it under "
            f"{operation.environment.key_of('deploy', 'github_actions', 'inputs')}. Nothing was deployed."
        )


async def asks(services: Services, environment: Environment, ref: str) -> tuple[Input, ...]:
    """As the workflow's file declares them, as far as the configuration allows them."""
    actions = settings_of(environment)
    workflow = WorkflowOf(services.config.repository_of(environment), actions.workflow)
    return await declared_inputs(services, workflow, ref, actions.command_inputs)


async def examine(_: Operation, __: Commit) -> Examined:
    """Nothing: the code runs on GitHub, and `verify` has read the workflow."""
    return Examined()
