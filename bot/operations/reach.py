"""How people are reached: by a mention in the operation's thread, or by a direct message where they chose that.

Nobody is notified twice: where members of a group chose direct messages, the others are mentioned one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.access import policy
from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services import Services

MOST_MENTIONED = 20  # people of a group; a larger one is mentioned as a whole, and gets no direct messages
HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is mentioned, in mrkdwn, and the ids of those who get a direct message."""

    mentions: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()


async def reach(services: Services, rules: Sequence[str], *, but: str, direct: bool = False) -> Reach:
    """How those are reached whom these rules name, without this person. `direct`: all of them by a direct message.

    Where everybody whom a direct message would reach has quiet hours now, all are mentioned: somebody has to know.
    """
    by_rule = {rule: await _people(services, rule, but) for rule in rules if rule != but}
    everybody = {person for people in by_rule.values() for person in people}
    chosen = await services.preferences.of(everybody)
    wanted = {person for person in everybody if direct or chosen[person].turn}
    mentions, messages = list[str](), list[str]()
    for rule, people in by_rule.items():
        if wanted.isdisjoint(people):
            mentions += policy.mentions([rule], but=but)
        else:
            mentions += [kit.user(each) for each in people if each not in wanted]
            messages += [each for each in people if each in wanted]
    if messages and not mentions and all([await quiet_for(services, each) for each in messages]):
        return Reach(tuple(policy.mentions(rules, but=but)))
    return Reach(tuple(dict.fromkeys(mentions)), tuple(dict.fromkeys(messages)))


async def quiet_for(services: Services, person: str) -> float:
    """For how many seconds this person has quiet hours now, by the time of day in their time zone; 0 if they have none."""
    chosen = (await services.preferences.of([person]))[person]
    now = datetime.fromtimestamp(services.clock(), await services.directory.zone(person))
    if not chosen.is_quiet(now.hour):
        return 0.0
    hours = (chosen.quiet[1] - now.hour) % 24
    return hours * HOUR - now.minute * 60 - now.second


async def _people(services: Services, rule: str, but: str) -> tuple[str, ...]:
    """The people of a rule who may get direct messages; none of a large group, or of one that Slack does not list."""
    if not rule.startswith(policy.GROUP):
        return (rule,)
    members = await services.directory.members(rule.removeprefix(policy.GROUP))
    return tuple(sorted(members - {but})) if len(members) <= MOST_MENTIONED else ()
