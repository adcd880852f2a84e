"""Old images: what may go and what stays, as a page; and a clean-up, from its question to what it has freed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals, tables
from bot.slack.blocks.images import CONSOLE
from runners import phrases
from runners.results import Retention, What
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import (
        AssessedImage,
        Candidate,
        ImageList,
        OrphanedImageResources,
        RemovalResult,
        Step,
        Unreadable,
    )

CLEAN_UP, CHOOSE, UNDO = "clean-up-images", "choose-images", "undo-clean-up"
CHOICE = "image-choice"
BLOCK = "clean-up"
MARKS = {
    Retention.IN_USE: "in use",
    Retention.NEWEST: "newest: plans take it",
    Retention.BY_RULE: "kept by rule",
    Retention.UNKNOWN: "❔ not known, so kept",
    Retention.DELETABLE: "✅ may go",
}
MANY = 20  # rows: not all of more than these can be shown


@stored("clean-up-view")
@dataclass(frozen=True, slots=True)
class CleanUpView:
    """A clean-up as its message shows it; `at` (Unix seconds) is now, `more` how many candidates are left for the next one."""

    head: Head
    candidates: tuple[Candidate, ...]
    at: float
    more: int = 0

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """What goes: all that nobody spared."""
        return tuple(candidate for candidate in self.candidates if not candidate.excluded_by)

    @property
    def gigabytes(self) -> int:
        """What that takes at most."""
        return sum(one.size_gb for one in self.chosen)


def page(survey: ImageList, loose: OrphanedImageResources, observed_at: float, *, whole: bool = True) -> Message:
    """Images of machines with their standing; where it is the `whole` of them, a button to clean up what may go."""
    deletable, size = len(survey.deletable) + len(loose.snapshots) + len(loose.volumes), survey.deletable_gb
    images = phrases.counted(len(survey.images), "image")
    head = (
        f"{images}, {len(survey.deletable)} may go ({size} GB at most)"
        if survey.deletable
        else f"{images}, none may go"
    )
    rows = [
        _standing_row(one, observed_at)
        for one in sorted(survey.images, key=lambda one: one.retention is not Retention.DELETABLE)
    ]
    table = (
        [tables.table(["Image", "Machine", "Age", "Snapshots", "Standing", "Why"], rows, right=(2, 3))] if rows else []
    )
    button = kit.button("Clean up…", CLEAN_UP, "all")
    narrow = (
        [kit.context("Some of them: `/infra amis &lt;machine&gt; &lt;environment&gt;`")]
        if whole and len(rows) > MANY
        else []
    )
    goes = [kit.actions(BLOCK, button), kit.context("Nothing goes before somebody has approved it.")]
    foot = [*narrow, *(goes if deletable and whole else [])]
    return kit.message(
        head, [kit.header(head), *table, *_loose(loose), *_unread((*survey.unreadable, *loose.unreadable))], foot=foot
    )


def ask(view: CleanUpView, approval: ApprovalView, keeps: str) -> Message:
    """What would go, with Approve, a choice, and Reject; `keeps` says for how long it can be taken back, if at all."""
    chosen, spared = view.chosen, len(view.candidates) - len(view.chosen)
    news = f"{_things(chosen)} may go, {view.gigabytes} GB at most. Waiting for approval"
    question = f"{_things(chosen)} will be removed for good, with their snapshots. Each is looked at once more before."
    if keeps:
        question = f"{_things(chosen)} will be disabled, and removed with their snapshots after {keeps}."
    stays = [f"{spared} {phrases.plural(spared, 'stays', 'stay')}, as somebody chose"] if spared else []
    later = [f"{view.more} more are left for the next time"] if view.more else []
    choose = kit.actions(BLOCK, kit.button("Choose what stays…", CHOOSE, str(view.head.number)))
    return kit.message(
        common.plain(view.head, news),
        [common.first_line(view.head, "approval", news), *_table(view)],
        foot=[
            choose,
            common.decision_buttons(approval, approve=f"Approve: remove {_things(chosen)}", question=question),
            common.approval_lines(approval),
            common.requester_block(view.head, *stays, *later),
        ],
    )


def not_approved(view: CleanUpView, approval: ApprovalView) -> Message:
    """Rejected, or expired."""
    words = {"rejected": "rejected, nothing was removed", "expired": "expired, nothing was removed"}
    blocks = [common.first_line(view.head, approval.outcome, words[approval.outcome]), *_table(view)]
    foot = [common.approval_lines(approval), common.requester_block(view.head)]
    return kit.message(common.plain(view.head, words[approval.outcome]), blocks, foot=foot)


def choice_modal(number: int, candidates: Sequence[Candidate], observed_at: float) -> Block:
    """Asks which of the candidates stay."""
    stay = modals.some_of(
        "stay",
        "These stay; all others go once approved",
        [(candidate.removal.image_id, _named(candidate, observed_at)) for candidate in candidates],
        chosen=[candidate.removal.image_id for candidate in candidates if candidate.excluded_by],
    )
    return modals.modal(
        CHOICE,
        [stay],
        metadata=str(number),
        title="Which ones stay?",
        submit="Let these stay",
        close="Not now",
    )


def nothing(head: Head, unreadable: Sequence[Unreadable]) -> Message:
    """There is nothing that may go."""
    news = "nothing may go: every image is in use, kept by rule, or not known well enough"
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, "succeeded", news), *_unread(unreadable), common.requester_block(head)],
    )


def removing(view: CleanUpView, approval: ApprovalView, done: Sequence[RemovalResult]) -> Message:
    """While it goes on."""
    news = f"removing: {len(done)} of {len(view.chosen)} done"
    blocks = [common.first_line(view.head, "running", news), *_outcomes(view, done)]
    return kit.message(
        common.plain(view.head, news),
        blocks,
        foot=[common.approval_lines(approval), common.requester_block(view.head)],
    )


def disabled(view: CleanUpView, approval: ApprovalView, done: Sequence[RemovalResult], until: float) -> Message:
    """Disabled for a while, with a button to take it all back."""
    off = sum(1 for one in done if not one.refused)
    news = f"{phrases.counted(off, 'image')} disabled; removed {kit.moment(until)} unless somebody takes that back"
    ask = kit.confirm(
        "Take it back?", "All of these images can be launched again, and nothing is removed.", "Yes, take it back"
    )
    undo = kit.actions(BLOCK, kit.button("Take it back", UNDO, str(view.head.number), ask=ask))
    blocks = [common.first_line(view.head, "waiting", news), *_outcomes(view, done)]
    return kit.message(
        common.plain(view.head, news),
        blocks,
        foot=[undo, common.approval_lines(approval), common.requester_block(view.head)],
    )


def taken_back(view: CleanUpView, person: str, done: Sequence[RemovalResult]) -> Message:
    """Everything can be launched again."""
    bad = [one for one in done if not all(step.final for step in one.steps)]
    news = f"taken back by {kit.user(person)}; nothing was removed"
    if bad:
        news = f"taken back by {kit.user(person)}, but {len(bad)} of {len(done)} could not be enabled again"
    blocks = [common.first_line(view.head, "failed" if bad else "cancelled", news), *_outcomes(view, done)]
    return kit.message(common.plain(view.head, news), blocks, foot=[common.requester_block(view.head)])


def removed(view: CleanUpView, approval: ApprovalView, done: Sequence[RemovalResult]) -> Message:
    """What is gone, what was refused, what was freed."""
    deleted = [one for one in done if one.complete]
    left = len(done) - len(deleted)
    freed = sum(one.freed_gb for one in done)
    news = f"{len(deleted)} of {len(done)} removed, {freed} GB freed at most"
    if left:
        news += f"; {left} {phrases.plural(left, 'was', 'were')} left, the reasons are below"
    status = "failed" if left and not deleted else "succeeded"
    blocks = [common.first_line(view.head, status, news), *_outcomes(view, done)]
    return kit.message(
        common.plain(view.head, news),
        blocks,
        foot=[common.approval_lines(approval), common.requester_block(view.head)],
    )


def _outcomes(view: CleanUpView, done: Sequence[RemovalResult]) -> list[Block]:
    """A row for each that was to go; those with a reason first."""
    known = {one.removal.image_id: one for one in done}
    groups = {one.removal.image_id: one for one in view.chosen}
    ordered = sorted(groups, key=lambda image_id: image_id not in known or known[image_id].complete)
    rows = [_outcome_row(groups[image_id], known.get(image_id)) for image_id in ordered]
    return [tables.table(["What", "Of", "Became", "Why"], rows)] if rows else []


def _outcome_row(one: Candidate, result: RemovalResult | None) -> Sequence[Cell]:
    if result is None:
        return [_link(one), one.group, "⏳", ""]
    own = one.removal.image_id  # named in its row already
    whose = ((f"{step.what} {step.resource}: " if step.resource != own else "", step.reason) for step in result.steps)
    reasons = "; ".join(f"{name}{reason}" for name, reason in whose if reason)
    return [_link(one), one.group, _became(result.steps), reasons]


def _became(steps: Iterable[Step]) -> str:
    outcomes = [step.outcome.value for step in steps]
    if not outcomes or outcomes[0] in ("refused", "kept"):
        return "❌ left alone"
    if all(outcome in ("done", "already gone") for outcome in outcomes):
        return "✅ done"
    return "⚠️ not all of it"


def _table(view: CleanUpView) -> list[Block]:
    rows: list[Sequence[Cell]] = [
        [
            _link(candidate),
            candidate.group,
            phrases.age(view.at - candidate.made_at),
            str(candidate.size_gb),
            "stays" if candidate.excluded_by else "",
        ]
        for candidate in view.candidates
    ]
    return [tables.table(["What", "Of", "Age", "GB", "Choice"], rows, right=(2, 3))]


def _standing_row(one: AssessedImage, observed_at: float) -> Sequence[Cell]:
    address = CONSOLE.format(region=one.region, image=one.image_id)
    age = (datetime.fromtimestamp(observed_at, UTC) - one.created_at).total_seconds()
    off = " (disabled)" if one.disabled else ""
    why = one.reason or ", ".join(one.used_by)
    machine = f"{one.group.machine} {one.group.environment}"
    return [
        tables.Link(one.image_id, address),
        machine,
        phrases.age(age),
        f"{len(one.snapshots)}, {one.size_gb} GB",
        f"{MARKS[one.retention]}{off}",
        why,
    ]


def _link(one: Candidate) -> Cell:
    image_id = one.removal.image_id
    if one.what is What.IMAGE:
        return tables.Link(image_id, CONSOLE.format(region=one.removal.region, image=image_id), after=one.removal.name)
    if one.what is What.SNAPSHOT:
        return f"snapshot {', '.join(snapshot.snapshot_id for snapshot in one.removal.snapshots)}"
    return f"volume {image_id}"


def _named(one: Candidate, observed_at: float) -> str:
    what = one.removal.name or one.removal.image_id
    return f"{what} ({one.group or one.what.value}, {phrases.age(observed_at - one.made_at)}, {one.size_gb} GB)"


def _things(candidates: Sequence[Candidate]) -> str:
    counts = [(what.value, sum(1 for candidate in candidates if candidate.what is what)) for what in What]
    return ", ".join(phrases.counted(count, name) for name, count in counts if count) or "nothing"


def _loose(loose: OrphanedImageResources) -> list[Block]:
    said = [
        phrases.counted(len(found), name)
        for found, name in ((loose.snapshots, "snapshot"), (loose.volumes, "volume"))
        if found
    ]
    return [kit.section(f"Left over, of images and builds that are no more: {' and '.join(said)}.")] if said else []


def _unread(unreadable: Sequence[Unreadable]) -> list[Block]:
    return kit.sections(
        [f":warning: Could not be read: {kit.escape(str(one))}. {kit.escape(one.remedy)}" for one in unreadable[:10]]
    )
