"""Daemons in messages: the page of an environment, their part of a deploy's message, a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import DaemonObservation

RESTART = "restart-daemon"
LINES = 12  # hosts of a daemon, and daemons in the message of a deploy
GROUPS = 20  # daemons, each with its button


def page(environment: str, observed: Sequence[DaemonObservation]) -> Message:
    """Every daemon of an environment, those with a problem first, each with Restart."""
    groups: dict[tuple[str, str], list[DaemonObservation]] = {}
    for observation in observed:
        groups.setdefault((observation.machine, observation.daemon), []).append(observation)
    ordered = sorted(groups.items(), key=lambda group: all(observation.ok for observation in group[1]))
    title = f"Daemons of {environment}: {summary(observed)}"
    blocks = [_group(environment, role, daemon, group) for (role, daemon), group in ordered[:GROUPS]]
    foot = [kit.context(line) for line in phrases.rest(len(groups) - GROUPS, "… and")]
    return kit.message(kit.escape(title), [kit.header(title), *blocks], foot=foot)


def summary(observed: Sequence[DaemonObservation]) -> str:
    """How many daemons have a problem."""
    wrong = sum(1 for observation in observed if not observation.ok)
    return f"{wrong} of {len(observed)} wrong" if wrong else f"each runs once ({len(observed)} looked at)"


def after_deploy(environment: str, observed: Sequence[DaemonObservation]) -> list[Block]:
    """The daemons' part of a deploy's message: problems and restarts, by host."""
    if not observed:
        return []
    wrong = [observation for observation in observed if not observation.ok]
    listed = [*wrong, *(observation for observation in observed if observation.ok and observation.did)]
    lines = [_line(observation) for observation in listed[:LINES]]
    more = phrases.rest(len(listed) - LINES, "… and")
    icon = ":x:" if wrong else ":white_check_mark:"
    return kit.sections([f"{icon} *Daemons:* {summary(observed)}", *lines, *more, *_by_hand(environment, observed)])


def restarting(head: Head) -> Message:
    """A restart in progress."""
    return common.short_message(head, "running", "stopping it, waiting until it is gone, and starting it again")


def queued(daemon: str, channel: str, ahead: Head, activity: str | None) -> Message:
    """The answer to a click whose restart is queued: behind which operation, and in which channel its message is."""
    does = f", which {kit.escape(activity)}" if activity else ""
    waits = f"It waits for #{ahead.number} ({kit.escape(ahead.title)}){does}."
    return kit.message(
        f"{kit.escape(daemon)} is not restarted yet",
        [kit.section(f":hourglass_flowing_sand: *{kit.escape(daemon)} is not restarted yet.* {waits}")],
        foot=[kit.context(f"Its message is in {kit.escape(channel)}, with a button to cancel it.")],
    )


def restarted(head: Head, observed: Sequence[DaemonObservation]) -> Message:
    """A restart that has ended: the daemon on each host."""
    wrong = [kit.escape(observation.host) for observation in observed if not observation.ok]
    news = (
        f"it does not run correctly on {', '.join(wrong)}" if wrong else "it runs once on each host, with a new process"
    )
    first = common.first_line(head, "failed" if wrong else "succeeded", news)
    lines = kit.sections([*(_line(observation) for observation in observed), *_by_hand(head.environment, observed)])
    return kit.message(common.plain(head, news), [first, *lines], foot=[common.requester_block(head)])


def _group(environment: str, role: str, daemon: str, observed: Sequence[DaemonObservation]) -> Block:
    listed = [observation for observation in observed if not observation.ok] or observed
    icon = ":white_check_mark:" if all(observation.ok for observation in observed) else ":x:"
    lines = [f"{icon} *{kit.escape(daemon)}* on {kit.escape(role)}"]
    lines += [_line(observation) for observation in listed[:LINES]]
    lines += phrases.rest(len(listed) - LINES, "… and")
    question = f"{kit.escape(daemon)} is stopped on each host of *{kit.escape(role)}*, and started once it is gone."
    ask = kit.confirm(f"Restart {daemon}?", question, "Yes, restart it")
    button = kit.button("Restart", RESTART, f"{environment} {role} {daemon}", style="danger", ask=ask)
    return {**kit.section("\n".join(lines)), "accessory": button}


def _by_hand(environment: str, observed: Sequence[DaemonObservation]) -> list[str]:
    """What to do about daemons that do not stop."""
    hosts = list(dict.fromkeys(observation.host for observation in observed if observation.stuck))
    if not hosts:
        return []
    named = kit.escape(phrases.listed(hosts, LINES))
    then = f"then press *Restart* in {kit.code(f'/infra daemons {environment}')}"
    return [f"*What now:* log in to {named}, end there what still runs ({kit.code('kill -KILL')}), {then}."]


def _line(daemon: DaemonObservation) -> str:
    who = f"• {kit.code(daemon.host)} {kit.escape(daemon.daemon)}"
    did = f" ({kit.escape(daemon.did)})" if daemon.did else ""
    if not daemon.ok:
        return f"{who}: {kit.escape(daemon.problem)}{did}"
    since = f", for {phrases.duration(daemon.age)}" if daemon.age is not None else ""
    return f"{who}: runs once{since}{did}"
