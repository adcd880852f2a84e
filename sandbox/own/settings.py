"""The user's signalbox.yaml for the sandbox: what would lead out of it is replaced, and each replacement is reported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.aws import REGION
from sandbox.github.commits import Author, CommitGraph
from sandbox.own.files import OwnRepositoryError, read_files
from sandbox.own.machines import Machine, machines_of
from sandbox.own.terraform import HcpWorkspace, States

if TYPE_CHECKING:
    from sandbox.github.seed import Seed

CONFIG = "signalbox.yaml"
_PROJECT = Path(__file__).resolve().parents[2]
_PEOPLE = {"operators": "usergroup:S0INFRA", "approvers": "usergroup:S0LEADS"}
_ACCOUNTS = frozenset(["profile", "role_arn", "external_id", "aws_profile", "account"])
_BY = Author("Ana Duarte", "ana@lineside.example", "ana-duarte")


@dataclass(slots=True)
class Own:
    """`notes` say what is replaced, and what cannot be had. In the configuration, `{files}` is the sandbox's directory.

    `states` has the Terraform workspace in each local state, `neighbours` the files of other repositories of the user's.
    """

    repository: str
    files: dict[str, bytes]
    config: dict[str, Any]
    refs: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    private_keys: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    hcp: list[HcpWorkspace] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    neighbours: dict[str, dict[str, bytes]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def config_text(self, files: Path, *, metadata_service: bool = False) -> str:
        """The configuration with the sandbox's directory in it; its code may reach a `metadata_service` of this machine."""
        config = self.config
        if metadata_service:
            trusted = {
                name: {**each, "isolation": {**(each.get("isolation") or {}), "metadata_service": True}}
                for name, each in config["environments"].items()
            }
            config = {**config, "environments": trusted}
        return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).replace("{files}", str(files))

    def repositories(self) -> dict[str, Seed]:
        """The user's repositories, and an empty one for each other that the configuration names."""
        empty = {name: {"README.md": f"# {name}\n".encode()} for name in sorted(self.others)}
        return {
            name: self._seed(files) for name, files in {self.repository: self.files, **empty, **self.neighbours}.items()
        }

    def _seed(self, files: Mapping[str, bytes]) -> Seed:
        def plant(graph: CommitGraph) -> None:
            graph.commit("main", files, "The files as they are in the directory", _BY, datetime.now(UTC))
            for ref in sorted(self.refs - {"main"}):
                graph.branch(ref, "main")

        return plant


def _proposal(directory: Path) -> str:
    """What `python -m bot init` writes for the directory, without any of the user's credentials."""
    command = [sys.executable, "-m", "bot", "init", str(directory.resolve()), "--yes", "--print"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.devnull}
    ran = subprocess.run(command, cwd=_PROJECT, env=environment, capture_output=True, text=True, check=False)
    return ran.stdout if ran.returncode == 0 else ran.stderr


def own_repository(directory: Path, neighbours: Mapping[str, Path] | None = None) -> Own:
    """The repository in a directory, and other repositories (`owner/name`) in theirs.

    Raises OwnRepositoryError, with a proposal where there is no signalbox.yaml.
    """
    files = read_files(directory)
    if CONFIG not in files:
        raise OwnRepositoryError(f"{directory} has no {CONFIG}. This is a beginning:\n\n{_proposal(directory)}")
    try:
        config = yaml.safe_load(files[CONFIG])
        repository = config["github"]["repository"]
    except (yaml.YAMLError, TypeError, KeyError) as error:
        raise OwnRepositoryError(f"{directory / CONFIG} names no github.repository: {error}") from error
    own = Own(str(repository), files, config)
    own.neighbours = {name: read_files(each) for name, each in (neighbours or {}).items()}
    _Replacement(own).apply()
    if unnamed := sorted(own.neighbours.keys() - own.others):
        named = ", ".join(sorted(own.others)) or "none"
        raise OwnRepositoryError(
            f"{directory / CONFIG} does not name the repository {unnamed[0]}; others that it names: {named}"
        )
    return own


class _Replacement:
    def __init__(self, own: Own) -> None:
        self._own = own
        self._states = States(own.files, own.notes, own.states, own.hcp)

    def apply(self) -> None:
        own = self._own
        own.config = self._replaced(own.config, ())
        own.others.discard(own.repository)
        operations = dict(own.config.get("operations") or {})
        own.config["operations"] = {"directory": "{files}/var"} | {
            key: value for key, value in operations.items() if key not in {"directory", "isolation", "artifacts"}
        }
        if isinstance(own.config.get("aws"), Mapping):
            own.config["aws"] = {**own.config["aws"], "region": REGION}
        own.machines.extend(machines_of(own.config) if own.config.get("aws") else ())
        own.notes.insert(0, "Ana and the sandbox's other people are your operators and approvers.")
        if empty := sorted(own.others - own.neighbours.keys()):
            own.notes.append(f"Empty here, since only your directory is read: {', '.join(empty)}.")

    def _replaced(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [self._replaced(each, path) for each in value]
        if not isinstance(value, Mapping):
            return self._leaf(value, path)
        result: dict[str, Any] = {}
        for key, each in value.items():
            inner = (*path, str(key))
            if key in _PEOPLE and isinstance(each, list):
                result[key] = [_PEOPLE[key]] if each else each
            elif key in _ACCOUNTS and (len(path) <= 3 or "aws" in path[-1:] or "stacks" in path[-2:]):
                self._own.notes.append(f"{'.'.join(inner)} is left out: AWS is a stand-in.")
            elif key == "terraform" and isinstance(each, Mapping) and len(path) > 1:
                if (terraform := self._states.replaced("-".join(path[1:]), each)) is not None:
                    result[key] = self._replaced(terraform, inner)
            else:
                result[key] = self._replaced(each, inner)
        return result

    def _leaf(self, value: Any, path: tuple[str, ...]) -> Any:
        if not isinstance(value, str):
            return value
        key = path[-1] if path else ""
        if key == "channel":
            self._own.channels.add(value.lstrip("#"))
        if key in {"repository", "repositories"}:
            self._own.others.add(value)
        if key in {"ref", "from", "to", "branch"} and not value.startswith("refs/tags/"):
            self._own.refs.add(value.removeprefix("refs/heads/"))
        if key.endswith("_env") or {"secret_vars", "secret_environment"} & set(path[-2:-1]):
            self._own.secrets.add(value)
        if key == "private_key_env":
            self._own.private_keys.add(value)
        return value
