"""Inventories by amazon.aws.aws_ec2: the real plugin behind the wall, against moto; playbooks have what it has found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runners.ansible import ec2_plugin, own_inventory, preflight
from runners.errors import AccessDeniedError, ProgramMissingError, RunnerError, UnavailableError
from runners.results import HostSettings, SessionManager, State
from tests.programs import amazon_aws
from tests.real.own_inventory_support import LOCAL, NOBODY, SSH, put
from tests.real.test_ansible import Playbooks, playbooks
from tests.scenarios.conftest import start_aws

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from runners.results import Inventory
    from sandbox.aws import AwsHandle
    from tests.forked_aws import StartAws

pytestmark = [pytest.mark.needs_bwrap, pytest.mark.needs_amazon_aws]
__all__ = ["playbooks", "start_aws"]
DOING = "reading the inventory inventory"
FILE = """\
    plugin: amazon.aws.aws_ec2
    regions: [{region}]
    endpoint_url: {endpoint}
    filters:
      instance-state-name: running
      tag:Environment: prod
    hostnames: ["tag:Name", private-dns-name]
    keyed_groups:
      - {{key: tags.Role, separator: ""}}
      - {{key: placement.availability_zone, prefix: zone}}
    groups:
      old: "'retired' in tags"
    compose:
      ansible_host: private_ip_address
      release: tags.Release
    """
PLAY = """
    - hosts: web
      gather_facts: false
      tasks:
        - name: Write what applies
          ansible.builtin.copy:
            dest: "%s/seen-{{ inventory_hostname }}"
            content: "{{ release }} {{ size }} {{ own }} {{ groups['db'] | join(',') }} {{ inventory_dir | basename }} {{ aws | default('') }}"
            mode: "0600"
          vars: {aws: "{{ lookup('env', 'AWS_SECRET_ACCESS_KEY') }}"}
    """


@pytest.fixture
async def aws(start_aws: StartAws) -> AsyncIterator[AwsHandle]:
    async with start_aws() as handle:
        yield handle


def launch(aws: AwsHandle, name: str, role: str, **more: str) -> dict[str, Any]:
    tags = {"Name": name, "Role": role, "Environment": "prod", "Release": "{{ 7 * 6 }}", **more}
    listed: Any = [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}]
    started = aws.ec2().run_instances(ImageId="ami-0ba5e000000000001", MinCount=1, MaxCount=1, TagSpecifications=listed)
    return dict(started["Instances"][0])


def write(playbooks: Playbooks, aws: AwsHandle, text: str = FILE) -> None:
    put(playbooks, "inventory/aws_ec2.yml", text.format(region=aws.region, endpoint=aws.url))
    target = playbooks.project / "collections/ansible_collections/amazon/aws"
    if not target.exists():
        shutil.copytree(Path(amazon_aws() or ""), target)


CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-environment",
}


async def read(
    playbooks: Playbooks, *roles: str, settings: HostSettings = SSH, source: str = "inventory"
) -> tuple[Inventory, dict[str, Any]]:
    job = playbooks.job(inventory=NOBODY, root=playbooks.project)
    recorded = await ec2_plugin.record(job, source, CREDENTIALS, DOING)
    job = replace(job, recorded=recorded)
    return await own_inventory.read(job, source, dict.fromkeys(roles, "deploy.yml"), settings), recorded


@pytest.mark.slow("Ansible four times, and an AWS")
async def test_its_hosts_are_those_of_ec2_with_the_variables_beside_it(
    aws: AwsHandle, playbooks: Playbooks, tmp_path: Path
) -> None:
    web, db = launch(aws, "web-1", "web"), launch(aws, "db-1", "db", retired="yes")
    launch(aws, "other", "web", Environment="staging")
    write(playbooks, aws)
    put(playbooks, "inventory/group_vars/web.yml", "{size: large}")
    put(playbooks, "group_vars/web.yml", "{own: beside}")
    put(playbooks, "inventory/static.ini", "[lb]\nlb1 ansible_host=10.9.9.9\n")
    inventory, recorded = await read(playbooks, "web", "db", "lb", settings=LOCAL)
    listed = {host.name: (host.machine, host.instance_id, host.address, host.zone) for host in inventory.hosts}
    zone = web["Placement"]["AvailabilityZone"]
    assert listed == {
        "web-1": ("web", web["InstanceId"], web["PrivateIpAddress"], zone),
        "db-1": ("db", db["InstanceId"], db["PrivateIpAddress"], zone),
        "lb1": ("lb", "staging/lb1", "10.9.9.9", ""),
    }
    assert {"web", "db", "lb", "old", "aws_ec2", f"zone_{zone.replace('-', '_')}"} <= set(inventory.own_groups)

    aws.ec2().terminate_instances(InstanceIds=[db["InstanceId"]])  # what was read is what runs
    put(playbooks, "deploy.yml", PLAY % tmp_path)
    job = playbooks.job(inventory=inventory, recorded=recorded, limit="web-1", root=playbooks.project)
    plays = await preflight.plays_of(job, ["deploy.yml"])
    preflight.check_reached(plays["deploy.yml"], "deploy.yml", inventory, ["web"])
    result = await playbooks.run(job)
    assert [(host.host, host.state) for host in result.hosts if host.host == "web-1"] == [("web-1", State.SUCCEEDED)]
    assert (tmp_path / "seen-web-1").read_text() == "{{ 7 * 6 }} large beside db-1 inventory ", (
        "data, and no credentials"
    )


@pytest.mark.slow("Ansible twice, and an AWS")
async def test_sessions_reach_its_hosts_by_their_instance_ids(aws: AwsHandle, playbooks: Playbooks) -> None:
    web = launch(aws, "web-1", "web")
    write(playbooks, aws)
    sessions = HostSettings("deployer", session_manager=SessionManager("us-west-2"))
    inventory, _ = await read(playbooks, "web", settings=sessions, source="inventory/aws_ec2.yml")
    assert [(host.address, host.instance_id) for host in inventory.hosts] == [(web["InstanceId"], web["InstanceId"])]


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        (
            "plugin: aws_ec2\nprofile: other\n",
            AccessDeniedError,
            "has profile, and Signalbox asks AWS with the credentials",
        ),
        (
            "plugin: aws_ec2\naws_access_key: A\naws_secret_key: B\n",
            AccessDeniedError,
            "has aws_access_key, aws_secret_key,",
        ),
        (
            "plugin: amazon.aws.aws_rds\n",
            AccessDeniedError,
            "is for the plugin amazon.aws.aws_rds, and Signalbox runs only",
        ),
        ("plugin: [aws_ec2\n", RunnerError, "is no YAML that can be read"),
        ("plugin: aws_ec2\nregions: [us-west-2]\nfilters: 7\n", RunnerError, "Config 'filters'"),
    ],
)
async def test_what_it_must_not_say_is_refused(
    aws: AwsHandle, playbooks: Playbooks, text: str, kind: type[RunnerError], problem: str
) -> None:
    write(playbooks, aws, text)
    with pytest.raises(kind) as raised:
        await read(playbooks, "web")
    assert "inventory/aws_ec2.yml" in raised.value.problem
    assert problem in f"{raised.value.problem} {raised.value.log_tail}"
    assert str(playbooks.project) not in raised.value.problem


async def test_an_aws_that_does_not_answer_is_told_from_a_file_that_is_wrong(
    aws: AwsHandle, playbooks: Playbooks
) -> None:
    text = "plugin: aws_ec2\nregions: [us-west-2]\nendpoint_url: http://127.0.0.1:9\n"
    write(playbooks, aws, text)
    with pytest.raises(UnavailableError, match="Failed to describe instances: Could not connect"):
        await read(playbooks, "web")


async def test_a_missing_collection_is_told_with_the_key_that_adds_it(playbooks: Playbooks) -> None:
    put(playbooks, "inventory/aws_ec2.yml", "plugin: amazon.aws.aws_ec2\n")
    with pytest.raises(ProgramMissingError) as raised:
        await read(playbooks, "web")
    assert raised.value.problem == "inventory/aws_ec2.yml needs the collection amazon.aws, which is not installed"
    assert raised.value.remedy.startswith("Add `amazon.aws` to deploy.ansible.collections")
