"""Reports settings that this version accepts but does not act on, so that nobody relies on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.result import NOTE
from runners.results import Connection

if TYPE_CHECKING:
    from bot.config import Config

# They take effect over the ssh of `deploy.ansible`.
_NEED_ANSIBLE = ("daemons", "daemon_checks")
# With `hcp` the workspace has these settings of its own.
_SET_IN_HCP = ("workspace", "backend_config", "var_files", "environment", "secret_environment")


def inactive_settings(config: Config) -> list[Connection]:
    """One line with every setting that is written but has no effect; empty without such a setting."""
    inactive: list[str] = []
    for environment in config.environments.values():
        written = environment.model_fields_set
        if not environment.deploy or not environment.deploy.settings.reaches_hosts:
            inactive += [environment.key_of(key) for key in _NEED_ANSIBLE if key in written]
        if environment.terraform and environment.terraform.hcp:
            in_terraform = environment.terraform.model_fields_set
            inactive += [environment.key_of("terraform", key) for key in _SET_IN_HCP if key in in_terraform]
    if not inactive:
        return []
    return [Connection(NOTE, ok=True, detail=f"these settings have no effect in this version: {', '.join(inactive)}")]
