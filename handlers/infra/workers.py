"""/infra workers: which processes are there and what each has in hand; drain one, or end what no worker continues."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.access.rights import Need, needed_for
from bot.config import worker_labels
from bot.errors import Denied, UserError
from bot.operations import attendance, requests
from bot.operations.leftovers import discard
from bot.operations.posting import deliver
from bot.operations.queue import head_of
from bot.operations.registry import Topic
from bot.slack.blocks import common, kit, replies
from bot.slack.client import Posted
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.infra.help_views import ITSELF
from handlers.shared import permissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.access.policy import Person
    from bot.operations.attendance import Attendance
    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record
    from bot.store.workers import Worker

USAGE = "/infra workers [drain NAME | end NUMBER]"
MOST_LINKS = 10
_ICONS = {
    "working": ":large_green_circle:",
    "answering": ":speech_balloon:",
    "draining": ":arrow_down:",
    "silent": ":warning:",
    "ended": ":black_circle:",
}
_ENDED_FOR = 86_400.0  # seconds for which a worker that has ended is listed


async def workers(services: Services, invocation: Invocation, rest: Sequence[str]) -> Message:
    """Answer /infra workers, with or without an action."""
    match list(rest):
        case []:
            return await _list(services, await services.directory.person(invocation.user))
        case ["drain", name]:
            return await _drain(services, invocation.user, name)
        case ["end", number] if (
            (digits := number.removeprefix("#")).isascii() and digits.isdigit() and len(digits) < 10
        ):
            return await _end(services, invocation.user, int(digits))
        case _:
            raise UserError(f"I do not know {arguments.quoted(' '.join(rest))} of workers. Usage: {USAGE}")


async def _list(services: Services, person: Person) -> Message:
    now = await _visible_to(services, person, await attendance.read(services))
    listed = [worker for worker in now.workers if not worker.ended or worker.silent_for < _ENDED_FOR]
    lines = [await _line(services, worker, now) for worker in listed]
    problems = [f":warning: {kit.escape(problem)}." for problem in now.problems()]
    queued = f"The oldest queued operation has waited for {_duration(now.oldest_queued)}." if now.oldest_queued else ""
    foot = [kit.context(f"{queued} Lease: {_duration(services.lease.workers.length)}.".strip())]
    return kit.message("Workers", [kit.header("Workers"), *kit.sections([*lines, *problems])], foot=foot)


async def _visible_to(services: Services, person: Person, now: Attendance) -> Attendance:
    """The attendance without the operations and environments that this person may not see."""
    config = services.config
    if policy.sees(config, person, ""):
        return now
    numbers = {number for together in now.in_hand.values() for number in together}
    records = [await services.operations.get(number) for number in numbers]
    visible = {record.number for record in records if policy.sees(config, person, record.environment)}
    in_hand = {holder: tuple(n for n in together if n in visible) for holder, together in now.in_hand.items()}
    unserved = {name: labels for name, labels in now.unserved.items() if policy.sees(config, person, name)}
    return replace(now, in_hand=in_hand, unserved=unserved)


async def _line(services: Services, worker: Worker, now: Attendance) -> str:
    state = attendance.state_of(worker)
    labels = f", labels {', '.join(kit.code(label) for label in worker.labels)}" if worker.labels else ""
    numbers = now.in_hand.get(worker.incarnation, ())
    links = [await _link(services, number) for number in numbers[:MOST_LINKS]]
    more = f" and {len(numbers) - MOST_LINKS} more" if len(numbers) > MOST_LINKS else ""
    idle = "nothing in hand" if worker.takes_operations else "takes no operations (`serve --no-work`)"
    in_hand = f"in hand: {', '.join(links)}{more}" if links else idle
    pid = f" (pid {worker.pid})" if worker.pid else ""
    return (
        f"{_ICONS[state]} *{kit.escape(worker.executor)}* on {kit.escape(worker.host)}{pid}: {state}, since "
        f"{kit.moment(worker.since)}, last heartbeat {_duration(worker.silent_for)} ago, version "
        f"{kit.code(worker.version)}{labels}\n      {in_hand}"
    )


async def _link(services: Services, number: int) -> str:
    record = await services.operations.get(number)
    if not record.message_ts:
        return f"#{number}"
    try:
        return kit.link(f"#{number}", await services.chat.permalink(Posted(record.channel, record.message_ts)))
    except ChatError:
        return f"#{number}"


async def _drain(services: Services, user: str, name: str) -> Message:
    tried = Entry(user, "refused", detail={"what": f"/infra workers drain {name}"})
    async with requests.refusals_recorded(services, tried):
        person, need = await services.directory.person(user), Need("run", "/infra workers")
        policy.check_may(services.config, person, need, None)
        if not policy.sees(services.config, person, ""):
            raise Denied(
                "You may not drain a worker: it serves environments that you may not see. Nothing was changed."
            )
    now = await attendance.read(services)
    worker = next((each for each in now.workers if each.executor == name and each.alive), None)
    if worker is None:
        alive = [each.executor for each in now.workers if each.alive]
        raise UserError(
            f"There is no worker {arguments.quoted(name)}{arguments.nearest(name, alive)} `/infra workers` lists them."
        )
    if not any(attendance.state_of(each) == "working" and each.executor != name for each in now.workers):
        raise UserError(
            f"{name} is the only worker that takes operations. Start another one first; nothing was changed."
        )
    others = [each for each in now.workers if each.executor != name]
    for environment, labels in attendance.unserved(services.config, others).items():
        if environment not in now.unserved:
            raise UserError(
                f"{name} is the only worker with the labels of {environment} ({', '.join(labels)}). Start another one "
                "first; nothing was changed."
            )
    if not await services.lease.workers.drain(name, draining=True):
        raise UserError(f"The worker {name} has just ended; nothing was changed.")
    await services.audit.record(Entry(user, "drain worker", detail={"worker": name, "host": worker.host}))
    return replies.done(
        f"*{kit.escape(name)}* is draining: it takes no new operation, and hands over what waits for an approval. What "
        "runs on it goes on there; `/infra workers` shows it. It takes operations again when it is started again."
    )


async def _end(services: Services, user: str, number: int) -> Message:
    try:
        record = await services.operations.get(number)
    except LookupError:
        raise UserError(f"There is no operation #{number}.") from None
    tried = permissions.attempt_on(record, user, "end")
    try:
        await permissions.check_may_reject(services, tried, needed_for(record), requester=record.requester)
    except Denied:
        if policy.sees(services.config, await services.directory.person(user), record.environment):
            raise
        raise UserError(f"There is no operation #{number}.") from None
    await _check_unattended(services, record)
    await services.engine.abandon(number)
    await services.operations.set_status(number, Status.INTERRUPTED)
    detail = {"status": Status.INTERRUPTED.value, "how": "its worker has ended"}
    await services.audit.record(Entry(user, "end operation", record.environment, number, detail))
    text = (
        f"ended by {kit.user(user)}, because its worker has ended. What it began outside may have happened, or may go "
        "on: check the target before you start again"
    )
    message = common.short_message(head_of(record), Status.INTERRUPTED.value, text)
    await deliver(services, number, message, until_displayed=True)
    await discard(services, number)
    services.queue_display.changed(services, record.environment)
    return replies.done(f"#{number} is ended as interrupted. Its queue goes on.")


async def _check_unattended(services: Services, record: Record) -> None:
    """Raises UserError unless the operation is open and no living worker has it in hand."""
    if record.status.ended:
        raise UserError(f"#{record.number} has ended already; nothing was changed.")
    if record.status is Status.WAITING:
        raise UserError(f"#{record.number} is queued. Cancel it by the button of its message; nothing was changed.")
    now = await attendance.read(services)
    for worker in now.workers:
        if not worker.ended and record.number in now.in_hand.get(worker.incarnation, ()):
            raise UserError(
                f"#{record.number} is in hand of {worker.executor} on {worker.host}, last heartbeat "
                f"{_duration(worker.silent_for)} ago. Cancel it by the button of its message; nothing was changed."
            )
    if record.number not in now.unattended and worker_labels.environment_of(record.environment) not in now.unserved:
        raise UserError(f"A worker is about to take up #{record.number}; nothing was changed. Try again in a minute.")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{max(0.0, seconds):.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.0f} h"


TOPICS = (
    Topic(
        "workers",
        "[drain NAME | end NUMBER]",
        "The workers, and what each runs; drain one.",
        workers,
        most=2,
        task=ITSELF,
    ),
)
