"""Checks the destinations of the audit log's anchors: that nobody who removes the database removes them as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bot.check.result import Findings
from runners.anchoring import Bucket
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config import Config
    from bot.config.models.audit import S3, Destination

TIMEOUT = 30.0


async def check_anchors(config: Config, directory: Path) -> Findings:
    """The bucket's object lock, and the file's directory; `directory` is that of the operations' files."""
    findings = Findings("audit anchors")
    for destination in config.audit.anchor.to if config.audit.anchor else ():
        findings.add_fact(destination.name)
        try:
            await run_blocking(
                _check, config, destination, directory, findings, timeout=TIMEOUT, doing="checking anchors"
            )
        except RunnerError as error:
            findings.add_problem(f"{destination.name}: {error}", error.remedy)
    return findings


def _check(config: Config, destination: Destination, directory: Path, findings: Findings) -> None:
    if destination.s3:
        _check_bucket(config, destination.s3, findings)
    elif destination.file:
        _check_file(directory.parent / destination.file, directory, findings)


def _check_bucket(config: Config, s3: S3, findings: Findings) -> None:
    place = config.bucket_in(s3.region)
    bucket = Bucket(s3.bucket, s3.prefix, place.region, place.profile)
    if problem := bucket.lock_problem():
        findings.add_problem(problem, "Create a bucket with object lock, which includes versioning.")


def _check_file(path: Path, directory: Path, findings: Findings) -> None:
    if not path.parent.is_dir():
        findings.add_problem(f"{path.parent} does not exist", "Create the directory, or mount its disk.")
        return
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        findings.add_problem(f"{path} cannot be written to", "Let the bot's user write there.")
    if directory.exists() and directory.stat().st_dev == path.parent.stat().st_dev:
        findings.add_problem(
            f"{path} is on the same disk as {directory}: who reaches one reaches the other",
            "Name a file on another disk or machine under audit.anchor.to.",
        )
