"""AWS: clients that are made once and shared, pages and filters, and errors with their remedies."""

from __future__ import annotations

import asyncio
import re
import threading
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from botocore import exceptions
from botocore.config import Config

from runners.aws import sessions
from runners.aws.error_codes import Verdict, verdict_of
from runners.concurrency import run_blocking
from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError, on_one_line
from runners.results import AwsPlace, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_sts import STSClient


T = TypeVar("T")

MOST_FILTER_VALUES = 200  # of a filter, by EC2's limit
INTERACTIVE_ATTEMPTS = 7
PROTECTION_TAG = "signalbox:keep"  # on a resource that Signalbox must not delete

_IAM_NAMES = {"monitoring": "cloudwatch"}  # of services that sign requests with another name than policies have
_CREDENTIALS = "Give the bot AWS credentials: a role on its machine, AWS's own variables, or aws.profile."


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of an Account for a region. boto3's clients may be shared between threads."""

    region: str
    ec2: EC2Client
    sts: STSClient
    cloudwatch: Any


class _WhenNeeded:
    """In the place of a client, which is made at its first use: not while the bot starts."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        """Raises AccessDeniedError where it cannot be made."""
        return getattr(self._make(), name)


class NotConfigured:
    """In the place of an account or a client where the configuration has none: what is asked of it is refused in words."""

    def __getattr__(self, name: str) -> Any:
        """Raises AccessDeniedError."""
        raise AccessDeniedError("asking AWS", "signalbox.yaml names no AWS account", remedy="Add aws.region to it.")


class Account:
    """An AWS account in several regions. Clients are made when first needed (the first takes 0.2 s and 20 MB), then shared.

    Its methods block, and may be called from any thread. Timeouts: 5 s to connect, 30 s for an answer. A call that AWS
    throttles is tried `attempts` times at a pace that adapts to AWS's limits; it fails after about a minute. With a `role`
    (its ARN) all calls are made in that role, which the profile's credentials, or those of the machine, assume.

    Raises:
        AccessDeniedError: there is no such profile.
    """

    def __init__(
        self, regions: Sequence[str], profile: str | None = None, role: str | None = None, *, attempts: int = 10
    ) -> None:
        self.regions = tuple(dict.fromkeys(regions))
        self._clients: dict[tuple[str, str], Any] = {}
        self._number: str | None = None
        # Making a client is not thread-safe; using it is.
        self._client_lock = threading.Lock()
        self._config = Config(
            retries={"mode": "adaptive", "total_max_attempts": attempts},
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=16,
            user_agent_extra="signalbox",
        )
        try:
            self._session = sessions.session(self.regions[0], profile, role)
        except exceptions.BotoCoreError as error:
            raise explained(error, "connecting to AWS") from None

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service; without a region, for the first region (IAM and the like have no regions)."""
        key = (service, region or self.regions[0])
        with self._client_lock:
            if key not in self._clients:
                try:
                    client = self._session.client(service, region_name=key[1], config=self._config)  # type: ignore[call-overload]
                except exceptions.BotoCoreError as error:
                    raise explained(error, "connecting to AWS") from None
                client.meta.events.register("after-call.*.*", _note_action)
                self._clients[key] = client
            return self._clients[key]

    def ec2(self, region: str) -> EC2Client:
        """The EC2 client of a region."""
        client: EC2Client = self.client("ec2", region)
        return client

    def clients(self, region: str) -> Clients:
        """The clients of a region."""
        names = ("ec2", "sts", "cloudwatch")
        ec2, sts, cloudwatch = (_WhenNeeded(partial(self.client, service, region)) for service in names)
        return Clients(region, cast("EC2Client", ec2), cast("STSClient", sts), cloudwatch)

    def number(self) -> str:
        """The account's id, 12 digits; read once."""
        if self._number is None:
            self._number = str(self.client("sts").get_caller_identity()["Account"])
        return self._number


def _note_action(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Note the IAM action of a call in its answer, so that an error can name it: an error itself knows no service."""
    signing_name = model.service_model.signing_name
    service = _IAM_NAMES.get(signing_name, signing_name)
    parsed.setdefault("ResponseMetadata", {})["Action"] = f"{service}:{model.name}"


def make_clients(place: AwsPlace) -> Clients:
    """The clients of an account and region with fewer attempts, as a person waits for the answer.

    Raises:
        AccessDeniedError: there is no such profile.
    """
    return Account((place.region,), place.profile, place.role, attempts=INTERACTIVE_ATTEMPTS).clients(place.region)


async def in_each_region(
    account: Account, read: Callable[[str], T], *, what: str, timeout: float
) -> tuple[dict[str, T], tuple[Unreadable, ...]]:
    """The results of `read(region)`, which may block, for all regions at once; and the regions whose `what` cannot be read."""
    doing = f"reading {what}"

    async def read_in(region: str) -> T | Unreadable:
        try:
            return await run_blocking(read, region, timeout=timeout, doing=doing)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            return unreadable_part(explained(error, doing), region, what)
        except RunnerError as error:
            return unreadable_part(error, region, what)

    answers = dict(zip(account.regions, await asyncio.gather(*map(read_in, account.regions)), strict=True))
    failed = tuple(answer for answer in answers.values() if isinstance(answer, Unreadable))
    return {region: answer for region, answer in answers.items() if not isinstance(answer, Unreadable)}, failed


async def asked(function: Callable[[], T], *, timeout: float, doing: str) -> T:
    """What a function that asks AWS returns; it runs on a thread. Raises RunnerError, or one of its kinds."""

    def work() -> T:
        try:
            return function()
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise explained(error, doing) from None

    return await run_blocking(work, timeout=timeout, doing=doing)


def unreadable_part(error: RunnerError, region: str, what: str) -> Unreadable:
    """An error in a region as part of a result, so that the other regions are read."""
    return Unreadable(region, what, error.problem, error.remedy)


def code_of(error: exceptions.ClientError) -> str:
    """AWS's code of the error ("DependencyViolation")."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def filters(named: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    """EC2's filters: a resource matches all of them, each by any of its values (at most MOST_FILTER_VALUES)."""
    return [{"Name": name, "Values": list(values)} for name, values in named.items()]


def batches(values: Iterable[str]) -> Iterator[list[str]]:
    """The values in batches that fit a filter."""
    remaining = iter(values)
    while batch := list(islice(remaining, MOST_FILTER_VALUES)):
        yield batch


def listed(client: Any, operation: str, key: str, *, page: int | None = None, **arguments: Any) -> Iterator[Any]:
    """The items that an operation lists under `key`, in pages of `page` items; only one page is in memory at a time."""
    pages = client.get_paginator(operation).paginate(PaginationConfig={"PageSize": page} if page else {}, **arguments)
    for answer in pages:
        yield from answer.get(key, ())


def tags_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a resource by key."""
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", ())}


def escape_wildcards(value: str) -> str:
    """A value for EC2's filters that matches itself only: `*` and `?` are their wildcards."""
    return re.sub(r"([*?\\])", r"\\\1", value)


def explained(error: exceptions.BotoCoreError | exceptions.ClientError, doing: str) -> RunnerError:
    """The error of botocore as a RunnerError, with what the person can do about it."""
    if isinstance(error, exceptions.ClientError):
        return _client_error(error, doing)
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


def _client_error(error: exceptions.ClientError, doing: str) -> RunnerError:
    code, call = code_of(error), error.operation_name
    message = on_one_line(error.response.get("Error", {}).get("Message", "")) or "no reason given"
    verdict = verdict_of(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if verdict is Verdict.EXPIRED:
        return AccessDeniedError(doing, "the AWS credentials have expired", remedy="Renew them and restart the bot.")
    if verdict is Verdict.CREDENTIALS:
        return AccessDeniedError(doing, f"AWS does not accept our credentials ({code})", remedy=_CREDENTIALS)
    if verdict is Verdict.DENIED and call == "AssumeRole":
        remedy = "Allow sts:AssumeRole of it in the bot's policy, and name the bot's role or user in its trust policy."
        return AccessDeniedError(
            doing, f"AWS does not let the bot assume the environment's role ({code})", remedy=remedy
        )
    if verdict is Verdict.DENIED:
        action = error.response.get("ResponseMetadata", {}).get("Action", call)
        remedy = f"Allow {action} in the policy of the bot's role or user."
        return AccessDeniedError(doing, f"AWS forbids {call} ({code})", remedy=remedy)
    if verdict is Verdict.PASSES:
        problem = f"AWS cannot process the request right now ({code})"
        return UnavailableError(doing, problem, remedy="Try again in a few minutes.")
    if verdict is Verdict.MISSING:
        return NotFoundError(doing, f"AWS has nothing there: {message} ({code})")
    return RunnerError(doing, f"AWS refused {call}: {message} ({code})")
