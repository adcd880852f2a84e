"""What a build produced, for its message and thread: warnings of successful jobs, and each environment's images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.common import LinkedOperation
    from bot.slack.blocks.kit import Block, Message
    from runners.results import ImageWarning, Job

DISMISS, PLAN_IMAGES = "dismiss-sign", "plan-images"
DISMISSAL = "dismissal"
DISMISSAL_TITLE = "Not a failure?"
PLANNED = "planned"  # the words before the plan that the button has begun
REASON_HINT, LATER_HINT = "Kept in the audit log.", " The same line in later builds of {} is then harmless as well."
MOST_WARNINGS = 5  # of a job, as a failing tool repeats itself


@dataclass(frozen=True, slots=True)
class EnvironmentImages:
    """The images that an environment has after a build, and whether they can be rolled out.

    `commits` are the commits that they were built from; `missing` the machine roles without an image; `commit_unknown`
    those whose image was built without Signalbox; `suspect` those whose image has open warnings; `plannable` whether
    the environment has Terraform here.
    """

    environment: str
    machines: int
    commits: tuple[str, ...]
    missing: tuple[str, ...]
    suspect: tuple[str, ...]
    plannable: bool
    commit_unknown: tuple[str, ...] = ()

    @property
    def faulty(self) -> bool:
        """Whether something is wrong, which an unknown commit alone is not."""
        return bool(self.missing or self.suspect or len(self.commits) > 1)

    @property
    def ready(self) -> bool:
        """Whether all images exist, are of one commit, and have no open warnings."""
        return not self.missing and not self.commit_unknown and not self.suspect and len(self.commits) == 1


def warnings(job: Job, all_warnings: Sequence[ImageWarning]) -> Message:
    """The warnings against the image of a successful job, for the thread, each with a button to dismiss it."""
    still_open = [warning for warning in all_warnings if warning.is_open]
    icon, news = ":white_check_mark:", "green; what spoke against it is harmless, as people have said"
    if still_open:
        in_log = any(warning.line for warning in still_open)
        why = "its log shows signs of failure" if in_log else "something about its image is odd"
        icon, news = ":warning:", f"green, but {why}: suspect"
    blocks = [kit.section(f"{icon} {kit.link(job.name, job.url)} is {news}")]
    for warning in all_warnings[:MOST_WARNINGS]:
        blocks += _warning(warning)
    rest = len(all_warnings) - MOST_WARNINGS
    more = [kit.context(f"and {rest} more; the log is in this thread")] if rest > 0 else []
    return kit.message(f"{kit.escape(job.name)} is {news}", [*blocks, *more])


def dismissal_modal(warning: ImageWarning, metadata: str) -> Block:
    """Asks why a warning is harmless; `metadata` comes back with the answer."""
    pattern = f"*{kit.escape(warning.pattern)}* in the log of {kit.code(warning.machine)} for {kit.code(warning.environment)}:"
    hint = REASON_HINT + (LATER_HINT.format(warning.machine) if warning.line else "")
    reason = modals.text("reason", "Why is it harmless?", shortest=3, longest=300, hint=hint)
    return modals.modal(
        DISMISSAL,
        [kit.section(pattern), kit.section(kit.preformatted(warning.text, 600)), reason],
        metadata=metadata,
        title=DISMISSAL_TITLE,
        submit="It is harmless",
        close="Not now",
    )


def environment_rows(
    number: int, environments: Sequence[EnvironmentImages], plans: Mapping[str, LinkedOperation] | None = None
) -> list[Block]:
    """The images of each environment, for the message of a build that is over, with a button to plan with them.

    `plans` are those that these buttons have begun, by environment: each replaces its button.
    """
    rows: list[Block] = []
    for images in environments:
        begun = (plans or {}).get(images.environment)
        rows += [kit.section(_line(images)), common.linked_line(PLANNED, begun)] if begun else [_row(number, images)]
    return rows


def _row(number: int, images: EnvironmentImages) -> Block:
    row = kit.section(_line(images))
    if not images.plannable or len(images.missing) == images.machines:
        return row
    return {**row, "block_id": f"{PLAN_IMAGES}-{images.environment}", "accessory": _plan_button(number, images)}


def _line(images: EnvironmentImages) -> str:
    name = f"*{kit.escape(images.environment)}*"
    if images.ready:
        commit = kit.code(images.commits[0][:7])
        return f":white_check_mark: {name}: all {images.machines} images are there, built from {commit}."
    return f"{':warning:' if images.faulty else ':information_source:'} {name}: {'; '.join(_faults(images))}."


def _faults(images: EnvironmentImages) -> list[str]:
    faults = []
    if images.missing:
        faults.append(f"no image of {_names(images.missing)}")
    if images.commit_unknown:
        faults.append(
            f"{_names(images.commit_unknown)} built before Signalbox looked on, so of which commit is not known"
        )
    if images.suspect:
        faults.append(f"{_names(images.suspect)} suspect (see the thread)")
    if len(images.commits) > 1:
        faults.append(f"images of different commits ({', '.join(kit.code(sha[:7]) for sha in images.commits)})")
    return faults


def _plan_button(number: int, images: EnvironmentImages) -> Block:
    value, text = f"{number}:{images.environment}", f"Plan {images.environment}"
    if images.ready:
        return kit.button(text, PLAN_IMAGES, value, style="primary")
    warned = (
        f"{'; '.join(_faults(images))}. A plan changes nothing by itself, but it takes the newest images that there "
        "are."
    )
    return kit.button(text, PLAN_IMAGES, value, ask=kit.confirm(f"{text} all the same?", warned, "Yes, plan"))


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(kit.code, names))


def _warning(warning: ImageWarning) -> list[Block]:
    step = f", in {kit.code(warning.step, 80)}" if warning.step else ""
    line = f" (line {warning.line}{step})" if warning.line else ""
    excerpt = kit.with_context(warning.before, warning.text, warning.after)
    text = kit.preformatted(excerpt, 1_200) if warning.line else kit.escape(warning.text)
    section = kit.section(f"*{kit.escape(warning.pattern)}*{line}\n{text}")
    if warning.is_open:
        return [section, kit.actions(f"sign-{warning.id}", kit.button("Not a failure…", DISMISS, warning.id))]
    reason = kit.escape(warning.reason)
    return [section, kit.context(f"harmless, says {kit.user(warning.dismissed_by)}: {reason}")]
