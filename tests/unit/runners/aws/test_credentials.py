"""A child gets one profile's values, whatever else AWS's files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners.aws.credentials import profile_variables
from runners.errors import AccessDeniedError, RunnerError

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_profile_is_its_own_values_alone() -> None:
    assert profile_variables("dev") == {"AWS_ACCESS_KEY_ID": "AKIADEV", "AWS_SECRET_ACCESS_KEY": "dev-secret"}
    assert profile_variables("prod") == {
        "AWS_ACCESS_KEY_ID": "AKIAPROD",
        "AWS_SECRET_ACCESS_KEY": "prod-secret",
        "AWS_SESSION_TOKEN": "prod-token",
    }


@pytest.mark.parametrize("name", ["empty", "gone", "process"])
def test_a_profile_without_credentials_is_refused_in_words(name: str) -> None:
    with pytest.raises(RunnerError) as error:
        profile_variables(name)
    assert isinstance(error.value, AccessDeniedError) or "credential" in str(error.value)
