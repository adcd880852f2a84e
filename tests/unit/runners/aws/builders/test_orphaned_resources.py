"""Orphaned resources of builds: which belong to a run, which are too young, and their deletion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.aws.builders.orphaned_resources import find_orphans
from runners.aws.builders.termination import delete_resources
from runners.results import Outcome
from tests.unit.runners.aws.builders.terminated import LONG, MARKS, STARTED, remaining_of
from tests.unit.runners.ec2_world import (
    ABROAD,
    HOME,
    build,
    listed_tags,
)

if TYPE_CHECKING:
    from runners.aws.client import Account

NOW = datetime.now(UTC)


async def lying(account: Account, **given: Any) -> tuple[set[str], set[str]]:
    """What is left: instances, and the rest."""
    all_of_it = await find_orphans(account, MARKS, **({"now": NOW + timedelta(hours=1)} | given))
    orphaned = {
        *(key_pair.name for key_pair in all_of_it.key_pairs),
        *(security_group.group_id for security_group in all_of_it.security_groups),
        *(volume.volume_id for volume in all_of_it.volumes),
    }
    return {builder.instance_id for builder in all_of_it.builders}, orphaned


def ended(account: Account, started_at: datetime, tags: dict[str, str], region: str = HOME) -> tuple[str, str, str]:
    """What a build leaves behind whose instance has been terminated by hand."""
    built = build(account, started_at, tags=tags, region=region)
    ec2 = account.ec2(region)
    ec2.terminate_instances(InstanceIds=[built.instance_id])
    ec2.create_tags(Resources=[built.group_id, built.volumes[1]], Tags=listed_tags(tags))
    return built.key, built.group_id, built.volumes[1]


async def test_the_leftovers_of_a_run_are_told_by_tag_and_by_time(account: Account) -> None:
    began = NOW - timedelta(minutes=40)
    until = NOW - timedelta(minutes=20)
    key, group, volume = ended(account, began, {"GITHUB_RUN_ID": "7"})
    ended(account, began, {"GITHUB_RUN_ID": "8"}, ABROAD)
    running = build(account, began, tags={"GITHUB_RUN_ID": "7"})
    build(account, NOW - timedelta(days=3), tags={"Name": "Packer Builder"})
    # Key pairs have no tag here: those of both runs began then.
    instances, orphaned = await lying(account, run_id=7, since=began, until=until)
    assert instances == {running.instance_id}
    assert {key, group, volume} <= orphaned
    assert len(orphaned) == 4
    assert await lying(account, run_id=7) == ({running.instance_id}, {group, volume})
    assert await lying(account, since=NOW - timedelta(days=30), until=NOW - timedelta(days=20)) == (set(), set())


async def test_what_is_young_may_be_of_a_build_that_starts(account: Account) -> None:
    key, group, volume = ended(account, NOW, {"GITHUB_RUN_ID": "7"})
    assert await lying(account, now=NOW) == (set(), set())
    assert await lying(account) == (set(), {key, group, volume})
    # Its tag is proof.
    assert await lying(account, now=NOW, run_id=7) == (set(), {group, volume})


async def test_leftovers_are_cleared_and_what_is_live_stays(account: Account) -> None:
    live = build(account, STARTED)
    for region in (HOME, ABROAD):
        ended(account, STARTED, {"GITHUB_RUN_ID": "7"}, region)
    protected, _, _ = ended(account, STARTED, {"GITHUB_RUN_ID": "7"})
    ec2 = account.ec2(HOME)
    (held,) = ec2.describe_key_pairs(KeyNames=[protected])["KeyPairs"]
    ec2.create_tags(Resources=[held["KeyPairId"]], Tags=[{"Key": "signalbox:keep", "Value": ""}])
    all_of_it = await find_orphans(account, MARKS, now=NOW + timedelta(hours=1))
    steps = await delete_resources(account, all_of_it, polling=LONG)
    assert len(steps) == 9
    assert {step.resource for step in steps if step.outcome is Outcome.SKIPPED} == {protected}
    assert {step.outcome for step in steps} == {Outcome.DONE, Outcome.SKIPPED}
    assert await lying(account) == ({live.instance_id}, {protected})
    assert {live.key, live.group_id} <= remaining_of(account, live)
    again = await delete_resources(account, all_of_it, polling=LONG)
    assert {step.outcome for step in again} == {Outcome.ABSENT, Outcome.SKIPPED}
