"""What builds left in EC2 without a builder: how much, on a page; the question, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Cell, Message
    from runners.results import FoundBuilders, OrphanedResources, Step, Unreadable

REMOVE = "remove-loose"
BLOCK = "loose"
MARKS = {"done": "✅ deleted", "already gone": "✅ already gone", "kept": "🔒 kept", "refused": "❌ not removed"}
NOT_YET = "⏳ not free yet"


def on_page(found: FoundBuilders) -> list[Block]:
    """For the page of all builders: how much lies around, and a button; nothing where nothing does."""
    if not found.key_pairs and not found.security_groups:
        return []
    said = kit.section(f"Of Packer's, without a builder: {_count(found)}.")
    return [said, kit.actions(BLOCK, kit.button("Remove these…", REMOVE, "all"))]


def ask(head: Head, left: OrphanedResources, approval: ApprovalView) -> Message:
    """The question, with each by name."""
    news = f"{_count(left)} of Packer's may go. Waiting for approval"
    question = f"{_count(left)} will be deleted. Each is looked at once more before; what is in use then stays."
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, "approval", news), _listed(left)],
        foot=[
            common.decision_buttons(approval, approve=f"Approve: remove {_count(left)}", question=question),
            common.approval_lines(approval),
            common.asked_by(head),
        ],
    )


def settled(head: Head, left: OrphanedResources, approval: ApprovalView) -> Message:
    """Rejected, or expired."""
    news = f"{approval.outcome}, nothing was removed"
    blocks = [common.first_line(head, approval.outcome, news), _listed(left)]
    return kit.message(common.plain(head, news), blocks, foot=[common.approval_lines(approval), common.asked_by(head)])


def nothing(head: Head, unread: Sequence[Unreadable]) -> Message:
    """There is nothing that is loose for certain."""
    news = "nothing to remove: what there is belongs to a builder, or is younger than 15 minutes"
    problems = [f":warning: Could not be read: {kit.escape(str(one))}. {kit.escape(one.remedy)}" for one in unread]
    blocks = [common.first_line(head, "succeeded", news), *kit.sections(problems[:10]), common.asked_by(head)]
    return kit.message(common.plain(head, news), blocks)


def removed(head: Head, steps: Sequence[Step], approval: ApprovalView) -> Message:
    """What became of each; those that stay first."""
    gone = sum(1 for step in steps if step.gone)
    news = f"{gone} of {len(steps)} removed" + ("" if gone == len(steps) else "; why the others stay is below")
    rows: list[Sequence[Cell]] = [
        [step.what, step.resource, MARKS.get(step.outcome.value, NOT_YET), step.reason]
        for step in sorted(steps, key=lambda step: step.gone)
    ]
    status = "succeeded" if gone else "failed"
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, status, news), kit.table(["What", "Name", "Became", "Why"], rows)],
        foot=[common.approval_lines(approval), common.asked_by(head)],
    )


def _listed(left: OrphanedResources) -> Block:
    rows: list[Sequence[Cell]] = [["key pair", key_pair.name, key_pair.region] for key_pair in left.key_pairs]
    rows += [["security group", security_group.name, security_group.region] for security_group in left.security_groups]
    return kit.table(["What", "Name", "Region"], rows)


def _count(held: FoundBuilders | OrphanedResources) -> str:
    counts = ((len(held.key_pairs), "key pair"), (len(held.security_groups), "security group"))
    return " and ".join(phrases.counted(count, name) for count, name in counts if count) or "nothing"
