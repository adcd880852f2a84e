"""Checks that the bot can log in to each bastion, and that the bastion presents the configured host key."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.check.result import Findings
from bot.config import Ansible
from runners.errors import RunnerError
from runners.ssh import route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config
    from runners.results import Bastion


async def check_bastions(config: Config, environ: Mapping[str, str]) -> Findings:
    """Log in to each bastion once; a problem names the environment's key."""
    findings = Findings("bastions")
    checked: dict[tuple[Bastion, str | None], str] = {}
    for name, settings in config.deployed_by(Ansible).items():
        if (bastion := settings.bastion) is None:
            continue
        server = bastion, environ.get(settings.bastion_key_env or "")
        if server in checked:
            continue
        checked[server] = bastion.host
        key = config.environments[name].key_of("deploy", "ansible", "ssh", "bastion")
        try:
            with tempfile.TemporaryDirectory(prefix="signalbox-check-") as scratch:
                await route.check_bastion(*server, Path(scratch))
        except RunnerError as error:
            findings.add_problem(f"{key}: {error.problem}", error.remedy)
        else:
            findings.add_fact(f"{bastion.host} answers")
    return findings


def names_bastions(config: Config) -> bool:
    """Whether an environment has a bastion."""
    return any(settings.bastion for settings in config.deployed_by(Ansible).values())
