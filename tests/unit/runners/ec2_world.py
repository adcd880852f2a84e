"""What the tests of builders and images put into EC2, and how they make AWS refuse."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from botocore.client import ClientCreator
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.utils import random_ami_id, random_instance_id

from sandbox.aws_services import AwsServices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pytest

    from runners.aws.client import Account

HOME, ABROAD = "us-west-2", "eu-west-1"
MOTOS_ACCOUNT = "123456789012"
BASE = "ami-0123456789abcdef0"
TEMPORARY = "Temporary group for Packer"
_CLASSES: dict[str, type] = {}  # by service
_create_class: Any = vars(ClientCreator)["_create_client_class"]


@contextmanager
def aws_within(monkeypatch: pytest.MonkeyPatch, *, amazons_images: bool = False) -> Iterator[AwsServices]:
    """AWS within this process, with nothing of ours in it, whatever the machine's own settings are.

    moto answers, and the sandbox's AwsServices for what moto does not have.
    """
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", str(amazons_images).lower())
    services, moto = AwsServices(), BotocoreStubber.process_request

    def process(stubber: BotocoreStubber, request: Any) -> Any:
        names = ("Authorization", "X-Amz-Target")
        headers = {name: _text(request.headers[name]) for name in names if name in request.headers}
        body = request.body or b""
        written = body.encode() if isinstance(body, str) else body
        return services.reply(request.method, request.url, headers, written) or moto(stubber, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", process)
    monkeypatch.setattr(ClientCreator, "_create_client_class", _shared_class)
    with mock_aws():
        yield services
        # Moto empties itself at the end, and would read Amazon's images again.
        monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _shared_class(creator: Any, service: str, model: Any) -> type:
    """Botocore makes a class with all methods of a service for each client: those of EC2 take 0.1 s, for each test."""
    if service not in _CLASSES:
        _CLASSES[service] = _create_class(creator, service, model)
    return _CLASSES[service]


def packers_name(started_at: datetime, prefix: str = "packer_") -> str:
    """As packer-plugin-sdk makes them up: the first eight digits are the time."""
    return f"{prefix}{int(started_at.timestamp()):08x}-{str(uuid.uuid4())[9:]}"


@dataclass(frozen=True)
class Built:
    """A builder that was put into EC2."""

    instance_id: str
    key: str
    group_id: str
    volumes: tuple[str, ...]


def build(
    account: Account,
    started_at: datetime,
    *,
    region: str = HOME,
    tags: Mapping[str, str] | None = None,
    key: str | None = None,
    description: str = TEMPORARY,
    group_name: str | None = None,
    profile: str | None = None,
) -> Built:
    """An instance as Packer starts it, with a second volume that stays behind when it goes."""
    ec2 = account.ec2(region)
    key = key or packers_name(started_at)
    ec2.create_key_pair(KeyName=key, KeyType="ed25519")
    group = ec2.create_security_group(GroupName=group_name or packers_name(started_at), Description=description)
    more: Any = {"IamInstanceProfile": {"Name": profile}} if profile else {}
    instance = ec2.run_instances(
        ImageId=BASE,
        InstanceType="t3.large",
        MinCount=1,
        MaxCount=1,
        KeyName=key,
        SecurityGroupIds=[group["GroupId"]],
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": True}},
            {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": False}},
        ],
        TagSpecifications=[{"ResourceType": "instance", "Tags": listed_tags(tags or {"Name": "Packer Builder"})}],
        **more,
    )["Instances"][0]
    volumes = tuple(item["Ebs"]["VolumeId"] for item in instance["BlockDeviceMappings"])
    return Built(instance["InstanceId"], key, group["GroupId"], volumes)


def listed_tags(tags: Mapping[str, str]) -> Any:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def launched_at(instance_id: str, at: datetime, region: str = HOME) -> None:
    """Set the launch time: moto always sets it to now, and keeps naive times in UTC."""
    backend = ec2_backends[MOTOS_ACCOUNT][region]
    backend.get_instance(instance_id).launch_time = at.replace(tzinfo=None)


def refuse(client: Any, operation: str, code: str, *, message: str = "no", times: int = 1_000_000) -> list[str]:
    """Let the next calls of the operation fail with AWS's error; the list that comes back grows by each of them."""
    refused: list[str] = []

    def say_no(**_: Any) -> Any:
        if len(refused) >= times:
            return None
        refused.append(code)
        body = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return SimpleNamespace(status_code=400), body

    client.meta.events.register_first(f"before-call.{_service(client)}.{operation}", say_no)
    return refused


def answer(client: Any, operation: str, report: dict[str, Any]) -> None:
    """Let all calls of the operation be answered with this: for what moto does not know, or what AWS is slow to do."""
    answered = SimpleNamespace(status_code=200)
    client.meta.events.register_first(f"before-call.{_service(client)}.{operation}", lambda **_: (answered, report))


def _service(client: Any) -> str:
    return str(client.meta.service_model.service_id.hyphenize())


def calls_of(client: Any) -> list[tuple[str, dict[str, Any]]]:
    """The calls made from now on: each operation's name, and what it was asked with."""
    made: list[tuple[str, dict[str, Any]]] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        made.append((model.name, dict(params)))

    client.meta.events.register_first("provide-client-params.*.*", note)
    return made


def image(account: Account, name_tag: str, made_at: datetime, *, region: str = HOME) -> str:
    """An image of ours of that age, with a snapshot of 15 GB.

    It is put into moto's state, as moto's API chooses every date; and to build hundreds of images from instances by that
    API takes half the time of these tests.
    """
    account.ec2(region)  # the account has to have the region
    backend: EC2Backend = ec2_backends[MOTOS_ACCOUNT][region]
    image_id, at = random_ami_id(), made_at.replace(tzinfo=None)
    made = Ami(
        backend,
        image_id,
        name=f"{name_tag}-{uuid.uuid4()}",
        architecture="x86_64",
        virtualization_type="hvm",
        root_device_type="ebs",
        creation_date=at,
        region_name=f"{region}a",
        snapshot_description=f"Created by CreateImage({random_instance_id()}) for {image_id}",
    )
    made.ebs_snapshot.start_time = at
    backend.amis[image_id] = made
    made.add_tags({"Name": name_tag})
    return image_id
