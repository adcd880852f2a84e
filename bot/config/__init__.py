"""signalbox.yaml -> frozen models; everything that is wrong with it is reported at once, each with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from bot.config import document, rules, wording
from bot.config.models.approval import Approval
from bot.config.models.config import Config
from bot.config.models.deploy import Ansible, GitHubActions, Promote
from bot.config.models.environment import Environment, Hcp, Terraform
from bot.config.models.images import Images, Keep, Rerun
from bot.config.models.watch import WatchBuilders
from bot.config.windows import Window
from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Ansible",
    "Approval",
    "Config",
    "ConfigError",
    "Environment",
    "GitHubActions",
    "Hcp",
    "Images",
    "Keep",
    "Promote",
    "Rerun",
    "Terraform",
    "WatchBuilders",
    "Window",
    "load",
    "read",
]


def load(path: Path) -> Config:
    """Reads the configuration file. Raises ConfigError with every fault, sorted by line."""
    text, faults = document.read_text(path)
    if faults:
        raise ConfigError(str(path), tuple(faults))
    return read(text, str(path))


def read(text: str, source: str = "signalbox.yaml") -> Config:
    """Reads the configuration from text; `source` names it in faults. Raises ConfigError as `load` does."""
    found = document.parse(text)
    config = _validated(found)
    if config is None or found.faults:
        in_order = sorted(dict.fromkeys(found.faults), key=lambda fault: fault.line or 0)
        raise ConfigError(source, tuple(in_order))
    return config


def _validated(found: document.Document) -> Config | None:
    if not isinstance(found.data, dict):
        if not found.faults:
            empty = "is empty; copy signalbox.example.yaml and change it"
            found.fault((), empty if found.data is None else "must hold keys, such as slack: and environments:")
        return None
    read, found.faults = found.faults, []
    rules.check(found)
    named = _with_names(found)
    between, found.faults = found.faults, []
    config = None
    try:
        config = Config.model_validate(named)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if not _is_inherited(found.data, one["loc"]):
                wording.note(found, Config, one)
    found.faults = [*read, *(fault for fault in between if not _said(fault, found.faults)), *found.faults]
    return config


def _said(derived: Fault, faults: Sequence[Fault]) -> bool:
    """Whether the value that this is concluded from is wrong in itself, which is enough to say."""
    return any(fault.key == derived.key or fault.key.startswith(f"{derived.key}[") for fault in faults)


def _is_inherited(data: Mapping[str, object], at: tuple[str | int, ...]) -> bool:
    """Whether what is wrong with an environment's channel is said of Slack's, which it took over."""
    match at, data.get("environments"):
        case ("environments", str(name), "channel"), {**environments}:
            environment = environments.get(name)
            return isinstance(environment, dict) and "channel" not in environment
    return False


def _with_names(found: document.Document) -> dict[str, object]:
    """The values with each environment told its own name, and Slack's channel where it has none."""
    top = dict(found.data) if isinstance(found.data, dict) else {}
    environments, slack = top.get("environments"), top.get("slack")
    if not isinstance(environments, dict):
        return top
    channel = slack.get("channel") if isinstance(slack, dict) else None
    named: dict[str, object] = {}
    for name, values in environments.items():
        named[name] = values
        if isinstance(values, dict):
            if "name" in values:
                found.fault(("environments", name, "name"), "unknown key; an environment's name is the key above it")
            # A missing channel of Slack's is said once, there.
            usual = {"channel": channel if isinstance(channel, str) else "#unknown"}
            named[name] = {**usual, **values, "name": name}
    return {**top, "environments": named}
