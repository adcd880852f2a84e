"""Secrets: where they are listed from, which keys are rotated into which places, and which values people set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bot.config.matching import Matching
from bot.config.models import Model
from bot.config.models.environment import Hcp
from bot.config.values import Duration, Name, NameWithPart, Repository, Workflow

SecretName = Annotated[
    str,
    Matching(
        r"(?!(?i:GITHUB_))[A-Za-z_][A-Za-z0-9_]{0,99}",
        "is not the name of a secret; use letters, digits and underscores, without a leading digit or GITHUB_",
    ),
]
UserName = Annotated[str, Matching(r"[\w+=,.@-]{1,64}", "is not the name of an IAM user")]
ParameterName = Annotated[
    str, Matching(r"[A-Za-z0-9_./-]{1,1011}", "is not the name of a parameter; write for example /ci/key")
]
EntryName = Annotated[
    str, Matching(r"[A-Za-z0-9/_+=.@-]{1,512}", "is not a name in Secrets Manager; write for example ci/key")
]
GitHubEnvironment = Annotated[str, Matching(r"[^\x00-\x1f]{1,255}", "is not the name of an environment at GitHub")]
_KEEPERS = ("github", "parameter", "secrets_manager", "hcp")


class HcpVariable(Hcp):
    """A variable of an HCP Terraform workspace."""

    variable: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,250}$")]


class SecretPlace(Model):
    """Where a value is kept: one of GitHub Actions, SSM, Secrets Manager and HCP Terraform.

    `github` is a secret of `repository` (github.repository without one), or of its environment `github_environment`.
    """

    github: SecretName | None = None
    github_environment: GitHubEnvironment | None = None
    repository: Repository | None = None
    parameter: ParameterName | None = None
    secrets_manager: EntryName | None = None
    hcp: HcpVariable | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        named = [keeper for keeper in _KEEPERS if getattr(self, keeper) is not None]
        if len(named) != 1:
            raise ValueError(f"names {len(named) or 'no'} places; write one of {', '.join(_KEEPERS)}")
        if named != ["github"] and (self.github_environment or self.repository):
            raise ValueError("has `repository` or `github_environment` without `github`; remove it")
        return self


class KeyPlace(SecretPlace):
    """A place of one half of an access key: its id, or its secret."""

    value: Literal["id", "secret"] = "secret"


class RotatedKey(Model):
    """The access key of an IAM user: `environment` decides who approves, and in which AWS account the user is.

    A successful run of `workflow` proves the new key; without one a person confirms it. `grace` is how long the old key
    stays deactivated before it is deleted.
    """

    user: UserName
    environment: NameWithPart
    places: Annotated[tuple[KeyPlace, ...], Field(min_length=1)]
    workflow: Workflow | None = None
    grace: Duration = timedelta(days=7)


class Secrets(Model):
    """What `/infra secrets` lists, `/infra rotate` rotates and `/infra secret set` sets.

    `organization` lists the secrets of the repository's organization too. `users` are IAM users; `parameters` and
    `secrets_manager` are prefixes of names.
    """

    organization: bool = False
    users: tuple[UserName, ...] = ()
    parameters: tuple[ParameterName, ...] = ()
    secrets_manager: tuple[EntryName, ...] = ()
    rotate: Mapping[Name, RotatedKey] = {}
    values: Mapping[SecretName, Mapping[NameWithPart, SecretPlace]] = {}

    @property
    def uses_aws(self) -> bool:
        """Whether secrets are listed in AWS."""
        return bool(self.users or self.parameters or self.secrets_manager or self.rotate)
