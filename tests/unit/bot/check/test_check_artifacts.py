"""`check` says where artifacts are stored, and what is wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from bot.check.artifacts import check_artifacts
from bot.config import read
from bot.store.database import Store
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from bot.check.result import Findings


async def checked(directory: Path, artifacts: str | None) -> Findings:
    """The findings with this value of operations.artifacts; the database is SQLite."""
    lines = f'operations:\n  artifacts: "{artifacts}"\n' if artifacts else ""
    config = read(CONFIG + lines, "signalbox.yaml")
    return await check_artifacts(config, lambda: Store(f"sqlite:///{directory}/signalbox.sqlite"), directory)


@pytest.mark.parametrize(
    ("artifacts", "fact"),
    [
        (None, "in each operation's directory: an operation continues on this machine alone"),
        ("database", "in the database, encrypted, up to 256 MB each"),
    ],
)
async def test_the_place_is_said(tmp_path: Path, artifacts: str | None, fact: str) -> None:
    findings = await checked(tmp_path, artifacts)
    assert (findings.facts, findings.problems) == ([fact], [])


async def test_a_directory_has_to_be_private(tmp_path: Path) -> None:
    findings = await checked(tmp_path, "shared")
    assert (findings.facts, findings.problems) == ([f"in {tmp_path}/shared, encrypted, up to 512 MB each"], [])
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o700
    (tmp_path / "shared").chmod(0o755)
    (problem,) = (await checked(tmp_path, "shared")).problems
    assert "other users may read or write" in problem[0]


async def test_a_bucket_has_to_answer_and_to_keep_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        (missing,) = (await checked(tmp_path, "s3://no-such-bucket/x")).problems
        assert missing == (
            "checking s3://no-such-bucket/x: there is no bucket no-such-bucket",
            "Create it, or correct operations.artifacts.",
        )
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="artifacts")
        problems = (await checked(tmp_path, "s3://artifacts")).problems
        assert ("the bucket artifacts has no versions", "Turn versioning on.") in problems
        s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket="artifacts", ServerSideEncryptionConfiguration={"Rules": [rule]})
        findings = await checked(tmp_path, "s3://artifacts")
        assert (findings.facts, findings.problems) == (["in s3://artifacts, encrypted, up to 512 MB each"], [])
