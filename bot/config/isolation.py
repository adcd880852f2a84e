"""The isolation of children, from the configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config.overlaps import Directories
from bot.errors import ConfigError, Fault
from runners.processes import grants, interpreter
from runners.processes.wall import Isolation, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bot.config.models.config import Config
    from bot.config.models.environment import Environment

_CODE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class _Grant:
    """A directory that code of `environment` may change; `key` is where the configuration says so."""

    environment: str
    key: str
    path: Path


def isolations(config: Config, workplace: Path, file: Path) -> Mapping[str, Isolation]:
    """The isolation of each environment; `file` is the configuration's. Raises ConfigError for paths that are not granted.

    Behind the wall, what code of one environment may change is not for another one; the parts of an environment share it.
    """
    own = (
        workplace,
        file.absolute(),
        *_artifact_directory(config, file),
        *(_CODE / name for name in ("bot", "handlers", "runners")),
    )
    faults = list(_faults(config, _resolved(own)))
    if faults:
        raise ConfigError(str(file), tuple(faults))
    operations = config.operations
    numbers = {name: number for number, name in enumerate(config.whole_environments)}
    limits = Limits(
        memory=operations.limits.memory_mb,
        processes=operations.limits.processes,
        open_files=operations.limits.open_files,
        file_size=operations.limits.file_size_mb,
        temporary=operations.limits.temporary_mb,
    )
    return {
        name: Isolation(
            wall=operations.isolation == "wall",
            readable=tuple(map(Path, operations.readable)),
            writable=tuple(map(Path, environment.isolation.writable)),
            hidden=(workplace,),
            metadata_service=environment.isolation.metadata_service,
            limits=limits,
            number=numbers[environment.whole],
        )
        for name, environment in config.environments.items()
    }


def _resolved(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(Path(os.path.realpath(path)) for path in paths)


def _artifact_directory(config: Config, file: Path) -> tuple[Path, ...]:
    directory = config.operations.artifact_directory
    return (file.absolute().parent / directory,) if directory else ()


def without_metadata_service(config: Config) -> tuple[str, ...]:
    """The environments that run children on this machine and do not ask for its metadata service."""
    return tuple(
        name
        for name, environment in config.environments.items()
        if not environment.isolation.metadata_service
        and (
            (environment.deploy and environment.deploy.ansible)
            or (environment.terraform and not environment.terraform.hcp)
        )
    )


def _faults(config: Config, own: tuple[Path, ...]) -> Iterator[Fault]:
    yield from _faults_of("operations.readable", config.operations.readable, own)
    fixed = (*own, *_resolved(interpreter.directories()))  # a child reads the bot's Python, and may not change it
    for environment in config.environments.values():
        yield from _faults_of(_writable_key(environment), environment.isolation.writable, fixed)
    if config.operations.isolation == "wall":
        for state in _states(config):
            if problem := grants.fault(state.path, fixed):
                yield Fault(None, state.key, problem)
        yield from _overlaps(config)


def _faults_of(key: str, paths: Iterable[str], own: tuple[Path, ...]) -> Iterator[Fault]:
    return (Fault(None, key, fault) for path in paths if (fault := _fault(Path(path), own)))


def _fault(path: Path, own: tuple[Path, ...]) -> str | None:
    return grants.fault(path, own) or (None if path.exists() else f"{path} does not exist")


def _overlaps(config: Config) -> Iterator[Fault]:
    """What two environments share: the code of one would write, and so decide, what the other one reads or runs."""
    writable = [
        _Grant(environment.whole, _writable_key(environment), Path(path))
        for environment in config.environments.values()
        for path in environment.isolation.writable
    ]
    granted = [*writable, *_states(config)]
    directories = Directories([grant.path for grant in granted])
    for position, first in enumerate(granted):
        for other, relation in directories.overlaps(first.path):
            second = granted[other]
            if other > position and first.environment != second.environment:
                names = first.environment, second.environment
                why = f"code of {names[0]} and of {names[1]} could change each other's files; give each environment its own directory"
                yield Fault(None, second.key, f"{second.path} {relation} {first.path} ({first.key}): {why}")
    if len(config.whole_environments) > 1:
        yield from _overlaps_of_readable(config.operations.readable, granted)


def _overlaps_of_readable(readable: Sequence[str], granted: Sequence[_Grant]) -> Iterator[Fault]:
    paths = Directories([Path(path) for path in readable])
    overlaps = [(position, grant, relation) for grant in granted for position, relation in paths.overlaps(grant.path)]
    for position, grant, relation in sorted(overlaps, key=lambda each: each[0]):
        why = f"code of {grant.environment} could change what all other environments read; name another directory"
        yield Fault(None, "operations.readable", f"{readable[position]} {relation} {grant.path} ({grant.key}): {why}")


def _states(config: Config) -> Iterator[_Grant]:
    """The directories of the local states, which Terraform writes beside their files."""
    for environment in config.environments.values():
        terraform = environment.terraform
        written = terraform.backend_config.get("path") if terraform and not terraform.hcp else None
        path = Path(written) if isinstance(written, str) else Path()
        if path.is_absolute():
            key = environment.key_of("terraform", "backend_config", "path")
            yield _Grant(environment.whole, key, path.parent)


def _writable_key(environment: Environment) -> str:
    return environment.key_of("isolation", "writable")
