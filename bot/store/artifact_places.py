"""Where artifacts are stored: in the database, in a directory that all machines share, or in a bucket."""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.process.private_files import make_private_directory
from bot.store.annotations import Annotations
from bot.store.artifacts import Artifacts
from bot.store.database import TIMEOUT, Store, metadata
from runners.aws.artifact_bucket import ArtifactBucket
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.removal import remove_tree

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config import Config
    from bot.seals import Keyring
    from bot.store.artifacts import ArtifactPlace

MB = 1 << 20
IN_DATABASE = 256 * MB  # bytes of the largest artifact
IN_FILES = 512 * MB
PART = MB  # bytes of a row
_SLOWEST = MB  # bytes a second over the network to the database
_FILE_TIMEOUT = 120.0  # seconds
_DOING = "using the directory of artifacts"

artifacts = sa.Table(
    "signalbox_artifacts",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)


def artifacts_of(config: Config, store: Store, beside: Path) -> Artifacts:
    """The artifacts in the configured place; see `place_of`."""
    return Artifacts(store.keyring, place_of(config, store, beside), Annotations(store, time.time))


def place_of(config: Config, store: Store, beside: Path) -> ArtifactPlace | None:
    """The configured place; the database for PostgreSQL, and none for SQLite, where nothing is configured.

    A relative path starts at `beside`, the directory of the configuration file. Raises ConfigError for a directory that
    others may use.
    """
    settings, homes = config.operations, homes_of(store.keyring)
    if bucket := settings.artifact_bucket:
        name, prefix = bucket
        place = config.bucket_in(None)
        return ArtifactBucket(name, prefix, place.region, place.profile, homes=homes, most=IN_FILES)
    if settings.artifact_directory:
        directory = beside / settings.artifact_directory
        make_private_directory(directory)
        return DirectoryPlace(directory, homes)
    return None if settings.artifacts is None and store.file is not None else DatabasePlace(store)


def homes_of(keyring: Keyring) -> tuple[str, ...]:
    """The folders in a bucket or directory that are this installation's, the newest key's first.

    So two installations that name the same place never delete each other's artifacts.
    """
    return tuple(key.hex()[:16] for key in keyring.keys("artifacts' folder"))


class DatabasePlace:
    """The database of everything else: rows of at most PART bytes."""

    name, most, in_database = "the database", IN_DATABASE, True

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, operation: int, name: str, content: bytes) -> None:
        """Store it in one transaction. Raises DatabaseAwayError."""
        parts = [content[start : start + PART] for start in range(0, len(content), PART)]
        same = (artifacts.c.operation == operation) & (artifacts.c.name == name)

        def work(connection: sa.Connection) -> None:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            for number, part in enumerate(parts):
                row = insert(artifacts).values(operation=operation, name=name, part=number, content=part)
                keys = list(artifacts.primary_key)
                connection.execute(row.on_conflict_do_update(index_elements=keys, set_={"content": part}))
            connection.execute(sa.delete(artifacts).where(same, artifacts.c.part >= len(parts)))

        timeout = TIMEOUT + len(content) / _SLOWEST
        await self._store.run(work, doing="storing an artifact", timeout=timeout)

    async def get(self, operation: int, name: str) -> bytes | None:
        """All parts in their order. Raises DatabaseAwayError."""
        wanted = sa.select(artifacts.c.content).order_by(artifacts.c.part)
        wanted = wanted.where(artifacts.c.operation == operation, artifacts.c.name == name)
        timeout = TIMEOUT + IN_DATABASE / _SLOWEST
        parts = await self._store.run(
            lambda connection: connection.scalars(wanted).all(), doing="reading an artifact", timeout=timeout
        )
        return b"".join(parts) if parts else None

    async def delete(self, operation: int) -> None:
        """Delete the rows. Raises DatabaseAwayError."""
        statement = sa.delete(artifacts).where(artifacts.c.operation == operation)
        await self._store.run(lambda connection: connection.execute(statement))

    async def operations(self) -> frozenset[int]:
        """By the index, without their content. Raises DatabaseAwayError."""
        wanted = sa.select(artifacts.c.operation).distinct()
        return frozenset(await self._store.run(lambda connection: connection.scalars(wanted).all()))


class DirectoryPlace:
    """A directory (0700), on a file system that all machines mount: a file (0600) for each artifact, whole or not there."""

    most, in_database = IN_FILES, False

    def __init__(self, directory: Path, homes: tuple[str, ...]) -> None:
        self._directory = directory
        self._homes = homes
        self.name = str(directory)

    async def put(self, operation: int, name: str, content: bytes) -> None:
        """Write the file beside the earlier one, then replace that. Raises RunnerError."""
        await run_blocking(self._write, operation, name, content, timeout=_FILE_TIMEOUT, doing=_DOING)

    async def get(self, operation: int, name: str) -> bytes | None:
        """Read the file. Raises RunnerError."""
        return await run_blocking(self._read, operation, name, timeout=_FILE_TIMEOUT, doing=_DOING)

    async def delete(self, operation: int) -> None:
        """Delete the operation's folder. Raises RunnerError."""
        await run_blocking(self._remove, operation, timeout=_FILE_TIMEOUT, doing=_DOING)

    async def operations(self) -> frozenset[int]:
        """The folders by their names. Raises RunnerError."""
        return await run_blocking(self._listed, timeout=_FILE_TIMEOUT, doing=_DOING)

    def _write(self, operation: int, name: str, content: bytes) -> None:
        path = self._paths(operation, name)[0]
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")  # another process may write it as well
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            part.replace(path)
            _sync(path.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise self._refusal("written to", error) from error

    def _read(self, operation: int, name: str) -> bytes | None:
        for path in self._paths(operation, name):
            try:
                handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
                with os.fdopen(handle, "rb") as file:
                    return file.read(self.most + 1)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._refusal("read", error) from error
        return None

    def _remove(self, operation: int) -> None:
        for home in self._homes:
            try:
                remove_tree(self._directory / home / str(operation))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._refusal("deleted from", error) from error

    def _listed(self) -> frozenset[int]:
        try:
            names = [
                entry.name
                for home in self._homes
                if (self._directory / home).is_dir()
                for entry in os.scandir(self._directory / home)
            ]
        except OSError as error:
            raise self._refusal("listed", error) from error
        return frozenset(int(name) for name in names if name.isdecimal())

    def _paths(self, operation: int, name: str) -> list[Path]:
        file = hashlib.sha256(name.encode()).hexdigest()[:32]
        return [self._directory / home / str(operation) / file for home in self._homes]

    def _refusal(self, what: str, error: OSError) -> RunnerError:
        remedy = "Check operations.artifacts: that the directory is mounted, has room, and is the bot's."
        return RunnerError(_DOING, f"{self._directory} cannot be {what}: {error.strerror}", remedy=remedy)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
