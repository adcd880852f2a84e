"""The credentials of a profile or role, as variables for a child: it gets these values, and never AWS's files with all profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import explained
from runners.aws.sessions import session
from runners.errors import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.results import AwsPlace

_DOING = "reading the AWS credentials"


def credential_variables(place: AwsPlace) -> Mapping[str, str]:
    """AWS's own variables with what the profile or role resolves to now; a role's credentials expire with its session.

    It may ask AWS for a role's credentials, and blocks meanwhile.

    Raises:
        AccessDeniedError: there is no such profile, or it has no credentials.
        RunnerError: AWS refuses the role, or does not answer.
    """
    try:
        credentials = session(place.region, place.profile, place.role).get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials else None
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, _DOING) from None
    if frozen is None or not frozen.access_key or not frozen.secret_key:
        remedy = "Give the profile keys, a role or a process in AWS's files of the bot's user."
        whose = f"the profile {place.profile} has" if place.profile else "the bot's machine has"
        raise AccessDeniedError(_DOING, f"{whose} no credentials", remedy=remedy)
    values = {"AWS_ACCESS_KEY_ID": frozen.access_key, "AWS_SECRET_ACCESS_KEY": frozen.secret_key}
    return {**values, **({"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {})}


def variables_of(place: AwsPlace) -> Mapping[str, str]:
    """`credential_variables`, and AWS's own variables for the region. Raises as it."""
    return {**credential_variables(place), "AWS_REGION": place.region, "AWS_DEFAULT_REGION": place.region}
