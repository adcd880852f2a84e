"""AWS: clients that are made once and shared, and its errors in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config

from runners.errors import AccessDeniedError, RunnerError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_sts import STSClient

_CREDENTIALS = "Give the bot AWS credentials: a role on its machine, AWS's own variables, or aws.profile."
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_REFUSED = ("AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch")
_DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
_BUSY = (
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "InternalError",
    "InternalFailure",
    "Unavailable",
    "ServiceUnavailable",
)


@dataclass(frozen=True, slots=True)
class Clients:
    """One region's clients. boto3's clients may be shared between threads."""

    region: str
    ec2: EC2Client
    sts: STSClient


def make_clients(region: str, profile: str | None = None) -> Clients:
    """The clients of a region, with bounded waits: 5 s to connect, 30 s for an answer, adaptive retries.

    Raises:
        AccessDeniedError: there is no such profile.
    """
    config = Config(
        retries={"mode": "adaptive", "max_attempts": 6},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=16,
        user_agent_extra="signalbox",
    )
    try:
        session = boto3.Session(region_name=region, profile_name=profile)
        return Clients(region, session.client("ec2", config=config), session.client("sts", config=config))
    except exceptions.BotoCoreError as error:
        raise explained(error, "connecting to AWS") from None


def explained(error: exceptions.BotoCoreError | exceptions.ClientError, doing: str) -> RunnerError:
    """What an error of botocore's means for `doing`, and what the person can do about it."""
    if isinstance(error, exceptions.ClientError):
        return _refused(error, doing)
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return AccessDeniedError(doing, "there are no AWS credentials", remedy=_CREDENTIALS)
    if isinstance(error, exceptions.ProfileNotFound):
        return AccessDeniedError(doing, "AWS's configuration has no such profile", remedy="Check aws.profile.")
    if isinstance(error, exceptions.TokenRetrievalError | exceptions.UnauthorizedSSOTokenError):
        return AccessDeniedError(doing, "the AWS single sign-on has expired", remedy="Run `aws sso login` again.")
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError):
        return UnavailableError(
            doing, "AWS cannot be reached", remedy="Check aws.region, AWS_ENDPOINT_URL and the network."
        )
    if isinstance(error, exceptions.HTTPClientError):
        return UnavailableError(doing, "the connection to AWS broke", remedy="Try again.")
    return RunnerError(doing, f"AWS cannot be used ({type(error).__name__})", remedy=_CREDENTIALS)


def _refused(error: exceptions.ClientError, doing: str) -> RunnerError:
    code = error.response.get("Error", {}).get("Code", "unknown")
    message = " ".join(error.response.get("Error", {}).get("Message", "").split())[:300]
    if code in _EXPIRED:
        return AccessDeniedError(doing, "the AWS credentials have expired", remedy="Renew them and restart the bot.")
    if code in _REFUSED:
        return AccessDeniedError(doing, f"AWS does not accept our credentials ({code})", remedy=_CREDENTIALS)
    if code in _DENIED:
        remedy = f"Allow {error.operation_name} in the policy of the bot's role or user."
        return AccessDeniedError(doing, f"AWS forbids {error.operation_name} ({code})", remedy=remedy)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or status >= 500:
        return UnavailableError(doing, f"AWS asks for patience ({code})", remedy="Try again in a few minutes.")
    return RunnerError(doing, f"AWS refused {error.operation_name}: {message or 'no reason given'} ({code})")
