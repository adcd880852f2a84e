"""The messages about orphaned resources of Packer: their number, the question of approval, the outcome for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, tables
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import BuilderList, OrphanedResources, Step, Unreadable

REMOVE = "remove-orphans"
BLOCK = "orphans"
OUTCOMES = {"done": "✅ deleted", "already gone": "✅ already gone", "kept": "🔒 kept", "refused": "❌ not removed"}
NOT_YET = "⏳ not free yet"


def page_blocks(builders: BuilderList) -> list[Block]:
    """For the page of all builders: the number of orphaned resources and a button; empty when there are none."""
    if not builders.key_pairs and not builders.security_groups:
        return []
    counts = kit.section(f"Of Packer's, without a builder: {_count(builders)}.")
    return [counts, kit.actions(BLOCK, kit.button("Remove these…", REMOVE, "all"))]


def ask(head: Head, orphans: OrphanedResources, approval: ApprovalView) -> Message:
    """The question of approval, with the resources by name."""
    news = f"{_count(orphans)} of Packer's can be deleted. Waiting for approval"
    question = f"Signalbox deletes {_count(orphans)}, each only if a last check finds it unused."
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, "approval", news), _listed(orphans)],
        foot=[
            common.decision_buttons(
                approval, approve=f"Approve: remove {_count(orphans)}", question=question, dangerous=True
            ),
            common.approval_lines(approval),
            common.requester_block(head),
        ],
    )


def not_approved(head: Head, orphans: OrphanedResources, approval: ApprovalView) -> Message:
    """The message when the approval was rejected or expired."""
    news = f"{approval.outcome}, nothing was removed"
    blocks = [common.first_line(head, approval.outcome, news), _listed(orphans)]
    return kit.message(
        common.plain(head, news), blocks, foot=[common.approval_lines(approval), common.requester_block(head)]
    )


def nothing(head: Head, unreadable: Sequence[Unreadable]) -> Message:
    """The message when no resource is certainly orphaned."""
    news = "nothing to remove: what there is belongs to a builder, or is younger than 15 minutes"
    blocks = [
        common.first_line(head, "succeeded", news),
        *common.unreadable_parts(unreadable),
        common.requester_block(head),
    ]
    return kit.message(common.plain(head, news), blocks)


def removed(head: Head, steps: Sequence[Step], approval: ApprovalView) -> Message:
    """The outcome for each resource; first those that still exist."""
    deleted = sum(1 for step in steps if step.removed)
    news = f"{deleted} of {len(steps)} removed" + ("" if deleted == len(steps) else "; why the others stay is below")
    rows: list[Sequence[Cell]] = [
        [step.what, step.resource, OUTCOMES.get(step.outcome.value, NOT_YET), step.reason]
        for step in sorted(steps, key=lambda step: step.removed)
    ]
    status = "succeeded" if deleted else "failed"
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, status, news), tables.table(["What", "Name", "Became", "Why"], rows)],
        foot=[common.approval_lines(approval), common.requester_block(head)],
    )


def _listed(orphans: OrphanedResources) -> Block:
    rows: list[Sequence[Cell]] = [["key pair", key_pair.name, key_pair.region] for key_pair in orphans.key_pairs]
    rows += [
        ["security group", security_group.name, security_group.region] for security_group in orphans.security_groups
    ]
    return tables.table(["What", "Name", "Region"], rows)


def _count(resources: BuilderList | OrphanedResources) -> str:
    counts = ((len(resources.key_pairs), "key pair"), (len(resources.security_groups), "security group"))
    return " and ".join(phrases.counted(count, name) for count, name in counts if count) or "nothing"
