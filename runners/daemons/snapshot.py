"""What is asked of a host about its daemons, and what its answer says. Nothing here does I/O."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_SECTION = "@@"
_PROPERTIES = "LoadState,ActiveState,SubState,MainPID,NRestarts,ControlGroup"
# As root, or by sudo where that needs no password; else as the user that deploys, who may be allowed to.
AS_ROOT = 'S=; [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && S="sudo -n"; }\n'


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon as configured. `name` is its systemd unit; the rest counts on hosts without systemd, or without this unit.

    `command` is a regular expression that its command line matches; `pid_file` where it writes its number;
    `start` and `stop` are shell commands.
    """

    name: str
    command: str = ""
    pid_file: str = ""
    start: str = ""
    stop: str = ""

    @property
    def mark(self) -> str:
        """What marks a start or stop of it that is under way on a host; no other command line has it."""
        return f"signalbox-{hashlib.sha256(self.name.encode()).hexdigest()[:16]}"

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its command line matches: where nothing is configured, its name as a word of its own."""
        return re.compile(self.command or rf"(?:^|[/\s]){re.escape(self.name)}(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a host; `age` in seconds."""

    pid: int
    parent: int
    age: int
    command: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of a unit, and the numbers of the processes in it."""

    active: str
    sub: str
    main: int
    restarts: int
    pids: frozenset[int]


@dataclass(slots=True)
class Snapshot:
    """A host at one moment: processes by number, units and PID files by daemon. Only units that systemd has loaded."""

    processes: dict[int, Process] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    pid_files: dict[str, str] = field(default_factory=dict)


def script(daemons: Sequence[Daemon], pause: float | None) -> str:
    """A shell script that takes a snapshot, or with `pause` two, so many seconds apart."""
    once = (
        "".join(_about(daemon) for daemon in daemons) + f"echo '{_SECTION} ps'\nps -eww -o pid=,ppid=,etimes=,args=\n"
    )
    again = f"sleep {pause:g}\nlook\n" if pause is not None else ""
    return f"LC_ALL=C; export LC_ALL\nlook() {{\necho '{_SECTION} snapshot'\n{once}}}\nlook\n{again}"


def _about(daemon: Daemon) -> str:
    name = shlex.quote(daemon.name)
    unit = (
        f"if [ -d /run/systemd/system ]; then echo '{_SECTION} unit' {name}; "
        f"systemctl show -p {_PROPERTIES} -- {name}; "
        f"G=$(systemctl show -p ControlGroup -- {name}); G=${{G#ControlGroup=}}; "
        f"echo '{_SECTION} pids' {name}; "
        '[ -z "$G" ] || find "/sys/fs/cgroup$G" "/sys/fs/cgroup/systemd$G" -name cgroup.procs -exec cat {} + 2>/dev/null; fi\n'
    )
    path = shlex.quote(daemon.pid_file)
    pid_file = f"echo '{_SECTION} pidfile' {name}; cat -- {path} 2>/dev/null; echo\n" if daemon.pid_file else ""
    return unit + pid_file


def read(text: str) -> list[Snapshot]:
    """The snapshots in a script's output, in their order; a truncated snapshot is missing."""
    snapshots: list[Snapshot] = []
    for title, lines in _sections(text):
        kind, _, name = title.partition(" ")
        if kind == "snapshot":
            snapshots.append(Snapshot())
        elif snapshots:
            _take(snapshots[-1], kind, name, lines)
    return snapshots


def _sections(text: str) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith(f"{_SECTION} "):
            sections.append((line[len(_SECTION) + 1 :].strip(), []))
        elif sections:
            sections[-1][1].append(line)
    return sections


def _take(snapshot: Snapshot, kind: str, name: str, lines: list[str]) -> None:
    match kind:
        case "ps":
            snapshot.processes = {process.pid: process for line in lines if (process := _process(line))}
        case "unit":
            unit = _unit(dict(line.partition("=")[::2] for line in lines))
            if unit:
                snapshot.units[name] = unit
        case "pids" if name in snapshot.units:
            unit = snapshot.units[name]
            pids = frozenset(int(line) for line in lines if line.strip().isdigit())
            snapshot.units[name] = Unit(unit.active, unit.sub, unit.main, unit.restarts, pids)
        case "pidfile":
            snapshot.pid_files[name] = " ".join("\n".join(lines).split())


def _process(line: str) -> Process | None:
    words = line.split(maxsplit=3)
    if len(words) < 4 or not all(word.isdigit() for word in words[:3]) or words[3].endswith("<defunct>"):
        return None
    return Process(int(words[0]), int(words[1]), int(words[2]), words[3])


def _unit(values: dict[str, str]) -> Unit | None:
    if values.get("LoadState") != "loaded":
        return None
    main, restarts = values.get("MainPID", "0"), values.get("NRestarts", "0")
    return Unit(
        active=values.get("ActiveState", "unknown"),
        sub=values.get("SubState", ""),
        main=int(main) if main.isdigit() else 0,
        restarts=int(restarts) if restarts.isdigit() else 0,
        pids=frozenset(),
    )


def instances(snapshot: Snapshot, daemon: Daemon, also: Collection[str] = ()) -> list[Process]:
    """The daemon's instances: each with the processes that it has started itself counts as one.

    Of a unit: what runs in it, and whatever else has the command line of its main process. Without one: what has the
    daemon's command line. `also` are command lines that it is known to have had.
    """
    unit = snapshot.units.get(daemon.name)
    if unit is None:
        its = {pid for pid, process in snapshot.processes.items() if daemon.pattern.search(process.command)}
    else:
        main = snapshot.processes.get(unit.main)
        its = {pid for pid in unit.pids | {unit.main} if pid in snapshot.processes}
        its |= {pid for pid, process in snapshot.processes.items() if main and process.command == main.command}
    its |= {pid for pid, process in snapshot.processes.items() if process.command in also}
    return [snapshot.processes[pid] for pid in sorted(its) if snapshot.processes[pid].parent not in its]


def stranger(snapshot: Snapshot, daemon: Daemon) -> str:
    """What the daemon's PID file names and is not the daemon, though it lives: a stop that reads the file could end it.

    A number below 1 stands for many processes at once (kill(2)). Empty where the file names nothing of that kind, and for
    a daemon with a unit, which systemd stops.
    """
    if daemon.name in snapshot.units:
        return ""
    own = with_children(snapshot, instances(snapshot, daemon))
    written = re.findall(r"-?\d+", snapshot.pid_files.get(daemon.name, ""))
    return next(
        (
            number
            for number in written
            if int(number) < 1 or (int(number) in snapshot.processes and int(number) not in own)
        ),
        "",
    )


def under_way(snapshot: Snapshot, daemon: Daemon) -> bool:
    """Whether a start or stop of it that Signalbox has begun goes on there; it outlives a bot that is killed."""
    return any(process.command.endswith(f" {daemon.mark}") for process in snapshot.processes.values())


def with_children(snapshot: Snapshot, roots: Sequence[Process]) -> list[int]:
    """These processes and all that they have started."""
    children = defaultdict(list)
    for process in snapshot.processes.values():
        children[process.parent].append(process.pid)
    family, waiting = [], [root.pid for root in roots]
    while waiting:
        pid = waiting.pop()
        family.append(pid)
        waiting += [child for child in children[pid] if child not in family]
    return sorted(family)
