"""What ansible-runner prints (`--json`: an event a line), folded into a PlaybookResult. Nothing here does I/O."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runners.ansible.numbering import Numbering, planned
from runners.ansible.output import ANSI, LONGEST_LINE, describe, printed_by_programs, short_path, tail_of
from runners.results import FailedTask, HostResult, PlaybookResult, State, TaskChange
from runners.spellings import Masker
from runners.ssh.host_keys import refused_as_new

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Mask = Callable[[str], str]

LOG_LINES = 40
MOST_FAILURES = 100
MOST_CHANGES = 2_000
_MASKED = "***"
NEVER_DISPLAYED = (
    "Its host key is on no record: it did not answer when it was asked for it before the deploy, and what was never seen is "
    "not trusted. The next deploy asks it again."
)
_WELL = (State.SUCCEEDED, State.SKIPPED)
_SHORTEST_SECRET = 3  # characters: shorter ones would blot out half of every text


def masker(secrets: Iterable[str]) -> Mask:
    """A function that replaces each of these values by ***, in every spelling (see runners/spellings.py)."""
    return Masker(secrets, _MASKED, shortest=_SHORTEST_SECRET)


class PlaybookRecord:
    """Takes the lines in turn; `result` is their result at any time.

    `hosts` are the inventory's names in order. `root` is the directory whose name is omitted from paths. `mask` is
    applied to every text that leaves. `keep_line` is given every line that Ansible prints. With `check` it remembers
    what would change. `explain` says why a host, by its name, is unreachable by what ssh printed; "" adds nothing.
    """

    def __init__(
        self,
        playbook: str,
        hosts: Sequence[str],
        root: str,
        mask: Mask = str,
        *,
        keep_line: Callable[[str], None] | None = None,
        check: bool = False,
        explain: Callable[[str, str], str] = lambda _, output: NEVER_DISPLAYED if refused_as_new(output) else "",
    ) -> None:
        self._playbook = playbook
        self._root = root.rstrip("/") + "/"
        self._mask = mask
        self._hosts = {name: HostResult(name, State.WAITING) for name in hosts}
        self._failures: list[FailedTask] = []
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._keep_line = keep_line
        self._check = check
        self._explain = explain
        self._changes: list[TaskChange] = []
        self.numbering = Numbering()
        self._at = 0.0
        self._processed: frozenset[str] | None = None
        self._started = False
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "playbook_on_start": lambda _: None,  # that it began is all there is to know
            "playbook_on_task_start": self._on_task,
            "playbook_on_handler_task_start": self._on_handler,
            "runner_on_start": self._on_start,
            "runner_on_ok": self._on_ok,
            "runner_on_skipped": self._on_skipped,
            "runner_on_failed": self._on_failed,
            "runner_on_unreachable": self._on_unreachable,
            "playbook_on_stats": self._on_stats,
        }

    @property
    def has_recap(self) -> bool:
        """Whether Ansible finished and printed its recap."""
        return self._processed is not None

    @property
    def has_tasks(self) -> bool:
        """Whether it came as far as a task."""
        return self.numbering.begun > 0

    @property
    def ran_nowhere(self) -> bool:
        """Whether it ended without having done anything on any host."""
        return self._processed is not None and not self._processed

    def log_tail(self) -> str:
        """The last lines as Ansible prints them, masked."""
        return "\n".join(self._log)

    def take(self, line: str) -> bool:
        """Take one line; true when it changed what there is to show.

        Unknown events count for nothing, nor does an event cut off in the middle: the process died there.
        """
        event = _event_in(line)
        if event is None:
            if not line.startswith('{"'):
                self._remember(line)
            return False
        printed = str(event.get("stdout") or "")
        if event.get("event") == "verbose" and not self.has_tasks and (count := planned(printed)) is not None:
            self.numbering.plan(count)
            return False
        self._remember(printed)
        data = event.get("event_data")
        handle = self._handlers.get(str(event.get("event")))
        if handle is None or not isinstance(data, dict):
            return False
        self._started = True
        self._at = _time_of(event) or self._at
        if self._keep_line and event.get("event") == "runner_on_ok" and "=> {" not in printed:
            self._keep(printed_by_programs(data))
        handle(data)
        return True

    def result(self, exit_code: int | None = None, *, ended: bool = False, cancelled: bool = False) -> PlaybookResult:
        """The playbook as it stands; once `ended`, with its exit code (None: it died without leaving one).

        One that was `cancelled` before its recap is over, with each host at the task where it was left.
        """
        if not ended:
            state = State.RUNNING if self._started else State.WAITING
        elif not self.has_recap:
            state = State.CANCELLED if cancelled else State.UNKNOWN
        else:
            bad = exit_code or any(host.failed or host.unreachable for host in self._hosts.values())
            state = State.FAILED if bad else State.SUCCEEDED
        lost = ended and not self.has_recap
        unfinished = state if lost else State.RUNNING
        return PlaybookResult(
            playbook=self._playbook,
            state=state,
            hosts=tuple(_left(host, unfinished) for host in self._hosts.values()),
            failures=tuple(self._failures),
            finished=cancelled or not lost,
            log_tail=self.log_tail(),
            task_total=self.numbering.total,
            changes=tuple(self._changes),
        )

    def _task(self, data: dict[str, Any]) -> str:
        return self._mask(str(data.get("task") or data.get("task_action") or ""))[:LONGEST_LINE]

    def _remember(self, text: str) -> None:
        for line in self._keep(text):
            if line.strip():
                self._log.append(line[:LONGEST_LINE])

    def _keep(self, text: str) -> list[str]:
        """The lines of a text, masked, which the log gets. They are masked before they are cut: half a secret is one as well."""
        lines = self._mask(ANSI.sub("", text)).replace("\r", "").replace(self._root, "").splitlines()
        if self._keep_line:
            for line in lines:
                self._keep_line(line)
        return lines

    def _host(self, data: dict[str, Any]) -> HostResult:
        name = str(data.get("host", ""))
        host = self._hosts.get(name) or HostResult(name, State.WAITING)
        return replace(host, observed_at=self._at or None)

    def _put(self, host: HostResult) -> None:
        if host.host in self._hosts:  # a play on localhost is on no host of the inventory
            self._hosts[host.host] = host

    def _on_task(self, data: dict[str, Any]) -> None:
        self.numbering.begin(data)

    def _on_handler(self, data: dict[str, Any]) -> None:
        self.numbering.begin(data, unplanned=True)

    def _on_start(self, data: dict[str, Any]) -> None:
        # A host that failed goes on only in a rescue or always section.
        host, number = self._host(data), self.numbering.number(data)
        started = host.started_at or host.observed_at
        host = replace(host, state=State.RUNNING, task_number=number, started_at=started)
        self._put(replace(host, current_task=self._task(data)))

    def _on_ok(self, data: dict[str, Any]) -> None:
        host = self._host(data)
        changed = bool(_res_of(data).get("changed"))
        if changed and self._check and len(self._changes) < MOST_CHANGES:
            self._changes.append(TaskChange(host.host, self._task(data), self._path(data)))
        self._put(replace(host, ok=host.ok + 1, changed=host.changed + changed))

    def _on_skipped(self, data: dict[str, Any]) -> None:
        host = self._host(data)
        self._put(replace(host, skipped=host.skipped + 1))

    def _on_failed(self, data: dict[str, Any]) -> None:
        host = self._host(data)
        if data.get("ignore_errors"):  # Ansible's recap counts these as ok as well
            self._put(replace(host, ok=host.ok + 1, ignored=host.ignored + 1))
            return
        self._put(replace(host, failed=host.failed + 1, state=State.FAILED))
        self._add_failure(data)

    def _on_unreachable(self, data: dict[str, Any]) -> None:
        host = self._host(data)
        self._put(replace(host, unreachable=host.unreachable + 1, state=State.UNREACHABLE))
        self._add_failure(data, unreachable=True)

    def _add_failure(self, data: dict[str, Any], *, unreachable: bool = False) -> None:
        host, output = str(data.get("host", "")), self._mask(describe(_res_of(data))).replace(self._root, "")
        if unreachable and (why := self._explain(host, output)):
            output = f"{why}\n{output}"
        failure = FailedTask(host, self._task(data), self._path(data), tail_of(output), unreachable)
        self._failures.append(failure)
        del self._failures[:-MOST_FAILURES]

    def _path(self, data: dict[str, Any]) -> str:
        """Where a task stands, as file:line: within the project, or the last parts of a path outside of it."""
        return self._mask(short_path(str(data.get("task_path") or ""), self._root))

    def _on_stats(self, data: dict[str, Any]) -> None:
        def count(kind: str, host: str) -> int:
            numbers = data.get(kind)
            return int(numbers.get(host, 0)) if isinstance(numbers, dict) else 0

        processed = frozenset(data.get("processed") or ())
        for name, host in self._hosts.items():
            failed, dark = count("failures", name), count("dark", name)
            state = _final(name in processed, failed, dark)
            self._hosts[name] = replace(
                host,
                state=state,
                ok=count("ok", name),
                changed=count("changed", name),
                failed=failed,
                unreachable=dark,
                skipped=count("skipped", name),
                rescued=count("rescued", name),
                ignored=count("ignored", name),
                current_task=None if state in _WELL else host.current_task,
            )
            self._keep_last_failures(name, failed + dark)
        self._processed = processed

    def _keep_last_failures(self, host: str, count: int) -> None:
        """Of a host's failures only the last are its end; those before were rescued."""
        its = [number for number, failure in enumerate(self._failures) if failure.host == host]
        rescued = its[: max(len(its) - count, 0)]
        self._failures = [failure for number, failure in enumerate(self._failures) if number not in rescued]


def _left(host: HostResult, state: State) -> HostResult:
    """A host that was at work when all ended is left in the playbook's own state."""
    return replace(host, state=state) if host.state is State.RUNNING else host


def _final(processed: bool, failed: int, dark: int) -> State:  # noqa: FBT001 - private, read beside its one caller
    if not processed:
        return State.SKIPPED
    if failed:
        return State.FAILED
    return State.UNREACHABLE if dark else State.SUCCEEDED


def _time_of(event: dict[str, Any]) -> float | None:
    """When it happened, in Unix seconds: ansible-runner notes it in ISO 8601."""
    try:
        return datetime.fromisoformat(str(event.get("created"))).timestamp()
    except ValueError:
        return None


def _event_in(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _res_of(data: dict[str, Any]) -> dict[str, Any]:
    res = data.get("res")
    return res if isinstance(res, dict) else {}
