"""The directory of the operations' files, and the proof at start of what separates children from the bot, made while the rest of the program is loaded."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.config.isolation import isolations, without_metadata_service
from runners.processes import metadata_service, probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.config import Config
    from runners.processes.wall import Isolation

log = logging.getLogger(__name__)


def workplace_of(config: Config, beside: Path) -> Path:
    """The directory of the operations' files: as configured, relative to the configuration file.

    If it is a symbolic link itself, that link: `make_store` refuses it.
    """
    path = beside / config.operations.directory
    return path.parent.resolve() / path.name if path.name not in {"", ".."} else path.resolve()


@dataclass(frozen=True, slots=True)
class Proven:
    """The isolation of each environment, and the addresses of the metadata service that children without a grant reach."""

    isolations: Mapping[str, Isolation]
    metadata_service: tuple[str, ...]


class Proof:
    """A check by real children. It takes a while where no metadata service answers, so it begins before it is needed."""

    def __init__(self, config: Config, workplace: Path, file: Path) -> None:
        """Begin; `file` is the configuration's. Raises ConfigError: a path cannot be granted to children."""
        self._config, self._workplace = config, workplace
        self._isolations = isolations(config, workplace, file)
        self._task = asyncio.create_task(self._prove())
        # Where the start fails before anybody asks for the result, asyncio would report a second failure.
        self._task.add_done_callback(lambda task: None if task.cancelled() else task.exception())

    async def result(self) -> Proven:
        """What was found, when it is known.

        Raises:
            RunnerError: there is no wall around children, or they reach the instance metadata service, and the configuration does not say so.
        """
        return await self._task

    def cancel(self) -> None:
        """Stop the check; nothing happens once it is over."""
        self._task.cancel()

    async def _prove(self) -> Proven:
        *_, isolation = self._isolations.values()  # the last user: rules for fewer users do not hold for it
        children = probe.prove(isolation, self._workplace), metadata_service.reached(isolation, self._workplace)
        walled, reached = await asyncio.gather(*children, return_exceptions=True)
        if isinstance(walled, BaseException):
            raise walled  # first: why there is no wall says more than what failed without it
        if isinstance(reached, BaseException):
            raise reached
        log.info("%s", walled)
        metadata_service.refuse(isolation, reached, without_metadata_service(self._config))
        log.info("%s", metadata_service.sentence(reached))
        return Proven(self._isolations, reached)
