"""Who may do what: operators, approvers and roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from bot.config.matching import Matching
from bot.config.models import Model
from bot.config.values import Name, Person, Text

# see: read how something stands. plan: look without changing (plans, checks of a deploy, daemons). run: change.
# approve: decide about what others request. unlock: release locks. emergency: change outside of windows and order.
Right = Literal["see", "plan", "run", "approve", "unlock", "emergency"]
CommandName = Annotated[
    str,
    Matching(
        r"/(?:deploy|plan|build|run(?: [a-z0-9][a-z0-9-]*)?|infra(?: [a-z]+)?)",
        "is not a command; write /deploy, /plan, /build, /run, /run NAME, /infra or /infra TOPIC",
    ),
]


class Role(Model):
    """People who may do the same. Any right there includes `see`.

    `environments` are names of environments or of their parts, or of what belongs to none ("image builds"); None: all.
    `commands` are those by which they may plan, run and approve; None: all.
    """

    people: Annotated[tuple[Person, ...], Field(min_length=1)]
    may: Annotated[tuple[Right, ...], Field(min_length=1)]
    environments: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    commands: Annotated[tuple[CommandName, ...], Field(min_length=1)] | None = None


class Emergency(Model):
    """How somebody with the right `emergency` changes something outside of windows, freezes and the order of environments.

    `approvals` is how many other people approve, in place of the environment's number; with 0 the requester alone decides.
    Of the `reviewers`, or else the approvers, two confirm on the next working day that they have seen it.
    """

    approvals: Annotated[int, Field(ge=0, le=10)] = 1
    reviewers: tuple[Person, ...] = ()


class Access(Model):
    """User IDs, or usergroup:<ID>: operators may run everything, approvers decide where an environment has none of its own.

    `roles` give some people some rights. `guests` and `external` let guests and people of other workspaces act, if a rule
    names them. `commands_per_minute` is for each person.
    """

    operators: Annotated[tuple[Person, ...], Field(min_length=1)] = ()
    approvers: tuple[Person, ...] = ()
    roles: Mapping[Name, Role] = {}
    emergency: Emergency = Emergency()
    guests: bool = False
    external: bool = False
    commands_per_minute: Annotated[int, Field(ge=1)] = 60
