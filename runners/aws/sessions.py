"""Sessions of boto3: the machine's credentials, a profile's, or those of a role that either assumes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import boto3
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.loaders import create_loader
from botocore.session import get_session

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session

SESSION_NAME = "signalbox"  # of a role's session, in CloudTrail


def session(region: str, profile: str | None = None, role: str | None = None) -> boto3.Session:
    """A session of boto3 with these credentials. Raises ProfileNotFound of botocore."""
    core = _core()
    made = boto3.Session(botocore_session=core, region_name=region, profile_name=profile)
    core.get_scoped_config()  # a missing profile is reported here rather than at the first call
    if role is None:
        return made
    in_role = _core()
    in_role.register_component("credential_provider", CredentialResolver([_InRole(core, role)]))
    return boto3.Session(botocore_session=in_role, region_name=region)


def of_key(region: str, key_id: str, secret: str) -> boto3.Session:
    """A session with exactly this access key."""
    return boto3.Session(
        botocore_session=_core(), aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=region
    )


def _core() -> Session:
    core = get_session()
    core.register_component("data_loader", loader())
    return core


class _InRole(CredentialProvider):
    """The credentials of a role that others assume, renewed before they expire."""

    METHOD = "assume-role"

    def __init__(self, source: Session, role: str) -> None:
        super().__init__()
        self._source = source
        self._role = role

    def load(self) -> Credentials | None:
        credentials = self._source.get_credentials()
        if credentials is None:
            return None
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self._source.create_client,
            source_credentials=credentials,
            role_arn=self._role,
            extra_args={"RoleSessionName": SESSION_NAME},
        )
        return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method=self.METHOD)


@functools.cache
def loader() -> Loader:
    """AWS's service descriptions, read once for all sessions: those of EC2 alone take 0.2 s and 20 MB."""
    made: Loader = create_loader()
    return made
