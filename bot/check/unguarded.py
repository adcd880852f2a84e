"""Names the settings that this version reads but does not act on yet, so that nobody believes they are guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.results import Connection

if TYPE_CHECKING:
    from bot.config import Config

NOTE = "note"
# Settings of an environment whose daemons nobody looks at: that goes over the ssh of `deploy.ansible`.
_WITHOUT_ANSIBLE = ("daemons", "daemon_checks")
# With `hcp` the workspace over there has these settings of its own, and looks for drift by its health assessments.
_SET_IN_HCP = ("workspace", "backend_config", "var_files", "environment", "secret_environment")
_OF_WATCH = ("keys",)


def unguarded(config: Config) -> list[Connection]:
    """One line with every setting that is written but not acted on; none when there is no such setting."""
    found = [f"watch.{key}" for key in _OF_WATCH if config.watch and getattr(config.watch, key) is not None]
    for name, environment in config.environments.items():
        written = environment.model_fields_set
        if environment.deploy.ansible is None:
            found += [f"environments.{name}.{key}" for key in _WITHOUT_ANSIBLE if key in written]
        if environment.terraform and environment.terraform.hcp:
            told = environment.terraform.model_fields_set
            found += [f"environments.{name}.terraform.{key}" for key in _SET_IN_HCP if key in told]
            found += [f"watch.drift for {name}"] if config.watch and config.watch.drift else []
    if not found:
        return []
    return [
        Connection(
            NOTE, ok=True, detail=f"this version reads these settings but does not act on them: {', '.join(found)}"
        )
    ]
