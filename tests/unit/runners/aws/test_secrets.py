"""Secrets in AWS by their names, and the roles that GitHub's workflows may assume."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from runners.aws import oidc, secrets
from runners.aws.client import Account
from tests.unit.runners.ec2_world import HOME, aws_within, packers_name

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "acme/infra"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{oidc.ISSUER}"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with aws_within(monkeypatch):
        yield Account((HOME,), attempts=1)


def test_keys_parameters_entries_and_pairs_are_listed_without_values(account: Account) -> None:
    iam, ssm = account.client("iam"), account.client("ssm", HOME)
    iam.create_user(UserName="build")
    first, second = (iam.create_access_key(UserName="build")["AccessKey"] for _ in range(2))
    iam.update_access_key(UserName="build", AccessKeyId=second["AccessKeyId"], Status="Inactive")
    notes = {each.name: each.note for each in secrets.access_keys(account, "build")}
    assert notes == {first["AccessKeyId"]: "", second["AccessKeyId"]: "inactive"}
    for name, kind in (("/ci/plain", "String"), ("/ci/key", "SecureString"), ("/other", "SecureString")):
        ssm.put_parameter(Name=name, Value="canary", Type=kind)
    parameters = {each.name: each.note for each in secrets.parameters(account, HOME, "/ci/")}
    assert parameters == {"/ci/plain": "not encrypted", "/ci/key": ""}
    manager = account.client("secretsmanager", HOME)
    for name in ("ci/one", "cicada", "other/ci"):
        manager.create_secret(Name=name, SecretString="canary")
    (entry,) = secrets.secrets_manager(account, HOME, "ci/")
    assert (entry.name, entry.owner) == ("ci/one", HOME)
    account.ec2(HOME).create_key_pair(KeyName="team")
    account.ec2(HOME).create_key_pair(KeyName=packers_name(datetime.now(UTC)))
    assert [each.name for each in secrets.key_pairs(account, HOME)] == ["team"]
    assert "canary" not in repr([*secrets.parameters(account, HOME, "/ci/"), entry])


@pytest.mark.parametrize(
    ("subject", "lets_in"),
    [
        ("repo:acme/infra:ref:refs/heads/main", True),
        ("repo:ACME/infra:*", True),
        ("repo:acme/*", True),
        ("repo:acme/inf*", True),
        ("*", True),
        ("repo:acme/infra-other:*", False),
        ("repo:other/infra:*", False),
        ("repo:acme/other", False),
    ],
)
def test_a_role_counts_where_its_trust_lets_the_repository_in(account: Account, subject: str, lets_in: bool) -> None:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {f"{oidc.ISSUER}:sub": [subject]}},
    }
    iam = account.client("iam")
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=policy)
    others = {**statement, "Principal": {"Service": "ec2.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [others]})
    iam.create_role(RoleName="machine", AssumeRolePolicyDocument=policy)
    assert oidc.roles_for(account, REPOSITORY) == (("deployer",) if lets_in else ())
