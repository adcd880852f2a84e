"""A stuck builder's message and the page of all builders: in every state, whatever the text, within Slack's limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from handlers.builders import alert_views, list_views, orphaned_resource_views
from handlers.builders.alert_views import AlertView, Hold
from runners.results import (
    AttachedVolume,
    Builder,
    BuilderList,
    Cost,
    Job,
    Joined,
    JoinedBy,
    KeyPair,
    Match,
    OrphanedResources,
    OrphanedSecurityGroup,
    Outcome,
    SecurityGroup,
    State,
    Step,
    Termination,
    Unreadable,
    Verdict,
    WorkflowRun,
)
from tests.unit.bot.drawn import buttons, hostile, read, urls

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOW = AT.timestamp() + 3 * 3_600
HEAD = Head(7, "Builder i-1", "stuck builders/i-1", "signalbox")
NAME = f"packer_{int(AT.timestamp()):08x}-1111-2222-3333-444455556666"
APPROVAL = ApprovalView("a1", 1, "pending", (), NOW + 3_600, kit.group("S0LEADS"))


def a_builder(**changes: Any) -> Builder:
    group = SecurityGroup("sg-1", NAME, temporary=True)
    volume = AttachedVolume("vol-2", deleted_with_instance=False, attached_at_launch=True)
    usual = Builder(
        "i-1", "us-west-2", "t3.large", "Packer Builder", "running", AT, AT, (Match.KEY_PAIR, Match.NAME_TAG), "ami-1",
        "us-west-2a", NAME, (group,), (volume,), NAME,
    )  # fmt: skip
    return replace(usual, **changes)


def a_job(name: str = "build (cron, dev)", state: State = State.CANCELLED, url: str = "https://github.com/j") -> Job:
    return Job(1, name, state, url, AT, AT + timedelta(hours=1) if state.ended else None)


def a_run(*jobs: Job, workflow: str = "Build images", url: str = "https://github.com/r") -> WorkflowRun:
    return WorkflowRun("o/r", 10, 3, 1, workflow, "a" * 40, State.CANCELLED, url, AT, jobs, AT + timedelta(hours=1))


def stuck(builder: Builder | None = None, *jobs: Job, **changes: Any) -> Joined:
    run = a_run(*jobs)
    usual = Joined(
        builder or a_builder(), Verdict.ENDED, JoinedBy.TAG, "by its tag", "its job was cancelled 2 h ago", run, jobs,
        run.ended_at,
    )  # fmt: skip
    return replace(usual, **changes)


def view(joined: Joined | None = None, **changes: Any) -> AlertView:
    usual = AlertView(
        HEAD, joined or stuck(None, a_job()), NOW, NOW - 60, terminated=False, problem="", state_reason="", orphans=(), cost=None,
        hold=None, termination=None, refusal="", terminated_by="", existed=False, approvers=kit.group("S0LEADS"),
    )  # fmt: skip
    return replace(usual, **changes)


def ended(*steps: Step) -> Termination:
    return Termination(a_builder(), (Step("instance", "i-1", Outcome.DONE), *steps))


def test_a_stuck_builder_says_all_that_somebody_must_know() -> None:
    message = alert_views.alert(view(cost=Cost(Decimal("0.25"), Decimal("0.0832"))))
    text = read(message)
    assert message.text == "#7 Builder i-1: left running, 3 h 0 min old, about $0.25 so far"
    for part in (
        "t3.large, us-west-2a", "found by its key pair, name tag", "build (cron, dev) (cancelled)",
        "run 3 of Build images", "commit `aaaaaaa`", "by its tag", "its job was cancelled 2 h ago", f"key pair `{NAME}`",
        "volume `vol-2`", f"IAM profile `{NAME}` (told, not removed)", "may terminate it",
    ):  # fmt: skip
        assert part in text, part
    assert "InstanceDetails:instanceId=i-1" in str(message.blocks)
    assert buttons(message) == ["builder-terminate", *alert_views.SNOOZES, "builder-mine"]


def test_without_a_price_nothing_is_said_of_costs() -> None:
    assert "$" not in read(alert_views.alert(view()))


@pytest.mark.parametrize(
    ("jobs", "rendered"),
    [
        ((a_job(),), "build (cron, dev) (cancelled) in run 3"),
        ((a_job(), a_job("b")), "build (cron, dev) (cancelled), or one other, in run 3"),
        ((a_job(), a_job("b"), a_job("c")), "build (cron, dev) (cancelled), or one of 2 others, in run 3"),
        ((), "run 3 of Build images (cancelled)"),
    ],
)
def test_whose_it_is(jobs: tuple[Job, ...], rendered: str) -> None:
    assert f"*Whose:* {rendered}" in read(alert_views.alert(view(stuck(None, *jobs))))


def test_of_what_nobody_knows_the_job_that_is_said_and_asked_again_before_it_ends() -> None:
    unknown = stuck(run=None, jobs=(), joined_by=JoinedBy.UNREADABLE, certainty="GitHub did not tell which jobs ran")
    message = alert_views.alert(view(unknown))
    assert "*Whose:* not known: GitHub did not tell which jobs ran" in read(message)
    assert "Nobody knows now whether its job still runs" in str(message.blocks)


@pytest.mark.parametrize(
    ("hold", "rendered"),
    [(Hold("U0ANA", NOW + 60, mine=False), "snoozed by @ana"), (Hold("U0MAX", NOW + 60, mine=True), "belongs to @max")],
)
def test_who_holds_it_stands_near_the_top(hold: Hold, rendered: str) -> None:
    message = alert_views.alert(view(hold=hold))
    assert rendered in read(message)
    assert rendered.split(" @", maxsplit=1)[0] in str(message.blocks[1])


@pytest.mark.parametrize(
    ("joined", "rendered"),
    [
        (stuck(a_builder(protected=True)), "its tag signalbox:keep protects it"),
        (stuck(verdict=Verdict.BUSY, reason="its job build still runs"), "it does not count as stuck now"),
    ],
)
def test_one_that_is_not_stuck_now_has_no_buttons(joined: Joined, rendered: str) -> None:
    message = alert_views.alert(view(joined))
    assert rendered in read(message)
    assert buttons(message) == []


def test_what_only_looks_like_one_cannot_be_terminated_here() -> None:
    message = alert_views.alert(view(stuck(a_builder(key_name="office", security_groups=()))))
    assert "builder-terminate" not in buttons(message)
    assert "only by hand" in read(message)


def test_one_that_is_gone_and_left_something() -> None:
    message = alert_views.alert(
        view(terminated=True, state_reason="User initiated (2026-11-23 17:58:31 GMT)", orphans=("volume vol-2",))
    )
    text = read(message)
    assert (
        "is gone (EC2 says: User initiated, 2026-11-23 17:58:31 GMT), but left something behind: `volume vol-2`" in text
    )
    assert "Why it counts" not in text
    assert "may remove it" in text
    assert buttons(message) == ["builder-terminate"]


@pytest.mark.parametrize(
    ("last", "by", "more", "rendered", "mark"),
    [
        (ended(Step("key pair", NAME, Outcome.DONE)), "U0LEE", {}, "terminated for @lee", "check_mark"),
        (ended(), "signalbox", {}, "terminated by itself, as the configuration says", "check_mark"),
        (ended(Step("security group", "sg-1", Outcome.REFUSED, "no")), "U0LEE", {"orphans": ("x",)}, "not everything of it", ":x:"),
        (Termination(a_builder(), (Step("instance", "i-1", Outcome.ABSENT),)), "U0LEE", {}, "was gone; what it had", "check_mark"),
        (Termination(a_builder(), (Step("instance", "i-1", Outcome.ABSENT),)), "U0LEE", {"existed": True}, "terminated for @lee", "check_mark"),
        (None, "", {"state_reason": "User initiated"}, "is gone, without Signalbox (EC2 says: User initiated)", "check_mark"),
        (None, "U0LEE", {}, "is gone, as @lee wanted; nothing of it was left behind", "check_mark"),
        # Asked for, refused, and ended by somebody else then.
        (Termination(a_builder(), (Step("instance", "i-1", Outcome.REFUSED, "protected"),)), "", {}, "without Signalbox", "check_mark"),
    ],
)  # fmt: skip
def test_how_it_ended(last: Termination | None, by: str, more: dict[str, Any], rendered: str, mark: str) -> None:
    message = alert_views.over(view(terminated=True, termination=last, terminated_by=by, **more))
    text = read(message)
    assert rendered in text
    assert mark in text.splitlines()[0]
    assert "told 2026-11-23 11:59 UTC, over 2026-11-23 12:00 UTC" in text
    assert buttons(message) == []


def test_the_page_lists_all_with_why_and_what_lies_around() -> None:
    busy = stuck(a_builder(instance_id="i-2"), verdict=Verdict.BUSY, reason="its job build (cron, dev) still runs")
    protected = stuck(a_builder(instance_id="i-3", protected=True))
    result = BuilderList(
        (), (KeyPair("us-west-2", NAME, AT),), (), (Unreadable("eu-west-1", "builders", "AWS forbids it", "Allow it."),)
    )
    message = list_views.page((stuck(), busy, protected), result, "GitHub is down", NOW)
    text = read(message)
    assert message.text == "3 builders, 1 stuck"
    for part in ("⚠️ stuck", "🔨 works", "🔒 kept", "still runs", "1 key pair", "builders in eu-west-1: AWS forbids it. Allow it.", "GitHub is down"):  # fmt: skip
        assert part in text, part
    assert buttons(message) == ["remove-orphans"]
    assert read(list_views.page((), BuilderList(()), "", NOW)) == "No builder is running"


def test_hundreds_of_builders_fit() -> None:
    many = [stuck(a_builder(instance_id=f"i-{number:017x}")) for number in range(300)]
    assert "300 builders, 300 stuck" in read(list_views.page(many, BuilderList(()), "", NOW))


SOME = hostile.filter(str.strip)
nasty_jobs = st.builds(a_job, name=hostile, url=urls)
nasty_builders = st.builds(
    a_builder, instance_id=SOME, region=hostile, type=hostile, zone=hostile, key_name=st.one_of(hostile, st.just(NAME)),
    security_groups=st.tuples(st.builds(SecurityGroup, hostile, hostile, st.booleans())), iam_profile=hostile,
    state_reason=hostile, protected=st.booleans(),
)  # fmt: skip
nasty_steps = st.builds(Step, hostile, hostile, st.sampled_from(Outcome), hostile)


@given(st.data())
def test_whatever_the_text_slack_takes_it_and_nobody_is_mentioned(data: st.DataObject) -> None:
    draw = data.draw
    jobs = tuple(draw(st.lists(nasty_jobs, max_size=4)))
    joined = stuck(
        draw(nasty_builders), *jobs, reason=draw(hostile), certainty=draw(hostile), verdict=draw(st.sampled_from(Verdict)),
        run=draw(st.one_of(st.none(), st.builds(a_run, workflow=hostile, url=urls))),
    )  # fmt: skip
    steps = tuple(draw(st.lists(nasty_steps, min_size=1, max_size=6)))
    displayed = view(
        joined, terminated=draw(st.booleans()), problem=draw(hostile), state_reason=draw(hostile), refusal=draw(hostile),
        orphans=tuple(draw(st.lists(SOME, max_size=3))), termination=draw(st.one_of(st.none(), st.just(Termination(joined.builder, steps)))),
    )  # fmt: skip
    for message in (alert_views.alert(displayed), alert_views.over(displayed), alert_views.reminder(displayed)):
        read(message)
    read(alert_views.terminating(HEAD, joined, "U0LEE", [alert_views.step_line(step) for step in steps]))
    unreadable = (Unreadable(draw(hostile), draw(hostile), draw(hostile), draw(hostile)),)
    read(list_views.page((joined,), BuilderList((), unreadable=unreadable), draw(hostile), NOW))
    remaining = OrphanedResources(
        (), (KeyPair(draw(hostile), draw(hostile), AT),), (OrphanedSecurityGroup("r", "sg-1", draw(hostile), None),)
    )
    read(orphaned_resource_views.ask(HEAD, remaining, APPROVAL))
    read(orphaned_resource_views.removed(HEAD, steps, replace(APPROVAL, outcome="approved")))
    read(orphaned_resource_views.nothing(HEAD, unreadable))
