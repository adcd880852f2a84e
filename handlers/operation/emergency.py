"""Emergency…: the window for its reason, and the review of each emergency on the next working day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from bot.access import policy, rights, urgency
from bot.access.rights import EMERGENCY, Need, needed_for
from bot.engine.watch import Watch
from bot.errors import Denied, UserError
from bot.operations import follow_ups, requests
from bot.operations.emergencies import OF, REVIEW_KIND
from bot.operations.registry import Button, Invocation, Kind, Modal
from bot.slack.blocks import common, kit, modals, replies
from bot.slack.modal import open_modal
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.shared import closed, permissions
from handlers.shared.clicks import clicked
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config.targets import Target
    from bot.operations.operation import Operation
    from bot.operations.registry import Click, Submission
    from bot.services import Services
    from bot.slack.blocks.common import LinkedOperation
    from bot.slack.blocks.kit import Block, Message
    from bot.store.operations import Record

TITLE, REASON, CONFIRM = "Emergency", "emergency", "emergency-seen"  # the modal, and the button of the review
REVIEWERS = 2
REVIEWED_BY = "seen by"  # an annotation of a review
MORNING, SATURDAY = 9, 5  # o'clock in the time zone of the target's windows, and the number of a weekday
LONGEST_WAIT, CHECK_INTERVAL = 6 * 3_600.0, 15.0  # seconds


async def declare(services: Services, click: Click) -> None:
    """Open the window that asks for the reason, for people who may act in an emergency there."""
    await open_modal(services.chat, click.trigger_id, TITLE, lambda: _window(services, click))


async def _window(services: Services, click: Click) -> Block:
    command, words = closed.command_of(click.value)
    environment = closed.environment_of(services, words)
    attempt = permissions.attempt(click.user, f"emergency: {click.value}"[:200], environment.name)
    await permissions.check_may_use(services, attempt, command, "emergency")
    what = (
        f"{kit.code(click.value)}\nThis ignores the windows, freezes and the order of environments, and "
        f"{_approvals(services)}. The channel is notified at once, and others review it on the next working day."
    )
    reason = modals.text("reason", "Why can this not wait?", longest=urgency.LONGEST_REASON)
    blocks = [kit.section(what), reason]
    return modals.modal(REASON, blocks, metadata=click.value, title=TITLE, submit="Declare emergency", close="Not now")


def _approvals(services: Services) -> str:
    count = services.config.access.emergency.approvals
    others = "from somebody else" if count == 1 else "from other people"
    return f"needs {phrases.counted(count, 'approval')} {others}" if count else "needs nobody else's approval"


async def declared(services: Services, submission: Submission) -> Mapping[str, str]:
    """Begin the emergency, as if it had been typed; errors are under the reason."""
    try:
        reason = urgency.checked(submission.values["reason"], "")
        name, words = closed.command_of(urgency.typed(submission.private_metadata, reason))
        typed = Invocation(submission.user, "", words, "", "", submission.key, submission.registry)
        await closed.registered(submission.registry, name).handle(services, typed)
    except UserError as error:
        return {"reason": str(error)}
    return {}


async def review(operation: Operation) -> None:
    """Durable: on the next working day ask two reviewers to confirm that they have seen the emergency."""
    emergency = await operation.step("emergency", lambda: _emergency(operation))
    due = await operation.step("due", lambda: _due(operation))
    while (remaining := due - await operation.step("now", lambda: _now(operation))) > 0:
        await operation.services.engine.wait(min(remaining, LONGEST_WAIT))
    other = await operation.step("link", lambda: follow_ups.linked(operation.services, emergency))
    needed = _needed(operation, emergency)
    await operation.announce(_ask(operation, emergency, other, (), needed))
    await operation.details("asks", kit.message(_who(operation, emergency), [kit.section(_who(operation, emergency))]))
    reviewed_by: Sequence[str] = ()
    while len(reviewed_by) < needed:
        watch = Watch(partial(_has_more, operation, reviewed_by), CHECK_INTERVAL)
        await operation.services.engine.wait(LONGEST_WAIT, watch)
        reviewed_by = await operation.step("seen", lambda: _reviewed_by(operation))
        if len(reviewed_by) < needed:
            message = _ask(operation, emergency, other, reviewed_by, needed)
            await operation.show("show seen", message, Status.RUNNING, "waits for its review")
    await operation.end(Status.SUCCEEDED, _ask(operation, emergency, other, reviewed_by, 0), outcome="reviewed")


async def _emergency(operation: Operation) -> Record:
    return await operation.services.operations.verified(int(operation.record.arguments[OF]))


async def _now(operation: Operation) -> float:
    return operation.services.clock()


async def _due(operation: Operation) -> float:
    windows = operation.target.windows
    return next_working_day(operation.record.created_at, windows[0].zone if windows else UTC)


def next_working_day(at: float, zone: tzinfo) -> float:
    """Nine o'clock of the first day from Monday to Friday after this time (Unix seconds)."""
    day = datetime.fromtimestamp(at, zone) + timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    return day.replace(hour=MORNING, minute=0, second=0, microsecond=0).timestamp()


async def _reviewed_by(operation: Operation) -> tuple[str, ...]:
    return await operation.services.annotations.values_of(operation.number, REVIEWED_BY)


async def _has_more(operation: Operation, reviewed_by: Sequence[str]) -> bool:
    return len(await _reviewed_by(operation)) > len(reviewed_by)


def reviewers(services: Services, target: Target, emergency: Record) -> tuple[str, ...]:
    """Who reviews the emergency: those whom the configuration names for that, else its approvers, else who may do the same.

    Where these are nobody else than who declared it, that person alone.
    """
    config, command = services.config, needed_for(emergency).command
    needs = Need("approve", command), Need("run", command)
    deciding, running = (rights.people_of(rights.rules_for(config, need, target)) for need in needs)
    choices = (config.access.emergency.reviewers, deciding, running)
    return next((rules for rules in choices if {*rules} - {emergency.requester}), (emergency.requester,))


def _needed(operation: Operation, emergency: Record) -> int:
    """Two, unless fewer people are named: of a group nobody knows how many there are."""
    rules = reviewers(operation.services, operation.target, emergency)
    groups = any(rule.startswith(policy.GROUP) for rule in rules)
    return REVIEWERS if groups else max(1, min(REVIEWERS, len({*rules} - {emergency.requester})))


def _who(operation: Operation, emergency: Record) -> str:
    rules = reviewers(operation.services, operation.target, emergency)
    mentions = " ".join(policy.mentions(rules, but=emergency.requester)) or kit.user(emergency.requester)
    return f":eyes: {mentions}: review the emergency #{emergency.number}, and press Seen in the message above."


def _ask(
    operation: Operation, emergency: Record, other: LinkedOperation, reviewed_by: Sequence[str], needed: int
) -> Message:
    head, missing = operation.head, needed - len(reviewed_by)
    news = f"{missing} {'person has' if missing == 1 else 'people have'} to review it" if missing > 0 else "reviewed"
    reason = kit.escape(emergency.arguments.get(EMERGENCY, ""))
    text = f"{kit.user(emergency.requester)} declared an emergency {kit.moment(emergency.created_at)}: “{reason}”"
    by = f"\nSeen by {', '.join(map(kit.user, reviewed_by))}" if reviewed_by else ""
    press = (
        [kit.actions("review", kit.button("Seen", CONFIRM, str(head.number), style="primary"))] if missing > 0 else []
    )
    icon = "approval" if missing > 0 else "succeeded"
    blocks = [
        common.first_line(head, icon, news),
        kit.section(f"{text}{by}"),
        *press,
        common.linked_line("Emergency", other),
    ]
    return kit.message(common.plain(head, news), blocks)


async def confirm(services: Services, click: Click) -> Message:
    """Record that this reviewer has seen the emergency."""
    record = await clicked(services, click)
    if record.kind != REVIEW_KIND:
        raise UserError("This button does not belong to this message; nothing changed.")
    attempt = permissions.attempt_on(record, click.user, "review an emergency")
    async with requests.refusals_recorded(services, attempt):
        target = policy.target_of(services.config, record.environment)
        emergency = await services.operations.verified(int(record.arguments[OF]))
        person, rules = await services.directory.person(click.user), reviewers(services, target, emergency)
        if not policy.allowed(person, rules):
            raise Denied(f"You may not review this; {policy.in_words(rules)} may.")
        if click.user == emergency.requester and {*rules} != {click.user}:
            raise Denied("You declared this emergency yourself; others review it.")
    if record.status.ended:
        raise UserError(f"#{record.number} is reviewed already.")
    await services.annotations.add(record.number, REVIEWED_BY, click.user)
    await services.audit.record(Entry(click.user, "emergency seen", record.environment, record.number))
    await services.engine.wake(record.number)
    return replies.done(f"You have seen #{emergency.number}.")


BUTTONS = (Button(closed.DECLARE, declare), Button(CONFIRM, confirm))
MODALS = (Modal(REASON, declared),)
KINDS = (Kind(REVIEW_KIND, review, silent=True),)
