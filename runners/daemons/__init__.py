"""Daemons on hosts: each must run exactly once. Checked over ssh, and restarted where that is not so."""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runners import phrases
from runners.daemons.snapshot import (
    AS_ROOT,
    Daemon,
    Process,
    Snapshot,
    instances,
    read,
    script,
    stranger,
    under_way,
    with_children,
)
from runners.daemons.verdict import MOST_LISTED, judge
from runners.errors import TimedOutError
from runners.results import DaemonObservation
from runners.ssh import route
from runners.ssh.host_keys import refused_as_new
from runners.ssh.remote import REFUSED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from runners.results import Host
    from runners.ssh.remote import Access

__all__ = ["Daemon", "Patience", "restart", "verify"]
AT_ONCE = 20  # hosts
SNAPSHOT_TIMEOUT = 30.0  # seconds for a snapshot of a host, without the pause
START = 60.0  # seconds for a start or stop command beside the patience it is given
POLL = 0.5


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: between two snapshots; for a daemon to be gone once stopped; and then after TERM."""

    pause: float = 10.0
    stop: float = 30.0
    term: float = 10.0


async def verify(
    access: Access,
    daemons: Mapping[str, Sequence[Daemon]],
    timeouts: Timeouts,
    *,
    began: float | None,
    remedy: bool,
) -> tuple[DaemonObservation, ...]:
    """Each daemon of each host's machine type, in the order of hosts.

    `began` (of time.monotonic): it must have been started since. With `remedy` a wrong daemon is stopped and started
    once, and checked again.
    """

    async def one_host(host: Host) -> list[DaemonObservation]:
        its = daemons.get(host.machine, ())
        observations = await _observe_twice(access, host, its, timeouts, began)
        if not remedy or not all(observation.reached for observation in observations):
            return observations
        return [
            await _remedied(access, host, daemon, observation, timeouts)
            for daemon, observation in zip(its, observations, strict=True)
        ]

    return await _on_each(access, one_host)


async def restart(access: Access, machine: str, daemon: Daemon, timeouts: Timeouts) -> tuple[DaemonObservation, ...]:
    """Stop a daemon, wait until it is gone, and start it, on each host of a role; then check whether it stays."""

    async def one_host(host: Host) -> list[DaemonObservation]:
        if host.machine != machine:
            return []
        return [await _restarted(access, host, daemon, timeouts, "")]

    return await _on_each(access, one_host)


async def _on_each(
    access: Access, work: Callable[[Host], Awaitable[list[DaemonObservation]]]
) -> tuple[DaemonObservation, ...]:
    free = asyncio.Semaphore(route.AT_ONCE if access.inventory.route else AT_ONCE)

    async def limited(host: Host) -> list[DaemonObservation]:
        async with free:
            return await work(host)

    observations = await asyncio.gather(*(limited(host) for host in access.inventory.hosts))
    return tuple(observation for of_host in observations for observation in of_host)


async def _observe_twice(
    access: Access, host: Host, daemons: Sequence[Daemon], timeouts: Timeouts, began: float | None
) -> list[DaemonObservation]:
    if not daemons:
        return []
    snapshots = await _observe(access, host, daemons, timeouts.pause)
    if isinstance(snapshots, str):
        return [DaemonObservation(host.name, host.machine, daemon.name, snapshots, reached=False) for daemon in daemons]
    since = None if began is None else time.monotonic() - began
    return [judge(host, daemon, snapshots, pause=timeouts.pause, since=since) for daemon in daemons]


async def _observe(access: Access, host: Host, daemons: Sequence[Daemon], pause: float | None) -> list[Snapshot] | str:
    """The snapshots, or why there are none."""
    doing = f"looking at the daemons of {host.name}"
    try:
        answer = await access.run(host, script(daemons, pause), timeout=SNAPSHOT_TIMEOUT + (pause or 0), doing=doing)
    except TimedOutError:
        return f"the host did not answer within {SNAPSHOT_TIMEOUT + (pause or 0):g} s"
    if answer.exit_code == REFUSED:
        return f"the host could not be reached: {why_refused(access, host, answer.stderr)}"
    return read(answer.stdout)


def why_refused(access: Access, host: Host, stderr: str) -> str:
    """Why ssh did not reach a host, by what it printed."""
    if access.inventory.route and (why := route.in_words(stderr, access.inventory.route, host.address)):
        return f"{why[:1].lower()}{why[1:].rstrip('.')}"
    if refused_as_new(stderr):
        return "its host key is on no record, where only a deploy to it puts it"
    last = next(iter(reversed(stderr.strip().splitlines())), "")
    return last[:200] or "ssh says nothing"


async def _remedied(
    access: Access, host: Host, daemon: Daemon, observation: DaemonObservation, timeouts: Timeouts
) -> DaemonObservation:
    return observation if observation.ok else await _restarted(access, host, daemon, timeouts, observation.problem)


async def _restarted(access: Access, host: Host, daemon: Daemon, timeouts: Timeouts, why: str) -> DaemonObservation:
    """Stop, wait until no process remains, start, and check again: a start that is too quick causes two, or none.

    Its own stop is not used where its PID file names another process, which that stop may end.
    """
    began = time.monotonic()
    because = f" because {why}" if why else ""
    earlier = await _earlier(access, host, daemon, timeouts)
    if earlier:
        return DaemonObservation(host.name, host.machine, daemon.name, earlier, 0)
    earlier_snapshots = await _observe(access, host, [daemon], None)
    if isinstance(earlier_snapshots, str):
        return DaemonObservation(host.name, host.machine, daemon.name, earlier_snapshots, reached=False)
    commands = {instance.command for snapshot in earlier_snapshots for instance in instances(snapshot, daemon)}
    spared = next(filter(None, (stranger(snapshot, daemon) for snapshot in earlier_snapshots)), "")
    if spared:
        because = f"{because}; its own stop was left out, for its PID file names {spared}, which is not it"
    else:
        await _command(access, host, daemon, "stop", timeouts)
    remaining = await _ended(access, host, daemon, timeouts, commands, stopped=not spared)
    if remaining.problem:
        problem = f"{remaining.problem}. It was not started again"
        did = f"told to stop{because}"
        return DaemonObservation(
            host.name,
            host.machine,
            daemon.name,
            problem,
            len(remaining.processes),
            did=did,
            stuck=bool(remaining.processes),
        )
    refusal = await _command(access, host, daemon, "start", timeouts)
    (observation,) = await _observe_twice(access, host, [daemon], timeouts, began)
    problem = f"{observation.problem} ({refusal})" if observation.problem and refusal else observation.problem
    return replace(observation, problem=problem, did=f"stopped and started{because}")


async def _earlier(access: Access, host: Host, daemon: Daemon, timeouts: Timeouts) -> str:
    """Wait for a start or stop that was begun before and goes on there: a second start beside it would make two."""
    end = time.monotonic() + START + timeouts.stop
    while True:
        snapshots = await _observe(access, host, [daemon], None)
        if isinstance(snapshots, str) or not snapshots or not under_way(snapshots[0], daemon):
            return ""  # the next snapshot reports a host that is out of reach
        if time.monotonic() >= end:
            return (
                f"a start or stop of it that was begun before has not ended on {host.name}. Nothing was done about it"
            )
        await asyncio.sleep(POLL)


@dataclass(frozen=True, slots=True)
class _Left:
    """What still runs of a stopped daemon, its children included, and the problem in words."""

    processes: Sequence[Process] = ()
    pids: Sequence[int] = ()
    problem: str = ""


async def _ended(
    access: Access, host: Host, daemon: Daemon, timeouts: Timeouts, commands: Collection[str], *, stopped: bool
) -> _Left:
    """Wait until no process of it remains, by TERM where its stop has no effect; without `stopped` by TERM at once."""
    remaining = await _wait(access, host, daemon, timeouts.stop if stopped else 0, commands)
    if remaining.problem or not remaining.pids:
        return remaining
    kill = f"{AS_ROOT}$S kill -s TERM -- {' '.join(map(str, remaining.pids))}\n"
    with suppress(TimedOutError):  # whether it has helped is seen below
        await access.run(host, kill, timeout=SNAPSHOT_TIMEOUT, doing=f"ending {daemon.name} on {host.name}")
    limit = timeouts.term if stopped else timeouts.stop
    remaining = await _wait(access, host, daemon, limit, commands)
    if remaining.problem or not remaining.pids:
        return remaining
    listed = ", ".join(map(str, remaining.pids[:MOST_LISTED])) + (", …" if len(remaining.pids) > MOST_LISTED else "")
    waited = f"{timeouts.stop:g} s after its stop and {limit:g} s" if stopped else f"{limit:g} s"
    runs = phrases.plural(len(remaining.pids), "runs", "run")
    return replace(remaining, problem=f"it does not stop: {waited} after TERM {listed} still {runs}")


async def _wait(access: Access, host: Host, daemon: Daemon, limit: float, commands: Collection[str]) -> _Left:
    """What is left of it after so many seconds, as soon as there is nothing; or why that is not known."""
    end = time.monotonic() + limit
    while True:
        snapshots = await _observe(access, host, [daemon], None)
        if isinstance(snapshots, str) or not snapshots:
            return _Left(
                problem=snapshots if isinstance(snapshots, str) else "the host did not answer what was asked of it"
            )
        running = instances(snapshots[0], daemon, commands)
        if not running or time.monotonic() >= end:
            return _Left(running, with_children(snapshots[0], running))
        await asyncio.sleep(POLL)


async def _command(access: Access, host: Host, daemon: Daemon, verb: str, timeouts: Timeouts) -> str:
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
        answer = await access.run(host, text, timeout=START + timeouts.stop, doing=doing, mark=daemon.mark)
    except TimedOutError:
        return f"its {verb} command did not end"
    output = " ".join(answer.stdout.split())
    return f"its {verb} command said: {output[-200:]}" if output else ""
