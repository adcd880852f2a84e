"""Reads signalbox.yaml into frozen models, and reports all of its faults together, each with its line."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bot.config import document, misspelled_keys, parts, rules, validation_faults
from bot.config.models.approval import Approval
from bot.config.models.config import Config
from bot.config.models.deploy import Ansible, GitHubActions, Promote
from bot.config.models.environment import Environment, Hcp, Terraform
from bot.config.models.images import Images, Keep, Rerun
from bot.config.models.refs import Refs
from bot.config.models.watch import WatchBuilders, WatchKeys
from bot.config.models.written import WrittenConfig
from bot.config.windows import Window
from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.config.parts import Inherited

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
    "Refs",
    "Rerun",
    "Terraform",
    "WatchBuilders",
    "WatchKeys",
    "Window",
    "load",
    "read",
]


def load(path: Path) -> Config:
    """Read the configuration file. Raises ConfigError with every fault, sorted by line."""
    text, faults = document.read_text(path)
    if faults:
        raise ConfigError(str(path), tuple(faults))
    return read(text, str(path))


def read(text: str, source: str = "signalbox.yaml") -> Config:
    """Read the configuration from text; `source` is its name in faults. Raises ConfigError as `load` does."""
    parsed = document.parse(text)
    config = _validated(parsed)
    if config is None or parsed.faults:
        in_order = sorted(dict.fromkeys(parsed.faults), key=lambda fault: fault.line or 0)
        raise ConfigError(source, tuple(in_order))
    config.read_from(text)
    return config


def _validated(parsed: document.Document) -> Config | None:
    if not isinstance(parsed.data, dict):
        if not parsed.faults:
            empty = "is empty; copy signalbox.example.yaml and adapt it"
            mapping = "must be a mapping with keys such as slack: and environments:"
            parsed.fault((), empty if parsed.data is None else mapping)
        return None
    misspelled_keys.correct(parsed)
    syntax_faults, parsed.faults = parsed.faults, []
    inherited = parts.inherit(parsed)
    rules.check(parsed, inherited)
    named = _with_names(parsed, inherited)
    rule_faults, parsed.faults = parsed.faults, []
    config = None
    try:
        config = Config.model_validate(named)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if not _has_slacks_channel(inherited, detail["loc"]):
                written_at = partial(inherited.written_at, parsed)
                validation_faults.add_fault(parsed, WrittenConfig, detail, written_at)
    rule_faults = [fault for fault in rule_faults if not _is_implied(fault, parsed.faults)]
    parsed.faults = [*syntax_faults, *rule_faults, *parsed.faults]
    return config


def _is_implied(fault: Fault, others: Sequence[Fault]) -> bool:
    """Whether another fault is at the same key or in it: the user fixes that fault first."""
    return any(other.key == fault.key or other.key.startswith(f"{fault.key}[") for other in others)


def _has_slacks_channel(inherited: Inherited, at: tuple[str | int, ...]) -> bool:
    """Whether the fault of an environment's channel is that of Slack's channel, which the environment inherits."""
    match at:
        case ("environments", str(name), "channel"):
            environment = inherited.environments.get(name)
            return isinstance(environment, dict) and "channel" not in environment
    return False


def _with_names(parsed: document.Document, inherited: Inherited) -> dict[str, object]:
    """The values, with each environment's own name in it, and Slack's channel where the environment has none."""
    top = dict(parsed.data) if isinstance(parsed.data, dict) else {}
    slack = top.get("slack")
    if not isinstance(top.get("environments"), dict):
        return top
    channel = slack.get("channel") if isinstance(slack, dict) else None
    named: dict[str, object] = {}
    for name, values in inherited.environments.items():
        named[name] = values
        if isinstance(values, dict):
            if "name" in values:
                keys = inherited.written_at(parsed, ("environments", name, "name"))
                parsed.fault(keys, "unknown key; remove it: the environment's name is the key above it")
            # A missing channel of Slack's is reported once, there.
            default = {"channel": channel if isinstance(channel, str) else "#unknown"}
            named[name] = {**default, **values, "name": name}
    return {**top, "environments": named}
