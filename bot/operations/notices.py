"""Notices: posts in an operation's thread that mention who must act, or who requested it.

Slack notifies nobody of an edited message, so that an operation's own message, which only changes, reaches nobody by
itself. A notice is stored and then posted by the task that delivers (delivery.py), so that nothing waits for it; it is
posted once, also after a crash.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.access import policy, rights
from bot.access.rights import EMERGENCY, needed_for
from bot.config.targets import find_target
from bot.errors import ForgedError
from bot.operations import outgoing
from bot.operations.posting import current, post_directly, post_in_thread, post_report
from bot.operations.reach import quiet_for, reach
from bot.slack.blocks import kit
from bot.slack.blocks.common import EMOJI, NEXT_BLOCK, ROLL_BACK
from bot.slack.pacing import Lane
from bot.slack.web_api import ChatError
from bot.store.annotations import SUPERSEDED_BY
from bot.store.approvals import Outcome
from bot.store.operations import Status
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config.targets import Target
    from bot.operations.reach import Reach
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from bot.store.approvals import Approval
    from bot.store.operations import Record

log = logging.getLogger(__name__)
# Ends after which something may be half done: the people of the environment have to know, not only the requester.
ALARMING = (Status.INTERRUPTED,)
AGAIN_ACTION = "again"  # of the button that requests the same again (handlers/operation/again.py)
# Ends after which the same may be requested again, and the kinds of operations for which a person requests it.
REPEATABLE = (Status.FAILED, Status.EXPIRED, Status.INTERRUPTED)
AGAIN = {
    "deploy": "Deploy again",
    "plan": "Plan again",
    "plan-stacks": "Plan again",
    "build": "Build again",
    "run": "Run again",
    "clean up": "Clean up again",
    "remove orphaned resources": "Remove again",
}
# The beginnings of the names of questions, before the approval's id.
APPROVAL, REMINDER, ESCALATION = "approval ", "reminder ", "escalation "
EMERGENCY_NOTICE = "emergency"


async def ask_approvers(services: Services, record: Record, approval: Approval, message: Message) -> None:
    """Mention those who may approve, in the thread and in the channel. `message` is what they decide on."""
    if await _is_posted(services, record, APPROVAL + approval.id):
        return
    rules = _who_decides(services, record)
    people = await reach(services, rules, but="" if rules == [record.requester] else record.requester)
    text = f"{_what(message)}. Decide until {kit.moment(approval.expires_at)}."
    await _ask(services, record, APPROVAL + approval.id, people, ("approval", text))


async def remind(services: Services, record: Record, approval: Approval) -> None:
    """Notify, when it is time for that, those who have not decided yet, and those to whom it escalates; each once."""
    target = find_target(services.config, record.environment)
    if target is None:
        return
    rules, now = target.approval, services.clock()
    before = rules.remind_before.total_seconds()
    due = now >= approval.expires_at - before and approval.expires_at - approval.created_at >= 2 * before
    if due and not await _is_posted(services, record, REMINDER + approval.id):
        undecided, direct = await _undecided(services, record, approval), rules.remind_by == "direct"
        people = await reach(services, undecided, but=record.requester, direct=direct)
        await _ask_again(services, record, approval, REMINDER, people)
    further = rules.escalate
    due = further is not None and now >= approval.created_at + further.after.total_seconds()
    if further and due and not await _is_posted(services, record, ESCALATION + approval.id):
        people = await reach(services, further.to, but=record.requester)
        await _ask_again(services, record, approval, ESCALATION, people)


async def _is_posted(services: Services, record: Record, name: str) -> bool:
    """Whether a notice was posted, or is about to be. Asked first: who is to be reminded takes questions to Slack."""
    begun = await services.operations.side_effects_of(record.number)
    return any(each == f"thread {name}"[:80] or each.startswith(f"thread {name} ") for each in begun)


async def _ask_again(services: Services, record: Record, approval: Approval, kind: str, people: Reach) -> None:
    missing = approval.required - len(approval.approvers)
    still = (
        f"still needs {missing} {phrases.plural(missing, 'approval')}, and expires {kit.moment(approval.expires_at)}"
    )
    text = f"#{record.number} {kit.escape(record.title)} {still}."
    await _ask(services, record, kind + approval.id, people, ("expired", text))


async def _ask(services: Services, record: Record, about: str, people: Reach, question: tuple[str, str]) -> None:
    """Put a question, an icon and a text: one post that mentions people, and a direct message for each of the others."""
    icon, text = EMOJI[question[0]], question[1]
    if people.mentions:
        mentioning = f"{icon} {' '.join(people.mentions)}: {text}"
        await _put(services, record, outgoing.BROADCAST + about, Lane.DECISION, mentioning)
    for person in people.direct:
        await _put(services, record, f"{outgoing.DIRECT}{about} {person}", Lane.DECISION, f"{icon} {text}")


async def _undecided(services: Services, record: Record, approval: Approval) -> list[str]:
    """The rules of those who may approve and have not: a group as a whole, while none of its members has."""
    decided = {vote.person for vote in approval.votes} - set(approval.lapsed)
    groups = {group for person in decided for group in (await services.directory.person(person)).groups}
    people = list[str]()
    target = policy.target_of(services.config, record.environment)
    for rule in _rules(services, target, record):
        group = rule.removeprefix(policy.GROUP)
        if group in groups:
            members = await services.directory.members(group)
            people += sorted(members - decided - {record.requester})
        elif rule not in {*decided, record.requester}:
            people.append(rule)
    return list(dict.fromkeys(people))


async def report_end(
    services: Services, record: Record, status: Status, message: Message, *, alarming: bool = False
) -> None:
    """Mention the requester where the operation has ended, in words of its message, unless they ended it themselves.

    An end that is `alarming`, or may have left something half done, mentions the approvers too, and is also displayed in
    the channel. One after which the same may be requested again has a button for that, and so has a deploy that can be
    rolled back. Repeating this changes nothing.
    """
    if not record.message_ts:
        return
    alarming = alarming or status in ALARMING
    requester, next_step = record.requester, _next_step(record, status, message)
    hears = policy.is_user(requester) and requester not in await _ended_by(services, record.number)
    direct = hears and not alarming and (await services.preferences.of([requester]))[requester].ended
    people = [kit.user(requester)] if hears and not direct else []
    people += _approvers(services, record) if alarming else []
    text = f"{_what(message)}.{await _rejected_by(services, record, status)}"
    if direct:
        about = f"{outgoing.DIRECT}end {requester}"
        await _put(services, record, about, Lane.STATE, f"{EMOJI[status.value]} {text}")
    if people or (direct and next_step):
        name = (outgoing.BROADCAST if alarming else outgoing.NOTICE) + "end"
        await _put(services, record, name, Lane.STATE, " ".join([EMOJI[status.value], *people, text]), *next_step)


def end_marker(number: int) -> str:
    """The marker of the notice of an operation's end."""
    return f"{number}:end"


def _next_step(record: Record, status: Status, message: Message) -> list[Block]:
    """The buttons that request the same again, where that makes sense, and that roll back, where the message has it."""
    label = AGAIN.get(record.kind)
    again = [kit.button(label, AGAIN_ACTION, str(record.number))] if label and status in REPEATABLE else []
    elements = [element for block in message.blocks for element in block.get("elements", ())]
    buttons = again + [element for element in elements if element.get("action_id") == ROLL_BACK]
    return [kit.actions(NEXT_BLOCK, *buttons)] if buttons else []


async def report_emergency(services: Services, record: Record) -> None:
    """Report the emergency in the thread, in the channel and in `slack.channel`.

    Where others approve it, the question mentions them as soon as it is open; where nobody has to, this does.
    """
    reason = kit.escape(record.arguments[EMERGENCY])
    what = f"#{record.number} {kit.escape(record.title)}, by {kit.user(record.requester)}: “{reason}”."
    mentioned = [] if services.config.access.emergency.approvals else _approvers(services, record)
    text = " ".join([":rotating_light:", *mentioned, what])
    await _put(services, record, f"{outgoing.BROADCAST}{EMERGENCY_NOTICE}", Lane.DECISION, text)
    if policy.target_of(services.config, record.environment).channel != services.config.slack.channel:
        await _put(services, record, f"{outgoing.REPORT}{EMERGENCY_NOTICE}", Lane.DECISION, f":rotating_light: {what}")


async def post(services: Services, record: Record, name: str, content: bytes) -> None:
    """Post the notice of this name in the outbox, with a link to the operation's message. Raises ChatError.

    A question that was decided meanwhile is not posted.
    """
    kind, _, about = name.partition(" ")
    if about.startswith((APPROVAL, REMINDER, ESCALATION)):
        approval = await services.approvals.get(about.split(" ")[1])
        if approval.outcome is not Outcome.PENDING:
            return
    stored = outgoing.message_of(content)
    text = stored.text
    url = await services.chat.permalink(await current(services, record.number))
    notice = kit.Message(text, (kit.section(f"{text} {kit.link('Open', url)}"), *stored.blocks))
    if f"{kind} " == outgoing.REPORT:
        await post_report(services, record, about, notice)
    elif f"{kind} " == outgoing.DIRECT:
        await _post_directly(services, record, about, notice)
    else:
        await post_in_thread(services, record, about, notice, in_channel=f"{kind} " == outgoing.BROADCAST)


async def _post_directly(services: Services, record: Record, about: str, notice: Message) -> None:
    """Send the notice to the person of its name; where Slack takes no direct message, mention them in the thread."""
    person = about.rpartition(" ")[2]
    try:
        await post_directly(services, record, about, notice, person)
    except ChatError as refused:
        if refused.transient:
            raise
        log.warning("operation %s: no direct message to %s: %s", record.number, person, refused)
        mentioning = kit.Message(notice.text, (kit.section(f"{kit.user(person)} {notice.text}"), *notice.blocks[1:]))
        await post_in_thread(services, record, f"{about} mentioned", mentioning)


async def held_for(services: Services, name: str) -> float:
    """For how many seconds the notice of this name in the outbox waits: a direct message, for the end of quiet hours."""
    return await quiet_for(services, name.rpartition(" ")[2]) if name.startswith(outgoing.DIRECT) else 0.0


async def ask_to_go_first(services: Services, holder: Record, passer: Record, person: str, button: Block) -> None:
    """Mention who planned, and who may approve: somebody asks them to let a queued operation go first; once for each."""
    asked = [kit.user(holder.requester)] if policy.is_user(holder.requester) else []
    who = " ".join(dict.fromkeys([*asked, *_approvers(services, holder)]))
    text = (
        f"{EMOJI['superseded']} {who}: {kit.user(person)} asks that #{passer.number} {kit.escape(passer.title)} goes first. "
        f"#{holder.number} {kit.escape(holder.title)} then waits, and stays as it is unless its state changes."
    )
    name = f"{outgoing.NOTICE}go first {passer.number}"
    await _put(services, holder, name, Lane.DECISION, text, kit.actions("go-first", button))


async def _put(services: Services, record: Record, name: str, lane: Lane, text: str, *below: Block) -> None:
    notice = kit.message(text, below)
    await services.outbox.put(record.number, name, lane, outgoing.of_message(services, notice))


async def _rejected_by(services: Services, record: Record, status: Status) -> str:
    """Who rejected the operation, and why, as a sentence; they know it themselves, so it mentions nobody."""
    if status is not Status.REJECTED:
        return ""
    try:
        votes = await services.approvals.votes_of(record.number, Outcome.REJECTED)
    except ForgedError as forged:
        log.error("operation %s: who rejected it: %s", record.number, forged)  # noqa: TRY400  -- no fault of Signalbox
        return ""
    votes_by = [(await services.directory.name(vote.person) or vote.person, vote.reason) for vote in votes]
    return "".join(
        f" Rejected by {kit.escape(name)}{f': “{kit.escape(why)}”' if why else ''}." for name, why in votes_by
    )


async def _ended_by(services: Services, number: int) -> set[str | None]:
    """Who cancelled or rejected the operation, or began the one that superseded it; nobody, where the records are forged."""
    try:
        people = {await services.operations.cancel_requested(number)}
        people |= {vote.person for vote in await services.approvals.votes_of(number, Outcome.REJECTED)}
        for newer in await services.annotations.values_of(number, SUPERSEDED_BY):
            people.add((await services.operations.get(int(newer))).requester)
    except ForgedError as forged:
        log.error("operation %s: who ended it: %s", number, forged)  # noqa: TRY400  -- no fault of Signalbox
        return set()
    return people


def _who_decides(services: Services, record: Record) -> list[str]:
    """The rules of those who may approve; the requester's own where nobody else has to."""
    target = policy.target_of(services.config, record.environment)
    if target.approval.required == 0 and policy.is_user(record.requester):
        return [record.requester]
    return [each for each in _rules(services, target, record) if each != record.requester]


def _approvers(services: Services, record: Record) -> list[str]:
    """The mentions of those who may approve, without the requester."""
    target = find_target(services.config, record.environment)
    return policy.mentions(_rules(services, target, record), but=record.requester) if target else []


def _rules(services: Services, target: Target, record: Record) -> Sequence[str]:
    return rights.deciders(services.config, needed_for(record), target)


def _what(message: Message) -> str:
    """The message's first line, as part of a sentence."""
    return kit.cut(message.text, 400).removesuffix(".")
