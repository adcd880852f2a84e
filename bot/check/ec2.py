"""Checks EC2's permissions for builders and images by dry runs, which change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions

from bot.check.result import Findings
from runners.aws.client import Account, code_of, in_each_region
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.config import Config

TIMEOUT = 40.0
DENIED = "UnauthorizedOperation"
_NOTHING = "0123456789abcdef0"  # no resource has this ID
READS = ("describe_instances", "describe_key_pairs", "describe_security_groups", "describe_volumes")
IMAGE_READS = (
    "describe_images", "describe_snapshots", "describe_launch_templates", "describe_fleets",
    "describe_spot_fleet_requests",
)  # fmt: skip
BUILDER_DELETES: Mapping[str, Mapping[str, Any]] = {
    "terminate_instances": {"InstanceIds": [f"i-{_NOTHING}"]},
    "delete_key_pair": {"KeyName": "packer_signalbox-check"},
    "delete_security_group": {"GroupId": f"sg-{_NOTHING}"},
    "delete_volume": {"VolumeId": f"vol-{_NOTHING}"},
}
IMAGE_DELETES: Mapping[str, Mapping[str, Any]] = {
    "deregister_image": {"ImageId": f"ami-{_NOTHING}"},
    "delete_snapshot": {"SnapshotId": f"snap-{_NOTHING}"},
}
IMAGE_SWITCHES: Mapping[str, Mapping[str, Any]] = {
    "disable_image": {"ImageId": f"ami-{_NOTHING}"},
    "enable_image": {"ImageId": f"ami-{_NOTHING}"},
}
MANUAL = "docs/builders.md and docs/old-images.md list the calls"


async def check_ec2(config: Config) -> Findings:
    """A problem for each region without read access, a fact for each denied delete call.

    A policy may allow deletes by tag. Then a dry run on a missing resource is denied although the policy is right, so a
    denied delete is not a problem.
    """
    findings = Findings("ec2")
    reads, deletes = _reads(config), dict(_deletes(config))
    try:
        account = Account(config.aws.all_regions, config.aws.profile, attempts=3)
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy)
        return findings

    def ask(region: str) -> tuple[list[str], list[str]]:
        return _denied(account, region, reads), _denied(account, region, deletes)

    denied, failed = await in_each_region(account, ask, what="what EC2 allows", timeout=TIMEOUT)
    for failure in failed:
        findings.add_problem(str(failure), failure.remedy)
    for region, (reads_denied, deletes_denied) in denied.items():
        if reads_denied:
            findings.add_problem(
                f"EC2 forbids {', '.join(reads_denied)} in {region}",
                f"Allow these calls in the bot's policy; {MANUAL}.",
            )
        if deletes_denied:
            names = ", ".join(deletes_denied)
            findings.add_fact(
                f"EC2 forbids a dry run of {names} in {region} (expected only if the policy allows by tag)"
            )
    findings.add_fact(f"{len(reads)} read calls and {len(deletes)} delete calls checked in {', '.join(denied)}")
    return findings


def uses_ec2(config: Config) -> bool:
    """Whether the configuration watches builders or images in EC2."""
    return bool(config.images or (config.watch and config.watch.builders))


def _reads(config: Config) -> Mapping[str, Mapping[str, Any]]:
    names = (*READS, *(IMAGE_READS if config.images else ()))
    return {name: {} for name in names}


def _deletes(config: Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if config.watch and config.watch.builders:
        yield from BUILDER_DELETES.items()
    if config.images:
        yield from IMAGE_DELETES.items()
        yield from IMAGE_SWITCHES.items() if config.images.keep.disable_first else ()


def _denied(account: Account, region: str, calls: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The calls that EC2 denies, by EC2's names. Any other answer to a dry run means that the call is allowed."""
    ec2, denied = account.ec2(region), []
    for name, arguments in calls.items():
        try:
            getattr(ec2, name)(DryRun=True, **arguments)
        except exceptions.ClientError as error:
            if code_of(error) == DENIED:
                denied.append(error.operation_name)
    return denied
