"""Checks where artifacts of operations are stored: that the bucket answers, or that the directory is private."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.check.result import Findings
from bot.errors import ConfigError
from bot.store.artifact_places import IN_DATABASE, IN_FILES, DirectoryPlace, place_of
from runners.aws.artifact_bucket import ArtifactBucket
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.config import Config
    from bot.store.database import Store


async def check_artifacts(config: Config, make_store: Callable[[], Store], beside: Path) -> Findings:
    """The place of artifacts; `beside` is the directory of the configuration file. The check of the database is its own."""
    findings = Findings("artifacts")
    try:
        store = make_store()
    except (sa.exc.SQLAlchemyError, ImportError, ValueError, ConfigError):
        findings.add_fact("not checked: the database cannot be used")
        return findings
    try:
        place = place_of(config, store, beside)
    except ConfigError as error:
        for fault in error.faults:
            findings.add_problem(fault.problem)
        return findings
    finally:
        store.close()
    if place is None:
        findings.add_fact("in each operation's directory: an operation continues on this machine alone")
    elif isinstance(place, ArtifactBucket):
        await _check_bucket(place, findings)
    elif isinstance(place, DirectoryPlace):
        _check_directory(beside / place.name, findings)
    else:
        findings.add_fact(f"in {place.name}, encrypted, up to {IN_DATABASE >> 20} MB each")
    return findings


async def _check_bucket(bucket: ArtifactBucket, findings: Findings) -> None:
    findings.add_fact(f"in {bucket.name}, encrypted, up to {IN_FILES >> 20} MB each")
    try:
        for problem, remedy in await bucket.problems():
            findings.add_problem(problem, remedy)
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy)


def _check_directory(directory: Path, findings: Findings) -> None:
    findings.add_fact(f"in {directory}, encrypted, up to {IN_FILES >> 20} MB each")
    if not os.access(directory, os.W_OK | os.X_OK):
        findings.add_problem(f"{directory} cannot be written to", "Let the bot's user write there.")
