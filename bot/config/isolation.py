"""The isolation of children, from the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError, Fault
from runners.processes import grants
from runners.processes.wall import Isolation, Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config.models.config import Config

_CODE = Path(__file__).parents[2]


def isolations(config: Config, workplace: Path, file: Path) -> Mapping[str, Isolation]:
    """The isolation of each environment; `file` is the configuration's. Raises ConfigError for paths that are not granted."""
    own = (workplace, file.absolute(), *(_CODE / name for name in ("bot", "handlers", "runners")))
    faults = list(_faults(config, own))
    if faults:
        raise ConfigError(str(file), tuple(faults))
    operations = config.operations
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
        )
        for name, environment in config.environments.items()
    }


def without_metadata_service(config: Config) -> tuple[str, ...]:
    """The environments that run children on this machine and do not ask for its metadata service."""
    return tuple(
        name
        for name, environment in config.environments.items()
        if not environment.isolation.metadata_service
        and (environment.deploy.ansible or (environment.terraform and not environment.terraform.hcp))
    )


def _faults(config: Config, own: tuple[Path, ...]) -> list[Fault]:
    named = {"operations.readable": config.operations.readable}
    for name, environment in config.environments.items():
        named[f"environments.{name}.isolation.writable"] = environment.isolation.writable
    return [
        Fault(None, key, fault) for key, paths in named.items() for path in paths if (fault := _fault(Path(path), own))
    ]


def _fault(path: Path, own: tuple[Path, ...]) -> str | None:
    return grants.fault(path, own) or (None if path.exists() else f"{path} does not exist")
