"""The workflow of a clean-up: proposes images and orphaned storage, waits for approval, checks and removes each."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.engine.watch import Watch
from bot.operations.approval import required_approvals
from bot.operations.registry import Kind
from bot.store.approvals import Outcome as Decided
from bot.store.operations import Status
from handlers.images import clean_up_views
from handlers.images.clean_up_views import CleanUpView
from handlers.images.image_list import KIND, PROPOSAL, retention_rules, snapshot
from handlers.shared.builders import recognition
from runners import phrases
from runners.aws.builders import orphaned_resources, termination
from runners.aws.images import removal
from runners.errors import RunnerError
from runners.results import Candidate, OrphanedResources, Outcome, RemovalResult, Step, Unreadable, What

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message

    Work = Callable[[Operation, Candidate], Coroutine[Any, Any, RemovalResult]]

MOST = 100  # candidates: what a person can check, and a select of Slack can hold
TAKEN_BACK = "taken back"  # an annotation: the user who wants the disabled images enabled again
POLL_INTERVAL = 60.0  # seconds between checks outside of the workflow
LONGEST_WAIT = 6 * 3_600.0  # seconds
SHORTEST_WAIT = 0.05  # seconds
UPDATE_AFTER = 5  # removals; Slack takes an update of a message in a second or two


async def clean_up(operation: Operation) -> None:
    """Durable: propose, wait for approval, disable for a time where configured, remove, report."""
    total, unreadable = await operation.step("propose", lambda: _propose(operation))
    if not total:
        await _end_without_candidates(operation, unreadable)
        return
    if not operation.at.ts:
        await operation.announce(clean_up_views.nothing(operation.head, ()))
    view, approval = await _approved(operation, max(total - MOST, 0))
    if approval.outcome != Decided.APPROVED:
        await operation.end(Status(approval.outcome), clean_up_views.not_approved(view, approval))
        return
    if await _taken_back(operation, view, approval):
        return
    results = await _each(operation, view, approval, "remove", _remove)
    complete = sum(1 for result in results if result.complete)
    status = Status.SUCCEEDED if complete or not results else Status.FAILED
    message = clean_up_views.removed(view, approval, results)
    await operation.end(status, message, outcome=f"{complete} of {len(results)} removed")


async def _propose(operation: Operation) -> tuple[int, tuple[Unreadable, ...]]:
    """Store the candidates; how many there are, and what could not be read."""
    current = await snapshot(operation.services)
    await operation.services.removals.propose(operation.number, current.candidates[:MOST])
    return len(current.candidates), (*current.images.unreadable, *current.orphans.unreadable)


async def _end_without_candidates(operation: Operation, unreadable: Sequence[Unreadable]) -> None:
    if operation.at.ts:
        message = clean_up_views.nothing(operation.head, unreadable)
        await operation.end(Status.SUCCEEDED, message, outcome="nothing can be deleted")
    else:
        await operation.finish_silently(Status.SUCCEEDED)


async def _approved(operation: Operation, more: int) -> tuple[CleanUpView, ApprovalView]:
    """Wait for a decision; when a person excludes candidates, a new approval replaces the old one."""
    round_number = 0
    while True:
        round_number += 1
        view = await operation.step("candidates", lambda: _view(operation, more))
        required = required_approvals(operation, at_least=1)
        render = partial(_ask, operation, view)
        approval = await operation.approved(_digest(operation, view, round_number), required, render)
        if approval.outcome != Decided.SUPERSEDED:
            return view, approval


def _ask(operation: Operation, view: CleanUpView, approval: ApprovalView) -> Message:
    grace = _grace(operation)
    return clean_up_views.ask(view, approval, phrases.age(grace) if grace else "")


async def _view(operation: Operation, more: int) -> CleanUpView:
    candidates = await operation.services.removals.proposed_by(operation.number)
    return CleanUpView(operation.head, candidates, operation.services.clock(), more)


def _digest(operation: Operation, view: CleanUpView, round_number: int) -> str:
    chosen = " ".join(f"{candidate.removal.region}/{candidate.removal.image_id}" for candidate in view.chosen)
    return hashlib.sha256(f"clean up {operation.number} {round_number} {chosen}".encode()).hexdigest()


async def _taken_back(operation: Operation, view: CleanUpView, approval: ApprovalView) -> bool:
    """Disable the images for the configured time; true when a person took that back, which ends the operation."""
    grace = _grace(operation)
    if not grace:
        return False
    results = await _each(operation, view, approval, "disable", _disable)
    until = await operation.step("disabled until", lambda: _due_in(operation, grace))
    message = clean_up_views.disabled(view, approval, results, until)
    await operation.show("disabled", message, Status.RUNNING, "has images disabled")
    while True:
        now, person = await operation.step("poll", lambda: _taken_back_by(operation))
        if person:
            enabled = await _each(operation, view, approval, "enable", _enable)
            message = clean_up_views.taken_back(view, person, enabled)
            await operation.end(Status.CANCELLED, message, outcome=f"taken back by {person}")
            return True
        if now >= until:
            return False
        watch = Watch(lambda: _is_taken_back(operation, until), POLL_INTERVAL)
        await operation.services.engine.wait(max(min(until - now, LONGEST_WAIT), SHORTEST_WAIT), watch)


async def _due_in(operation: Operation, seconds: float) -> float:
    return operation.services.clock() + seconds


async def _is_taken_back(operation: Operation, until: float) -> bool:
    now, person = await _taken_back_by(operation)
    return bool(person) or now >= until


async def _taken_back_by(operation: Operation) -> tuple[float, str]:
    """The time, and the user who takes the clean-up back, or empty."""
    users = await operation.services.annotations.values_of(operation.number, TAKEN_BACK)
    return operation.services.clock(), users[0] if users else ""


async def _each(
    operation: Operation,
    view: CleanUpView,
    approval: ApprovalView,
    doing: str,
    work: Work,
) -> list[RemovalResult]:
    """Work on one candidate after the other; each is a step, which can be repeated after an interruption."""
    results: list[RemovalResult] = []
    for candidate in view.chosen:
        image_id = candidate.removal.image_id
        result = await operation.step(f"{doing} {image_id}", partial(_attempt, operation, candidate, work))
        results.append(result)
        outcome = ", ".join(f"{step.what} {step.resource} {step.outcome.value}" for step in result.steps)
        await operation.audit(doing, what=image_id, outcome=outcome[:300])
        if len(results) % UPDATE_AFTER == 0:
            message = clean_up_views.removing(view, approval, results)
            await operation.show("progress", message, Status.RUNNING, "removes images")
    return results


async def _attempt(operation: Operation, candidate: Candidate, work: Work) -> RemovalResult:
    stored = await operation.services.removals.proposed_by(operation.number)
    excluded = {other.removal.image_id for other in stored if other.excluded_by}
    # A person may have excluded it in the moment of the last approval.
    if candidate.removal.image_id in excluded and work is not _enable:
        return _result(candidate, Outcome.SKIPPED, "somebody chose that it stays")
    if work is not _enable:
        await operation.check_authorized("remove" if work is _remove else "disable")
    try:
        return await work(operation, candidate)
    except RunnerError as error:
        return _result(candidate, Outcome.REFUSED, operation.services.redact(str(error)))


def _result(candidate: Candidate, outcome: Outcome, reason: str = "") -> RemovalResult:
    step = Step(candidate.what.value, candidate.removal.image_id, outcome, reason)
    return RemovalResult(candidate.removal, (step,))


async def _remove(operation: Operation, candidate: Candidate) -> RemovalResult:
    services = operation.services
    if candidate.what is What.VOLUME:
        return await _remove_volume(services, candidate)
    return await removal.remove(services.account, candidate.removal, await retention_rules(services))


async def _remove_volume(services: Services, candidate: Candidate) -> RemovalResult:
    volumes, _ = await orphaned_resources.orphaned_volumes(services.account, recognition(services.config), timeout=120)
    still = tuple(volume for volume in volumes if volume.volume_id == candidate.removal.image_id)
    if not still:
        return _result(candidate, Outcome.ABSENT)
    steps = await termination.delete_resources(services.account, OrphanedResources(volumes=still))
    return RemovalResult(candidate.removal, steps)


async def _disable(operation: Operation, candidate: Candidate) -> RemovalResult:
    if candidate.what is not What.IMAGE:
        return _result(candidate, Outcome.WAITING)
    rules = await retention_rules(operation.services)
    return await removal.disable(operation.services.account, candidate.removal, rules)


async def _enable(operation: Operation, candidate: Candidate) -> RemovalResult:
    if candidate.what is not What.IMAGE:
        return _result(candidate, Outcome.SKIPPED)
    return await removal.enable(operation.services.account, candidate.removal)


def _grace(operation: Operation) -> float:
    """For how many seconds images are disabled before they are removed; 0 where that is not configured."""
    images = operation.services.config.images
    first = images.keep.disable_first if images else None
    return first.total_seconds() if first else 0.0


KINDS = (Kind(KIND, clean_up), Kind(PROPOSAL, clean_up, silent=True))
