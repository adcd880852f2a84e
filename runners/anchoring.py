"""Destinations of the audit log's anchors outside of the database: an append-only file, syslog, S3 with object lock.

Every function blocks. Raises RunnerError with a remedy.
"""

from __future__ import annotations

import os
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore import exceptions

from runners.aws.client import explained
from runners.errors import RunnerError, on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOING = "sending an anchor of the audit log"
TIMEOUT = 10.0  # seconds for a connection to a syslog server
# RFC 5424: facility 13 (log audit), severity 5 (notice).
_PRIORITY = 13 * 8 + 5
_PORTS = {"udp": 514, "tcp": 601}  # RFC 5426 and RFC 6587


def append(path: Path, line: str) -> None:
    """Append the line to a file that only its owner reads, unless it ends with it already; it is on disk afterwards."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            os.fchmod(file.fileno(), 0o600)
            whole = f"{line}\n".encode()
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - len(whole)))
            end = file.read()
            if end == whole:
                return  # an earlier attempt wrote it and was interrupted before it was recorded
            # A line that a full disk cut is ended, so that the next one stands on its own.
            os.write(file.fileno(), whole if end.endswith(b"\n") or not end else b"\n" + whole)
            os.fsync(file.fileno())
    except OSError as error:
        raise RunnerError(
            DOING, f"{path} cannot be written to: {error.strerror}", remedy="Check audit.anchor.to."
        ) from error


def syslog_message(line: str, at: float, instance: str) -> bytes:
    """The line as a message of RFC 5424."""
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = socket.gethostname() or "-"
    return f"<{_PRIORITY}>1 {time} {host} signalbox {instance} anchor - {line}".encode()


def send_syslog(address: str, message: bytes) -> None:
    """Send a message to a socket's path (/dev/log), to udp://host[:514] or to tcp://host[:601] (octet counting)."""
    try:
        if address.startswith("/"):
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as local:
                local.settimeout(TIMEOUT)
                local.connect(address)
                local.send(message)
            return
        url = urlsplit(address)
        target = (url.hostname or "", url.port or _PORTS[url.scheme])
        if url.scheme == "tcp":
            with socket.create_connection(target, TIMEOUT) as connection:
                connection.sendall(b"%d %b" % (len(message), message))
            return
        family, kind, protocol, _, resolved = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)[0]
        with closing(socket.socket(family, kind, protocol)) as datagrams:
            datagrams.sendto(message, resolved)
    except OSError as error:
        problem = f"syslog at {address} cannot be reached: {error.strerror or error}"
        raise RunnerError(DOING, problem, remedy="Check audit.anchor.to, and that the syslog server runs.") from error


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
