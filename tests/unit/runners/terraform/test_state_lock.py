"""State locks as Terraform's backends report them, and which of them are orphaned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.engine import serializer
from runners.errors import StateLockedError
from runners.results import Diagnostic
from runners.terraform import errors as terraform_errors
from runners.terraform.state import TerraformRun, is_orphaned_lock, own_name

INFO = """Lock Info:
  ID:        {identity}
  Path:      {path}
  Operation: OperationTypeApply
  Who:       signalbox@lineside
  Version:   1.11.4
  Created:   {created}
  Info:      {info}

Terraform acquires a state lock to protect the state from being written
by multiple users at the same time."""
DYNAMODB = (
    "Error message: operation error DynamoDB: PutItem, https response error StatusCode: 400, RequestID: 4ED1,\n"
    "ConditionalCheckFailedException: The conditional request failed\n"
)
S3 = (
    "Error message: operation error S3: PutObject, https response error StatusCode: 412, RequestID: X, HostID: Y, api\n"
    "error PreconditionFailed: At least one of the pre-conditions you specified did not hold\n"
)
GCS = 'Error message: writing "gs://states/prod.tflock" failed: googleapi: Error 412: At least one\n'
CREATED = "2026-11-23 14:11:46.885761976 +0000 UTC"
AT = datetime(2026, 11, 23, 14, 11, 46, 885761, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def locked(
    message: str, *, identity: str = "6741213b-d566", path: str = "p", created: str = CREATED
) -> StateLockedError:
    detail = message + INFO.format(identity=identity, path=path, created=created, info="")
    diagnostic = Diagnostic("error", "Error acquiring the state lock", detail)
    error = terraform_errors.explain("planning", 1, [diagnostic], version="terraform 1.11.4")
    assert isinstance(error, StateLockedError)
    return error


@pytest.mark.parametrize(
    ("message", "identity", "path"),
    [
        (DYNAMODB, "6741213b-d566-2ec1-f459-eb5b044a1395", "states/prod/terraform.tfstate"),
        (S3, "6741213b-d566-2ec1-f459-eb5b044a1395", "states/prod/terraform.tfstate"),
        (GCS, "1763900000000001", "gs://states/prod.tflock"),
        ("Error message: resource temporarily unavailable\n", "6741213b", "terraform.tfstate"),
    ],
    ids=["dynamodb", "s3", "gcs", "local"],
)
def test_what_a_lock_tells_is_read_whatever_the_backend(message: str, identity: str, path: str) -> None:
    error = locked(message, identity=identity, path=path)
    assert (error.lock_id, error.who, error.operation, error.path) == (identity, "signalbox@lineside", "apply", path)
    assert error.created == AT


@pytest.mark.parametrize(
    ("created", "time"),
    [
        ("2026-11-23 14:11:46 +0000 UTC", AT.replace(microsecond=0)),
        ("2026-11-23 14:11:46.8 +0000 UTC", AT.replace(microsecond=800000)),
        ("2026-11-23 16:11:46.885761 +0200 CEST", AT),
        ("2026-11-23 16:11:46.885761 +0200 +0200", AT),
        ("yesterday", None),
        ("2026-13-23 14:11:46 +0000 UTC", None),
    ],
)
def test_the_time_is_utc_or_unknown(created: str, time: datetime | None) -> None:
    error = locked(S3, created=created)
    assert error.created == time
    assert ("14:11 UTC" if time else created) in error.problem


def test_what_is_not_said_is_unknown() -> None:
    diagnostic = Diagnostic("error", "Error acquiring the state lock", "Lock Info:\n  ID: 1\n")
    error = terraform_errors.explain("planning", 1, [diagnostic], version="")
    assert isinstance(error, StateLockedError)
    assert (error.lock_id, error.who, error.created, error.operation, error.path) == ("1", None, None, None, None)
    assert error.problem == "somebody holds the state's lock (lock 1)"


def test_the_lock_is_still_known_after_the_error_was_stored_and_redacted() -> None:
    error = serializer.unpack(serializer.pack(locked(S3))).redacted(lambda text: text.replace("lineside", "•••"))
    assert (error.lock_id, error.who, error.created) == ("6741213b-d566", "signalbox@•••", AT)


RUN = TerraformRun("signalbox@lineside", AT - MINUTE, AT + MINUTE)


@pytest.mark.parametrize(
    ("run", "orphaned"),
    [
        (RUN, True),
        (replace(RUN, began=AT, ended=AT), True),
        (replace(RUN, ended=None), False),
        (replace(RUN, who="ana@lineside"), False),
        (replace(RUN, who="signalbox@elsewhere"), False),
        (replace(RUN, began=AT + MINUTE, ended=AT + 2 * MINUTE), False),
        (replace(RUN, began=AT - 2 * MINUTE, ended=AT - MINUTE), False),
    ],
    ids=["within", "at once", "still runs", "somebody else", "another host", "before it", "after it"],
)
def test_a_lock_is_ours_only_when_a_run_of_ours_that_is_over_took_it(run: TerraformRun, orphaned: bool) -> None:
    assert is_orphaned_lock(locked(S3), run) is orphaned


@pytest.mark.parametrize("missing", ["lock_id", "who", "created"])
def test_a_lock_that_says_too_little_is_not_ours(missing: str) -> None:
    error = locked(S3)
    setattr(error, missing, None)
    assert not is_orphaned_lock(error, RUN)


def test_our_own_name_is_user_and_host() -> None:
    user, _, host = own_name().partition("@")
    assert user
    assert host


@pytest.mark.parametrize(
    "message",
    [
        "Error message: Workspace is already locked: default\n",
        "Error message: Already locked for workspace creation: default\n",
        "Error message: Cannot lock workspace; already locked for workspace creation: default\n",
        "Error message: HTTP remote state already locked, failed to read body\n",
        "Error message: HTTP remote state already locked, failed to unmarshal body\n",
    ],
    ids=["pg", "pg, first apply", "pg, another's first apply", "http, no body", "http, no JSON"],
)
def test_a_backend_that_describes_our_own_lock_alone_tells_of_no_holder(message: str) -> None:
    error = locked(message, path="")
    assert (error.lock_id, error.who, error.created, error.operation, error.path) == (None,) * 5
    assert error.problem == "somebody holds the state's lock, and the backend does not tell who"
    assert "Wait until that has ended." in error.remedy
    assert "force-unlock" not in error.remedy
    assert not is_orphaned_lock(error, RUN)


@pytest.mark.parametrize(
    "message", ["pq: permission denied for table states", "dial tcp 10.0.0.5:5432: connect: refused"]
)
def test_a_lock_that_postgresql_could_not_be_asked_for_is_nobodys(message: str) -> None:
    detail = f"Error message: {message}\n" + INFO.format(identity="6741213b", path="", created=CREATED, info="")
    diagnostic = Diagnostic("error", "Error acquiring the state lock", detail)
    error = terraform_errors.explain("planning", 1, [diagnostic], version="terraform 1.11.4")
    assert not isinstance(error, StateLockedError)
    assert message in error.problem


def test_http_backends_tell_of_the_lock_that_was_asked_for_and_that_is_not_taken_for_the_holders() -> None:
    error = locked("Error message: HTTP remote state already locked: ID=9705f129-6229\n", identity="52a9a1bd-acca")
    assert (error.lock_id, error.who, error.created, error.operation) == ("9705f129-6229", None, None, None)
    assert "52a9a1bd" not in error.problem
    assert not is_orphaned_lock(error, RUN)
