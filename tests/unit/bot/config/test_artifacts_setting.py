"""operations.artifacts: the database, a bucket with a prefix, or a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config import read
from bot.errors import ConfigError
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from bot.config.models.general import Operations


def operations_of(artifacts: str) -> Operations:
    return read(f'{CONFIG}operations:\n  artifacts: "{artifacts}"\n', "signalbox.yaml").operations


@pytest.mark.parametrize(
    ("text", "bucket", "directory"),
    [
        ("database", None, None),
        ("s3://acme-artifacts", ("acme-artifacts", ""), None),
        ("s3://acme-artifacts/", ("acme-artifacts", ""), None),
        ("s3://acme.artifacts/signalbox/prod/", ("acme.artifacts", "signalbox/prod/"), None),
        ("/mnt/shared/signalbox", None, "/mnt/shared/signalbox"),
        ("shared", None, "shared"),
    ],
)
def test_the_place_is_read(text: str, bucket: tuple[str, str] | None, directory: str | None) -> None:
    operations = operations_of(text)
    assert (operations.artifact_bucket, operations.artifact_directory) == (bucket, directory)


@pytest.mark.parametrize(
    "text", ["s3://Acme", "s3://", "gs://acme/x", "https://acme.s3.amazonaws.com", "s3://acme/a b"]
)
def test_another_address_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigError, match="is no bucket; write s3://bucket/prefix"):
        operations_of(text)
