"""The messages of a rotation: what is approved, where the new key is, what proves it, and what becomes of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, tables
from runners import phrases
from runners.results.secrets import key_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results.secrets import Replaced, Rotation, Written

BLOCK = "rotation"
AGAIN, STOP, PROVEN, BACK = "rotate again", "stop rotation", "confirmed the new key", "activated the old key again"
_ACTIONS = {AGAIN: "rotate-again", STOP: "rotate-stop", PROVEN: "rotate-proven", BACK: "rotate-back"}
ANSWERS = {action: answer for answer, action in _ACTIONS.items()}


def working(head: Head, activity: str, rotation: Rotation | None = None) -> Message:
    """What it does now."""
    return common.short_message(head, "running", activity, _what(rotation) if rotation else "")


def _what(rotation: Rotation) -> str:
    old = f"replaces {_key(rotation.old)}" if rotation.old else "is the first"
    return f"A new access key of {kit.code(rotation.user)} {old}."


def _key(key_id: str) -> str:
    return kit.code(key_name(key_id))


def ask(head: Head, rotation: Rotation, approval: ApprovalView) -> Message:
    """The request for approval."""
    news = f"waiting for approval to replace the access key of {kit.code(rotation.user)}"
    steps = [f"Make a new key, check it with STS, and write it to {_places(rotation)}:"]
    steps += [f"• {kit.escape(place)}" for place in rotation.places]
    if rotation.unused:
        steps.insert(
            0,
            f":warning: There are two keys. {_key(rotation.unused)} is deleted first: {kit.escape(rotation.why_unused)}.",
        )
    if rotation.old:
        proof = (
            f"a run of {kit.code(rotation.workflow)} succeeds, or a person confirms it"
            if rotation.workflow
            else "a person confirms it"
        )
        steps.append(f"Once {proof}, deactivate {_key(rotation.old)}; delete it {phrases.age(rotation.grace)} later.")
    question = f"Signalbox makes a new key of *{kit.escape(rotation.user)}* and writes it to {_places(rotation)}."
    return kit.message(
        common.plain(head, "waiting for approval"),
        [common.first_line(head, "approval", news), kit.section("\n".join(steps))],
        foot=[
            common.decision_buttons(approval, approve="Approve: rotate the key", question=question),
            common.approval_lines(approval),
            common.requester_block(head),
        ],
    )


def _places(rotation: Rotation) -> str:
    return phrases.counted(len(rotation.places), "place")


def not_approved(head: Head, rotation: Rotation, approval: ApprovalView) -> Message:
    """The approval was rejected, or expired."""
    return _framed(
        head, approval.outcome, f"{approval.outcome}, no key was changed", [kit.section(_what(rotation))], approval
    )


def nothing_written(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> Message:
    """No place took the key, which was deleted again."""
    news = "no place could be written. The new key was deleted; no changes were made"
    return _framed(head, "failed", news, [_table(replaced.places), *_remedies(replaced), _next(rotation)], approval)


def partly_written(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced, phase: int) -> Message:
    """Some places have the new key, others the old one: a person decides."""
    done = len(replaced.places) - len(replaced.failed)
    news = f"{done} of {len(replaced.places)} places have the new key {_key(replaced.key_id)}"
    both = _both_work(rotation, replaced)
    buttons = [
        _button(
            "Try again",
            AGAIN,
            head,
            phase,
            "A new key is made and written to all places; that of this attempt is deleted, as its secret is stored nowhere.",
        ),
        _button("Stop here", STOP, head, phase, "Both keys stay active, and the places stay as they are."),
    ]
    blocks = [_table(replaced.places), *_remedies(replaced), kit.section(both)]
    return _framed(head, "interrupted", news, blocks, approval, buttons=buttons)


def stopped(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced, person: str) -> Message:
    """It ended with the new key in some places."""
    why = f"stopped by {kit.user(person)}" if person else "nobody decided in 7 days"
    done = len(replaced.places) - len(replaced.failed)
    news = f"{why}; {done} of {len(replaced.places)} places have the new key {_key(replaced.key_id)}"
    blocks = [
        _table(replaced.places),
        *_remedies(replaced),
        kit.section(_both_work(rotation, replaced)),
        _next(rotation),
    ]
    return _framed(head, "failed", news, blocks, approval)


def _both_work(rotation: Rotation, replaced: Replaced) -> str:
    new = f"{_key(replaced.key_id)} (new)"
    both = f"Both keys are active: {_key(rotation.old)} (old) and {new}" if rotation.old else f"{new} is active"
    broken = [place.place for place in replaced.places if place.broken]
    if broken:
        return f":warning: *These do not work now*, as they have halves of two keys: {kit.escape(', '.join(broken))}. {both}."
    return f"{both}, so every place works."


def written(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> Message:
    """The new key is everywhere; it waits for proof."""
    news = f"{_key(replaced.key_id)} is in {_places(rotation)} and works with STS; {_key(rotation.old)} is still active"
    wait = (
        f"Waiting for a successful run of {kit.code(rotation.workflow)}"
        if rotation.workflow
        else "Waiting for a person"
    )
    wait += " or a person" if rotation.workflow else ""
    button = _button(
        "It works: deactivate the old key",
        PROVEN,
        head,
        0,
        f"{key_name(rotation.old)} is deactivated now, and deleted {phrases.age(rotation.grace)} later.",
    )
    blocks = [_table(replaced.places), kit.section(f"{wait} to prove the new key, for 7 days.")]
    return _framed(head, "waiting", news, blocks, approval, buttons=[button])


def unproven(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> Message:
    """Nobody proved the new key."""
    news = f"nobody confirmed {_key(replaced.key_id)} in 7 days"
    blocks = [
        _table(replaced.places),
        kit.section(_both_work(rotation, replaced)),
        kit.section("Delete the one that is not used in IAM."),
    ]
    return _framed(head, "failed", news, blocks, approval)


def deactivated(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced, until: float) -> Message:
    """The old key is deactivated, until it is deleted."""
    news = f"{_key(replaced.key_id)} is in use; {_key(rotation.old)} is deactivated, and deleted {kit.moment(until)}"
    button = _button(
        "Activate the old key again",
        BACK,
        head,
        0,
        f"{key_name(rotation.old)} is active again and is not deleted; the places keep the new key.",
    )
    return _framed(head, "waiting", news, [_table(replaced.places)], approval, buttons=[button])


def taken_back(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced, person: str) -> Message:
    """A person activated the old key again."""
    news = f"{_key(rotation.old)} is active again, by {kit.user(person)}; the places have {_key(replaced.key_id)}"
    return _framed(
        head, "cancelled", news, [_table(replaced.places), kit.section(_both_work(rotation, replaced))], approval
    )


def rotated(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> Message:
    """The old key is deleted."""
    news = f"{_key(replaced.key_id)} replaces {_key(rotation.old)}, which is deleted"
    return _framed(head, "succeeded", news, [_table(replaced.places)], approval)


def first(head: Head, rotation: Rotation, approval: ApprovalView, replaced: Replaced) -> Message:
    """The user had no key before."""
    news = f"{_key(replaced.key_id)}, the first key of {kit.code(rotation.user)}, is in {_places(rotation)}"
    return _framed(head, "succeeded", news, [_table(replaced.places)], approval)


def _button(label: str, answer: str, head: Head, phase: int, what_happens: str) -> Block:
    ask_first = kit.confirm("Are you sure?", what_happens, "Yes")
    value = f"{head.number} {phase}" if phase else str(head.number)
    return kit.button(label, _ACTIONS[answer], value, ask=ask_first)


def _next(rotation: Rotation) -> Block:
    return kit.section(f"Next: mend that, then run {kit.code(f'/infra rotate {rotation.name}')}.")


def _table(places: Sequence[Written]) -> Block:
    rows = [[place.place, f"❌ {place.problem}" if place.problem else "✅ has the new key"] for place in places]
    return tables.table(["Place", "State"], rows)


def _remedies(replaced: Replaced) -> list[Block]:
    remedies = dict.fromkeys(place.remedy for place in replaced.failed if place.remedy)
    return kit.sections([kit.escape(remedy) for remedy in remedies])


def _framed(
    head: Head,
    status: str,
    news: str,
    blocks: Sequence[Block],
    approval: ApprovalView,
    *,
    buttons: Sequence[Block] = (),
) -> Message:
    row = [kit.actions(BLOCK, *buttons)] if buttons else []
    return kit.message(
        common.plain(head, news),
        [common.first_line(head, status, news), *blocks],
        foot=[*row, common.approval_lines(approval), common.requester_block(head)],
    )
