"""/infra lock, unlock, freeze, unfreeze: who may change an environment now, with a reason that every refusal repeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from bot.access import arguments, closing, policy, until
from bot.config.part_rules import ALL
from bot.errors import UserError
from bot.operations.registry import Button, PeriodicTask, Topic
from bot.operations.requests import refusals_recorded
from bot.slack.blocks import replies
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.closures import EVERYTHING, LONGEST_REASON, Closure, ClosureKind
from handlers.infra import closure_views as views
from handlers.infra.help_views import STOP
from handlers.shared.permissions import REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from bot.config import Config, Environment
    from bot.operations.registry import Click, DueRun, Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message

INTERVAL = timedelta(minutes=1)  # between two checks for what is over, or forgotten
RECOVERED_AFTER = 60.0  # seconds until a report that another process has begun, and not finished, is made here
LOCK, FREEZE = ClosureKind.LOCK, ClosureKind.FREEZE


async def close(kind: ClosureKind, services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """Lock or freeze what the first word names, for everybody to read."""
    target, rest = await _target(services, invocation.user, kind, words)
    now = datetime.fromtimestamp(services.clock(), UTC)
    read = until.read(rest, now, await services.directory.zone(invocation.user))
    reason = _reason(kind, read.rest)
    person, environment = await services.directory.person(invocation.user), services.config.find(target)
    async with refusals_recorded(services, Entry(invocation.user, "refused", target, detail={"what": _name(kind)})):
        closing.check_may_close(services.config, environment, person, kind)
    end = read.until.timestamp() if read.until else None
    wanted = Closure(kind, target, invocation.user, reason, services.clock(), end)
    detail = {"why": reason, "until": read.until.strftime("%Y-%m-%d %H:%M UTC") if read.until else ""}
    entry = Entry(invocation.user, kind.value, _stored_name(target), detail=detail)
    holds, made = await services.closures.close(wanted, lambda connection: services.audit.append(connection, entry))
    if not made:
        raise UserError(f"{closing.closed_in_words(views.name_of(target), holds)} Nothing was changed.")
    return await _announced(services, environment, views.closed(wanted))


async def reopen(kind: ClosureKind, services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """End the lock or freeze of what the word names."""
    target, _ = await _target(services, invocation.user, kind, words)
    attempt = Entry(invocation.user, "refused", target, detail={"what": f"un{kind.value}"})
    return await _reopen(services, kind, target, attempt)


async def press(services: Services, click: Click) -> Message:
    """The same, by the button below a lock or freeze."""
    kind, _, target = click.value.partition(" ")
    if kind not in (LOCK, FREEZE) or not (target == EVERYTHING or services.config.find(target)):
        raise UserError("This is no longer in the configuration; nothing was changed.")
    attempt = Entry(click.user, REFUSED, _stored_name(target), detail={"what": f"un{kind}"})
    return await _reopen(services, ClosureKind(kind), target, attempt)


async def _reopen(services: Services, kind: ClosureKind, target: str, attempt: Entry) -> Message:
    environment = services.config.find(target)
    person = await services.directory.person(attempt.actor)
    closure = next(
        (each for each in await services.closures.active() if (each.kind, each.target) == (kind, target)), None
    )
    if closure is None:
        raise UserError(f"{views.name_of(target)} is not {kind.participle}; nothing was changed.")
    async with refusals_recorded(services, attempt):
        closing.check_may_reopen(services.config, environment, person, kind, closure.person)

    def record(connection: Connection, ended: Closure) -> None:
        detail = {"why": ended.reason, "by": ended.person}
        services.audit.append(connection, Entry(attempt.actor, f"un{kind.value}", _stored_name(target), detail=detail))

    ended = await services.closures.open(kind, target, attempt.actor, record)
    if ended is None:
        raise UserError(f"{views.name_of(target)} is not {kind.participle} any more; nothing was changed.")
    return await _announced(services, environment, views.opened(ended, attempt.actor))


async def _announced(services: Services, environment: Environment | None, message: Message) -> Message:
    """Post it where the environment's operations are; the same as the answer, also where Slack does not take the post."""
    name = environment.channel if environment else services.config.slack.channel
    try:
        await services.chat.post(await services.chat.channel_id(name), message)
    except ChatError as error:
        return replies.done(f"{message.text} {name} does not display it: {error.code}.")
    return replies.done(message.text)


async def _target(services: Services, user: str, kind: ClosureKind, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """What is meant, and the words after it: an environment or part of one; all, for a freeze."""
    usage, word = USAGES[kind], words[0] if words else ""
    if word.lower() == ALL and kind is FREEZE:
        return EVERYTHING, words[1:]
    if named := services.config.find(word):
        return named.name, words[1:]
    visible = policy.visible_to(services.config, await services.directory.person(user))
    if not word:
        raise UserError(f"Which environment? There are {', '.join(visible.whole_environments)}. Usage: {usage}")
    return arguments.environment(visible, word, usage).name, words[1:]


def _reason(kind: ClosureKind, words: Sequence[str]) -> str:
    reason = " ".join(words)
    if not reason:
        raise UserError(f"Why? Others read the reason when they are refused. Usage: {USAGES[kind]}")
    if len(reason) > LONGEST_REASON:
        raise UserError(
            f"That reason has {len(reason)} characters; {LONGEST_REASON} are the most. Nothing was changed."
        )
    return reason


def _name(kind: ClosureKind) -> str:
    return f"/infra {kind.value}"


def _stored_name(target: str) -> str:
    """The target as the audit log has it."""
    return "" if target == EVERYTHING else target


async def check(services: Services, due: DueRun) -> None:
    """Report what is over, then remind of what is forgotten."""
    for closure in await services.closures.over():
        await _report_end(services, closure)
    await remind(services, due)


async def _report_end(services: Services, closure: Closure) -> None:
    """Post once that the time of a lock or freeze is over, and mention its person; also if a process ended meanwhile."""
    since = closure.reminded_at or 0.0
    begun = closure.until is not None and since >= closure.until
    if (begun and services.clock() - since < RECOVERED_AFTER) or not await services.closures.claim_reminder(closure):
        return
    environment = services.config.find(closure.target)
    channel = await services.chat.channel_id(environment.channel if environment else services.config.slack.channel)
    marker = f"{closure.kind.value} {closure.target} {closure.since}"
    if not (begun and await services.chat.find(channel, marker, since=closure.until or closure.since)):
        await services.chat.post(channel, views.over(closure), marker=marker)
    detail = {"why": closure.reason, "by": closure.person, "outcome": "its time is over"}
    entry = Entry("signalbox", f"un{closure.kind.value}", _stored_name(closure.target), detail=detail)
    await services.closures.end(closure, lambda connection: services.audit.append(connection, entry))


async def remind(services: Services, _: DueRun) -> None:
    """Mention who locked or froze something that nobody has opened for long, and that does not end by itself."""
    every = services.config.operations.remind_of_locks.total_seconds()
    for closure in await services.closures.active():
        last = closure.reminded_at or closure.since
        due = closure.until is None and services.clock() - last >= every
        if due and await services.closures.claim_reminder(closure):
            environment = services.config.find(closure.target)
            name = environment.channel if environment else services.config.slack.channel
            await services.chat.post(await services.chat.channel_id(name), views.reminder(closure))


def _intervals(_: Config) -> Mapping[str, timedelta]:
    return {"locks": INTERVAL}


_LOCK_HINT, _FREEZE_HINT = "<environment> [until ...] <reason>", "<environment | all> [until ...] <reason>"
USAGES = {LOCK: f"/infra lock {_LOCK_HINT}", FREEZE: f"/infra freeze {_FREEZE_HINT}"}
TOPICS = (
    Topic(
        "lock", _LOCK_HINT, "Only you change it until you unlock it.", partial(close, LOCK), free_text=True, task=STOP
    ),
    Topic("unlock", "<environment>", "Others may change it again.", partial(reopen, LOCK), task=STOP),
    Topic("freeze", _FREEZE_HINT, "Nobody changes it until then.", partial(close, FREEZE), free_text=True, task=STOP),
    Topic("unfreeze", "<environment | all>", "It may be changed again.", partial(reopen, FREEZE), task=STOP),
)
BUTTONS = (Button(views.OPEN, press),)
PERIODIC_TASKS = (PeriodicTask("reminders of locks", _intervals, check),)
