"""Secrets by name, place, age and use. No value is ever in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from runners.stored import stored

if TYPE_CHECKING:
    from datetime import datetime


class Keeper(StrEnum):
    """What keeps a secret."""

    REPOSITORY = "GitHub repository"
    ENVIRONMENT = "GitHub environment"
    ORGANIZATION = "GitHub organization"
    IAM = "IAM user"
    PARAMETER = "SSM parameter"
    SECRETS_MANAGER = "Secrets Manager"
    HCP = "HCP Terraform workspace"
    KEY_PAIR = "EC2 key pair"
    OWN = "Signalbox's own"


_WHOLE_ID = 16  # characters; AWS's own have 20
GITHUB = (Keeper.REPOSITORY, Keeper.ENVIRONMENT, Keeper.ORGANIZATION)


def key_name(key_id: str) -> str:
    """The id of an access key as people read it: enough to find it, and not in the form that is redacted everywhere."""
    return f"{key_id[:4]}…{key_id[-12:]}" if len(key_id) >= _WHOLE_ID else key_id


@dataclass(frozen=True, slots=True)
class SecretEntry:
    """A secret. `changed_at` is when its value was set, None where the place does not say so; `owner` where it is kept.

    `environment` is an environment at GitHub, or one of the configuration whose workspace it is in; `note` is the place's
    own words (a status, who sees it).
    """

    keeper: Keeper
    name: str
    owner: str
    changed_at: datetime | None = None
    last_used: datetime | None = None
    environment: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret that a workflow names. `environment` is that of the job: empty without one, None where only the run decides."""

    name: str
    workflow: str
    environment: str | None = ""


@dataclass(frozen=True, slots=True)
class WorkflowSecrets:
    """What a workflow's file says of secrets.

    `inherits` are the workflows to which it passes all secrets, `declared` the secrets that its callers pass to it; `takes_all`:
    an expression takes secrets by a name that only the run decides; `oidc`: it may ask for a token of GitHub's OIDC.
    """

    file: str
    uses: tuple[SecretUse, ...] = ()
    inherits: tuple[str, ...] = ()
    declared: frozenset[str] = field(default_factory=frozenset)
    takes_all: bool = False
    oidc: bool = False


@stored("key-rotation")
@dataclass(frozen=True, slots=True)
class Rotation:
    """What is approved: the user, the old key (empty without one), an unused key that is deleted first, the places."""

    name: str
    user: str
    old: str
    unused: str
    why_unused: str
    places: tuple[str, ...]
    workflow: str
    grace: float

    @property
    def binding(self) -> str:
        """What an approval is bound to."""
        parts = (self.name, self.user, self.old, self.unused, self.workflow, str(self.grace), *self.places)
        return hashlib.sha256("\0".join(("rotate key", *parts)).encode()).hexdigest()


@stored("written-place")
@dataclass(frozen=True, slots=True)
class Written:
    """A place, and why it was not written; empty if it was. `broken`: beside it is the other half of another key."""

    place: str
    problem: str = ""
    remedy: str = ""
    broken: bool = False


@stored("replaced-key")
@dataclass(frozen=True, slots=True)
class Replaced:
    """A new key: its id (empty where it was deleted again), its places, and when they were written (Unix seconds)."""

    key_id: str
    places: tuple[Written, ...]
    at: float

    @property
    def failed(self) -> tuple[Written, ...]:
        """The places that do not have it."""
        return tuple(place for place in self.places if place.problem)
