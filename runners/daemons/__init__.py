"""Daemons on hosts: each must run exactly once. Looked at over ssh, and started again where that is wrong."""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners import phrases
from runners.daemons.judging import SHOWN, judge
from runners.daemons.looking import (
    AS_ROOT,
    Daemon,
    Look,
    Process,
    instances,
    read,
    script,
    stranger,
    under_way,
    with_children,
)
from runners.errors import TimedOutError
from runners.results import DaemonObservation
from runners.ssh.host_keys import refused_as_new
from runners.ssh.remote import REFUSED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from runners.results import Host
    from runners.ssh.remote import Access

__all__ = ["Daemon", "Patience", "restart", "verify"]
AT_ONCE = 20  # hosts
LOOK = 30.0  # seconds for one look at a host, its settling not counted
START = 60.0  # seconds for a start or stop command beside the patience it is given
POLL = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two looks; for a daemon to be gone once stopped; and then after TERM."""

    settle: float = 10.0
    stop: float = 30.0
    term: float = 10.0


async def verify(
    access: Access,
    daemons: Mapping[str, Sequence[Daemon]],
    patience: Patience,
    *,
    began: float | None,
    remedy: bool,
) -> tuple[DaemonObservation, ...]:
    """Each daemon of each host's machine type, in the order of hosts.

    `began` (of time.monotonic): it must have been started since. With `remedy` what is wrong is stopped and started
    once, and looked at again.
    """

    async def one_host(host: Host) -> list[DaemonObservation]:
        its = daemons.get(host.machine, ())
        seen = await _look_twice(access, host, its, patience, began)
        if not remedy or not all(one.reached for one in seen):
            return seen
        return [await _remedied(access, host, daemon, one, patience) for daemon, one in zip(its, seen, strict=True)]

    return await _on_each(access, one_host)


async def restart(access: Access, machine: str, daemon: Daemon, patience: Patience) -> tuple[DaemonObservation, ...]:
    """Stop a daemon, wait until it is gone, and start it, on each host of a machine type; then look whether it stays."""

    async def one_host(host: Host) -> list[DaemonObservation]:
        if host.machine != machine:
            return []
        return [await _restarted(access, host, daemon, patience, "")]

    return await _on_each(access, one_host)


async def _on_each(
    access: Access, work: Callable[[Host], Awaitable[list[DaemonObservation]]]
) -> tuple[DaemonObservation, ...]:
    free = asyncio.Semaphore(AT_ONCE)

    async def limited(host: Host) -> list[DaemonObservation]:
        async with free:
            return await work(host)

    found = await asyncio.gather(*(limited(host) for host in access.inventory.hosts))
    return tuple(one for seen in found for one in seen)


async def _look_twice(
    access: Access, host: Host, daemons: Sequence[Daemon], patience: Patience, began: float | None
) -> list[DaemonObservation]:
    if not daemons:
        return []
    looks = await _look(access, host, daemons, patience.settle)
    if isinstance(looks, str):
        return [DaemonObservation(host.name, host.machine, daemon.name, looks, reached=False) for daemon in daemons]
    since = None if began is None else time.monotonic() - began
    return [judge(host, daemon, looks, settle=patience.settle, since=since) for daemon in daemons]


async def _look(access: Access, host: Host, daemons: Sequence[Daemon], settle: float | None) -> list[Look] | str:
    """The looks, or why there are none."""
    doing = f"looking at the daemons of {host.name}"
    try:
        answer = await access.run(host, script(daemons, settle), timeout=LOOK + (settle or 0), doing=doing)
    except TimedOutError:
        return f"the host did not answer within {LOOK + (settle or 0):g} s"
    if answer.exit_code == REFUSED and refused_as_new(answer.stderr):
        return "the host could not be reached: its host key is on no record, where only a deploy to it puts it"
    if answer.exit_code == REFUSED:
        last = next(iter(reversed(answer.stderr.strip().splitlines())), "")
        return f"the host could not be reached: {last[:200] or 'ssh says nothing'}"
    return read(answer.stdout)


async def _remedied(
    access: Access, host: Host, daemon: Daemon, seen: DaemonObservation, patience: Patience
) -> DaemonObservation:
    return seen if seen.ok else await _restarted(access, host, daemon, patience, seen.problem)


async def _restarted(access: Access, host: Host, daemon: Daemon, patience: Patience, why: str) -> DaemonObservation:
    """Stop, wait until every process is gone, start, look again: a start that is too quick leaves two, or none.

    Its own stop is left out where its PID file names another process, which that stop may end.
    """
    began = time.monotonic()
    because = f" because {why}" if why else ""
    earlier = await _earlier(access, host, daemon, patience)
    if earlier:
        return DaemonObservation(host.name, host.machine, daemon.name, earlier, 0)
    seen_before = await _look(access, host, [daemon], None)
    if isinstance(seen_before, str):
        return DaemonObservation(host.name, host.machine, daemon.name, seen_before, reached=False)
    commands = {instance.command for look in seen_before for instance in instances(look, daemon)}
    spared = next(filter(None, (stranger(look, daemon) for look in seen_before)), "")
    if spared:
        because = f"{because}; its own stop was left out, for its PID file names {spared}, which is not it"
    else:
        await _command(access, host, daemon, "stop", patience)
    left = await _ended(access, host, daemon, patience, commands, told=not spared)
    if left.problem:
        problem = f"{left.problem}. It was not started again"
        did = f"told to stop{because}"
        return DaemonObservation(
            host.name, host.machine, daemon.name, problem, len(left.found), did=did, stuck=bool(left.found)
        )
    said = await _command(access, host, daemon, "start", patience)
    (seen,) = await _look_twice(access, host, [daemon], patience, began)
    problem = f"{seen.problem} ({said})" if seen.problem and said else seen.problem
    return replace(seen, problem=problem, did=f"stopped and started{because}")


async def _earlier(access: Access, host: Host, daemon: Daemon, patience: Patience) -> str:
    """Wait for a start or stop that was begun before and goes on there: a second start beside it would make two."""
    end = time.monotonic() + START + patience.stop
    while True:
        looks = await _look(access, host, [daemon], None)
        if isinstance(looks, str) or not looks or not under_way(looks[0], daemon):
            return ""  # a host out of reach is told by the look that follows
        if time.monotonic() >= end:
            return (
                f"a start or stop of it that was begun before has not ended on {host.name}. Nothing was done about it"
            )
        await asyncio.sleep(POLL)


@dataclass(frozen=True, slots=True)
class _Left:
    """What still runs of a daemon that was told to stop, its children included, and what is wrong, in words."""

    found: Sequence[Process] = ()
    pids: Sequence[int] = ()
    problem: str = ""


async def _ended(
    access: Access, host: Host, daemon: Daemon, patience: Patience, commands: Collection[str], *, told: bool
) -> _Left:
    """Wait until no process of it is left, by TERM where its stop does not do it; one not `told` to stop gets TERM at once."""
    left = await _wait(access, host, daemon, patience.stop if told else 0, commands)
    if left.problem or not left.pids:
        return left
    kill = f"{AS_ROOT}$S kill -s TERM -- {' '.join(map(str, left.pids))}\n"
    with suppress(TimedOutError):  # whether it has helped is seen below
        await access.run(host, kill, timeout=LOOK, doing=f"ending {daemon.name} on {host.name}")
    limit = patience.term if told else patience.stop
    left = await _wait(access, host, daemon, limit, commands)
    if left.problem or not left.pids:
        return left
    shown = ", ".join(map(str, left.pids[:SHOWN])) + (", …" if len(left.pids) > SHOWN else "")
    waited = f"{patience.stop:g} s after its stop and {limit:g} s" if told else f"{limit:g} s"
    runs = phrases.plural(len(left.pids), "runs", "run")
    return replace(left, problem=f"it does not stop: {waited} after TERM {shown} still {runs}")


async def _wait(access: Access, host: Host, daemon: Daemon, limit: float, commands: Collection[str]) -> _Left:
    """What is left of it after so many seconds, as soon as there is nothing; or why that is not known."""
    end = time.monotonic() + limit
    while True:
        looks = await _look(access, host, [daemon], None)
        if isinstance(looks, str) or not looks:
            return _Left(problem=looks if isinstance(looks, str) else "the host did not answer what was asked of it")
        found = instances(looks[0], daemon, commands)
        if not found or time.monotonic() >= end:
            return _Left(found, with_children(looks[0], found))
        await asyncio.sleep(POLL)


async def _command(access: Access, host: Host, daemon: Daemon, verb: str, patience: Patience) -> str:
    """Start or stop it; what went wrong with that, in words."""
    name = shlex.quote(daemon.name)
    own = {"start": daemon.start, "stop": daemon.stop}[verb] or f"$S service {name} {verb}"
    # Into a file: what the command leaves running would hold a pipe, and the connection with it.
    text = (
        f"{AS_ROOT}T=$(mktemp) || exit 1\n(\n"
        f'if [ -d /run/systemd/system ] && [ "$(systemctl show -p LoadState -- {name})" = LoadState=loaded ]\n'
        f'then $S systemctl {verb} -- {name}\nelse\n{own}\nfi\n) </dev/null >"$T" 2>&1\n'
        'head -c 2000 "$T"; rm -f "$T"\n'
    )
    doing = f"telling {daemon.name} on {host.name} to {verb}"
    try:
        answer = await access.run(host, text, timeout=START + patience.stop, doing=doing, mark=daemon.mark)
    except TimedOutError:
        return f"its {verb} command did not end"
    said = " ".join(answer.stdout.split())
    return f"its {verb} command said: {said[-200:]}" if said else ""
