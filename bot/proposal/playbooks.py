"""The playbooks of a clone, and its inventories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from bot.proposal.stages import stage_in
from runners import foreign_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.proposal.repository import Clone

_NO_PLAYBOOKS = frozenset(
    [
        "roles",
        "tasks",
        "handlers",
        "molecule",
        "tests",
        "test",
        "collections",
        "group_vars",
        "host_vars",
        "vars",
        "defaults",
        "meta",
    ]
)
_WHOLE = ("site", "playbook", "main", "deploy", "all")  # names of the playbook that does everything, the best first
_VAULT = "$ANSIBLE_VAULT"
_USER = re.compile(r"^\s*remote_user\s*=\s*(\S+)", re.MULTILINE)
_INVENTORY_SUFFIXES = frozenset(["", ".ini", ".yml", ".yaml", ".cfg"])


@dataclass(frozen=True, slots=True)
class Ansible:
    """The playbooks that deploy. `playbook` is the path below `directory`, with {machine} where there is one for each machine.

    `inventory` is the path below `directory` with {environment} where it has one for each; "" without any. `stages` are
    those of the inventories, with their spelling; `others` the playbooks that were not chosen.
    """

    directory: PurePosixPath
    playbook: str
    machines: tuple[str, ...]
    inventory: str
    stages: Mapping[str, str]
    user: str
    vault: bool
    others: tuple[PurePosixPath, ...]


def find(clone: Clone) -> Ansible | None:
    """The playbooks; None without any."""
    hosts = {path: named for path in clone.paths if (named := _hosts(clone, path)) is not None}
    if not hosts:
        return None
    chosen, playbook, machines = _chosen(hosts)
    directory = _below(chosen[0].parent)
    inventory, stages = _inventory(clone, directory)
    user = next(
        (match[1] for path in clone.paths if path.name == "ansible.cfg" and (match := _USER.search(clone.text(path)))),
        "",
    )
    vault = any(path.suffix in {".yml", ".yaml"} and clone.text(path).startswith(_VAULT) for path in clone.paths)
    others = tuple(sorted(set(hosts) - set(chosen)))
    return Ansible(directory, playbook, machines, inventory, stages, user, vault, others)


def _hosts(clone: Clone, path: PurePosixPath) -> tuple[str, ...] | None:
    """The groups that the plays of a playbook name; None for what is no playbook."""
    if (
        path.suffix not in {".yml", ".yaml"}
        or _NO_PLAYBOOKS & set(path.parts[:-1])
        or any(part.startswith(".") for part in path.parts)
    ):
        return None
    text = clone.text(path)
    if "hosts:" not in text and "import_playbook" not in text:
        return None
    try:
        plays: Any = foreign_yaml.load(text)
    except ValueError:
        return None
    if not isinstance(plays, list) or not all(isinstance(play, dict) for play in plays):
        return None
    if not any("hosts" in play or any(str(key).endswith("import_playbook") for key in play) for play in plays):
        return None
    named = [play.get("hosts") for play in plays]
    flat = [name for each in named for name in (each if isinstance(each, list) else [each])]
    return tuple(dict.fromkeys(str(name) for name in flat if name))


def _chosen(
    hosts: Mapping[PurePosixPath, tuple[str, ...]],
) -> tuple[list[PurePosixPath], str, tuple[str, ...]]:
    """The playbooks that deploy, their path below Ansible's directory, and the machines."""
    whole = sorted(
        (path for path in hosts if path.stem in _WHOLE), key=lambda path: (_WHOLE.index(path.stem), len(path.parts))
    )
    folders: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in sorted(hosts):
        folders.setdefault(path.parent, []).append(path)
    each = max(folders.values(), key=len)
    deploys = [path for path in each if path.stem.startswith("deploy")]
    each = deploys if len(deploys) > 1 else each
    if not whole and len(each) > 1:
        prefix = _common([path.stem for path in each])
        machines = tuple(path.stem.removeprefix(prefix) for path in each)
        return each, f"{_inside(each[0].parent)}{prefix}{{machine}}{each[0].suffix}", machines
    path = whole[0] if whole else each[0]
    machines = tuple(name for name in hosts[path] if re.fullmatch(r"[a-z][a-z0-9_-]*", name) and name != "all")
    return [path], f"{_inside(path.parent)}{path.name}", machines


def _common(stems: list[str]) -> str:
    """What the names begin with, up to a dash or underscore."""
    first = min(stems, key=len)
    size = next((n for n in range(len(first), -1, -1) if all(stem.startswith(first[:n]) for stem in stems)), 0)
    return re.sub(r"[^_-]*$", "", first[:size])


def _below(folder: PurePosixPath) -> PurePosixPath:
    """The directory of Ansible's files: that of `playbooks/` where the playbooks are in a folder of this name."""
    return folder.parent if folder.name == "playbooks" else folder


def _inside(folder: PurePosixPath) -> str:
    return "playbooks/" if folder.name == "playbooks" else ""


def _inventory(clone: Clone, directory: PurePosixPath) -> tuple[str, dict[str, str]]:
    """The inventory's path with {environment}, and each stage with its spelling."""
    stages: dict[str, str] = {}
    pattern = ""
    for path in clone.paths:
        inside = path.relative_to(directory) if directory in path.parents else None
        if inside is None or len(inside.parts) < 2 or not inside.parts[0].lower().startswith("inventor"):
            continue
        name = inside.parts[1]
        suffix = PurePosixPath(name).suffix if len(inside.parts) == 2 else ""
        if suffix not in _INVENTORY_SUFFIXES:
            continue
        stem = name.removesuffix(suffix)
        if (named := stage_in(stem)) and named[1] == stem:
            stages.setdefault(*named)
            pattern = f"{inside.parts[0]}/{{environment}}{suffix}"
        elif not pattern and len(inside.parts) == 2 and stem in {"hosts", "inventory", "aws_ec2", "static"}:
            pattern = str(inside)
    if not pattern:
        names = [
            path
            for path in clone.paths
            if path.parent == directory
            and path.name
            in {"hosts", "hosts.ini", "hosts.yml", "inventory", "inventory.ini", "inventory.yml", "aws_ec2.yml"}
        ]
        pattern = names[0].name if names else ""
    return pattern, stages
