"""A child gets the values of one profile or role, no matter what else AWS's files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runners.aws.client import explained, make_clients
from runners.aws.credentials import credential_variables
from runners.errors import AccessDeniedError, RunnerError
from runners.results import AwsPlace

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "arn:aws:iam::222222222222:role/deploys"
FILE = """
[dev]
aws_access_key_id = AKIADEV
aws_secret_access_key = dev-secret
[prod]
aws_access_key_id = AKIAPROD
aws_secret_access_key = prod-secret
aws_session_token = prod-token
[empty]
region = us-west-2
"""


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text(FILE)
    (tmp_path / "config").write_text("[profile process]\ncredential_process = /bin/false\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def variables(profile: str | None = None, role: str | None = None) -> dict[str, str]:
    return dict(credential_variables(AwsPlace("us-west-2", profile, role)))


def test_a_profile_is_its_own_values_alone() -> None:
    assert variables("dev") == {"AWS_ACCESS_KEY_ID": "AKIADEV", "AWS_SECRET_ACCESS_KEY": "dev-secret"}
    assert variables("prod") == {
        "AWS_ACCESS_KEY_ID": "AKIAPROD",
        "AWS_SECRET_ACCESS_KEY": "prod-secret",
        "AWS_SESSION_TOKEN": "prod-token",
    }


@pytest.mark.parametrize("name", ["empty", "gone", "process"])
def test_a_profile_without_credentials_is_refused_in_words(name: str) -> None:
    with pytest.raises(RunnerError) as error:
        variables(name)
    assert isinstance(error.value, AccessDeniedError) or "credential" in str(error.value)


def test_a_role_is_assumed_by_the_profile_and_gives_credentials_of_a_session() -> None:
    with mock_aws():
        made = variables("prod", ROLE)
        assert made["AWS_ACCESS_KEY_ID"].startswith("ASIA")
        assert made["AWS_SESSION_TOKEN"] != "prod-token"
        assert "prod" not in repr(made)


def test_a_role_without_credentials_that_could_assume_it_is_refused_in_words() -> None:
    with pytest.raises(AccessDeniedError, match="the bot's machine has no credentials"):
        variables(role=ROLE)


def test_clients_act_in_the_account_of_their_role() -> None:
    with mock_aws():
        home, other = make_clients(AwsPlace("us-west-2", "dev")), make_clients(AwsPlace("eu-west-1", "dev", ROLE))
        other.ec2.create_key_pair(KeyName="theirs")
        assert other.sts.get_caller_identity()["Account"] == "222222222222"
        assert other.sts.get_caller_identity()["Arn"].endswith(":assumed-role/deploys/signalbox")
        assert [pair["KeyName"] for pair in other.ec2.describe_key_pairs()["KeyPairs"]] == ["theirs"]
        assert not home.ec2.describe_key_pairs()["KeyPairs"]


def test_a_role_that_may_not_be_assumed_is_explained() -> None:
    clients = make_clients(AwsPlace("us-west-2", "dev", ROLE))
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")
    assert clients.region == "us-west-2"
    error = explained(denied, "listing instances")
    assert isinstance(error, AccessDeniedError)
    assert "assume the environment's role" in error.problem
    assert "trust policy" in error.remedy
