"""A bucket for operations' artifacts: stored under their operation, deleted with every version.

Permissions on the objects below the prefix: s3:PutObject, s3:GetObject, s3:DeleteObject, s3:DeleteObjectVersion; on the bucket:
s3:ListBucket, s3:ListBucketVersions, and for `check` s3:GetBucketVersioning and s3:GetEncryptionConfiguration.
"""

from __future__ import annotations

import hashlib
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore import exceptions
from botocore.config import Config

from runners.aws.client import code_of, explained
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_TIMEOUT = 300.0  # seconds for one artifact, with the attempts of botocore
_DELETED_AT_ONCE = 1000  # S3's limit
_MISSING = frozenset({"NoSuchKey", "404"})
_WITHOUT_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"


class ArtifactBucket:
    """Objects `<prefix>/<home>/<operation>/<digest of the name>`; the first of the `homes` gets what is stored.

    Calls that S3 cannot process right now are tried five times.
    """

    in_database = False

    def __init__(
        self, bucket: str, prefix: str, region: str, profile: str | None, *, homes: tuple[str, ...], most: int
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        self._region, self._profile = region, profile
        self._homes = homes
        self.most = most
        self.name = f"s3://{bucket}/{prefix.strip('/')}".rstrip("/")
        self._made: Any = None
        self._lock = threading.Lock()

    async def put(self, operation: int, name: str, content: bytes) -> None:
        """Store an object. Raises RunnerError."""
        key = self._keys(operation, name)[0]
        await self._do(
            lambda client: client.put_object(Bucket=self._bucket, Key=key, Body=content), "storing an artifact in"
        )

    async def get(self, operation: int, name: str) -> bytes | None:
        """The newest version of the object. Raises RunnerError."""
        return await self._do(lambda client: self._read(client, operation, name), "reading an artifact from")

    async def delete(self, operation: int) -> None:
        """Delete every version of the operation's objects. Raises RunnerError."""
        await self._do(lambda client: self._delete(client, operation), "deleting artifacts from")

    async def operations(self) -> frozenset[int]:
        """By the names of all objects, of older versions as well. Raises RunnerError."""
        return await self._do(self._listed, "listing the artifacts in")

    async def problems(self) -> list[tuple[str, str]]:
        """What is wrong with the bucket, each with a remedy, as far as the bot may read its settings. Raises RunnerError."""
        return await self._do(self._problems, "checking")

    async def _do(self, work: Callable[[Any], T], doing: str) -> T:
        doing = f"{doing} {self.name}"
        return await run_blocking(self._call, work, doing, timeout=_TIMEOUT, doing=doing)

    def _call(self, work: Callable[[Any], T], doing: str) -> T:
        try:
            return work(self._client())
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise self._explained(error, doing) from error

    def _explained(self, error: Exception, doing: str) -> RunnerError:
        if isinstance(error, exceptions.ClientError) and code_of(error) == "NoSuchBucket":
            problem = f"there is no bucket {self._bucket}"
            return RunnerError(doing, problem, remedy="Create it, or correct operations.artifacts.")
        return explained(error, doing)  # type: ignore[arg-type]  # _call catches these two alone

    def _client(self) -> Any:
        with self._lock:  # making a client is not thread-safe, using it is
            if self._made is None:
                session = boto3.Session(profile_name=self._profile, region_name=self._region)
                config = Config(
                    retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=30
                )
                self._made = session.client("s3", config=config)
            return self._made

    def _read(self, client: Any, operation: int, name: str) -> bytes | None:
        for key in self._keys(operation, name):
            try:
                answer = client.get_object(Bucket=self._bucket, Key=key)
                content: bytes = answer["Body"].read(self.most + 1)
            except exceptions.ClientError as error:
                if code_of(error) not in _MISSING:
                    raise
            else:
                return content
        return None

    def _delete(self, client: Any, operation: int) -> None:
        for home in self._homes:
            versions = self._versions(client, f"{self._prefix}{home}/{operation}/")
            while some := list(islice(versions, _DELETED_AT_ONCE)):
                answer = client.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})
                for refused in answer.get("Errors", ()):
                    problem = f"S3 does not delete {refused.get('Key')}: {refused.get('Code')}"
                    remedy = "Allow s3:DeleteObject and s3:DeleteObjectVersion, and lock no objects there."
                    raise RunnerError(f"deleting artifacts from {self.name}", problem, remedy=remedy)

    def _listed(self, client: Any) -> frozenset[int]:
        listed: set[int] = set()
        for home in self._homes:
            start = f"{self._prefix}{home}/"
            numbers = (each["Key"][len(start) :].partition("/")[0] for each in self._versions(client, start))
            listed |= {int(number) for number in numbers if number.isdecimal()}
        return frozenset(listed)

    def _versions(self, client: Any, start: str) -> Iterator[dict[str, str]]:
        """Every version and every mark of a deletion below this prefix."""
        for page in client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=start):
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield {"Key": each["Key"], "VersionId": each["VersionId"]}

    def _problems(self, client: Any) -> list[tuple[str, str]]:
        problems = []
        client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        if client.get_bucket_versioning(Bucket=self._bucket).get("Status") != "Enabled":
            problems.append((f"the bucket {self._bucket} has no versions", "Turn versioning on."))
        try:
            client.get_bucket_encryption(Bucket=self._bucket)
        except exceptions.ClientError as error:
            if code_of(error) != _WITHOUT_ENCRYPTION:
                raise
            problems.append((f"the bucket {self._bucket} does not encrypt", "Turn default encryption on."))
        return problems

    def _keys(self, operation: int, name: str) -> list[str]:
        file = hashlib.sha256(name.encode()).hexdigest()[:32]
        return [f"{self._prefix}{home}/{operation}/{file}" for home in self._homes]
