"""Packer's builders: the message of one that was left running, and all of them on a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals
from handlers.builders import loose_views
from runners import phrases
from runners.results import JoinedBy, Verdict
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Cell, Message
    from runners.results import Builder, Cost, FoundBuilders, Joined, Step, Termination

CONSOLE = "https://{region}.console.aws.amazon.com/ec2/home?region={region}#InstanceDetails:instanceId={instance}"
TERMINATE, MINE, CLAIM = "builder-terminate", "builder-mine", "builder-claim"
SNOOZES = {"builder-snooze-1h": "Snooze 1 h", "builder-snooze-4h": "4 h", "builder-snooze-tomorrow": "Until tomorrow"}
BLOCK = "builder"
VERDICTS = {
    Verdict.BUSY: "🔨 works",
    Verdict.ENDING: "⏳ cleans up",
    Verdict.ENDED: "⚠️ stuck",
    Verdict.TOO_OLD: "⚠️ stuck",
    Verdict.UNKNOWN: "❔ not clear yet",
}
OUTCOMES = {"done": ":white_check_mark:", "already gone": ":white_check_mark:", "kept": ":lock:", "refused": ":x:"}


@stored("builder-hold")
@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody wants the builder left alone `until` then (Unix seconds); `mine`: it is theirs, else they only want quiet."""

    user: str
    until: float
    mine: bool


@dataclass(frozen=True, slots=True)
class AlertView:
    """A stuck builder as its message shows it; `at` is when it was looked at, `told_at` when first (Unix seconds).

    `gone`, `how` and `left` tell of one that is no more; `trouble` why it could not be seen; `last` is the newest attempt to
    terminate it, `refusal` why one was not made, `by` who wanted it, `was_there` whether it was there still when that was begun; `who` may
    press the button, in mrkdwn.
    """

    head: Head
    joined: Joined | None
    at: float
    told_at: float
    gone: bool
    trouble: str
    how: str
    left: tuple[str, ...]
    cost: Cost | None
    hold: Hold | None
    last: Termination | None
    refusal: str
    by: str
    was_there: bool
    who: str

    @property
    def automatic(self) -> bool:
        """Whether Signalbox, which began this alert, terminated the builder without a person's click."""
        return self.by == self.head.requester


def alert(view: AlertView) -> Message:
    """A builder that somebody has to see to."""
    news = _news(view)
    blocks = [
        _first_line(view.head, ":construction:", news),
        *_held(view),
        *_story(view),
        *([kit.section(f":warning: {kit.escape(view.trouble)}")] if view.trouble else []),
        *_attempt(view),
    ]
    foot = [*_buttons(view), kit.context(*_small_print(view))]
    return kit.message(common.plain(view.head, news), blocks, foot=foot)


def terminating(head: Head, joined: Joined, by: str, done: Sequence[str]) -> Message:
    """While it is being terminated: what is done so far."""
    news = f"is being terminated for {kit.user(by)}"
    blocks = [
        _first_line(head, ":arrows_counterclockwise:", news),
        *kit.sections(_who_it_is(joined)),
        *kit.sections(list(done) or ["It is looked at again first."]),
    ]
    return kit.message(common.plain(head, news), blocks)


def over(view: AlertView) -> Message:
    """A builder that is no more: by whom, and what became of all that Packer had made for it."""
    last = view.last if view.last and view.last.terminated else None
    complete = last is None or last.complete or (view.gone and not view.left)
    news = _how_it_ended(view, last) + ("" if complete else ", but not everything of it could be removed")
    steps = [step_line(step) for step in last.steps] if last else []
    price = [f"cost about ${view.cost.dollars}"] if view.cost else []
    who = _who_it_is(view.joined) if view.joined else []
    blocks = [
        _first_line(view.head, ":white_check_mark:" if complete else ":x:", news),
        *kit.sections(who),
        *kit.sections(steps),
    ]
    times = f"told {kit.moment(view.told_at)}, over {kit.moment(view.at)}"
    return kit.message(common.plain(view.head, news), blocks, foot=[kit.context(times, *price)])


def _how_it_ended(view: AlertView, last: Termination | None) -> str:
    person = "by itself, as the configuration says" if view.automatic else f"for {kit.user(view.by)}"
    if last is None:
        wanted = f", as {kit.user(view.by)} wanted" if view.by and not view.automatic else ""
        return f"is gone{wanted or ', without Signalbox'}{_as_ec2_says(view.how)}; nothing of it was left behind"
    if last.steps[0].outcome.value == "already gone" and not view.was_there:
        return f"was gone; what it had left is removed {person}"
    return f"terminated {person}"


def _as_ec2_says(how: str) -> str:
    """EC2's own words ("User initiated (2026-11-23 16:20:01 GMT)"), without brackets in brackets."""
    flat = kit.escape(how.replace(" (", ", ").strip("() "))
    return f" (EC2 says: {flat})" if flat else ""


def reminder(view: AlertView) -> Message:
    """For the thread, at growing intervals."""
    text = f":alarm_clock: Still there: {_news(view)}. {view.who} may end it above."
    return kit.message(text, [kit.section(text)])


def step_line(step: Step) -> str:
    """One thing that was to go, and what became of it."""
    mark = OUTCOMES.get(step.outcome.value, ":hourglass_flowing_sand:")
    reason = f": {kit.escape(step.reason)}" if step.reason else ""
    return f"{mark} {kit.escape(step.what)} {kit.code(step.resource)} {_became(step)}{reason}"


def _became(step: Step) -> str:
    if step.outcome.value == "done":
        return "terminated" if step.what == "instance" else "deleted"
    return {"refused": "not removed", "not yet": "not free yet"}.get(step.outcome.value, step.outcome.value)


def claim_modal(number: int, builder: str) -> Block:
    """Asks for how long somebody needs a builder."""
    told = f"The message of {kit.escape(builder)} will say that it is yours, and nobody is reminded of it."
    times = [("1", "1 hour"), ("4", "4 hours"), ("24", "a day"), ("72", "3 days")]
    return modals.modal(
        CLAIM,
        [kit.section(told), modals.one_of("hours", "For how long do you need it?", times, chosen="4")],
        kept=str(number),
        title="It is mine",
        submit="Keep it",
        close="Not now",
    )


def page(joined: Sequence[Joined], found: FoundBuilders, trouble: str, seen_at: float) -> Message:
    """All builders there are, and what of Packer's lies around without one."""
    stuck = sum(1 for one in joined if one.stuck)
    head = f"{phrases.counted(len(joined), 'builder')}, {stuck} stuck" if joined else "No builder is running"
    rows: list[Sequence[Cell]] = [_row(one, seen_at) for one in joined]
    columns = ["Builder", "Age", "State", "Why", "Run", "Type", "Region"]
    blocks: list[Block] = [kit.header(head), *([kit.table(columns, rows, right=(1,))] if rows else [])]
    unread = [f":warning: Could not be read: {kit.escape(str(one))}. {kit.escape(one.remedy)}" for one in found.unread]
    if trouble:
        unread.append(
            f":warning: GitHub's runs could not be read, so nobody knows whose job still runs: {kit.escape(trouble)}"
        )
    return kit.message(head, [*blocks, *loose_views.on_page(found), *kit.sections(unread)])


def _first_line(head: Head, mark: str, news: str) -> Block:
    return kit.section(f"{mark} *#{head.number} {kit.escape(head.title)}*: {news}")


def _news(view: AlertView) -> str:
    joined = view.joined
    if view.gone:
        return f"is gone{_as_ec2_says(view.how)}, but left something behind: {', '.join(map(kit.code, view.left))}"
    if joined is None:
        return "could not be looked at yet"
    price = f", about ${view.cost.dollars} so far" if view.cost else ""
    age = phrases.duration(joined.builder.age(datetime.fromtimestamp(view.at, UTC)).total_seconds())
    if joined.stuck:
        return f"left running, {age} old{price}"
    if joined.builder.kept:
        return f"{age} old{price}; its tag signalbox:keep protects it"
    return f"{age} old{price}; it does not count as stuck now ({kit.escape(joined.reason)})"


def _held(view: AlertView) -> list[Block]:
    hold = view.hold
    if hold is None or view.gone:
        return []
    word = ":lock: belongs to" if hold.mine else ":alarm_clock: snoozed by"
    return [kit.section(f"{word} {kit.user(hold.user)} until {kit.moment(hold.until)}")]


def _story(view: AlertView) -> list[Block]:
    joined = view.joined
    if joined is None:
        return []
    if view.gone:
        return kit.sections(_who_it_is(joined))
    counts = "Why it counts" if joined.stuck else "How it stands"
    lines = [f"*{counts}:* {kit.escape(joined.reason)}", f"*Goes with it:* {_belongings(joined.builder)}"]
    return kit.sections([*_who_it_is(joined), *lines])


def _who_it_is(joined: Joined) -> list[str]:
    builder = joined.builder
    found_by = ", ".join(one.value for one in builder.matched_by) or "id"
    where = kit.escape(builder.zone or builder.region)
    return [
        f"*What:* {_instance(builder)}, {kit.escape(builder.type)}, {where}, found by its {found_by}",
        f"*Whose:* {_whose(joined)}",
    ]


def _instance(builder: Builder) -> str:
    url = CONSOLE.format(region=builder.region, instance=builder.instance_id)
    return kit.link(builder.instance_id, url)


def _whose(joined: Joined) -> str:
    run, jobs = joined.run, joined.jobs
    if run is None:
        return f"not known: {kit.escape(joined.sure)}"
    name = kit.link(f"run {run.number} of {run.workflow}", run.url)
    commit = kit.code(run.head_sha[:7])
    others = f", or one of {len(jobs) - 1} others," if len(jobs) > 2 else ", or one other," if len(jobs) == 2 else ""
    of = f"{kit.link(jobs[0].name, jobs[0].url)} ({jobs[0].state.value}){others}" if jobs else ""
    job = f"{of} in {name}" if jobs else f"{name} ({run.state.value})"
    ended = f", ended {kit.moment(joined.ended_at.timestamp())}" if joined.ended_at else ""
    return f"{job}, commit {commit}{ended}; {kit.escape(joined.sure)}"


def _belongings(builder: Builder) -> str:
    things = [f"key pair {kit.code(builder.temporary_key)}"] if builder.temporary_key else []
    things += [f"security group {kit.code(group.name)}" for group in builder.temporary_groups]
    things += [f"volume {kit.code(volume.volume_id)}" for volume in builder.volumes if not volume.goes_along]
    things += (
        [f"IAM profile {kit.code(builder.temporary_profile)} (told, not removed)"] if builder.temporary_profile else []
    )
    return ", ".join(things) or "nothing but its own disk"


def _attempt(view: AlertView) -> list[Block]:
    if view.refusal:
        return [kit.section(f":x: {kit.escape(view.refusal)}")]
    if view.last is None or view.last.complete:
        return []
    lines = [step_line(step) for step in view.last.steps]
    again = "is tried again by itself" if view.last.terminated else "can be tried again once that is mended"
    return kit.sections([*lines, f"What is not done {again}."])


def _buttons(view: AlertView) -> list[Block]:
    number = str(view.head.number)
    if view.gone:
        ask = kit.confirm("Remove what is left?", f"{kit.escape(', '.join(view.left))} will be deleted.", "Yes, remove")
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
    if joined.joined_by is JoinedBy.UNREAD:
        what += " Nobody knows now whether its job still runs."
    ask = kit.confirm("Terminate this builder?", what, "Yes, terminate")
    return [kit.actions(BLOCK, kit.button("Terminate", TERMINATE, number, style="danger", ask=ask), *rest)]


def _small_print(view: AlertView) -> list[str]:
    seen, joined = f"looked at {kit.moment(view.at)}", view.joined
    if view.gone:
        return [f"{view.who} may remove it", seen]
    if joined and joined.builder.kept:
        return ["nobody can terminate it here as long as it has that tag", seen]
    if joined and not joined.builder.terminable:
        return ["only by hand: it has neither Packer's key pair nor its security group", seen]
    return [f"{view.who} may terminate it", seen]


def _row(one: Joined, seen_at: float) -> Sequence[Cell]:
    builder = one.builder
    url = CONSOLE.format(region=builder.region, instance=builder.instance_id)
    age = builder.age(datetime.fromtimestamp(seen_at, UTC)).total_seconds()
    run: Cell = kit.Link(f"run {one.run.number}", one.run.url) if one.run else ""
    state = "🔒 kept" if builder.kept else VERDICTS[one.verdict]
    return [kit.Link(builder.instance_id, url), phrases.age(age), state, one.reason, run, builder.type, builder.region]
