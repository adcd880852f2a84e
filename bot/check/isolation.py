"""Checks the wall around children by building one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.result import Findings
from bot.config.isolation import isolations, without_metadata_service
from bot.errors import ConfigError
from runners.errors import RunnerError
from runners.processes import metadata_service, probe

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config import Config


async def check_isolation(config: Config, workplace: Path, file: Path) -> Findings:
    """Start a child behind the wall, and name the environments whose children reach more than their operation."""
    findings = Findings("isolation")
    try:
        by_environment = isolations(config, workplace, file)
    except ConfigError as error:
        findings.add_problem(str(error), "Correct the path in the configuration.")
        return findings
    *_, isolation = by_environment.values()  # the last user: rules for fewer users do not hold for it
    try:
        findings.add_fact(await probe.prove(isolation, workplace))
        reached = await metadata_service.reached(isolation, workplace)
        findings.add_fact(metadata_service.sentence(reached))
        metadata_service.refuse(isolation, reached, without_metadata_service(config))
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy or "")
        return findings
    if isolation.wall:
        reaching = [name for name, each in by_environment.items() if each.metadata_service]
        if reaching:
            findings.add_fact(f"the metadata service is for {', '.join(reaching)}")
    return findings
