"""What a playbook's run needs on disk, made for it alone: inventory, variables, key, environment."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from runners.aws.inventory import group_name, groups_of_all, host_variables
from runners.processes.child import child_environment
from runners.processes.stragglers import MARK
from runners.removal import remove_tree_if_possible
from runners.ssh import route as ssh_route
from runners.ssh.keys import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.results import Inventory

CALLBACK = Path(__file__).parent / "callback"  # Ansible loads the plugin in it, which writes Places.outcomes
RECORDED_HOSTS = Path(__file__).parent / "inventory_plugin"  # the one in it reads Places.recorded
# For inventories of the repository: no scripts, no plugins but ours, which reads what was found before, and a file that cannot be read is an error.
OWN_INVENTORY = {
    "ANSIBLE_INVENTORY_ENABLED": "signalbox_hosts,ansible.builtin.yaml,ansible.builtin.ini",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
}
LONGEST_OUTCOMES = 256 << 20  # bytes: 500 hosts with hundreds of tasks have some megabytes
_LONGEST_SOCKET_DIRECTORY = 70  # ssh adds up to 28 characters, and a socket's path has at most 104


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files of one run lie: all in one directory (0700) of the operation's scratch."""

    base: Path

    @property
    def data(self) -> Path:
        """ansible-runner's private data directory: variables, inventory, events. Secret."""
        return self.base / "data"

    @property
    def home(self) -> Path:
        """The run's HOME."""
        return self.base / "home"

    @property
    def known_hosts(self) -> Path:
        """What ssh compares host keys with."""
        return self.home / "known_hosts"

    @property
    def key(self) -> Path:
        """The private key, when there is one. Secret."""
        return self.base / "key"

    @property
    def vault(self) -> Path:
        """The vault password, when there is one. Secret."""
        return self.base / "vault"

    @property
    def route(self) -> ssh_route.Files:
        """What ssh goes through to the hosts, when there is a route. Its key or credentials are secret."""
        return ssh_route.files_in(self.base)

    @property
    def run(self) -> Path:
        """The detached program's directory: its output holds all events. Secret."""
        return self.base / "run"

    @property
    def recorded(self) -> Path:
        """What plugins of the team's inventory have found before."""
        return self.data / "recorded.json"

    @property
    def result(self) -> Path:
        """How it ended, masked; there once it has."""
        return self.base / "result.json"

    @property
    def log(self) -> Path:
        """All that Ansible printed, masked."""
        return self.base / "log.txt"

    @property
    def outcomes(self) -> Path:
        """What each host got, as our callback plugin writes it. Secret."""
        return self.data / "outcomes"

    @property
    def cancelled(self) -> Path:
        """There once somebody has cancelled the run."""
        return self.base / "cancelled"

    def mark_cancelled(self) -> None:
        """Remember that the run was cancelled."""
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.cancelled.touch(mode=0o600)

    def remove_secrets(self) -> None:
        """Delete all but the result, the log, and what was noted beside them."""
        for file in (self.key, self.vault, *self.route):
            file.unlink(missing_ok=True)
        for directory in (self.data, self.home, self.run):
            remove_tree_if_possible(directory)


class _Unsafe(str):
    """Text that Ansible takes as it is: `{{` in a password is no template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """YAML as Ansible reads it."""


_Dumper.add_representer(_Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def variables_text(extra: Mapping[str, object], secret: Mapping[str, str]) -> str:
    """The file for `--extra-vars @file`; every text in it is data, never a template."""
    return yaml.dump(_as_data({**extra, **secret}), Dumper=_Dumper, allow_unicode=True)


def _as_data(value: object) -> Any:
    if isinstance(value, str):
        return _Unsafe(value)
    if isinstance(value, dict):
        return {str(key): _as_data(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(entry) for entry in value]
    return value


def pinned_variables(key_file: str = "") -> dict[str, object]:
    """With the team's own inventory: what no variable of it, or of a play, may change, as extra variables, which count above all."""
    return {
        "ansible_ssh_common_args": "",
        "ansible_ssh_extra_args": "",
        "ansible_ssh_private_key_file": key_file,
        "ansible_private_key_file": key_file,
        "ansible_host_key_checking": True,
        "ansible_ssh_host_key_checking": True,
    }


def inventory_text(inventory: Inventory, home: Path) -> str:
    """A static inventory as JSON: all hosts, a group for each machine, and those that have every host.

    Beside the team's own inventory it has only how each host is reached, and the groups of the configuration.
    """
    if inventory.own_groups:
        return json.dumps({"all": _beside_own(inventory)})
    local = {"ansible_remote_tmp": str(home / "remote")}
    more = local if inventory.connection == "local" else {"ansible_async_dir": "~/.ansible_async"}  # there as usual
    groups: dict[str, dict[str, Any]] = {}
    for host in inventory.hosts:
        groups.setdefault(group_name(host.machine), {"hosts": {}})["hosts"][host.name] = {}
    hosts = {host.name: host_variables(inventory, host) | more for host in inventory.hosts}
    groups.setdefault(group_name(inventory.environment), {})["children"] = {name: {} for name in groups}
    groups |= {name: {"hosts": {host.name: {} for host in inventory.hosts}} for name in groups_of_all(inventory)}
    return json.dumps({"all": {"hosts": hosts, "children": groups}})


def _beside_own(inventory: Inventory) -> dict[str, Any]:
    names = ("ansible_host", "ansible_connection", "ansible_user", "ansible_port", "ansible_python_interpreter")
    hosts = {host.name: host_variables(inventory, host) for host in inventory.hosts}
    reaching = {name: {key: values[key] for key in names if key in values} for name, values in hosts.items()}
    more = [group for group in inventory.groups if group not in inventory.own_groups]
    return {"hosts": reaching, "children": {group: {"hosts": {name: {} for name in hosts}} for group in more}}


def prepare(
    places: Places,
    inventory: Inventory,
    variables: str,
    *,
    key: str | None = None,
    known_hosts: str = "",
    vault_password: str | None = None,
    route_secret: str | None = None,
    recorded: Mapping[str, object] | None = None,
    variables_of_groups: Mapping[str, Path] | None = None,
) -> None:
    """Write the files of a run, whatever an earlier start left there.

    `variables_of_groups` are directories that lie beside the inventory then, by the names that Ansible looks for.
    """
    places.base.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.base.chmod(0o700)
    places.remove_secrets()
    for directory in (places.data, places.data / "env", places.data / "inventory", places.home):
        directory.mkdir(mode=0o700)
    write_secret(places.data / "env" / "extravars", variables)
    write_secret(places.data / "inventory" / "hosts.json", inventory_text(inventory, places.home))
    for name, path in (variables_of_groups or {}).items():
        (places.data / "inventory" / name).symlink_to(path)
    write_secret(places.recorded, json.dumps(dict(recorded or {})))
    write_secret(places.known_hosts, known_hosts)
    for path, secret in ((places.key, key), (places.vault, vault_password)):
        if secret:
            write_secret(path, secret)
    if inventory.route:
        ssh_route.write(places.base, inventory.route, route_secret, "writing the settings of ssh")


def environment(places: Places, *, forks: int, pipelining: bool = True) -> dict[str, str]:
    """All that ansible-runner, Ansible and ssh see of an environment, after `prepare`. No secret is in it."""
    sockets = places.home / "cp"
    ansible = {
        # On this machine the run's HOME is not the account's, and "~" is one or the other for the two halves of `async`.
        "ANSIBLE_ASYNC_DIR": str(places.home / ".ansible_async"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACK),
        "ANSIBLE_CONTROL_PATH_DIR": str(sockets),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_FORCE_COLOR": "False",
        "ANSIBLE_FORKS": str(forks),
        "ANSIBLE_HOME": str(places.home / ".ansible"),
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # so that Ansible leaves StrictHostKeyChecking to ssh_options
        "ANSIBLE_INVENTORY_PLUGINS": str(RECORDED_HOSTS),
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_NOCOWS": "True",
        "ANSIBLE_PIPELINING": str(pipelining),
        "ANSIBLE_PYTHON_INTERPRETER": "auto_silent",
        "ANSIBLE_SSH_ARGS": " ".join([*_through(places), ssh_options(places.known_hosts, sockets)]),
        "ANSIBLE_SSH_RETRIES": "2",
        "ANSIBLE_TIMEOUT": "20",
        # A file of the repository may ask for these; -v prints variables, and a log lies about.
        "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "False",
        "ANSIBLE_LOG_PATH": os.devnull,
        "ANSIBLE_VERBOSITY": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SIGNALBOX_HOSTS": str(places.recorded),
        "SIGNALBOX_OUTCOMES": str(places.outcomes),
        MARK: str(places.base),
    }
    named = {"ANSIBLE_PRIVATE_KEY_FILE": places.key, "ANSIBLE_VAULT_PASSWORD_FILE": places.vault}
    ansible |= {name: str(path) for name, path in named.items() if path.exists()}
    return child_environment(places.home, ansible)


def _through(places: Places) -> list[str]:
    return [shlex.join(places.route.options)] if places.route.config.exists() else []


def ssh_options(known_hosts: Path, sockets: Path) -> str:
    """Let ssh ask nothing: a host is refused whose key is another than in these known_hosts, or in none at all."""
    short = len(str(sockets)) <= _LONGEST_SOCKET_DIRECTORY
    # Ansible names a socket as soon as it reads ControlPersist, and ssh refuses one whose path is too long.
    shared = ["-o ControlMaster=auto", "-o ControlPersist=20s"] if short else ["-o ControlMaster=no"]
    percent = str(known_hosts).replace("%", "%%")
    return " ".join(
        [
            "-C",
            *shared,
            "-o StrictHostKeyChecking=yes",
            f"""-o 'UserKnownHostsFile="{percent}"'""",
            "-o IdentitiesOnly=yes",
            "-o BatchMode=yes",
            "-o ServerAliveInterval=15",
        ]
    )
