"""Artifacts: what an operation needs to continue in another process, on any machine, until it ends.

A saved plan and the files that it made, the log of a playbook: small files that lie otherwise only in the operation's own
directory. They are encrypted before they are stored (bot/store/encrypted.py) and bound to their operation and name, so that
nobody who reads or writes where they are stored learns anything, or can put one in the place of another.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from bot.store.database_outage import retry_while_away
from bot.store.encrypted import OVERHEAD, decrypt, encrypt
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.seals import Field, Keyring
    from bot.store.annotations import Annotations

log = logging.getLogger(__name__)
PURPOSE = "artifacts"  # of the key
STORED = "artifact"  # annotation of an operation: it may have artifacts outside of the database
LONGEST_NAME = 120
_CIPHER_TIMEOUT = 60.0  # seconds; 512 MB take less than one


class ArtifactPlace(Protocol):
    """Where artifacts are stored: the database, a directory, a bucket. It sees only what is encrypted."""

    @property
    def name(self) -> str:
        """The place as messages name it."""

    @property
    def most(self) -> int:
        """The largest artifact that it takes, in bytes."""

    @property
    def in_database(self) -> bool:
        """Whether it is the database itself, where deleting costs no call of its own."""

    async def put(self, operation: int, name: str, content: bytes) -> None:
        """Store an artifact whole, over an earlier one of this name. Raises RunnerError, DatabaseAwayError."""

    async def get(self, operation: int, name: str) -> bytes | None:
        """The artifact; None where there is none. Raises RunnerError, DatabaseAwayError."""

    async def delete(self, operation: int) -> None:
        """Delete all artifacts of an operation, with their earlier versions. Raises RunnerError, DatabaseAwayError."""

    async def operations(self) -> frozenset[int]:
        """The operations that have artifacts here. Raises RunnerError, DatabaseAwayError."""


class Artifacts:
    """Stores, reads and deletes artifacts in a place; without one, operations continue only where their directory is."""

    def __init__(self, keyring: Keyring, place: ArtifactPlace | None, annotations: Annotations) -> None:
        self._keyring = keyring
        self._place = place
        self._annotations = annotations

    @property
    def shared(self) -> bool:
        """Whether another machine can continue an operation."""
        return self._place is not None

    async def put(self, operation: int, name: str, content: bytes, what: str) -> None:
        """Store an artifact; waits while the database is away. `what` names it in errors ("the saved plan").

        Raises RunnerError when it is too large for the place, or the place does not take it.
        """
        if self._place is None:
            return
        place, doing = self._place, f"storing {what} of #{operation}"
        if len(content) > place.most - OVERHEAD:
            problem = f"{what} has {_megabytes(len(content))} MB, more than the {_megabytes(place.most)} MB that {place.name} takes"
            raise RunnerError(doing, problem, remedy=_remedy(place))
        named = _named(operation, name)
        encrypted = await run_blocking(
            encrypt, self._keyring, PURPOSE, named, content, timeout=_CIPHER_TIMEOUT, doing=doing
        )
        await retry_while_away(lambda: self._stored(place, operation, name, encrypted))

    async def get(self, operation: int, name: str, what: str) -> bytes | None:
        """The artifact, None where there is none; waits while the database is away.

        Raises RunnerError when the place does not answer, and ForgedError when it was changed, or SIGNALBOX_KEY lacks its key.
        """
        if self._place is None:
            return None
        place = self._place
        encrypted = await retry_while_away(lambda: place.get(operation, name))
        if encrypted is None:
            return None
        doing, named = f"reading {what} of #{operation}", _named(operation, name)
        return await run_blocking(
            decrypt,
            self._keyring,
            PURPOSE,
            named,
            encrypted,
            f"{what} of #{operation}",
            timeout=_CIPHER_TIMEOUT,
            doing=doing,
        )

    async def delete(self, operation: int) -> None:
        """Delete what an operation that is over has stored; where that fails, `sweep` deletes it."""
        place = self._place
        if place is None or not (place.in_database or await self._annotations.values_of(operation, STORED)):
            return
        try:
            await place.delete(operation)
        except RunnerError as error:
            log.warning("the artifacts of operation %s stay until the next sweep: %s", operation, error)

    async def sweep(self, open_numbers: Callable[[], Awaitable[frozenset[int]]]) -> int:
        """Delete the artifacts of every operation that is not open; the number of these operations.

        Raises RunnerError, DatabaseAwayError.
        """
        if self._place is None:
            return 0
        # Listed before the numbers are read: an operation that begins meanwhile is not taken for one that is over.
        stored = await self._place.operations()
        over = sorted(stored - await open_numbers()) if stored else []
        for operation in over:
            await self._place.delete(operation)
        if over:
            log.info("deleted the artifacts of %d operations that are over", len(over))
        return len(over)

    async def _stored(self, place: ArtifactPlace, operation: int, name: str, encrypted: bytes) -> None:
        if not place.in_database and not await self._annotations.values_of(operation, STORED):
            await self._annotations.add(operation, STORED, place.name)  # before: a kill in between leaves no secret
        await place.put(operation, name, encrypted)


def _named(operation: int, name: str) -> dict[str, Field]:
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"the name of an artifact has 1 to {LONGEST_NAME} characters")
    return {"operation": operation, "name": name}


def _megabytes(size: int) -> int:
    return -(-size >> 20)


def _remedy(place: ArtifactPlace) -> str:
    return "Choose operations.artifacts: s3://bucket/prefix." if place.in_database else "Plan a part of it."
