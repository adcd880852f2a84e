"""The words after /deploy's environment: machine types, `check`, and the branch, tag or commit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, policy
from bot.errors import UserError
from bot.operations import follow_ups, requests
from bot.operations.registry import Button, Click, Command, Invocation, Modal, Submission
from bot.slack.blocks import replies
from bot.slack.blocks.common import DEPLOY_AFTER
from handlers.deploy.ansible.scope import CHECK, HOSTS, MACHINES
from handlers.deploy.promote import workflow as promote_workflow
from handlers.shared import permissions
from handlers.shared.clicks import clicked
from handlers.shared.requests import CODE_DEPLOY, default_ref, deploy_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Environment
    from bot.operations.requests import OperationRequest
    from bot.services import Services
    from bot.slack.blocks.kit import Message


USAGE = "/deploy <environment> [machine,machine] [branch, tag or commit] [check]"
SHA = re.compile(r"[0-9a-f]{7,40}")
SHORT = 7  # letters of a commit's SHA
MOST = 4  # words, the environment's name among them
ANY_REF = "<branch, tag or commit>"  # in words that somebody is to type
HINT = USAGE.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What somebody asked for: `ref` is "" for the usual one, no `machines` for all of them."""

    ref: str = ""
    machines: tuple[str, ...] = ()
    check: bool = False


@dataclass(frozen=True, slots=True)
class Neither:
    """A word that is neither a ref nor a machine type, and the machine type that it is `near` ("": none)."""

    problem: str
    near: str


def read(environment: Environment, said: Sequence[str]) -> Arguments:
    """The words in any order. Raises UserError for what is said twice, or cannot be done there."""
    found = Arguments()
    for word in said:
        found = _with(found, environment, word)
    if (found.machines or found.check) and environment.deploy.ansible is None:
        what = "machine types" if found.machines else CHECK
        raise UserError(
            f"{environment.name} goes out by a workflow on GitHub, which takes no {what}. Only where Ansible deploys "
            "can some of the machines be deployed, or checked."
        )
    return found


def limited(wish: OperationRequest, said: Arguments) -> OperationRequest:
    """The wish for a whole deploy, limited to what was asked for."""
    ref, to = wish.arguments["ref"], wish.target.name
    what = f"Check {ref} against {to}" if said.check else f"Deploy {ref} to {to}"
    only = f" ({', '.join(said.machines)})" if said.machines else ""
    extra = {MACHINES: ",".join(said.machines), CHECK: CHECK if said.check else ""}
    arguments = {**wish.arguments, **{name: value for name, value in extra.items() if value}}
    return replace(wish, title=f"{what}{only}", arguments=arguments)


def neither(environment: Environment, ref: str) -> Neither | None:
    """What to say where there is no such ref, and it may have been meant as a machine type.

    None where the environment does not deploy by machine types, the ref is its own, or a commit.
    """
    ansible = environment.deploy.ansible
    if ansible is None or not environment.machines or ref == ansible.ref or SHA.fullmatch(ref):
        return None
    near = typed_arguments.near(ref, environment.machines)
    meant = f"; did you mean “{near}”?" if near else "."
    problem = (
        f"{typed_arguments.shown(ref)} is neither a branch or tag nor a machine type of {environment.name}{meant} "
        f"Its machine types are {', '.join(environment.machines)}"
    )
    return Neither(problem, near)


def command(environment: Environment, ref: str, machines: Sequence[str] = (), *, check: bool = False) -> str:
    """What to type for this: without what goes without saying, the usual ref and all machine types."""
    whole = set(machines) >= set(environment.machines)
    said = ["" if whole else ",".join(machines), "" if ref == default_ref(environment) else ref, CHECK if check else ""]
    return " ".join(filter(None, [f"/deploy {environment.name}", *said]))


def typed(environment: Environment, arguments: Mapping[str, str]) -> str:
    """What to type for a deploy with these arguments once more. Hosts that are named one by one cannot be typed."""
    ref = arguments["ref"][:SHORT] if HOSTS in arguments else arguments["ref"]
    machines = arguments[MACHINES].split(",") if arguments.get(MACHINES) else ()
    return command(environment, ref, machines, check=bool(arguments.get(CHECK)))


def _with(found: Arguments, environment: Environment, word: str) -> Arguments:
    if word == CHECK:
        return replace(found, check=True)
    parts = tuple(dict.fromkeys(word.split(",")))
    if all(part in environment.machines for part in parts):
        if found.machines:
            raise UserError(f"Machine types are given twice; put commas between them, without blanks. Usage: {USAGE}")
        return replace(found, machines=tuple(machine for machine in environment.machines if machine in parts))
    if "" in parts:
        raise UserError(f"Put commas between machine types, without blanks: {_example(environment)}. Usage: {USAGE}")
    if len(parts) > 1:
        wrong = next(part for part in parts if part not in environment.machines)
        hint = typed_arguments.nearest(wrong, environment.machines) if environment.machines else "; it has none."
        raise UserError(f"{environment.name} has no machine type {typed_arguments.shown(wrong)}{hint} Usage: {USAGE}")
    if found.ref:
        raise UserError(
            f"{typed_arguments.shown(found.ref)} and {typed_arguments.shown(word)}: I can deploy one branch, tag or commit. Usage: {USAGE}"
        )
    return replace(found, ref=typed_arguments.ref(word, USAGE))


def _example(environment: Environment) -> str:
    return ",".join(environment.machines[:2]) or "backend,cron"


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Start a deploy; without words ask for them in a modal."""
    said = typed_arguments.split(invocation.text, USAGE, most=MOST)
    if not said:
        await requests.check_may_use(services, invocation.user, "/deploy")
        names = list(services.config.environments)
        await services.chat.open_view(invocation.trigger_id, replies.deploy_modal(names, invocation.channel))
        return None
    environment = typed_arguments.environment(services.config, said[0], USAGE)
    rest = read(environment, said[1:])
    whole = _asked(environment, rest.ref, invocation.user, invocation.key, promotes=not rest.check)
    await requests.start(services, limited(whole, rest))
    return None


async def submitted(services: Services, submission: Submission) -> Mapping[str, str]:
    """Start the deploy that the modal asks for; faults are shown under its fields."""
    environment = typed_arguments.environment(services.config, submission.values["environment"], USAGE)
    wanted = submission.values["ref"].strip()
    try:
        ref = typed_arguments.ref(wanted, USAGE) if wanted else ""
    except UserError as error:
        return {"ref": str(error)}
    try:
        await requests.start(services, _asked(environment, ref, submission.user, submission.key))
    except UserError as error:
        return {"environment": str(error)}
    return {}


def _asked(environment: Environment, ref: str, user: str, key: str, *, promotes: bool = True) -> OperationRequest:
    """The wish of somebody who types it: whoever names no ref is asked first what is to be promoted."""
    if ref or environment.promote is None or not promotes:
        return deploy_request(environment, ref or default_ref(environment), user, key)
    plain = deploy_request(environment, default_ref(environment), user, key)
    return replace(plain, arguments={**plain.arguments, promote_workflow.OFFERED: "offered"})


async def deploy_after(services: Services, click: Click) -> None:
    """Begin the code deploy that an apply has made necessary, once."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    key = CODE_DEPLOY.key(record.number)
    if begun := await services.operations.started_by(key):
        raise UserError(f"The code deploy was begun from this message already: it is #{begun.number}.")
    request = deploy_request(environment, default_ref(environment), click.user, key)
    await requests.start(services, request, permissions.attempt_on(record, click.user, "deploy the code"))
    await follow_ups.begun(services, CODE_DEPLOY, record)


COMMANDS = (Command("/deploy", USAGE, HINT, "Deploy code to an environment.", handle),)
MODALS = (Modal("deploy", submitted),)
BUTTONS = (Button(DEPLOY_AFTER, deploy_after),)
FOLLOW_UPS = (CODE_DEPLOY,)
