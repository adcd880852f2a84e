"""The running hosts of an environment, by EC2's tags, and the inventory that Ansible reads."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import escape_wildcards, explained
from runners.concurrency import run_blocking
from runners.errors import NotFoundError
from runners.nearest import ranked
from runners.results import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeDef

    from runners.results import Inventory, WantedHosts

TAG = "type"
_LOCAL = "local"
_TAGS_NAMED = 6  # in an error
PACKER_GROUP = (
    "default"  # Packer's name for the host that it builds: playbooks for images and deploys say `hosts: default`
)


async def find_hosts(ec2_client: EC2Client, wanted: WantedHosts, *, timeout: float = 60.0) -> Inventory:
    """The running instances with the wanted tags in their tag `type`.

    Hosts come in the order of `machines`, the oldest instance first; they are "staging-backend", or "staging-backend-1", ... With
    `connection` "local" a host without the wanted address keeps its instance id as its address.

    Raises:
        NotFoundError: a machine role has no running instance, or none with such an address; it names what exists instead.
        AccessDeniedError, UnavailableError: AWS refused the query, or cannot be reached.
    """
    environment, settings = wanted.environment, wanted.settings
    doing = f"looking for the machines of {environment}"
    tags = {machine: wanted.tag.format(environment=environment, machine=machine) for machine in wanted.machines}

    def address_of(instance: InstanceTypeDef) -> str:
        return _address_of(instance, settings.address, required=settings.connection != _LOCAL, doing=doing)

    def ask() -> tuple[Host, ...]:
        by_tag = _all_running(ec2_client, tuple(tags.values()), doing)
        hosts = [
            _hosts(f"{environment}-{machine}", machine, by_tag[value], address_of) for machine, value in tags.items()
        ]
        return tuple(host for of_machine in hosts for host in of_machine)

    try:
        hosts = await run_blocking(ask, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None
    return settings.inventory(environment, hosts)


@dataclass(frozen=True, slots=True)
class NotRunning:
    """Machine roles without a running instance, and the error that names what exists instead."""

    machines: tuple[str, ...]
    error: NotFoundError


async def not_running(
    ec2_client: EC2Client, environment: str, machines: Sequence[str], tag: str, *, timeout: float
) -> NotRunning | None:
    """The roles that have no running instance; None where all run. Raises as `find_hosts` where AWS does not answer."""
    doing = f"looking for the machines of {environment}"
    wanted = {machine: tag.format(environment=environment, machine=machine) for machine in machines}

    def ask() -> NotRunning | None:
        by_tag = _running_by_tag(ec2_client, tuple(wanted.values()))
        missing = {machine: value for machine, value in wanted.items() if not by_tag[value]}
        if not missing:
            return None
        return NotRunning(tuple(missing), _none_running(ec2_client, tuple(missing.values()), doing))

    try:
        return await run_blocking(ask, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


def _all_running(ec2: EC2Client, values: Sequence[str], doing: str) -> dict[str, list[InstanceTypeDef]]:
    """As `_running_by_tag`. Raises NotFoundError for a value without any."""
    by_tag = _running_by_tag(ec2, values)
    if missing := [value for value, instances in by_tag.items() if not instances]:
        raise _none_running(ec2, missing, doing)
    return by_tag


def _running_by_tag(ec2: EC2Client, values: Sequence[str]) -> dict[str, list[InstanceTypeDef]]:
    """The running instances with each value of the tag, oldest first."""
    by_tag: dict[str, list[InstanceTypeDef]] = {value: [] for value in values}
    running = _instances(ec2, values, ["running"])
    for instance in sorted(running, key=lambda instance: (instance["LaunchTime"], instance["InstanceId"])):
        by_tag[_tag_of(instance)].append(instance)
    return by_tag


def _address_of(instance: InstanceTypeDef, kind: str, *, required: bool, doing: str) -> str:
    if kind == "instance_id":
        return instance["InstanceId"]
    address = instance.get("PublicDnsName" if kind == "public_dns" else "PrivateIpAddress", "")
    if not address and required:
        raise _no_address(instance, kind, doing)
    return str(address or instance["InstanceId"])


def _instances(ec2: EC2Client, values: Iterable[str], states: Sequence[str] = ()) -> list[InstanceTypeDef]:
    filters: list[FilterTypeDef] = [{"Name": f"tag:{TAG}", "Values": [escape_wildcards(value) for value in values]}]
    if states:
        filters.append({"Name": "instance-state-name", "Values": states})
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    return [instance for page in pages for reservation in page["Reservations"] for instance in reservation["Instances"]]


async def tag_of_instance(ec2: EC2Client, instance: str, *, timeout: float = 30.0) -> str:
    """The value of the tag `type` of an instance, "" without one. Raises as `find_hosts`; NotFoundError where there is none."""
    doing = f"looking for {instance}"

    def ask() -> str:
        pages = ec2.get_paginator("describe_instances").paginate(InstanceIds=[instance])
        instances = [
            each for page in pages for reservation in page["Reservations"] for each in reservation["Instances"]
        ]
        if not instances:
            raise NotFoundError(doing, f"there is no instance {instance}")
        return _tag_of(instances[0])

    try:
        return await run_blocking(ask, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


def _tag_of(instance: InstanceTypeDef) -> str:
    return next((tag["Value"] for tag in instance.get("Tags", ()) if tag["Key"] == TAG), "")


def _none_running(ec2: EC2Client, missing: Sequence[str], doing: str) -> NotFoundError:
    others = _instances(ec2, missing)
    sentences = []
    for value in missing:
        states = Counter(other["State"]["Name"] for other in others if _tag_of(other) == value)
        there = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none in any state"
        sentences.append(f'the tag {TAG} = "{value}" ({there})')
    return NotFoundError(
        doing,
        f"No running instance in {ec2.meta.region_name} has {'; nor '.join(sentences)}",
        remedy=f"{_tags_there(ec2, missing[0])}Start it, give the right instance this tag, or check aws.region and the tag `{TAG}` that is configured.",
    )


def _tags_there(ec2: EC2Client, wanted: str) -> str:
    """The tags that running instances have, the most similar first."""
    filters: list[FilterTypeDef] = [
        {"Name": "tag-key", "Values": [TAG]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    tags = {
        _tag_of(each) for page in pages for reservation in page["Reservations"] for each in reservation["Instances"]
    }
    similar = ranked(wanted, tags)[:_TAGS_NAMED]
    return f"Running instances have {', '.join(map(repr, similar))}. " if similar else ""


def _hosts(
    name: str, machine: str, instances: Sequence[InstanceTypeDef], address_of: Callable[[InstanceTypeDef], str]
) -> list[Host]:
    return [
        Host(
            name=f"{name}-{number}" if len(instances) > 1 else name,
            machine=machine,
            instance_id=instance["InstanceId"],
            address=address_of(instance),
            image_id=instance.get("ImageId", ""),
            zone=instance.get("Placement", {}).get("AvailabilityZone", ""),
        )
        for number, instance in enumerate(instances, 1)
    ]


def _no_address(instance: InstanceTypeDef, address: str, doing: str) -> NotFoundError:
    what, instead = ("public DNS name", "private_ip") if address == "public_dns" else ("private IP", "public_dns")
    return NotFoundError(
        doing,
        f'{instance["InstanceId"]} ("{_tag_of(instance)}") is running but has no {what}',
        remedy=f"Give it one, or set `address: {instead}` where the bot can reach that.",
    )


def ansible_inventory(inventory: Inventory) -> dict[str, object]:
    """The JSON that an inventory script prints for `--list`: its groups, all variables in _meta."""
    groups: dict[str, list[str]] = {}
    for host in inventory.hosts:
        groups.setdefault(group_name(host.machine), []).append(host.name)
    everywhere = {name: {"hosts": [host.name for host in inventory.hosts]} for name in groups_of_all(inventory)}
    return {
        "_meta": {"hostvars": {host.name: host_variables(inventory, host) for host in inventory.hosts}},
        "all": {"children": [*groups, group_name(inventory.environment), *everywhere]},
        group_name(inventory.environment): {"children": list(groups)},
        **{name: {"hosts": hosts} for name, hosts in groups.items()},
        **everywhere,
    }


def groups_of_all(inventory: Inventory) -> tuple[str, ...]:
    """The groups that have every host, beside the environment's: the configured ones, and Packer's own.

    A group of a machine role, or of the environment, keeps its hosts.
    """
    own = {group_name(inventory.environment), *(group_name(host.machine) for host in inventory.hosts)}
    return tuple(name for name in dict.fromkeys((PACKER_GROUP, *inventory.groups)) if name not in own)


def host_variables(inventory: Inventory, host: Host) -> dict[str, object]:
    """How Ansible reaches a host, and EC2's details of it."""
    variables: dict[str, object] = {
        "ansible_host": host.address,
        "ansible_connection": inventory.connection,
        "instance_id": host.instance_id,
        "image_id": host.image_id,
        "zone": host.zone,
        "machine": host.machine,
    }
    if inventory.connection == _LOCAL:
        return variables | {"ansible_python_interpreter": sys.executable}
    return variables | {"ansible_user": inventory.user, "ansible_port": inventory.port_of(host)}


def group_name(name: str) -> str:
    """A name as Ansible takes it for a group: letters, digits and underscores."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{plain}" if plain[:1].isdigit() else plain
