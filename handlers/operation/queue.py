"""/infra queue: what runs and what waits, in which order, behind whom, and who can free it."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.access.rights import needed_for
from bot.config.targets import find_target, queue_of, without_lane
from bot.config.values import PART
from bot.operations import follow_ups, requests
from bot.operations.queue import OPEN_AHEAD
from bot.operations.registry import Button, Topic
from bot.store.operations import Status
from handlers.operation import queue_views as views
from handlers.operation.queue_views import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operations.registry import Click, Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

MOST_LINES = 30  # operations with a link; each link is a question to Slack
USAGE = "/infra queue [environment]"


async def show(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """List the open operations that this person may see by their queues, for the person alone."""
    person = await services.directory.person(invocation.user)
    config = await requests.visible_to(services, invocation.user, "/infra queue", " ".join(words), "see")
    name = arguments.environment(config, words[0], USAGE).name if words else ""
    is_open = [record for record in await services.operations.all_open() if record.message_ts]
    records = [record for record in is_open if policy.sees(services.config, person, record.environment)]
    if name:
        shared = set(queue_of(services.config, name))
        records = [each for each in records if _is_of(name, each) or each.environment in shared]
    queues = _by_queue(services, records)
    listed = [record for queue in queues for record in queue][:MOST_LINES]
    linked = await asyncio.gather(*(follow_ups.linked(services, record) for record in listed))
    urls = {each.head.number: each.url for each in linked}
    lines = [[_line(services, record, urls) for record in queue if record.number in urls] for queue in queues]
    return views.listing([queue for queue in lines if queue], name, more=len(records) - len(listed))


def _is_of(name: str, record: Record) -> bool:
    """Whether an operation is of the environment, or of a part of it."""
    target = without_lane(record.environment)
    return target == name or target.startswith(f"{name}{PART}")


def _by_queue(services: Services, records: Sequence[Record]) -> list[list[Record]]:
    def queue(record: Record) -> str:
        return queue_of(services.config, record.environment)[0]

    ordered = sorted(records, key=lambda record: (queue(record), record.number))
    return [list(together) for _, together in groupby(ordered, queue)]


def _line(services: Services, record: Record, urls: dict[int, str]) -> Line:
    target = find_target(services.config, record.environment)
    who = (
        policy.approvers_in_words(services.config, target, record.requester, needed_for(record)) if target else "nobody"
    )
    freed = ""
    if record.status is Status.APPROVAL:
        freed = f"{who} can decide it"
    elif record.status is Status.RUNNING:
        freed = "its requester and its approvers can cancel it"
    return Line(record, urls[record.number], freed)


async def opened(_: Services, __: Click) -> None:
    """Nothing: Slack reports the click on a button that opened a message."""


TOPICS = (Topic("queue", "[environment]", "What runs and what waits, and who can free it.", show),)
BUTTONS = (Button(OPEN_AHEAD, opened, repeatable=True),)
