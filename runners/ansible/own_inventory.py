"""An inventory of the team's own: a file or directory of the repository, read by ansible-inventory behind the wall.

Signalbox decides how hosts are reached. The inventory names hosts, groups and variables; a variable that would change the
connection (another key, user or program, options of ssh) is refused, for the environment's key must reach only the hosts that
it lists, with their pinned keys. Sources: "Connecting to hosts: behavioral inventory parameters" of Ansible's documentation,
and the options of its connection plugin `ssh`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runners.ansible import files as ansible_files
from runners.ansible.files import Places
from runners.ansible.job import environment_of, room_of
from runners.ansible.listing import parse
from runners.ansible.refusals import complaint_of, in_job, remedy_of
from runners.aws.inventory import group_name
from runners.errors import AccessDeniedError, NotFoundError, RunnerError
from runners.nearest import ranked
from runners.processes import child
from runners.processes.foreign_files import read_regular
from runners.removal import remove_tree_if_possible
from runners.results import Host, Inventory
from runners.ssh.bastion import KEY as BASTION
from runners.ssh.session_manager import INSTANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from runners.ansible.job import PlaybookJob
    from runners.results import HostSettings

TIMEOUT = 120.0
KEY = "deploy.ansible.inventory"
EVERY_HOST = "all"
_LONGEST = 64 << 20  # bytes of the list: a thousand hosts with large variables
_MOST_FILES = 2_000
_NAMED = 12  # names in an error
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}")  # no pattern, no list, no option
_ADDRESS = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}")
_LONGEST_ID = 40  # characters, as the table of host keys has them
# Each of these changes the program, the options or the key of the connection, or skips the comparison of host keys.
_CONNECTION = re.compile(
    r"ansible_(?:ssh_(?!host$|port$|user$|pipelining$|retries$|timeout$).+|(?:sftp|scp|paramiko|netconf|libssh|local|docker|kubectl|winrm|psrp|httpapi)_.*"
    r"|host_key_(?:checking|auto_add)|private_key(?:_file)?|password|control_path.*|pkcs11_provider|sshpass_prompt"
    r"|proxy_command|look_for_keys|connection_path|connection_user|delegated_vars)"
)


_PINNED = frozenset(ansible_files.pinned_variables())
_PROXY = re.compile(r"\bProxy(?:Jump|Command)\b|(?:^|\s)-J|(?:^|\s)-W", re.IGNORECASE)


async def read(job: PlaybookJob, source: str, roles: Mapping[str, str], settings: HostSettings) -> Inventory:
    """The hosts of each role: those of the group with the role's name, in the inventory's order; `all` has every host.

    `job` has the project and its scratch, `source` is relative to the project, `roles` has the playbook of each role. A host of
    several roles is in each of them, and may have another port than `settings`. The inventory names no secret: values are read by Ansible alone.

    Raises:
        NotFoundError: there is no such file or group, or a group has no host.
        AccessDeniedError: a variable of a host changes how it is reached, or the inventory is a program.
        RunnerError: Ansible cannot read it.
    """
    doing = f"reading the inventory {source}"
    await asyncio.to_thread(_check_files, job, source, doing)
    variables: dict[str, dict[str, Any]] = {}
    listed: dict[str, Any] = {}
    ignored: set[str] = set()
    for directory in dict.fromkeys(name.rpartition("/")[0] for name in roles.values()):
        listed = await _listed(job, source, directory, doing)
        for host, values in listed.get("_meta", {}).get("hostvars", {}).items():
            variables.setdefault(host, {}).update(values)
            ignored |= _check_variables(host, values, settings, doing)
    environment, found_by_plugin = job.inventory.environment, _found_by_plugin(job)
    hosts = tuple(
        _as_in_ec2(
            _host(environment, name, role, variables.get(name, {}), settings, doing), found_by_plugin.get(name, {})
        )
        for role in roles
        for name in _members(listed, role, source, doing)
    )
    groups = tuple(sorted({*listed} - {"_meta", EVERY_HOST}))
    return replace(
        settings.inventory(environment, hosts), source=source, own_groups=groups, ignored=tuple(sorted(ignored))
    )


def _check_files(job: PlaybookJob, source: str, doing: str) -> None:
    root = (job.root or job.project).resolve()
    path = job.project / source
    if not path.exists():
        others = {str(each.relative_to(job.project)) for each in job.project.rglob("*") if "inventor" in str(each)}
        near = ranked(source, others)[:3]
        there = f"There is {', '.join(near)}. " if near else ""
        raise NotFoundError(doing, f"there is no {source} at this commit", remedy=f"{there}Correct {KEY}.")
    for number, file in enumerate(_files_below(path)):
        name = file.relative_to(job.project)
        if number == _MOST_FILES:
            raise RunnerError(doing, f"it has more than {_MOST_FILES} files", remedy=f"Correct {KEY}.")
        if not file.resolve().is_relative_to(root):
            raise AccessDeniedError(doing, f"the link {name} leads outside of the repository", remedy="Remove it.")
        if file.is_file() and _is_program(file):
            raise AccessDeniedError(
                doing,
                f"{name} is a program, and Signalbox runs none as an inventory",
                remedy="List the hosts in a file, or leave the key out: Signalbox then finds EC2 instances by their tag.",
            )


def _is_program(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(2) == b"#!"


def _files_below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from sorted(path.rglob("*"))


async def _listed(job: PlaybookJob, source: str, directory: str, doing: str) -> dict[str, Any]:
    """Ansible's list of the groups, and of all variables of each host: also those of group_vars and host_vars, here and beside playbooks."""
    places = Places(job.scratch.absolute() / "inventory")
    output = places.base / "list.json"

    def prepare() -> None:
        empty = Inventory(job.inventory.environment, (), "", 22, "ssh")
        ansible_files.prepare(
            places,
            empty,
            ansible_files.variables_text({}, {}),
            vault_password=job.vault_password,
            recorded=job.recorded,
        )

    await asyncio.to_thread(prepare)
    try:
        argv = ["ansible-inventory", "--list", "-i", str((job.project / source).absolute())]
        argv += ["--playbook-dir", str((job.project / directory).absolute())]
        env = {**environment_of(job, places, forks=1), **ansible_files.OWN_INVENTORY}
        room = room_of(job, places)
        answer = await child.run(
            argv, cwd=job.project, env=env, timeout=TIMEOUT, doing=doing, room=room, stdout_to=output
        )
        if answer.exit_code:
            raise _refused(job, doing, answer)
        text = await asyncio.to_thread(read_regular, output, most=_LONGEST, root=places.base)
        return parse(text)
    finally:
        await asyncio.to_thread(remove_tree_if_possible, places.base)


def _refused(job: PlaybookJob, doing: str, answer: child.Output) -> RunnerError:
    text = in_job(job, answer.stderr)
    complaint = complaint_of(text) or (text.strip().splitlines() or ["Ansible cannot read it"])[-1][:300]
    remedy = remedy_of(complaint) or "Check it by `ansible-inventory --list -i FILE`."
    if re.search(r"^\s*plugin *:|Plugin configuration YAML file", text, re.MULTILINE):
        remedy = (
            "Inventory plugins are not supported: list the hosts, or leave the key out to find EC2 instances by tag."
        )
    tail = "\n".join(text.strip().splitlines()[-15:])
    return RunnerError(doing, complaint.rstrip("."), remedy=remedy, exit_code=answer.exit_code, log_tail=tail)


def _check_variables(host: str, values: Mapping[str, Any], settings: HostSettings, doing: str) -> set[str]:
    """The variables in whose place the configuration counts. Raises AccessDeniedError where another one changes how the host is reached.

    A play on localhost runs here in any case.
    """
    if host in _HERE and str(values.get("ansible_connection", "local")) == "local":
        return set()
    permitted = {"user": settings.user, "connection": settings.connection}
    for name, value in values.items():
        if name in _PINNED:
            if _PROXY.search(str(value)):
                problem = f"{host} is reached through a jump host by {name}"
                raise AccessDeniedError(
                    doing, problem, remedy=f"Set it in {BASTION}, with its host key, and remove it there."
                )
            continue
        if _CONNECTION.fullmatch(name):
            problem = f"{host} has the variable {name}, which changes how ssh reaches it"
            raise AccessDeniedError(doing, problem, remedy=_REMOVE)
        wanted = permitted.get(_setting_of(name))
        if wanted is not None and str(value) != wanted and not (name == "ansible_connection" and value == "smart"):
            setting = _setting_of(name)
            problem = f"{host} has {name}: {str(value)[:60]}, and {setting} of the configuration is {wanted}"
            raise AccessDeniedError(doing, problem, remedy=f"Make them the same, here or in deploy.ansible.{setting}.")
    return {name for name in values if name in _PINNED}


_REMOVE = "Remove it there. Keys, users and bastions are set in deploy.ansible of signalbox.yaml."


def _setting_of(name: str) -> str:
    return re.sub(r"^ansible_(?:ssh_)?(?:remote_)?", "", name) if name.startswith("ansible_") else ""


def _host(  # noqa: PLR0917 -- what a host is made of
    environment: str, name: str, role: str, values: Mapping[str, Any], settings: HostSettings, doing: str
) -> Host:
    port = str(values.get("ansible_port", values.get("ansible_ssh_port", settings.port)))
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise AccessDeniedError(doing, f"the port {port[:60]!r} of {name[:60]} is no port", remedy="Write a number.")
    address = _address_of(name, values, doing)
    if settings.session_manager:
        address = _instance_of(name, address, values, doing)
    return Host(
        name, role, _identity(environment, name), address, "", "", 0 if int(port) == settings.port else int(port)
    )


def _found_by_plugin(job: PlaybookJob) -> dict[str, Mapping[str, Any]]:
    variables: dict[str, Mapping[str, Any]] = {}
    for listing in job.recorded.values():
        variables |= listing.get("_meta", {}).get("hostvars", {})  # type: ignore[attr-defined]
    return variables


def _as_in_ec2(host: Host, variables: Mapping[str, Any]) -> Host:
    """A host that EC2's plugin has found is known by its instance id: a machine that is replaced has another key."""
    instance = str(variables.get("instance_id", ""))
    if not INSTANCE.fullmatch(instance):
        return host
    placement = variables.get("placement")
    zone = placement.get("availability_zone", "") if isinstance(placement, dict) else ""
    return replace(host, instance_id=instance, image_id=str(variables.get("image_id", "")), zone=str(zone))


def _instance_of(name: str, address: str, values: Mapping[str, Any], doing: str) -> str:
    """The instance id of a host: its address, or the variable that EC2's plugin sets."""
    for instance in (address, str(values.get("instance_id", ""))):
        if INSTANCE.fullmatch(instance):
            return instance
    problem = f"{name[:60]} has no instance id, and ssh.session_manager reaches hosts by it"
    remedy = "Set ansible_host or instance_id of this host to its instance id, such as i-0123456789abcdef0."
    raise AccessDeniedError(doing, problem, remedy=remedy)


def _address_of(name: str, values: Mapping[str, Any], doing: str) -> str:
    address = str(values.get("ansible_host", values.get("ansible_ssh_host", name)))
    if not _ADDRESS.fullmatch(address) or not _NAME.fullmatch(name):
        what = f"the address {address[:60]!r} of {name[:60]}" if _NAME.fullmatch(name) else f"the host {name[:60]!r}"
        raise AccessDeniedError(doing, f"{what} is not a plain name", remedy="Write a name or an IP address there.")
    return address


def _members(listed: Mapping[str, Any], role: str, source: str, doing: str) -> Sequence[str]:
    group = role if role in listed or role == EVERY_HOST else group_name(role)
    hosts = _hosts_below(listed, group, set())
    if group == EVERY_HOST:
        hosts = dict.fromkeys([*hosts, *listed.get("_meta", {}).get("hostvars", {})])
    names = [name for name in hosts if name not in _HERE]
    if names:
        return names
    there = sorted({*listed} - {"_meta", "ungrouped"})
    near = ranked(role, there)[:_NAMED]
    why = (
        "has no group"
        if group not in listed
        else "has only localhost in the group"
        if hosts
        else "has no host in the group"
    )
    raise NotFoundError(
        doing,
        f"{source} {why} `{group}`, and its hosts are those of the role {role}",
        remedy=f"It has {', '.join(f'`{name}`' for name in near)}. Correct `machines` or the inventory.",
    )


def _hosts_below(listed: Mapping[str, Any], group: str, visited: set[str]) -> dict[str, None]:
    """The hosts of a group and of its children, each once."""
    if group in visited:
        return {}
    visited.add(group)
    entry = listed.get(group, {})
    below: Iterable[str] = (
        host for child_ in entry.get("children", ()) for host in _hosts_below(listed, child_, visited)
    )
    return dict.fromkeys([*entry.get("hosts", ()), *below])


def _identity(environment: str, name: str) -> str:
    """What host keys and commits are recorded by: the name in its environment, whatever its address."""
    whole = f"{environment}/{name}"
    if len(whole) <= _LONGEST_ID:
        return whole
    return f"{whole[:27]}~{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
