"""The machines of an environment, found in EC2 (moto), and AWS's errors in words."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.config import Config
from botocore.stub import Stubber

from runners.ansible.files import inventory_text
from runners.aws.client import Clients, explained, make_clients
from runners.aws.inventory import ansible_inventory, find_hosts, group_name
from runners.errors import AccessDeniedError, NotFoundError, RunnerError, UnavailableError
from runners.results import AwsPlace, Host, HostSettings, Inventory, WantedHosts
from tests.unit.runners.ec2_world import HOME


def launch(clients: Clients, tag: str, count: int = 1) -> list[str]:
    tags: Any = [{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": tag}, {"Key": "Name", "Value": "x"}]}]
    started = clients.ec2.run_instances(ImageId="ami-12c6146b", MinCount=count, MaxCount=count, TagSpecifications=tags)
    return [item["InstanceId"] for item in started["Instances"]]


async def find(clients: Clients, *machines: str, environment: str = "staging", **changes: Any) -> Inventory:
    tag = changes.pop("tag", "{environment} {machine}")
    settings = HostSettings(**{"user": "deployer", "port": 22222, **changes})
    return await find_hosts(clients.ec2, WantedHosts(environment, machines, tag, settings), timeout=30)


async def test_running_machines_come_in_the_configured_order(aws: Clients) -> None:
    (cron,) = launch(aws, "staging cron")
    backends = launch(aws, "staging backend", 2)
    launch(aws, "prod backend")
    actual = await find(aws, "backend", "cron")
    assert [(item.name, item.machine) for item in actual.hosts] == [
        ("staging-backend-1", "backend"),
        ("staging-backend-2", "backend"),
        ("staging-cron", "cron"),
    ]
    assert {item.instance_id for item in actual.hosts} == {cron, *backends}
    host = actual.hosts[-1]
    assert host.address.endswith("compute.amazonaws.com")
    assert (host.image_id, host.zone[:-1]) == ("ami-12c6146b", HOME)
    assert (actual.environment, actual.user, actual.port, actual.connection) == ("staging", "deployer", 22222, "ssh")


def instance(number: int) -> dict[str, Any]:
    return {
        "InstanceId": f"i-{number}",
        "LaunchTime": f"2026-11-{number:02}T00:00:00Z",
        "PublicDnsName": "" if number == 1 else f"ec2-{number}.example",
        "State": {"Code": 16, "Name": "running"},
        "Tags": [{"Key": "type", "Value": "staging backend"}],
    }


async def test_every_page_is_read_and_the_oldest_comes_first(aws: Clients) -> None:
    with Stubber(aws.ec2) as stubber:
        for numbers, more in (((9, 3), {"NextToken": "more"}), ((5,), {})):
            page = {"Reservations": [{"Instances": [instance(number) for number in numbers]}]}
            stubber.add_response("describe_instances", page | more)
        actual = await find(aws, "backend")
    assert [(host.name, host.instance_id) for host in actual.hosts] == [
        ("staging-backend-1", "i-3"),
        ("staging-backend-2", "i-5"),
        ("staging-backend-3", "i-9"),
    ]


async def test_what_is_not_running_is_counted_and_not_used(aws: Clients) -> None:
    stopped, terminated = launch(aws, "staging backend", 2)
    aws.ec2.stop_instances(InstanceIds=[stopped])
    aws.ec2.terminate_instances(InstanceIds=[terminated])
    launch(aws, "staging cron")
    with pytest.raises(NotFoundError) as caught:
        await find(aws, "cron", "backend", "sftp")
    assert caught.value.problem == (
        'No running instance in us-west-2 has the tag type = "staging backend" (1 stopped, 1 terminated); '
        'nor the tag type = "staging sftp" (none in any state)'
    )
    assert "Start it" in caught.value.remedy


async def test_a_private_address_is_used_where_asked_for(aws: Clients) -> None:
    launch(aws, "staging backend")
    (host,) = (await find(aws, "backend", address="private_ip")).hosts
    assert host.address.startswith(("10.", "172.", "192."))


async def test_a_wildcard_in_a_name_is_taken_literally(aws: Clients) -> None:
    launch(aws, "staging backend")
    with pytest.raises(NotFoundError, match=r"staging \*"):
        await find(aws, "*")


def without_dns(clients: Clients) -> Stubber:
    stubber = Stubber(clients.ec2)
    stubber.add_response("describe_instances", {"Reservations": [{"Instances": [instance(1)]}]})
    return stubber


async def test_a_running_machine_without_an_address_is_said(aws: Clients) -> None:
    with without_dns(aws), pytest.raises(NotFoundError) as caught:
        await find(aws, "backend")
    assert caught.value.problem == 'i-1 ("staging backend") is running but has no public DNS name'
    assert "private_ip" in caught.value.remedy


async def test_a_local_connection_needs_no_address(aws: Clients) -> None:
    with without_dns(aws):
        (host,) = (await find(aws, "backend", connection="local")).hosts
    assert host.address == "i-1"


async def test_awss_refusal_is_an_error_in_words(aws: Clients) -> None:
    with Stubber(aws.ec2) as stubber:
        stubber.add_client_error("describe_instances", "UnauthorizedOperation", "You are not authorized", 403)
        with pytest.raises(AccessDeniedError, match="forbids DescribeInstances") as caught:
            await find(aws, "backend")
    assert caught.value.doing == "looking for the machines of staging"


async def test_without_credentials_the_error_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(AccessDeniedError, match="no AWS credentials"):
        await find(make_clients(AwsPlace(HOME)), "backend")
    with pytest.raises(AccessDeniedError, match="no such profile"):
        make_clients(AwsPlace(HOME, "nobody"))


async def test_an_aws_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    once = Config(retries={"total_max_attempts": 1})
    away = boto3.client("ec2", region_name=HOME, endpoint_url="http://127.0.0.1:9", config=once)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await find(replace(make_clients(AwsPlace(HOME)), ec2=away), "backend")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ExpiredToken", 400, AccessDeniedError),
        ("RequestExpired", 400, AccessDeniedError),
        ("AuthFailure", 401, AccessDeniedError),
        ("InvalidClientTokenId", 403, AccessDeniedError),
        ("AccessDenied", 403, AccessDeniedError),
        ("RequestLimitExceeded", 503, UnavailableError),
        ("Throttling", 400, UnavailableError),
        ("SomethingNew", 500, UnavailableError),
        ("InvalidParameterValue", 400, RunnerError),
    ],
)
def test_each_code_has_its_error(code: str, status: int, kind: type[RunnerError]) -> None:
    answer: Any = {"Error": {"Code": code, "Message": "because\nof it"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = explained(exceptions.ClientError(answer, "DescribeInstances"), "x")
    assert type(error) is kind
    assert "\n" not in error.problem
    assert error.remedy or kind is RunnerError


def inventory(connection: str = "ssh", groups: tuple[str, ...] = ("web_servers", "cron")) -> Inventory:
    hosts = tuple(
        Host(name, machine, f"i-{name}", f"{name}.example", "ami-1", "us-west-2a")
        for name, machine in (("staging-web-1-1", "web-1"), ("staging-web-1-2", "web-1"), ("staging-cron", "cron"))
    )
    return Inventory("staging", hosts, "deployer", 22222, connection, groups)


def read_by_ansible(source: Path) -> dict[str, Any]:
    program = Path(sys.executable).parent / "ansible-inventory"
    message = subprocess.run(
        [program, "-i", str(source), "--list"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "WARNING" not in message.stderr
    result: dict[str, Any] = json.loads(message.stdout)
    return result


@pytest.mark.parametrize("form", ["script", "file"])
def test_ansible_reads_the_inventory_as_script_and_as_file(tmp_path: Path, form: str) -> None:
    if form == "script":
        source = tmp_path / "inventory"
        source.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(ansible_inventory(inventory()))}\nEND\n")
        source.chmod(0o700)
    else:
        source = tmp_path / "hosts.json"
        source.write_text(inventory_text(inventory(), tmp_path))
    read = read_by_ansible(source)
    assert set(read["web_1"]["hosts"]) == {"staging-web-1-1", "staging-web-1-2"}
    assert read["cron"]["hosts"] == ["staging-cron"]
    assert set(read["staging"]["children"]) == {"web_1", "cron"}
    everybody = ["staging-web-1-1", "staging-web-1-2", "staging-cron"]
    assert read["web_servers"]["hosts"] == everybody
    assert read["default"]["hosts"] == everybody, "Packer's name for its host"
    variables = read["_meta"]["hostvars"]["staging-cron"]
    assert variables.pop("ansible_async_dir", None) == (None if form == "script" else "~/.ansible_async")
    assert variables == {
        "ansible_host": "staging-cron.example",
        "ansible_connection": "ssh",
        "ansible_user": "deployer",
        "ansible_port": 22222,
        "instance_id": "i-staging-cron",
        "image_id": "ami-1",
        "zone": "us-west-2a",
        "machine": "cron",
    }


def test_a_local_inventory_names_no_user_and_uses_this_python() -> None:
    message: Any = ansible_inventory(inventory("local"))
    variables = message["_meta"]["hostvars"]["staging-cron"]
    assert variables["ansible_connection"] == "local"
    assert variables["ansible_python_interpreter"] == sys.executable
    assert "ansible_user" not in variables


@pytest.mark.parametrize(("name", "group"), [("backend", "backend"), ("web-1", "web_1"), ("1a", "_1a"), ("é", "_")])
def test_a_group_is_named_as_ansible_takes_it(name: str, group: str) -> None:
    assert group_name(name) == group
