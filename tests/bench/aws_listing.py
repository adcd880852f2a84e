"""AWS's answers for the benchmark, page by page in EC2's XML, passed to botocore without a network."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runners.aws.client import Account

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# Four machine roles in three environments.
NAMES = tuple(
    machine + environment
    for environment in ("dev", "staging", "prod")
    for machine in ("", "cron-", "taskrunner-", "sftp-")
)
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


class Region:
    """A region with so many instances and images, and a few of each other resource that launches instances."""

    def __init__(self, number: int, instances: int, images: int) -> None:
        self._number = number
        self._instances = instances
        self._images = images
        self.calls = 0
        self.sent = 0

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        """The answer of AWS to the request."""
        parameters = dict(parse_qsl(_text(request.body)))
        # Systems Manager, Image Builder, AWS Backup and the Recycle Bin speak JSON; they have nothing.
        action = parameters.get("Action")
        body = (self._body(action, parameters) if action else "{}").encode()
        self.calls += 1
        self.sent += len(body)
        return AWSResponse(request.url, 200, HTTPHeaders.from_dict({"content-type": "text/xml"}), _Raw(body))

    def _body(self, action: str, parameters: Mapping[str, str]) -> str:
        listed: dict[str, tuple[str, int, Callable[[int], str]]] = {
            "DescribeInstances": ("reservationSet", self._matching(parameters), self._instance),
            "DescribeImages": ("imagesSet", self._images, self._image),
            "DescribeLaunchTemplates": ("launchTemplates", 20, _template),
            "DescribeLaunchTemplateVersions": ("launchTemplateVersionSet", 5, self._version),
        }
        if action in listed:
            return _page(action, *listed[action], parameters)
        if action == "DescribeAutoScalingGroups":
            return _scaling(action, "AutoScalingGroups")
        if action == "DescribeLaunchConfigurations":
            return _scaling(action, "LaunchConfigurations")
        if action == "DescribeKeyPairs":
            return _response(action, "<keySet/>")
        # All other lists are empty: security groups, fleets, spot requests, launch permissions.
        return _response(action, "")

    def _matching(self, parameters: Mapping[str, str]) -> int:
        """All instances, or none where the filter is for Packer's: no build is in progress."""
        names = {value for key, value in parameters.items() if key.startswith("Filter.") and key.endswith(".Name")}
        return 0 if names & {"key-name", "tag:Name", "tag-key"} else self._instances

    def _id(self, number: int) -> str:
        return f"{self._number:01x}{number:016x}"

    def _instance(self, number: int) -> str:
        # Every other instance runs one of the 50 newest images.
        image = self._id(number % 50) if number % 2 else "fffffffffffffffff"
        return _INSTANCE.format(id=self._id(number), image=image)

    def _image(self, number: int) -> str:
        made = NOW - timedelta(days=1, hours=4 * number)
        name = NAMES[number % len(NAMES)]
        return _IMAGE.format(id=self._id(number), name=name, made=made.strftime("%Y-%m-%dT%H:%M:%S.000Z"))

    def _version(self, number: int) -> str:
        return (
            f"<item><launchTemplateId>lt-0</launchTemplateId><versionNumber>{number + 1}</versionNumber>"
            f"<launchTemplateData><imageId>ami-{self._id(60 + number)}</imageId></launchTemplateData></item>"
        )


def answering(account: Account, instances: int, images: int) -> list[Region]:
    """Answer all clients of the account from here; its regions share the instances and images."""
    regions = []
    count = len(account.regions)
    for number, name in enumerate(account.regions):
        region = Region(number, instances // count, images // count)
        for service in ("ec2", "autoscaling", "ssm", "imagebuilder", "backup", "rbin"):
            account.client(service, name).meta.events.register_first("before-send.*.*", region.answer)
        regions.append(region)
    return regions


class _Raw(io.BytesIO):
    """A response body with the interface of urllib3."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def _page(action: str, tag: str, count: int, item: Callable[[int], str], parameters: Mapping[str, str]) -> str:
    first = int(parameters.get("NextToken", 0))
    until = min(count, first + int(parameters.get("MaxResults", count)))
    items = "".join(map(item, range(first, until)))
    more = f"<nextToken>{until}</nextToken>" if until < count else ""
    return _response(action, f"<{tag}>{items}</{tag}>{more}")


def _response(action: str, message: str) -> str:
    return f'<{action}Response xmlns="{_NAMESPACE}"><requestId>r</requestId>{message}</{action}Response>'


def _template(number: int) -> str:
    return (
        f"<item><launchTemplateId>lt-{number:x}</launchTemplateId><launchTemplateName>web-{number}</launchTemplateName>"
        "<defaultVersionNumber>1</defaultVersionNumber><latestVersionNumber>5</latestVersionNumber></item>"
    )


def _scaling(action: str, tag: str) -> str:
    return f"<{action}Response><{action}Result><{tag}/></{action}Result></{action}Response>"


_TAGS = "".join(
    f"<item><key>{key}</key><value>{value}</value></item>"
    for key, value in {
        "type": "staging backend",
        "team": "infrastructure",
        "cost-centre": "4711",
        "managed-by": "terraform",
    }.items()
)
_INSTANCE = (
    "<item><reservationId>r-{id}</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet><item>"
    "<instanceId>i-{id}</instanceId><imageId>ami-{image}</imageId><instanceState><code>16</code><name>running</name>"
    "</instanceState><privateDnsName>ip-10-0-0-1.us-west-2.compute.internal</privateDnsName><dnsName/><reason/>"
    "<keyName>deployer</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>t3.large</instanceType>"
    "<launchTime>2026-10-01T08:00:00.000Z</launchTime><placement><availabilityZone>us-west-2a</availabilityZone>"
    "<groupName/><tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring>"
    "<subnetId>subnet-{id}</subnetId><vpcId>vpc-0a1b2c3d4e5f60718</vpcId><privateIpAddress>10.0.0.1</privateIpAddress>"
    "<sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0a1b2c3d4e5f60718</groupId>"
    "<groupName>backend</groupName></item></groupSet><architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>"
    "<rootDeviceName>/dev/sda1</rootDeviceName><blockDeviceMapping><item><deviceName>/dev/sda1</deviceName><ebs>"
    "<volumeId>vol-{id}</volumeId><status>attached</status><attachTime>2026-10-01T08:00:01.000Z</attachTime>"
    "<deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>"
    "<virtualizationType>hvm</virtualizationType><tagSet>" + _TAGS + "</tagSet><hypervisor>xen</hypervisor>"
    "<networkInterfaceSet><item><networkInterfaceId>eni-{id}</networkInterfaceId><status>in-use</status>"
    "<macAddress>02:00:00:00:00:01</macAddress><privateIpAddress>10.0.0.1</privateIpAddress></item></networkInterfaceSet>"
    "<platformDetails>Linux/UNIX</platformDetails><usageOperation>RunInstances</usageOperation></item></instancesSet></item>"
)
_IMAGE = (
    "<item><imageId>ami-{id}</imageId><imageLocation>123456789012/{name}-{id}</imageLocation>"
    "<imageState>available</imageState><imageOwnerId>123456789012</imageOwnerId><creationDate>{made}</creationDate>"
    "<isPublic>false</isPublic><architecture>x86_64</architecture><imageType>machine</imageType><name>{name}-{id}</name>"
    "<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/sda1</rootDeviceName><blockDeviceMapping><item>"
    "<deviceName>/dev/sda1</deviceName><ebs><snapshotId>snap-{id}</snapshotId><volumeSize>8</volumeSize>"
    "<deleteOnTermination>true</deleteOnTermination><volumeType>gp3</volumeType><encrypted>false</encrypted></ebs></item>"
    "<item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item></blockDeviceMapping>"
    "<virtualizationType>hvm</virtualizationType><tagSet><item><key>Name</key><value>{name}</value></item>"
    "<item><key>built_by</key><value>packer</value></item></tagSet><hypervisor>xen</hypervisor><enaSupport>true</enaSupport>"
    "<platformDetails>Linux/UNIX</platformDetails><usageOperation>RunInstances</usageOperation></item>"
)
