"""Whether a daemon runs exactly once and stays, from two snapshots of its host. Nothing here does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.daemons.snapshot import instances
from runners.results import DaemonObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.daemons.snapshot import Daemon, Process, Snapshot, Unit
    from runners.results import Host

MOST_LISTED = 6  # process numbers
OFTEN = 2  # restarts by systemd: one may be a stumble while its files were replaced
# Units that systemd itself carries out, see systemd.unit(5): each is one or none, and never a process.
WITHOUT_PROCESS = (".timer", ".socket", ".path", ".mount", ".automount", ".target", ".slice")
LATELY = 60.0  # seconds; where there was no deploy to count from


def judge(
    host: Host, daemon: Daemon, snapshots: Sequence[Snapshot], *, pause: float, since: float | None
) -> DaemonObservation:
    """The verdict on a daemon from two snapshots, `pause` seconds apart.

    `since`: it must have been started within so many seconds before the last snapshot; None where that does not matter.
    """
    if len(snapshots) < 2:
        return DaemonObservation(host.name, host.machine, daemon.name, "the host did not answer what was asked of it")
    first, last = snapshots[0], snapshots[-1]
    if daemon.name.endswith(WITHOUT_PROCESS):
        problem = _not_enabled(last.units.get(daemon.name))
        return DaemonObservation(host.name, host.machine, daemon.name, problem, int(not problem))
    running = instances(last, daemon)
    problem = (
        _restarts(first, last, daemon)
        or _not_once(running, last.units.get(daemon.name))
        or _not_active(last, daemon)
        or _not_the_same(instances(first, daemon), running, pause)
        or _restarted_often(last, daemon, running[0], since)
        or _wrong_pid_file(last, daemon, running)
        or _too_old(running[0], since)
    )
    age = float(running[0].age) if len(running) == 1 else None
    return DaemonObservation(host.name, host.machine, daemon.name, problem, len(running), age)


def _not_enabled(unit: Unit | None) -> str:
    if unit is None:
        return "systemd has no such unit there"
    if unit.active != "active" or unit.sub in {"elapsed", "failed", "dead"}:
        return f"systemd calls it {unit.active} ({unit.sub})"
    return ""


def _not_once(running: Sequence[Process], unit: Unit | None) -> str:
    if not running:
        return f"it does not run: systemd calls it {unit.active} ({unit.sub})" if unit else "it does not run"
    if len(running) > 1:
        more = ", …" if len(running) > MOST_LISTED else ""
        return f"it runs {len(running)} times (processes {', '.join(str(process.pid) for process in running[:MOST_LISTED])}{more})"
    return ""


def _not_active(snapshot: Snapshot, daemon: Daemon) -> str:
    unit = snapshot.units.get(daemon.name)
    if unit is None or (unit.active == "active" and unit.sub != "exited"):
        return ""
    return f"systemd calls it {unit.active} ({unit.sub})"


def _not_the_same(before: Sequence[Process], now: Sequence[Process], pause: float) -> str:
    if [process.pid for process in before] == [process.pid for process in now]:
        return ""
    return f"it does not stay: within {pause:g} s its process changed from {_pids(before)} to {_pids(now)}"


def _pids(processes: Sequence[Process]) -> str:
    return ", ".join(str(process.pid) for process in processes[:MOST_LISTED]) or "none"


def _restarts(first: Snapshot, last: Snapshot, daemon: Daemon) -> str:
    before, now = first.units.get(daemon.name), last.units.get(daemon.name)
    if before and now and now.restarts > before.restarts:
        return f"systemd restarts it again and again ({now.restarts} times so far)"
    return ""


def _restarted_often(snapshot: Snapshot, daemon: Daemon, process: Process, since: float | None) -> str:
    """A loop slower than the snapshots: systemd counts its restarts from 0 whenever somebody starts the unit."""
    unit = snapshot.units.get(daemon.name)
    lately = LATELY if since is None else since
    if unit is None or unit.restarts < OFTEN or process.age > lately:
        return ""
    return f"systemd restarts it again and again ({unit.restarts} times since it was last told to start)"


def _wrong_pid_file(snapshot: Snapshot, daemon: Daemon, running: Sequence[Process]) -> str:
    if daemon.name in snapshot.units or not daemon.pid_file:
        return ""
    written = snapshot.pid_files.get(daemon.name, "")
    if written == str(running[0].pid):
        return ""
    content = f"names {written[:40]}" if written else "is not there, or empty"
    return f"its PID file {content}, and it runs as {running[0].pid}"


def _too_old(process: Process, since: float | None) -> str:
    # ps counts whole seconds, and rounds down.
    if since is None or process.age <= since + 1:
        return ""
    return f"it was not started again: process {process.pid} has run for {process.age} s, since before the deploy"
