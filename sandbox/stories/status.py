"""What is going on: Home says what waits for whom, what runs and how healthy it is, and stays up to date while it is open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, expect, gets_notice, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.waiting import aloud

if TYPE_CHECKING:
    from sandbox.slack import View
    from sandbox.world import World

SUMMARY = (
    "Home and /infra status: what waits for whom, with the buttons; what runs; alarms and stopped instances of AWS"
)
CHANNELS = ("#dev", "#staging", "#ops")
OWN_AWS = True
_ALARM = "staging-cpu"


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", ":white_check_mark:", "#1 ", "deployed")
    commit(world, {"README.md": "Another line.\n"}, "Describe the machines")
    announce("an alarm goes off in staging, and somebody stops an instance of dev")
    await asyncio.to_thread(_break, world)
    await _home_is_filled_in(world)
    await _approve_at_home(world)
    await _status_in_a_channel(world)


async def _home_is_filled_in(world: World) -> None:
    home = await _home(
        world, "lee", f"1 alarm: `{_ALARM}`", "1 commit* behind `main`", "no instance of `sftp` is running"
    )
    expect("Waiting for you" not in home.rendered, "something waits for lee")
    cards = [line for line in home.rendered.splitlines() if _ALARM in line]
    expect(len(cards) == 1, f"the alarm is displayed {len(cards)} times")


async def _approve_at_home(world: World) -> None:
    announce("lee has Home open while ana plans staging")
    await types(world, "ana", "#staging", "/plan staging")
    await shows(world, "#staging", "#2 ", "Waiting for approval")
    home = await _home(world, "lee", "Waiting for you", "#2", "needs an approval until", opened=False)
    announce("ana, who requested it, presses nothing; lee presses Approve in Home")
    mine = await _home(world, "ana", "Environments", "#2")
    expect("Waiting for you" not in mine.rendered, "the requester may approve in Home")
    await world.person("lee").click(home, "approve")
    await shows(world, "#staging", "#2 ", "applied")
    home = await _home(world, "lee", "#2", "Plan for staging: applied", opened=False)
    expect("Waiting for you" not in home.rendered, "what is decided still waits")


async def _status_in_a_channel(world: World) -> None:
    await types(world, "ana", "#ops", "/infra status staging")
    status = await gets_notice(world.person("ana"), "*Machines*")
    for piece in (f"`{_ALARM}`", "Threshold crossed", "*backend*: 2 t3.medium", "status checks ok"):
        expect(piece in status.rendered, f"{piece} is missing in:\n{status.rendered}")
    await types(world, "gus", "#ops", "/infra status")
    await gets_notice(world.person("gus"), "You may not run Signalbox's commands")


def _break(world: World) -> None:
    ec2, watch = world.aws.client("ec2"), world.aws.client("cloudwatch")
    by_tag = [{"Name": "tag:type", "Values": ["dev sftp"]}, {"Name": "instance-state-name", "Values": ["running"]}]
    held = ec2.describe_instances(Filters=by_tag)["Reservations"]
    ec2.stop_instances(InstanceIds=[each["InstanceId"] for reservation in held for each in reservation["Instances"]])
    watch.put_metric_alarm(
        AlarmName=_ALARM,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Threshold=90.0,
        Namespace="AWS/EC2",
        MetricName="CPUUtilization",
        Statistic="Average",
    )
    watch.set_alarm_state(AlarmName=_ALARM, StateValue="ALARM", StateReason="Threshold crossed")


async def _home(world: World, name: str, *pieces: str, opened: bool = True) -> View:
    """Wait until a person's Home tab, which they open or have open, displays all of these pieces."""
    person = world.person(name)
    if opened:
        announce(f"{name} opens Home")
        await person.open_home()

    def fits() -> View | None:
        view = world.slack.backend.workspace.views.home(person.id)
        return view if view and all(piece in view.rendered for piece in pieces) else None

    bus = world.slack.backend.workspace.bus
    view = await aloud(f"{name}'s Home to display {', '.join(map(repr, pieces))}", bus.until(fits, 60))
    if view is None:
        there = world.slack.backend.workspace.views.home(person.id)
        raise AssertionError(f"Home displays no {pieces}, but:\n{there.rendered if there else 'nothing'}")
    return view
