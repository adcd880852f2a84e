"""What EC2 allows of ending builders and removing images, asked by dry runs, which change nothing."""

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
_NOTHING = "0123456789abcdef0"  # the ids below belong to nothing; a dry run does nothing anyway
LOOKS = ("describe_instances", "describe_key_pairs", "describe_security_groups", "describe_volumes")
LOOKS_AT_IMAGES = (
    "describe_images", "describe_snapshots", "describe_launch_templates", "describe_fleets",
    "describe_spot_fleet_requests",
)  # fmt: skip
ENDS_BUILDERS: Mapping[str, Mapping[str, Any]] = {
    "terminate_instances": {"InstanceIds": [f"i-{_NOTHING}"]},
    "delete_key_pair": {"KeyName": "packer_signalbox-check"},
    "delete_security_group": {"GroupId": f"sg-{_NOTHING}"},
    "delete_volume": {"VolumeId": f"vol-{_NOTHING}"},
}
REMOVES_IMAGES: Mapping[str, Mapping[str, Any]] = {
    "deregister_image": {"ImageId": f"ami-{_NOTHING}"},
    "delete_snapshot": {"SnapshotId": f"snap-{_NOTHING}"},
}
DISABLES: Mapping[str, Mapping[str, Any]] = {
    "disable_image": {"ImageId": f"ami-{_NOTHING}"},
    "enable_image": {"ImageId": f"ami-{_NOTHING}"},
}
MANUAL = "docs/builders.md and docs/old-images.md list what is needed"


async def check_ec2(config: Config) -> Findings:
    """A problem for each region in which we may not look, a word on what may not be removed there.

    A policy may allow removals by the tags of what is removed: its dry run of something that is not there is refused
    although it is right, so that is told and does not count as a problem.
    """
    found = Findings("ec2")
    looks, changes = _looks(config), dict(_changes(config))
    try:
        account = Account(config.aws.all_regions, config.aws.profile, attempts=3)
    except RunnerError as error:
        found.fail(str(error), error.remedy)
        return found

    def ask(region: str) -> tuple[list[str], list[str]]:
        return _denied(account, region, looks), _denied(account, region, changes)

    told, refused = await in_each_region(account, ask, what="what EC2 allows", timeout=TIMEOUT)
    for unread in refused:
        found.fail(str(unread), unread.remedy)
    for region, (unseen, kept) in told.items():
        if unseen:
            found.fail(f"EC2 forbids {', '.join(unseen)} in {region}", f"Allow it in the bot's policy; {MANUAL}.")
        if kept:
            names = ", ".join(kept)
            found.note(f"a dry run of {names} in {region} is forbidden (right only where the policy goes by tags)")
    found.note(f"{len(looks)} ways to look and {len(changes)} to remove asked for in {', '.join(told)}")
    return found


def concerns(config: Config) -> bool:
    """Whether anything in EC2 is looked after."""
    return bool(config.images or (config.watch and config.watch.builders))


def _looks(config: Config) -> Mapping[str, Mapping[str, Any]]:
    names = (*LOOKS, *(LOOKS_AT_IMAGES if config.images else ()))
    return {name: {} for name in names}


def _changes(config: Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if config.watch and config.watch.builders:
        yield from ENDS_BUILDERS.items()
    if config.images:
        yield from REMOVES_IMAGES.items()
        yield from DISABLES.items() if config.images.keep.disable_first else ()


def _denied(account: Account, region: str, calls: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which of these calls EC2 forbids, by its own names. Any other answer to a dry run means that it is allowed."""
    ec2, denied = account.ec2(region), []
    for name, arguments in calls.items():
        try:
            getattr(ec2, name)(DryRun=True, **arguments)
        except exceptions.ClientError as error:
            if code_of(error) == DENIED:
                denied.append(error.operation_name)
    return denied
