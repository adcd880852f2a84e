"""The messages of a clean-up of images: the question of approval, the modal to exclude some, progress, outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, modals, tables
from bot.slack.blocks.images import CONSOLE
from runners import phrases
from runners.results import Outcome, What
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import Candidate, RemovalResult, Step, Unreadable

CHOOSE, UNDO = "choose-images", "undo-clean-up"
CHOICE = "image-choice"
CHOICE_TITLE = "Which ones stay?"
BLOCK = "clean-up"


@stored("clean-up-view")
@dataclass(frozen=True, slots=True)
class CleanUpView:
    """The facts in a clean-up's message; `at` is the current time (Unix seconds), `more` how many candidates come next time."""

    head: Head
    candidates: tuple[Candidate, ...]
    at: float
    more: int = 0

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """The candidates to remove: all that nobody excluded."""
        return tuple(candidate for candidate in self.candidates if not candidate.excluded_by)

    @property
    def gigabytes(self) -> int:
        """The storage that they take at most."""
        return sum(candidate.size_gb for candidate in self.chosen)


def ask(view: CleanUpView, approval: ApprovalView, grace: str) -> Message:
    """The question of approval; `grace` is for how long images are disabled before they are removed, empty without."""
    chosen, excluded = view.chosen, len(view.candidates) - len(view.chosen)
    news = f"{_counts(chosen)} can be deleted, {view.gigabytes} GB at most. Waiting for approval"
    question = f"Signalbox removes {_counts(chosen)} for good, with their snapshots, after checking each again."
    if grace:
        question = f"Signalbox disables {_counts(chosen)}, and removes them with their snapshots after {grace}."
    stays = [f"{excluded} {phrases.plural(excluded, 'stays', 'stay')}, as somebody chose"] if excluded else []
    later = [f"{view.more} more are left for the next time"] if view.more else []
    choose = kit.actions(BLOCK, kit.button("Choose what stays…", CHOOSE, str(view.head.number)))
    return kit.message(
        common.plain(view.head, news),
        [common.first_line(view.head, "approval", news), *_candidates(view)],
        foot=[
            choose,
            common.decision_buttons(
                approval, approve=f"Approve: remove {_counts(chosen)}", question=question, dangerous=True
            ),
            common.approval_lines(approval),
            common.requester_block(view.head, *stays, *later),
        ],
    )


def not_approved(view: CleanUpView, approval: ApprovalView) -> Message:
    """The message when the approval was rejected or expired."""
    news = {"rejected": "rejected, nothing was removed", "expired": "expired, nothing was removed"}[approval.outcome]
    return _framed(view, approval.outcome, news, _candidates(view), approval)


def choice_modal(number: int, candidates: Sequence[Candidate], now: float) -> Block:
    """Asks which of the candidates to exclude."""
    stay = modals.some_of(
        "stay",
        "These stay; all others go once approved",
        [(candidate.removal.image_id, _label(candidate, now)) for candidate in candidates],
        chosen=[candidate.removal.image_id for candidate in candidates if candidate.excluded_by],
    )
    return modals.modal(
        CHOICE,
        [stay],
        metadata=str(number),
        title=CHOICE_TITLE,
        submit="Let these stay",
        close="Not now",
    )


def nothing(head: Head, unreadable: Sequence[Unreadable]) -> Message:
    """The message when nothing can be removed."""
    news = "nothing can be deleted: every image is in use, kept by rule, or not known well enough"
    return kit.message(
        common.plain(head, news),
        [
            common.first_line(head, "succeeded", news),
            *common.unreadable_parts(unreadable),
            common.requester_block(head),
        ],
    )


def removing(view: CleanUpView, approval: ApprovalView, results: Sequence[RemovalResult]) -> Message:
    """The message while images are removed, disabled or enabled."""
    news = f"removing: {len(results)} of {len(view.chosen)} done"
    return _framed(view, "running", news, _outcomes(view, results), approval)


def disabled(view: CleanUpView, approval: ApprovalView, results: Sequence[RemovalResult], until: float) -> Message:
    """The message while the images are disabled, with a button to enable them again."""
    count = sum(1 for result in results if not result.refused)
    news = f"{phrases.counted(count, 'image')} disabled; removed {kit.moment(until)} unless somebody takes that back"
    ask = kit.confirm(
        "Take it back?", "All of these images can be launched again, and nothing is removed.", "Yes, take it back"
    )
    undo = kit.actions(BLOCK, kit.button("Take it back", UNDO, str(view.head.number), ask=ask))
    return _framed(view, "waiting", news, _outcomes(view, results), approval, buttons=[undo])


def taken_back(view: CleanUpView, person: str, results: Sequence[RemovalResult]) -> Message:
    """The message once the images are enabled again."""
    failed = sum(1 for result in results if not all(step.final for step in result.steps))
    news = f"taken back by {kit.user(person)}; nothing was removed"
    if failed:
        news = f"taken back by {kit.user(person)}, but {failed} of {len(results)} could not be enabled again"
    return _framed(view, "failed" if failed else "cancelled", news, _outcomes(view, results))


def removed(view: CleanUpView, approval: ApprovalView, results: Sequence[RemovalResult]) -> Message:
    """The outcome: what was removed, what was refused, how much storage was freed."""
    complete = sum(1 for result in results if result.complete)
    remaining = len(results) - complete
    freed = sum(result.freed_gb for result in results)
    news = f"{complete} of {len(results)} removed, {freed} GB freed at most"
    if remaining:
        news += f"; {remaining} {phrases.plural(remaining, 'was', 'were')} left, the reasons are below"
    status = "failed" if remaining and not complete else "succeeded"
    return _framed(view, status, news, _outcomes(view, results), approval)


def _framed(
    view: CleanUpView,
    status: str,
    news: str,
    table: Sequence[Block],
    approval: ApprovalView | None = None,
    *,
    buttons: Sequence[Block] = (),
) -> Message:
    approvals = [common.approval_lines(approval)] if approval else []
    return kit.message(
        common.plain(view.head, news),
        [common.first_line(view.head, status, news), *table],
        foot=[*buttons, *approvals, common.requester_block(view.head)],
    )


def _outcomes(view: CleanUpView, results: Sequence[RemovalResult]) -> list[Block]:
    """A row for each chosen candidate; those that were not removed completely first."""
    by_id = {result.removal.image_id: result for result in results}

    def complete(candidate: Candidate) -> bool:
        result = by_id.get(candidate.removal.image_id)
        return result is None or result.complete

    rows = [
        _outcome_row(candidate, by_id.get(candidate.removal.image_id))
        for candidate in sorted(view.chosen, key=complete)
    ]
    return [tables.table(["What", "Of", "Became", "Why"], rows)] if rows else []


def _outcome_row(candidate: Candidate, result: RemovalResult | None) -> Sequence[Cell]:
    if result is None:
        return [_link(candidate), candidate.group, "⏳", ""]
    own = candidate.removal.image_id  # the row has its name already
    named = ((f"{step.what} {step.resource}: " if step.resource != own else "", step.reason) for step in result.steps)
    reasons = "; ".join(f"{name}{reason}" for name, reason in named if reason)
    return [_link(candidate), candidate.group, _outcome(result.steps), reasons]


def _outcome(steps: Sequence[Step]) -> str:
    outcomes = [step.outcome for step in steps]
    if not outcomes or outcomes[0] is Outcome.SKIPPED:
        return "🔒 kept"
    if outcomes[0] is Outcome.REFUSED:
        return "⚠️ not removed"
    if Outcome.RECYCLED in outcomes and all(step.removed for step in steps):
        return "✅ in the Recycle Bin"
    if all(step.removed for step in steps):
        return "✅ done"
    return "⚠️ not all of it"


def _candidates(view: CleanUpView) -> list[Block]:
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


def _link(candidate: Candidate) -> Cell:
    removal = candidate.removal
    if candidate.what is What.IMAGE:
        address = CONSOLE.format(region=removal.region, image=removal.image_id)
        return tables.Link(removal.image_id, address, after=removal.name)
    if candidate.what is What.SNAPSHOT:
        return f"snapshot {', '.join(snapshot.snapshot_id for snapshot in removal.snapshots)}"
    return f"volume {removal.image_id}"


def _label(candidate: Candidate, now: float) -> str:
    name = candidate.removal.name or candidate.removal.image_id
    age = phrases.age(now - candidate.made_at)
    return f"{name} ({candidate.group or candidate.what.value}, {age}, {candidate.size_gb} GB)"


def _counts(candidates: Sequence[Candidate]) -> str:
    counts = [(what.value, sum(1 for candidate in candidates if candidate.what is what)) for what in What]
    return ", ".join(phrases.counted(count, name) for name, count in counts if count) or "nothing"
