"""A bucket with object lock as a destination of the audit log's anchors. Every function blocks, and raises RunnerError."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from botocore import exceptions

from runners.audit_streams import Purpose
from runners.aws.client import explained
from runners.errors import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

DOING = "sending an anchor of the audit log"
PURPOSE = Purpose(DOING, "audit.anchor.to")


class Bucket:
    """A bucket with object lock, and the prefix of the anchors in it.

    Permissions: s3:PutObject and s3:PutObjectRetention to send; s3:GetBucketObjectLockConfiguration for `check`;
    s3:ListBucketVersions and s3:GetObjectVersion to verify.
    """

    def __init__(self, name: str, prefix: str, region: str, profile: str | None) -> None:
        self._name = name
        self._prefix = prefix
        try:
            self._client: Any = boto3.Session(profile_name=profile, region_name=region).client("s3")
        except exceptions.BotoCoreError as error:
            raise explained(error, DOING) from error

    def put(self, sequence: int, line: str, retain: timedelta) -> None:
        """Store an anchor that nobody can change or delete before `retain` has passed. A second attempt adds a version."""
        try:
            self._client.put_object(
                Bucket=self._name,
                Key=f"{self._prefix}{sequence:010d}.json",
                Body=line.encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",  # required with object lock
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.now(UTC) + retain,
            )
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise explained(error, f"{DOING} to s3://{self._name}") from error

    def lines(self) -> Iterator[str]:
        """Every stored version of every anchor, in order: a version that was put over another one is seen as well."""
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._name, Prefix=self._prefix)
            # Listed from the newest to the oldest; the time of a version is in whole seconds.
            versions = [version for page in pages for version in page.get("Versions", ())][::-1]
            for version in sorted(versions, key=lambda version: (version["Key"], version["LastModified"])):
                body = self._client.get_object(Bucket=self._name, Key=version["Key"], VersionId=version["VersionId"])[
                    "Body"
                ]
                yield body.read().decode(errors="replace")
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise explained(error, f"reading the anchors in s3://{self._name}") from error

    def lock_problem(self) -> str:
        """Why the bucket does not keep anchors; empty if object lock, which includes versioning, is on."""
        try:
            answer = self._client.get_object_lock_configuration(Bucket=self._name)
        except exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ObjectLockConfigurationNotFoundError":
                return on_one_line(str(explained(error, f"reading the object lock of s3://{self._name}")))
            return f"the bucket {self._name} has no object lock, so that anchors in it can be deleted"
        except exceptions.BotoCoreError as error:
            return on_one_line(str(error))
        enabled = answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        return "" if enabled else f"the bucket {self._name} has no object lock, so that anchors in it can be deleted"
