"""Checks AWS's permissions for builders and images: EC2's by dry runs, other services' by reading; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions

from bot.check.result import Findings
from runners.aws.client import Account, code_of, explained, in_each_region
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bot.config import Config

TIMEOUT = 40.0
DENIED = "UnauthorizedOperation"
_NOTHING = "0123456789abcdef0"  # no resource has this ID
READS = ("describe_instances", "describe_key_pairs", "describe_security_groups", "describe_volumes")
IMAGE_READS = (
    "describe_images", "describe_snapshots", "describe_launch_templates", "describe_fleets",
    "describe_spot_fleet_requests", "describe_spot_instance_requests", "list_images_in_recycle_bin",
    "list_snapshots_in_recycle_bin",
)  # fmt: skip
# Other services have no dry runs: the smallest answer, or that of a parameter that does not exist, shows the permission.
OTHER_READS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("autoscaling", "describe_auto_scaling_groups", {"MaxRecords": 1}),
    ("autoscaling", "describe_launch_configurations", {"MaxRecords": 1}),
    ("ssm", "describe_parameters", {"MaxResults": 1}),
    ("ssm", "get_parameters", {"Names": ["signalbox-check"]}),
    ("imagebuilder", "list_image_recipes", {"maxResults": 1}),
    ("imagebuilder", "list_container_recipes", {"maxResults": 1}),
    ("imagebuilder", "list_image_pipelines", {"maxResults": 1}),
    ("imagebuilder", "list_images", {"maxResults": 1}),
    ("backup", "list_backup_vaults", {"MaxResults": 1}),
    ("rbin", "list_rules", {"ResourceType": "EC2_IMAGE", "MaxResults": 1}),
)
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
    """A problem for each region without read access, and for each list that cannot be read; a fact for each denied delete call.

    A policy may allow deletes by tag. Then a dry run on a missing resource is denied although the policy is right, so a
    denied delete is not a problem.
    """
    findings = Findings("ec2")
    reads, deletes = _reads(config), dict(_deletes(config))
    if config.aws is None:
        return findings
    try:
        account = Account(config.aws.all_regions, config.aws.profile, attempts=3)
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy)
        return findings

    others = OTHER_READS if config.images else ()

    def ask(region: str) -> tuple[list[str], list[str], list[str]]:
        return _denied(account, region, reads), _unreadable(account, region, others), _denied(account, region, deletes)

    denied, failed = await in_each_region(account, ask, what="what AWS allows", timeout=TIMEOUT)
    for failure in failed:
        findings.add_problem(str(failure), failure.remedy)
    for region, (reads_denied, unreadable, deletes_denied) in denied.items():
        for problem in unreadable:
            findings.add_problem(f"{problem} in {region}", f"No image can be deleted without it; {MANUAL}.")
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
    calls = f"{len(reads) + len(others)} read calls and {len(deletes)} delete calls"
    findings.add_fact(f"{calls} checked in {', '.join(denied)}")
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


def _unreadable(account: Account, region: str, calls: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[str]:
    """Why each of the calls that fail does, with AWS's words for the call."""
    problems = []
    for service, name, arguments in calls:
        client = account.client(service, region)
        action = f"{client.meta.service_model.signing_name}:{client.meta.method_to_api_mapping[name]}"
        try:
            getattr(client, name)(**arguments)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            problems.append(f"{action}: {explained(error, action).problem}")
    return problems
