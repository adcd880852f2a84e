"""What waits for a person: approvals that they may give, with their buttons, and their own locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import needed_for
from bot.config.targets import find_target
from bot.errors import Denied
from bot.operations.queue import OPEN_AHEAD
from bot.slack.blocks import common, kit
from bot.store.operations import Status
from handlers.infra import closure_views
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.access.policy import Person
    from bot.services import Services
    from bot.slack.blocks.kit import Block
    from bot.store.approvals import Approval
    from bot.store.closures import Closure
    from bot.store.operations import Record
    from handlers.infra.state import Snapshot

MOST = 8  # of each kind; a Home tab has 100 blocks


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation with the approval that it waits for, and the address of its message, which may be empty."""

    record: Record
    approval: Approval
    url: str


async def approvals(services: Services, snapshot: Snapshot) -> tuple[Asked, ...]:
    """The approvals that operations wait for, oldest first. Raises ForgedError."""
    asked = list[Asked]()
    for record in snapshot.open:
        if record.status is Status.APPROVAL and (pending := await services.approvals.pending_of(record.number)):
            asked.append(Asked(record, pending, snapshot.urls.get(record.number, "")))
    return tuple(asked)


def for_person(services: Services, person: Person, asked: Iterable[Asked]) -> list[Asked]:
    """Those of the approvals that this person may give, and has not given."""
    return [each for each in asked if person.id not in each.approval.approvers and _may_approve(services, person, each)]


def _may_approve(services: Services, person: Person, asked: Asked) -> bool:
    record = asked.record
    target = find_target(services.config, record.environment)
    if target is None or not policy.sees(services.config, person, record.environment):
        return False
    try:
        policy.check_may_approve(services.config, target, person, asked.approval.requester, needed_for(record))
    except Denied:
        return False
    return True


def blocks(asked: Sequence[Asked], locks: Sequence[Closure]) -> list[Block]:
    """What waits, as blocks; none where nothing does."""
    if not asked and not locks:
        return []
    more = [
        kit.context(text)
        for text in phrases.rest(max(len(asked) - MOST, 0) + max(len(locks) - MOST, 0), noun="in the channels")
    ]
    return [
        kit.header("Waiting for you"),
        *(block for each in asked[:MOST] for block in _approval(each)),
        *(block for each in locks[:MOST] for block in closure_views.own(each)),
        *more,
    ]


def _approval(asked: Asked) -> list[Block]:
    record, approval = asked.record, asked.approval
    number = f"#{record.number}"
    linked = kit.link(number, asked.url) if asked.url else number
    missing = approval.required - len(approval.approvers)
    need = phrases.plural(missing, "an approval", f"{missing} approvals")
    text = (
        f"{common.EMOJI['approval']} {linked} *{kit.escape(record.title)}*: needs {need} until "
        f"{kit.moment(approval.expires_at)}, requested by {kit.user(record.requester)}"
    )
    title = kit.escape(f"#{record.number} {record.title}")
    ask_yes = kit.confirm("Approve this?", f"*{title}* continues. Its message says what it does.", "Yes, approve")
    ask_no = kit.confirm("Reject this?", f"*{title}* ends, and its queue goes on.", "Reject")
    # Where a confirmation has to be typed next, that is enough.
    buttons = [
        kit.button(
            "Approve",
            common.APPROVE,
            approval.id,
            style="primary",
            ask=None if approval.typed_confirmation else ask_yes,
        ),
        kit.button("Reject", common.REJECT, approval.id, ask=ask_no),
    ]
    if asked.url:
        buttons.append(kit.link_button("Show what it does", OPEN_AHEAD, asked.url))
    return [kit.section(text), kit.actions(f"waiting {record.number}", *buttons)]
