"""Whether a daemon runs exactly once and stays, from two looks at its host. Nothing here does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.daemons.looking import instances
from runners.results import DaemonObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.daemons.looking import Daemon, Look, Process, Unit
    from runners.results import Host

SHOWN = 6  # process numbers
OFTEN = 2  # restarts by systemd: one may be a stumble while its files were replaced
LATELY = 60.0  # seconds; where there was no deploy to count from


def judge(
    host: Host, daemon: Daemon, looks: Sequence[Look], *, settle: float, since: float | None
) -> DaemonObservation:
    """What two looks, `settle` seconds apart, tell of a daemon.

    `since`: it must have been started within so many seconds before the last look; None where that does not matter.
    """
    if len(looks) < 2:
        return DaemonObservation(host.name, host.machine, daemon.name, "the host did not answer what was asked of it")
    first, last = looks[0], looks[-1]
    found = instances(last, daemon)
    problem = (
        _restarts(first, last, daemon)
        or _not_once(found, last.units.get(daemon.name))
        or _not_active(last, daemon)
        or _not_the_same(instances(first, daemon), found, settle)
        or _restarted_often(last, daemon, found[0], since)
        or _wrong_pid_file(last, daemon, found)
        or _too_old(found[0], since)
    )
    age = float(found[0].age) if len(found) == 1 else None
    return DaemonObservation(host.name, host.machine, daemon.name, problem, len(found), age)


def _not_once(found: Sequence[Process], unit: Unit | None) -> str:
    if not found:
        return f"it does not run: systemd calls it {unit.active} ({unit.sub})" if unit else "it does not run"
    if len(found) > 1:
        more = ", …" if len(found) > SHOWN else ""
        return f"it runs {len(found)} times (processes {', '.join(str(one.pid) for one in found[:SHOWN])}{more})"
    return ""


def _not_active(look: Look, daemon: Daemon) -> str:
    unit = look.units.get(daemon.name)
    if unit is None or (unit.active == "active" and unit.sub != "exited"):
        return ""
    return f"systemd calls it {unit.active} ({unit.sub})"


def _not_the_same(before: Sequence[Process], now: Sequence[Process], settle: float) -> str:
    if [one.pid for one in before] == [one.pid for one in now]:
        return ""
    return f"it does not stay: within {settle:g} s its process changed from {_pids(before)} to {_pids(now)}"


def _pids(found: Sequence[Process]) -> str:
    return ", ".join(str(one.pid) for one in found[:SHOWN]) or "none"


def _restarts(first: Look, last: Look, daemon: Daemon) -> str:
    before, now = first.units.get(daemon.name), last.units.get(daemon.name)
    if before and now and now.restarts > before.restarts:
        return f"systemd restarts it again and again ({now.restarts} times so far)"
    return ""


def _restarted_often(look: Look, daemon: Daemon, process: Process, since: float | None) -> str:
    """A loop slower than the looks: systemd counts its restarts from 0 whenever somebody starts the unit."""
    unit = look.units.get(daemon.name)
    lately = LATELY if since is None else since
    if unit is None or unit.restarts < OFTEN or process.age > lately:
        return ""
    return f"systemd restarts it again and again ({unit.restarts} times since it was last told to start)"


def _wrong_pid_file(look: Look, daemon: Daemon, found: Sequence[Process]) -> str:
    if daemon.name in look.units or not daemon.pid_file:
        return ""
    written = look.pid_files.get(daemon.name, "")
    if written == str(found[0].pid):
        return ""
    said = f"names {written[:40]}" if written else "is not there, or empty"
    return f"its PID file {said}, and it runs as {found[0].pid}"


def _too_old(process: Process, since: float | None) -> str:
    # ps counts whole seconds, and rounds down.
    if since is None or process.age <= since + 1:
        return ""
    return f"it was not started again: process {process.pid} has run for {process.age} s, since before the deploy"
