"""What AWS's error codes mean, held against botocore's own retry tables and the errors of its service models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import botocore
import pytest
from botocore import exceptions
from botocore.loaders import create_loader
from botocore.retries import standard
from hypothesis import given, strategies as st

from runners.aws.client import explained
from runners.aws.error_codes import Verdict, verdict_of
from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError

SERVICES = ("sts", "iam", "ssm", "pricing", "autoscaling")  # EC2's model lists no errors
KINDS = {
    Verdict.PASSES: UnavailableError,
    Verdict.EXPIRED: AccessDeniedError,
    Verdict.CREDENTIALS: AccessDeniedError,
    Verdict.DENIED: AccessDeniedError,
    Verdict.MISSING: NotFoundError,
    Verdict.REFUSED: RunnerError,
    Verdict.UNKNOWN: RunnerError,
}


def retried_by_botocore() -> set[str]:
    def codes(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(codes, node))
        if not isinstance(node, dict):
            return set()
        own = {node["service_error_code"]} if "service_error_code" in node else set()
        return own.union(*map(codes, node.values()))

    legacy = json.loads((Path(botocore.__file__).parent / "data" / "_retry.json").read_text())
    return (
        codes(legacy)
        | set(cast("Any", standard.TransientRetryableChecker)._TRANSIENT_ERROR_CODES)
        | set(cast("Any", standard.ThrottledRetryableChecker)._THROTTLED_ERROR_CODES)
    )


def modelled(service: str) -> list[tuple[str, int]]:
    shapes = create_loader().load_service_model(service, "service-2")["shapes"]
    declared = {name: shape.get("error") or {} for name, shape in shapes.items() if shape.get("exception")}
    return [(error.get("code", name), error.get("httpStatusCode", 400)) for name, error in declared.items()]


@pytest.mark.parametrize("code", sorted(retried_by_botocore()))
def test_what_botocore_tries_again_passes(code: str) -> None:
    assert verdict_of(code, 400) is Verdict.PASSES


@pytest.mark.parametrize("service", SERVICES)
def test_of_the_modelled_errors_only_faults_and_named_ones_pass(service: str) -> None:
    errors = modelled(service)
    assert len(errors) >= 8
    passing = {code for code, status in errors if verdict_of(code, status) is Verdict.PASSES}
    faults = {code for code, status in errors if status >= 500}
    named = {
        "ConcurrentModification", "EntityTemporarilyUnmodifiable", "ReportInProgress", "IDPCommunicationError",
        "ThrottlingException", "InternalErrorException", "InternalServerError", "TooManyUpdates",
    }  # fmt: skip
    assert faults <= passing <= faults | named | retried_by_botocore()
    denied = [code for code, status in errors if "AccessDenied" in code or "ExpiredToken" in code]
    assert all(issubclass(KINDS[verdict_of(code, 400)], AccessDeniedError) for code in denied)


@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        ("RequestLimitExceeded", 503, Verdict.PASSES),
        ("Client.RequestLimitExceeded", 400, Verdict.PASSES),
        ("InvalidInstanceID.NotFound", 400, Verdict.MISSING),
        ("InvalidAMIID.NotFound", 400, Verdict.MISSING),
        ("NoSuchEntity", 404, Verdict.MISSING),
        ("UnauthorizedOperation", 403, Verdict.DENIED),
        ("OptInRequired", 403, Verdict.DENIED),
        ("RequestExpired", 400, Verdict.EXPIRED),
        ("AuthFailure", 401, Verdict.CREDENTIALS),
        ("DependencyViolation", 400, Verdict.REFUSED),
        ("SomethingNew", 400, Verdict.UNKNOWN),
        ("SomethingNew", 502, Verdict.PASSES),
        ("", 0, Verdict.UNKNOWN),
    ],
)
def test_documented_codes(code: str, status: int, verdict: Verdict) -> None:
    assert verdict_of(code, status) is verdict


@given(st.text(max_size=30), st.sampled_from([0, 400, 403, 404, 409, 429, 500, 503]))
def test_every_error_becomes_the_kind_of_its_verdict(code: str, status: int) -> None:
    answer: Any = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = explained(exceptions.ClientError(answer, "DescribeImages"), "reading")
    assert type(error) is KINDS[verdict_of(code, status)]
