"""A clean-up of images: what may go is shown, chosen, approved; then each is looked at once more and removed."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.access import policy
from bot.errors import UserError
from bot.operations.registry import Button, Click, Kind, Modal, Submission
from bot.store.approvals import Outcome as Decided
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.images import clean_up_views
from handlers.images.clean_up_views import CleanUpView
from handlers.images.image_list import KIND, PROPOSAL, retention_rules, snapshot
from handlers.shared import permissions
from handlers.shared.builders import recognition
from handlers.shared.clicks import clicked
from runners import phrases
from runners.aws.builders import orphaned_resources, termination
from runners.aws.images import removal
from runners.errors import RunnerError
from runners.results import Candidate, OrphanedResources, Outcome, RemovalResult, Step, Unreadable, What

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

    Work = Callable[[Operation, Candidate], Coroutine[Any, Any, RemovalResult]]

MOST = 100  # in one clean-up: what one person can look through, and one select can hold
TAKEN_BACK = "taken back"  # a note: who wants the disabled images back
LOOK_EVERY = 60.0
SHOW_EVERY = 5  # images; Slack takes a change of a message in a second or two


async def clean_up(operation: Operation) -> None:
    """Durable: look, show, wait for approval, disable for a while where that is wanted, remove, report."""
    found = await operation.step("propose", lambda: _propose(operation))
    total, unreadable = found
    if not total:
        await _nothing(operation, unreadable)
        return
    if not operation.at.ts:
        await operation.announce(clean_up_views.nothing(operation.head, ()))
    view, approval = await _approved(operation, max(total - MOST, 0))
    if approval.outcome != Decided.APPROVED:
        await operation.end(Status(approval.outcome), clean_up_views.not_approved(view, approval))
        return
    if await _taken_back(operation, view, approval):
        return
    done = await _each(operation, view, approval, "remove", _remove)
    deleted = [one for one in done if one.complete]
    status = Status.SUCCEEDED if deleted or not done else Status.FAILED
    await operation.end(
        status, clean_up_views.removed(view, approval, done), outcome=f"{len(deleted)} of {len(done)} removed"
    )


async def _propose(operation: Operation) -> tuple[int, tuple[Unreadable, ...]]:
    services = operation.services
    current = await snapshot(services)
    await services.removals.propose(operation.number, current.candidates[:MOST])
    return len(current.candidates), (*current.images.unreadable, *current.orphans.unreadable)


async def _nothing(operation: Operation, unreadable: Sequence[Unreadable]) -> None:
    if operation.at.ts:
        await operation.end(
            Status.SUCCEEDED, clean_up_views.nothing(operation.head, unreadable), outcome="nothing may go"
        )
    else:
        await operation.finish_silently(Status.SUCCEEDED)


async def _approved(operation: Operation, more: int) -> tuple[CleanUpView, ApprovalView]:
    """Ask until it is settled; somebody's choice of what stays makes it a new question."""
    asked = 0
    while True:
        asked += 1
        view = await operation.step("what goes", lambda: _view(operation, more))
        required = policy.required_approvals(operation.target, at_least=1)
        drawn = partial(_draw, operation, view)
        approval = await operation.approved(_binding(operation, view, asked), required, drawn)
        if approval.outcome != Decided.SUPERSEDED:
            return view, approval


def _draw(operation: Operation, view: CleanUpView, approval: ApprovalView) -> Message:
    return clean_up_views.ask(view, approval, _grace_words(operation))


async def _view(operation: Operation, more: int) -> CleanUpView:
    candidates = await operation.services.removals.proposed_by(operation.number)
    return CleanUpView(operation.head, candidates, operation.services.clock(), more)


def _binding(operation: Operation, view: CleanUpView, asked: int) -> str:
    chosen = " ".join(f"{one.removal.region}/{one.removal.image_id}" for one in view.chosen)
    return hashlib.sha256(f"clean up {operation.number} {asked} {chosen}".encode()).hexdigest()


async def _taken_back(operation: Operation, view: CleanUpView, approval: ApprovalView) -> bool:
    """Disable for the configured time; whether somebody took it back meanwhile, which ends the operation."""
    grace = _grace(operation)
    if not grace:
        return False
    done = await _each(operation, view, approval, "disable", _disable)
    until = await operation.step("disabled until", lambda: _in(operation, grace))
    await operation.show(
        "disabled", clean_up_views.disabled(view, approval, done, until), Status.RUNNING, "has images disabled"
    )
    while True:
        now, person = await operation.step("look", lambda: _who_takes_back(operation))
        if person:
            back = await _each(operation, view, approval, "enable", _enable)
            await operation.end(
                Status.CANCELLED, clean_up_views.taken_back(view, person, back), outcome=f"taken back by {person}"
            )
            return True
        if now >= until:
            return False
        await operation.services.engine.wait(min(LOOK_EVERY, max(until - now, 0.05)))


async def _in(operation: Operation, seconds: float) -> float:
    return operation.services.clock() + seconds


async def _who_takes_back(operation: Operation) -> tuple[float, str]:
    said = await operation.services.annotations.values_of(operation.number, TAKEN_BACK)
    return operation.services.clock(), said[0] if said else ""


async def _each(
    operation: Operation,
    view: CleanUpView,
    approval: ApprovalView,
    doing: str,
    work: Work,
) -> list[RemovalResult]:
    """Do it with one after the other; a step each, which may be done twice without harm."""
    done: list[RemovalResult] = []
    for one in view.chosen:
        result = await operation.step(f"{doing} {one.removal.image_id}", partial(_in_words, operation, one, work))
        done.append(result)
        outcome = ", ".join(f"{step.what} {step.resource} {step.outcome.value}" for step in result.steps)
        await operation.audit(doing, what=one.removal.image_id, outcome=outcome[:300])
        if len(done) % SHOW_EVERY == 0:
            await operation.show(
                "progress", clean_up_views.removing(view, approval, done), Status.RUNNING, "removes images"
            )
    return done


async def _in_words(operation: Operation, one: Candidate, work: Work) -> RemovalResult:
    now = {known.removal.image_id: known for known in await operation.services.removals.proposed_by(operation.number)}
    if now[one.removal.image_id].excluded_by and work is not _enable:  # chosen in the moment of the last approval
        stays = Step(one.what.value, one.removal.image_id, Outcome.SKIPPED, "somebody chose that it stays")
        return RemovalResult(one.removal, (stays,))
    try:
        return await work(operation, one)
    except RunnerError as error:
        reason = operation.services.redact(str(error))
        return RemovalResult(one.removal, (Step(one.what.value, one.removal.image_id, Outcome.REFUSED, reason),))


async def _remove(operation: Operation, one: Candidate) -> RemovalResult:
    services = operation.services
    if one.what is What.VOLUME:
        return await _remove_volume(services, one)
    return await removal.remove(services.account, one.removal, await retention_rules(services))


async def _remove_volume(services: Services, one: Candidate) -> RemovalResult:
    volumes, _ = await orphaned_resources.orphaned_volumes(services.account, recognition(services.config), timeout=120)
    still = tuple(volume for volume in volumes if volume.volume_id == one.removal.image_id)
    if not still:
        return RemovalResult(one.removal, (Step("volume", one.removal.image_id, Outcome.ABSENT),))
    return RemovalResult(
        one.removal, await termination.delete_resources(services.account, OrphanedResources(volumes=still))
    )


async def _disable(operation: Operation, one: Candidate) -> RemovalResult:
    if one.what is not What.IMAGE:
        return RemovalResult(one.removal, (Step(one.what.value, one.removal.image_id, Outcome.WAITING),))
    return await removal.disable(operation.services.account, one.removal, await retention_rules(operation.services))


async def _enable(operation: Operation, one: Candidate) -> RemovalResult:
    if one.what is not What.IMAGE:
        return RemovalResult(one.removal, (Step(one.what.value, one.removal.image_id, Outcome.SKIPPED),))
    return await removal.enable(operation.services.account, one.removal)


def _grace(operation: Operation) -> float:
    images = operation.services.config.images
    first = images.keep.disable_first if images else None
    return first.total_seconds() if first else 0.0


def _grace_words(operation: Operation) -> str:
    grace = _grace(operation)
    return phrases.age(grace) if grace else ""


async def choose(services: Services, click: Click) -> None:
    """Ask which ones stay, of who may approve."""
    record = await clicked(services, click)
    await _check(services, click.user, record, "choose images")
    candidates = await services.removals.proposed_by(record.number)
    await services.chat.open_view(
        click.trigger_id, clean_up_views.choice_modal(record.number, candidates, services.clock())
    )


async def chosen(services: Services, submission: Submission) -> Mapping[str, str]:
    """Let these stay; the question in the message becomes a new one, and what was approved before counts no more."""
    record = await services.operations.get(int(submission.private_metadata))
    try:
        await _check(services, submission.user, record, "choose images")
    except UserError as error:
        return {"stay": str(error)}
    stay = [image_id for image_id in submission.values["stay"].split(",") if image_id]
    candidates = await services.removals.proposed_by(record.number)
    if len(stay) >= len(candidates):
        return {"stay": "Then nothing would go: reject the clean-up instead."}
    await services.removals.exclude(record.number, stay, submission.user)
    await services.approvals.supersede(record.number)
    await services.audit.record(
        Entry(submission.user, "chose images", record.environment, record.number, {"stay": ", ".join(stay)[:300]})
    )
    await services.engine.wake(record.number)
    return {}


async def take_back(services: Services, click: Click) -> None:
    """Enable what was disabled, for who may approve, as long as nothing was removed."""
    record = await clicked(services, click)
    await _check(services, click.user, record, "take the clean-up back", Status.RUNNING)
    await services.annotations.add(record.number, TAKEN_BACK, click.user)
    await services.audit.record(Entry(click.user, "took the clean-up back", record.environment, record.number))
    await services.engine.wake(record.number)


async def _check(services: Services, user: str, record: Record, what: str, status: Status = Status.APPROVAL) -> None:
    tried = permissions.attempt_on(record, user, what)
    await permissions.check_may_approve(services, tried, requester=record.requester)
    if record.status is not status:
        raise UserError(f"It is too late for that: #{record.number} is {record.activity or record.status.value} now.")


KINDS = (Kind(KIND, clean_up), Kind(PROPOSAL, clean_up, silent=True))
BUTTONS = (Button(clean_up_views.CHOOSE, choose), Button(clean_up_views.UNDO, take_back))
MODALS = (Modal(clean_up_views.CHOICE, chosen),)
