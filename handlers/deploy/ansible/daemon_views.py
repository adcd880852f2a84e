"""Daemons as they are seen: after a deploy, at any time, after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import DaemonObservation

RESTART = "restart-daemon"
SHOWN = 12  # hosts of one daemon, and wrong ones after a deploy
GROUPS = 20  # daemons, each with its button


def page(environment: str, seen: Sequence[DaemonObservation]) -> Message:
    """Every daemon of an environment, those that are wrong first, each with Restart."""
    groups: dict[tuple[str, str], list[DaemonObservation]] = {}
    for one in seen:
        groups.setdefault((one.machine, one.daemon), []).append(one)
    ordered = sorted(groups.items(), key=lambda group: all(one.ok for one in group[1]))
    title = f"Daemons of {environment}: {summary(seen)}"
    blocks = [_group(environment, machine, daemon, its) for (machine, daemon), its in ordered[:GROUPS]]
    foot = [kit.context(f"… and {len(groups) - GROUPS} more")] if len(groups) > GROUPS else []
    return kit.message(kit.escape(title), [kit.header(title), *blocks], foot=foot)


def summary(seen: Sequence[DaemonObservation]) -> str:
    """How many run as they should."""
    well = sum(1 for one in seen if one.ok)
    return (
        f"each runs once ({len(seen)} looked at)" if well == len(seen) else f"{len(seen) - well} of {len(seen)} wrong"
    )


def after_deploy(environment: str, seen: Sequence[DaemonObservation]) -> list[Block]:
    """What was seen of them after a deploy: what is wrong and what was put right, by host."""
    if not seen:
        return []
    told = [one for one in seen if not one.ok] + [one for one in seen if one.ok and one.did]
    lines = [_line(one) for one in told[:SHOWN]]
    more = [f"… and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    mark = ":white_check_mark:" if all(one.ok for one in seen) else ":x:"
    return kit.sections([f"{mark} *Daemons:* {summary(seen)}", *lines, *more, *_by_hand(environment, seen)])


def working(head: Head) -> Message:
    """A restart under way."""
    return common.short_message(head, "running", "stopping it, waiting until it is gone, and starting it again")


def in_line(daemon: str, channel: str, ahead: Head, doing: str | None) -> Message:
    """That a restart has to wait, for what, and where it is shown."""
    does = f", which {kit.escape(doing)}" if doing else ""
    waits = f"It waits for #{ahead.number} ({kit.escape(ahead.title)}){does}."
    return kit.message(
        f"{kit.escape(daemon)} is not restarted yet",
        [kit.section(f":hourglass_flowing_sand: *{kit.escape(daemon)} is not restarted yet.* {waits}")],
        foot=[kit.context(f"Its message is in {kit.escape(channel)}, with a button to withdraw it.")],
    )


def restarted(head: Head, seen: Sequence[DaemonObservation]) -> Message:
    """How a restart went on each host."""
    well = all(one.ok for one in seen)
    wrong = ", ".join(kit.escape(one.host) for one in seen if not one.ok)
    news = "it runs once on each host, with a new process" if well else f"it does not run as it should on {wrong}"
    blocks = [common.first_line(head, "succeeded" if well else "failed", news)]
    body = kit.sections([*(_line(one) for one in seen), *_by_hand(head.environment, seen)])
    return kit.message(common.plain(head, news), [*blocks, *body], foot=[common.asked_by(head)])


def _group(environment: str, machine: str, daemon: str, seen: Sequence[DaemonObservation]) -> Block:
    wrong = [one for one in seen if not one.ok]
    lines = [f"{':x:' if wrong else ':white_check_mark:'} *{kit.escape(daemon)}* on {kit.escape(machine)}"]
    lines += [_line(one) for one in (wrong or seen)[:SHOWN]]
    hidden = len(wrong or seen) - SHOWN
    lines += [f"… and {hidden} more"] if hidden > 0 else []
    question = f"{kit.escape(daemon)} is stopped on each host of *{kit.escape(machine)}*, and started once it is gone."
    ask = kit.confirm(f"Restart {daemon}?", question, "Yes, restart it")
    button = kit.button("Restart", RESTART, f"{environment} {machine} {daemon}", style="danger", ask=ask)
    return {**kit.section("\n".join(lines)), "accessory": button}


def _by_hand(environment: str, seen: Sequence[DaemonObservation]) -> list[str]:
    """What to do about those that do not stop."""
    hosts = list(dict.fromkeys(one.host for one in seen if one.stuck))
    if not hosts:
        return []
    named = kit.escape(", ".join(hosts[:SHOWN])) + (f" and {len(hosts) - SHOWN} more" if len(hosts) > SHOWN else "")
    then = f"then press *Restart* in {kit.code(f'/infra daemons {environment}')}"
    return [f"*What now:* log in to {named}, end there what still runs ({kit.code('kill -KILL')}), {then}."]


def _line(one: DaemonObservation) -> str:
    who = f"• {kit.code(one.host)} {kit.escape(one.daemon)}"
    did = f" ({kit.escape(one.did)})" if one.did else ""
    if not one.ok:
        return f"{who}: {kit.escape(one.problem)}{did}"
    since = f", for {kit.duration(one.age)}" if one.age is not None else ""
    return f"{who}: runs once{since}{did}"
