"""Each kind of place of artifacts, with a database beside it and S3 on loopback."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import sqlalchemy as sa
from moto.server import ThreadedMotoServer

from bot.seals import Keyring
from bot.store.annotations import Annotations
from bot.store.artifact_places import DatabasePlace, DirectoryPlace, artifacts, homes_of
from bot.store.artifacts import Artifacts
from runners.aws.artifact_bucket import ArtifactBucket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.store.artifacts import ArtifactPlace
    from bot.store.database import Store

OLD, NEW = bytes(range(32)), bytes(range(100, 140))
KEYRING, ROTATED, RENEWED = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
WHAT = "the saved plan"
MOST = 5 << 20


class Kind:
    """A kind of place with a database beside it, opened with any keyring."""

    def __init__(self, name: str, store: Store, directory: Path, s3: Any) -> None:
        self.name, self.store, self._directory, self.s3 = name, store, directory, s3
        self.bucket = f"artifacts-{uuid.uuid4().hex[:12]}"
        if name == "bucket":
            s3.create_bucket(Bucket=self.bucket)
            s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def place(self, keyring: Keyring) -> ArtifactPlace:
        if self.name == "database":
            return DatabasePlace(self.store)
        homes = homes_of(keyring)
        if self.name == "directory":
            return DirectoryPlace(self._directory, homes)
        return ArtifactBucket(self.bucket, "signalbox/", "us-east-1", None, homes=homes, most=MOST)

    def opened(self, keyring: Keyring = KEYRING) -> Artifacts:
        return Artifacts(keyring, self.place(keyring), Annotations(self.store, lambda: 0.0))

    def objects(self) -> list[Any]:
        """Everything that is there, of any version, as it is stored."""
        if self.name == "database":
            with self.store.engine.connect() as connection:
                return list(connection.execute(sa.select(artifacts)))
        if self.name == "directory":
            return [path for path in self._directory.rglob("*") if path.is_file()]
        listed = self.s3.list_object_versions(Bucket=self.bucket)
        return [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]

    def exchange(self, change: Any) -> None:
        """Let somebody who may write there change each stored content."""
        if self.name == "database":
            with self.store.engine.begin() as connection:
                for row in connection.execute(sa.select(artifacts)).all():
                    same = (artifacts.c.operation == row.operation) & (artifacts.c.name == row.name)
                    where = same & (artifacts.c.part == row.part)
                    connection.execute(sa.update(artifacts).where(where).values(content=change(row.content)))
        elif self.name == "directory":
            for path in self.objects():
                path.write_bytes(change(path.read_bytes()))
        else:
            for each in self.objects():
                content = self.s3.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read()
                self.s3.put_object(Bucket=self.bucket, Key=each["Key"], Body=change(content))


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield boto3.client("s3", region_name="us-east-1")
    server.stop()


@pytest.fixture
def kind(request: pytest.FixtureRequest, store: Store, tmp_path: Path, s3: Any) -> Kind:
    return Kind(request.param, store, tmp_path / "shared", s3)


each_kind = pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite", "database"),
        pytest.param("postgresql", "database", marks=pytest.mark.needs_postgres),
        ("sqlite", "directory"),
        ("sqlite", "bucket"),
    ],
    indirect=True,
)
