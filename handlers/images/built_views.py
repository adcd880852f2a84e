"""What came out of an image build: signs of failure in a green job, and each environment's images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.common import Elsewhere
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Job, Suspicion

DISMISS, PLAN_IMAGES = "dismiss-sign", "plan-images"
DISMISSAL = "dismissal"
PLANNED = "planned"  # what is said of the plan that the button has begun
KEPT, LATER = "Kept in the trail.", " The same line in later builds of {} is then harmless as well."
SHOWN = 5  # signs of a job; a log that went wrong goes on doing so


@dataclass(frozen=True, slots=True)
class Ready:
    """An environment after a build: whether its images can be rolled out.

    `commits` are what they were built from; `missing` the machines that have no image, `unseen` those whose image was
    built before Signalbox looked on; `doubtful` those whose image should not be trusted as it is; `plannable` whether the environment has Terraform here.
    """

    environment: str
    machines: int
    commits: tuple[str, ...]
    missing: tuple[str, ...]
    doubtful: tuple[str, ...]
    plannable: bool
    unseen: tuple[str, ...] = ()

    @property
    def troubled(self) -> bool:
        """Whether something is wrong, beyond what is only not known."""
        return bool(self.missing or self.doubtful or len(self.commits) > 1)

    @property
    def clean(self) -> bool:
        """All there, of one commit, and nothing wrong with any."""
        return not self.missing and not self.unseen and not self.doubtful and len(self.commits) == 1


def signs(job: Job, found: Sequence[Suspicion]) -> Message:
    """What speaks against the image of a green job, for the thread, each with a button to say that it is harmless."""
    standing = [one for one in found if one.stands]
    mark, news = ":white_check_mark:", "green; what spoke against it is harmless, as people have said"
    if standing:
        why = (
            "its log shows signs of failure"
            if any(one.line for one in standing)
            else "something about its image is odd"
        )
        mark, news = ":warning:", f"green, but {why}: suspect"
    blocks = [kit.section(f"{mark} {kit.link(job.name, job.url)} is {news}")]
    for one in found[:SHOWN]:
        blocks += _sign(one)
    more = [kit.context(f"and {len(found) - SHOWN} more; the log is in this thread")] if len(found) > SHOWN else []
    return kit.message(f"{kit.escape(job.name)} is {news}", [*blocks, *more])


def dismissal_modal(one: Suspicion, where: str) -> Block:
    """Asks why a sign of failure is none; `where` is kept for the answer."""
    sign = f"*{kit.escape(one.sign)}* in the log of {kit.code(one.machine)} for {kit.code(one.environment)}:"
    hint = KEPT + (LATER.format(one.machine) if one.line else "")
    reason = modals.text("reason", "Why is it harmless?", shortest=3, longest=300, hint=hint)
    return modals.modal(
        DISMISSAL,
        [kit.section(sign), kit.section(kit.preformatted(one.text, 600)), reason],
        kept=where,
        title="Not a failure?",
        submit="It is harmless",
        close="Not now",
    )


def closing(number: int, environments: Sequence[Ready], plans: Mapping[str, Elsewhere] | None = None) -> list[Block]:
    """Under the board of a build that is over: what each environment has now, with a button to plan with it.

    `plans` are those that these buttons have begun, by environment: they are named in the button's place.
    """
    rows: list[Block] = []
    for environment in environments:
        begun = (plans or {}).get(environment.environment)
        rows += (
            [kit.section(_line(environment)), common.named(PLANNED, begun)] if begun else [_row(number, environment)]
        )
    return rows


def _row(number: int, one: Ready) -> Block:
    line = kit.section(_line(one))
    if not one.plannable or len(one.missing) == one.machines:
        return line
    return {**line, "block_id": f"{PLAN_IMAGES}-{one.environment}", "accessory": _plan_button(number, one)}


def _line(one: Ready) -> str:
    name = f"*{kit.escape(one.environment)}*"
    if one.clean:
        return f":white_check_mark: {name}: all {one.machines} images are there, built from {kit.code(one.commits[0][:7])}."
    return f"{':warning:' if one.troubled else ':information_source:'} {name}: {'; '.join(_faults(one))}."


def _faults(one: Ready) -> list[str]:
    faults = []
    if one.missing:
        faults.append(f"no image of {_names(one.missing)}")
    if one.unseen:
        faults.append(f"{_names(one.unseen)} built before Signalbox looked on, so of which commit is not known")
    if one.doubtful:
        faults.append(f"{_names(one.doubtful)} suspect (see the thread)")
    if len(one.commits) > 1:
        faults.append(f"images of different commits ({', '.join(kit.code(sha[:7]) for sha in one.commits)})")
    return faults


def _plan_button(number: int, one: Ready) -> Block:
    value, text = f"{number}:{one.environment}", f"Plan {one.environment}"
    if one.clean:
        return kit.button(text, PLAN_IMAGES, value, style="primary")
    warned = (
        f"{'; '.join(_faults(one))}. A plan changes nothing by itself, but it takes the newest images that there are."
    )
    return kit.button(text, PLAN_IMAGES, value, ask=kit.confirm(f"{text} all the same?", warned, "Yes, plan"))


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(kit.code, names))


def _sign(one: Suspicion) -> list[Block]:
    where = f" (line {one.line}{f', in {kit.code(one.step, 80)}' if one.step else ''})" if one.line else ""
    lines = kit.marked(one.before, one.text, one.after)
    body = kit.preformatted(lines, 1_200) if one.line else kit.escape(one.text)
    what = kit.section(f"*{kit.escape(one.sign)}*{where}\n{body}")
    if one.stands:
        return [what, kit.actions(f"sign-{one.id}", kit.button("Not a failure…", DISMISS, one.id))]
    return [what, kit.context(f"harmless, says {kit.user(one.dismissed_by)}: {kit.escape(one.reason)}")]
