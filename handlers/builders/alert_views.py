"""The message of a builder alert: a stuck builder, its job, its resources, and what people can do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals
from runners import phrases
from runners.results import JoinedBy
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Builder, Cost, Joined, Step, Termination

CONSOLE = "https://{region}.console.aws.amazon.com/ec2/home?region={region}#InstanceDetails:instanceId={instance}"
TERMINATE, MINE, CLAIM = "builder-terminate", "builder-mine", "builder-claim"
CLAIM_TITLE = "It is mine"
SNOOZES = {"builder-snooze-1h": "Snooze 1 h", "builder-snooze-4h": "4 h", "builder-snooze-tomorrow": "Until tomorrow"}
BLOCK = "builder"
OUTCOMES = {"done": ":white_check_mark:", "already gone": ":white_check_mark:", "kept": ":lock:", "refused": ":x:"}


@stored("builder-hold")
@dataclass(frozen=True, slots=True)
class Hold:
    """A user keeps the builder `until` then (Unix seconds): as theirs (`mine`), or to snooze reminders."""

    user: str
    until: float
    mine: bool


@dataclass(frozen=True, slots=True)
class AlertView:
    """The facts in an alert's message; `at` is when the builder was checked, `began_at` the first time (Unix seconds).

    `terminated`: the instance no longer exists; EC2's `state_reason` and its `orphans` describe that. `problem` says
    why it could not be read. `termination` is the newest attempt to terminate it, `refusal` why there was none,
    `terminated_by` whose request it was, `existed` whether the instance still existed then. `approvers` may press the
    button (mrkdwn).
    """

    head: Head
    joined: Joined | None
    at: float
    began_at: float
    terminated: bool
    problem: str
    state_reason: str
    orphans: tuple[str, ...]
    cost: Cost | None
    hold: Hold | None
    termination: Termination | None
    refusal: str
    terminated_by: str
    existed: bool
    approvers: str

    @property
    def automatic(self) -> bool:
        """Whether Signalbox, which began this alert, terminated the builder without a person's click."""
        return self.terminated_by == self.head.requester


def alert(view: AlertView) -> Message:
    """The message while the builder, or resources of it, exist."""
    news = _news(view)
    blocks = [
        _first_line(view.head, ":construction:", news),
        *_hold(view),
        *_facts(view),
        *([kit.section(f":warning: {kit.escape(view.problem)}")] if view.problem else []),
        *_attempt(view),
    ]
    foot = [*_buttons(view), kit.context(*_footnotes(view))]
    return kit.message(common.plain(view.head, news), blocks, foot=foot)


def terminating(head: Head, joined: Joined, by: str, done: Sequence[str]) -> Message:
    """The message while the builder is being terminated: the steps so far."""
    news = f"is being terminated for {kit.user(by)}"
    blocks = [
        _first_line(head, ":arrows_counterclockwise:", news),
        *kit.sections(_identity(joined)),
        *kit.sections(list(done) or ["It is looked at again first."]),
    ]
    return kit.message(common.plain(head, news), blocks)


def over(view: AlertView) -> Message:
    """The message once the builder is terminated: by whom, and the outcome for each of its resources."""
    termination = view.termination if view.termination and view.termination.terminated else None
    complete = termination is None or termination.complete or (view.terminated and not view.orphans)
    news = _how_it_ended(view, termination) + ("" if complete else ", but not everything of it could be removed")
    steps = [step_line(step) for step in termination.steps] if termination else []
    price = [f"cost about ${view.cost.dollars}"] if view.cost else []
    who = _identity(view.joined) if view.joined else []
    blocks = [
        _first_line(view.head, ":white_check_mark:" if complete else ":x:", news),
        *kit.sections(who),
        *kit.sections(steps),
    ]
    times = f"told {kit.moment(view.began_at)}, over {kit.moment(view.at)}"
    return kit.message(common.plain(view.head, news), blocks, foot=[kit.context(times, *price)])


def _how_it_ended(view: AlertView, termination: Termination | None) -> str:
    person = "by itself, as the configuration says" if view.automatic else f"for {kit.user(view.terminated_by)}"
    if termination is None:
        wanted = f", as {kit.user(view.terminated_by)} wanted" if view.terminated_by and not view.automatic else ""
        return (
            f"is gone{wanted or ', without Signalbox'}{_as_ec2_says(view.state_reason)}; nothing of it was left behind"
        )
    if termination.steps[0].outcome.value == "already gone" and not view.existed:
        return f"was gone; what it had left is removed {person}"
    return f"terminated {person}"


def _as_ec2_says(how: str) -> str:
    """EC2's reason ("User initiated (2026-11-23 16:20:01 GMT)"), without brackets in brackets."""
    flat = kit.escape(how.replace(" (", ", ").strip("() "))
    return f" (EC2 says: {flat})" if flat else ""


def reminder(view: AlertView) -> Message:
    """A reminder for the thread; reminders come at growing intervals."""
    text = f":alarm_clock: Still there: {_news(view)}. {view.approvers} may end it above."
    return kit.message(text, [kit.section(text)])


def step_line(step: Step) -> str:
    """A resource that was to be deleted, and the outcome."""
    icon = OUTCOMES.get(step.outcome.value, ":hourglass_flowing_sand:")
    reason = f": {kit.escape(step.reason)}" if step.reason else ""
    return f"{icon} {kit.escape(step.what)} {kit.code(step.resource)} {_became(step)}{reason}"


def _became(step: Step) -> str:
    if step.outcome.value == "done":
        return "terminated" if step.what == "instance" else "deleted"
    return {"refused": "not removed", "not yet": "not free yet"}.get(step.outcome.value, step.outcome.value)


def claim_modal(number: int, builder: str) -> Block:
    """Asks for how long a user needs the builder."""
    text = f"The message of {kit.escape(builder)} will say that it is yours, and nobody is reminded of it."
    times = [("1", "1 hour"), ("4", "4 hours"), ("24", "a day"), ("72", "3 days")]
    return modals.modal(
        CLAIM,
        [kit.section(text), modals.one_of("hours", "For how long do you need it?", times, chosen="4")],
        metadata=str(number),
        title=CLAIM_TITLE,
        submit="Keep it",
        close="Not now",
    )


def _first_line(head: Head, icon: str, news: str) -> Block:
    return kit.section(f"{icon} *#{head.number} {kit.escape(head.title)}*: {news}")


def _news(view: AlertView) -> str:
    joined = view.joined
    if view.terminated:
        return f"is gone{_as_ec2_says(view.state_reason)}, but left something behind: {', '.join(map(kit.code, view.orphans))}"
    if joined is None:
        return "could not be looked at yet"
    price = f", about ${view.cost.dollars} so far" if view.cost else ""
    age = phrases.duration(joined.builder.age(datetime.fromtimestamp(view.at, UTC)).total_seconds())
    if joined.stuck:
        return f"left running, {age} old{price}"
    if joined.builder.protected:
        return f"{age} old{price}; its tag signalbox:keep protects it"
    return f"{age} old{price}; it does not count as stuck now ({kit.escape(joined.reason)})"


def _hold(view: AlertView) -> list[Block]:
    hold = view.hold
    if hold is None or view.terminated:
        return []
    text = ":lock: belongs to" if hold.mine else ":alarm_clock: snoozed by"
    return [kit.section(f"{text} {kit.user(hold.user)} until {kit.moment(hold.until)}")]


def _facts(view: AlertView) -> list[Block]:
    joined = view.joined
    if joined is None:
        return []
    if view.terminated:
        return kit.sections(_identity(joined))
    counts = "Why it counts" if joined.stuck else "How it stands"
    lines = [f"*{counts}:* {kit.escape(joined.reason)}", f"*Goes with it:* {_resources(joined.builder)}"]
    return kit.sections([*_identity(joined), *lines])


def _identity(joined: Joined) -> list[str]:
    builder = joined.builder
    matches = ", ".join(match.value for match in builder.matched_by) or "id"
    where = kit.escape(builder.zone or builder.region)
    return [
        f"*What:* {_instance(builder)}, {kit.escape(builder.type)}, {where}, found by its {matches}",
        f"*Whose:* {_owner(joined)}",
    ]


def _instance(builder: Builder) -> str:
    url = CONSOLE.format(region=builder.region, instance=builder.instance_id)
    return kit.link(builder.instance_id, url)


def _owner(joined: Joined) -> str:
    run, jobs = joined.run, joined.jobs
    if run is None:
        return f"not known: {kit.escape(joined.certainty)}"
    name = kit.link(f"run {run.number} of {run.workflow}", run.url)
    commit = kit.code(run.head_sha[:7])
    others = f", or one of {len(jobs) - 1} others," if len(jobs) > 2 else ", or one other," if len(jobs) == 2 else ""
    of = f"{kit.link(jobs[0].name, jobs[0].url)} ({jobs[0].state.value}){others}" if jobs else ""
    job = f"{of} in {name}" if jobs else f"{name} ({run.state.value})"
    ended = f", ended {kit.moment(joined.ended_at.timestamp())}" if joined.ended_at else ""
    return f"{job}, commit {commit}{ended}; {kit.escape(joined.certainty)}"


def _resources(builder: Builder) -> str:
    resources = [f"key pair {kit.code(builder.temporary_key)}"] if builder.temporary_key else []
    resources += [f"security group {kit.code(group.name)}" for group in builder.temporary_groups]
    resources += [
        f"volume {kit.code(volume.volume_id)}" for volume in builder.volumes if not volume.deleted_with_instance
    ]
    resources += (
        [f"IAM profile {kit.code(builder.temporary_profile)} (told, not removed)"] if builder.temporary_profile else []
    )
    return ", ".join(resources) or "nothing but its own disk"


def _attempt(view: AlertView) -> list[Block]:
    if view.refusal:
        return [kit.section(f":x: {kit.escape(view.refusal)}")]
    if view.termination is None or view.termination.complete:
        return []
    lines = [step_line(step) for step in view.termination.steps]
    again = "is tried again by itself" if view.termination.terminated else "can be tried again once that is mended"
    return kit.sections([*lines, f"What is not done {again}."])


def _buttons(view: AlertView) -> list[Block]:
    number = str(view.head.number)
    if view.terminated:
        ask = kit.confirm(
            "Remove what is left?", f"{kit.escape(', '.join(view.orphans))} will be deleted.", "Yes, remove"
        )
        return [kit.actions(BLOCK, kit.button("Remove what is left", TERMINATE, number, style="danger", ask=ask))]
    joined = view.joined
    if joined is None or not joined.stuck:
        return []
    builder = joined.builder
    snoozes = [kit.button(text, action, number) for action, text in SNOOZES.items()]
    rest = [*snoozes, kit.button("It is mine…", MINE, number)]
    if not builder.terminable:
        return [kit.actions(BLOCK, *rest)]
    where = kit.escape(f"{builder.instance_id} in {builder.region}")
    what = f"{where} is terminated for good, and what goes with it is removed. It is looked at again first."
    if joined.joined_by is JoinedBy.UNREADABLE:
        what += " Nobody knows now whether its job still runs."
    ask = kit.confirm("Terminate this builder?", what, "Yes, terminate")
    return [kit.actions(BLOCK, kit.button("Terminate", TERMINATE, number, style="danger", ask=ask), *rest)]


def _footnotes(view: AlertView) -> list[str]:
    checked, joined = f"looked at {kit.moment(view.at)}", view.joined
    if view.terminated:
        return [f"{view.approvers} may remove it", checked]
    if joined and joined.builder.protected:
        return ["nobody can terminate it here as long as it has that tag", checked]
    if joined and not joined.builder.terminable:
        return ["only by hand: it has neither Packer's key pair nor its security group", checked]
    return [f"{view.approvers} may terminate it", checked]
