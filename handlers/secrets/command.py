"""/infra secrets: every secret by name, place, age and use; and the periodic report of what is overdue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.operations.registry import DueRun, Invocation, PeriodicTask, Topic
from handlers.secrets import inventory, views
from handlers.secrets.views import Line, Page
from runners.results.secrets import Keeper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from bot.access.policy import Person
    from bot.config import Config, Environment
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.secrets.inventory import Inventory
    from runners.results.secrets import SecretEntry

HINT = "[environment]"
USAGE = f"/infra secrets {HINT}"
TASK = "overdue keys"
ONE_DAY = 86_400.0  # seconds in which a report that was interrupted is searched for


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """All secrets that the person may see, or those of an environment."""
    person = await services.directory.person(invocation.user)
    visible = policy.visible_to(services.config, person)
    asked = arguments.environment(visible, words[0], USAGE) if words else None
    return views.page(_page(services, await inventory.read(services), person, asked))


def _page(services: Services, snapshot: Inventory, person: Person | None, asked: Environment | None = None) -> Page:
    """What this person may see of it; everything for nobody, which is a channel."""
    config, now = services.config, services.clock()
    limit = inventory.oldest(config)

    def displayed(entry: SecretEntry) -> bool:
        own = environment_of(config, entry)
        if asked is not None:
            return own is not None and own.whole == asked.whole
        if person is None or policy.sees(config, person, ""):
            return True
        return own is not None and policy.sees(config, person, own.name)

    lines = tuple(_line(config, snapshot, entry, now, limit) for entry in snapshot.entries if displayed(entry))
    everything = asked is None and (person is None or policy.sees(config, person, ""))
    return Page(
        lines,
        limit,
        now,
        snapshot.missing if everything else (),
        tuple(entry for entry in snapshot.unnamed if displayed(entry)),
        snapshot.unreadable if everything else (),
        _hints(snapshot, lines) if everything else (),
        asked.name if asked else "",
    )


def environment_of(config: Config, entry: SecretEntry) -> Environment | None:
    """The environment of the configuration whose secret it is; None for what several share."""
    if entry.keeper in (Keeper.ENVIRONMENT, Keeper.HCP):
        return config.find(entry.environment)
    return None


def _line(config: Config, snapshot: Inventory, entry: SecretEntry, now: float, limit: float) -> Line:
    age = now - entry.changed_at.timestamp() if entry.changed_at else None
    of_key = inventory.workflows_of_key(config, snapshot, entry.owner) if entry.keeper is Keeper.IAM else ()
    return Line(entry, age, age is not None and age > limit, of_key or snapshot.used_by(entry))


def _hints(snapshot: Inventory, lines: Sequence[Line]) -> tuple[str, ...]:
    """Where GitHub's OIDC can replace an overdue key: its workflows, and a role in the account that lets them in."""
    if not snapshot.roles:
        return ()
    asking = [workflow.file for workflow in snapshot.workflows if workflow.oidc]
    return tuple(
        views.oidc_hint(line.entry.name, line.entry.owner, line.used_by, asking, snapshot.roles)
        for line in lines
        if line.overdue and line.entry.keeper is Keeper.IAM and line.used_by
    )


async def remind(services: Services, run: DueRun) -> None:
    """Report what is overdue, once for each time that it is due."""
    content = _page(services, await inventory.read(services), None)
    if not content.overdue:
        return
    channel = await services.chat.channel_id(services.config.slack.channel)
    due = max(run.due_at, services.clock() - ONE_DAY)
    marker = f"overdue keys {datetime.fromtimestamp(run.due_at, UTC):%Y%m%dT%H%M%S}"
    if not await services.chat.find(channel, marker, since=due - 60):  # an earlier run may have been interrupted
        await services.chat.post(channel, views.reminder(content), marker=marker)


def _intervals(config: Config) -> Mapping[str, timedelta]:
    keys = config.watch.keys if config.watch else None
    return {"secrets": keys.every} if keys else {}


TOPICS = (Topic("secrets", HINT, "Secrets: where they are, how old, used by which workflow.", topic),)
PERIODIC_TASKS = (PeriodicTask(TASK, _intervals, remind),)
