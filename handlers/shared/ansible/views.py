"""A roll-out by Ansible as one message: a row for each host, changed host keys, and the details in the thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit, tables
from bot.slack.blocks.jobs import STATE_LABELS
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from bot.slack.blocks.tables import Cell
    from runners.results import ChangedKey, Commit, FailedTask, HostResult, PlaybookResult

    Draw = Callable[[str, str, Iterable[Block], Iterable[Block]], Message]

ACCEPT_KEYS = "accept-host-keys"
ROWS = 40  # more hosts than these are sorted worst first
NAMED = 6  # hosts in a sentence
KEYS_LISTED = 10
TOLERATED_LISTED = 15
GOOD = (State.SUCCEEDED, State.SKIPPED)
# The states that people must see come first where not all hosts fit.
WORST_FIRST = (
    State.FAILED,
    State.UNREACHABLE,
    State.NOT_REACHED,
    State.UNKNOWN,
    State.CANCELLED,
    State.RUNNING,
    State.WAITING,
    State.SKIPPED,
    State.SUCCEEDED,
)
HOST_LABELS = {**STATE_LABELS, State.SKIPPED: "⏭️ nothing to do"}  # no play names the host
_SAME_INSTANCES = "These are the same instances as before, so their keys"
COLUMNS = ("Host", "State", "Task", "", "ok", "changed", "failed", "unreachable", "Time")
CHECK_COLUMNS = tuple("would change" if name == "changed" else name for name in COLUMNS)
CANCELLING = "No further task starts; a task that runs on a host may continue, and changes that were made stay."


@dataclass(frozen=True, slots=True)
class Frame:
    """What the messages of a roll-out have around its hosts, and the words for what it does (mrkdwn).

    `draw` makes a message of a status, the news, details and buttons. `doing` ("deploying 1a2b3c4") is displayed meanwhile,
    `activity` ("is deploying") in the queue, `done` ("deployed 1a2b3c4 to") before the number of hosts, `no_host` where
    there was none, `got` ("got 1a2b3c4") after the names of hosts. `untouched` ("not deployed") is of a host that still
    waits at the end; `command` is what to type for the same again.
    """

    head: Head
    commit: Commit
    approval: ApprovalView | None
    draw: Draw
    doing: str
    activity: str
    done: str
    no_host: str
    got: str
    untouched: str
    command: str


@dataclass(frozen=True, slots=True)
class RolloutState:
    """The results of all playbooks in their order, waiting ones included, at `now` (Unix seconds)."""

    results: tuple[PlaybookResult, ...]
    now: float
    check: bool = False

    @property
    def hosts(self) -> list[HostResult]:
        """Every host."""
        return [host for result in self.results for host in result.hosts]


def waiting(frame: Frame, state: RolloutState) -> Message:
    """While the roll-out waits for room on its machine; with Cancel."""
    cancel = common.cancel_button(frame.head, "No host has been changed.")
    return frame.draw("waiting", "waiting for room", host_table(state), [cancel])


def preparing(frame: Frame, state: RolloutState) -> Message:
    """Before the first playbook: code, collections and roles are fetched and installed; with Cancel."""
    news = "getting the code, and the collections and roles that it requires"
    cancel = common.cancel_button(frame.head, "No host has been changed.")
    return frame.draw("running", news, host_table(state), [cancel])


def progress(frame: Frame, state: RolloutState) -> Message:
    """Playbooks in progress, with Cancel."""
    ended = sum(1 for result in state.results if result.state.ended)
    count = len(state.results)
    roles = f", {ended} of {count} roles done" if count > 1 else ""
    what_happens = "The check ends." if state.check else CANCELLING
    cancel = common.cancel_button(frame.head, what_happens, halfway=not state.check)
    return frame.draw("running", f"{frame.doing}{roles}", host_table(state), [cancel])


def checking_daemons(frame: Frame, state: RolloutState) -> Message:
    """All playbooks have ended; their daemons are checked."""
    news = "checking that each daemon runs once"
    return frame.draw("running", news, host_table(state), ())


def keys_changed(frame: Frame, changed: Sequence[ChangedKey]) -> Message:
    """Hosts whose key differs from the recorded one: refused, with both fingerprints, and Accept."""
    single = len(changed) == 1
    names = listed([key.host for key in changed])
    news = f"refused: {names} {'shows' if single else 'show'} another host key. No changes were made"
    lines = [
        f"{kit.code(key.host)} ({kit.code(key.instance_id)})\nknown: {kit.code(key.pinned)}\nnow: {kit.code(key.presented)}"
        for key in changed[:KEYS_LISTED]
    ]
    more = phrases.rest(len(changed) - KEYS_LISTED, "… and")
    same = "This is the same instance as before, so its key" if single else _SAME_INSTANCES
    why = (
        f"{same} should be the same. Either the server was reinstalled, or another server answers. "
        "Ask its owner before you accept."
    )
    details = [*kit.sections([*lines, *more]), kit.section(why)]
    buttons = [kit.actions(ACCEPT_KEYS, _accept_button(frame.head, names, single=single))]
    return frame.draw("failed", news, details, buttons)


def _accept_button(head: Head, names: str, *, single: bool) -> Block:
    keys = f"key of {names} is" if single else f"keys of {names} are"
    lifetime = "the instance lives" if single else "the instances live"
    ask = kit.confirm(
        f"Accept {'another host key' if single else 'other host keys'}?",
        f"From now on the new host {keys} trusted, for as long as {lifetime}.",
        f"Yes, accept {'it' if single else 'them'}",
    )
    text = f"Accept the new host key{'' if single else 's'}"
    return kit.button(text, ACCEPT_KEYS, str(head.number), style="danger", ask=ask)


def keys_accepted(message: Message, again: str, person: str, count: int, at: float) -> Message:
    """The message of `keys_changed` with the button replaced by who (a user id) accepted, when (Unix seconds).

    `again` is the command to type now.
    """
    keys = phrases.plural(count, "the new host key")
    then = (
        f"Run {kit.code(again)} again: nothing has been {'deployed' if again.startswith('/deploy') else 'started'} yet."
    )
    accepted = kit.context(f"{keys} accepted by {kit.user(person)} {kit.moment(at)}. {then}")
    blocks = [
        accepted if any(element.get("action_id") == ACCEPT_KEYS for element in block.get("elements", ())) else block
        for block in message.blocks
    ]
    return kit.Message(message.text, tuple(blocks))


def host_table(state: RolloutState, *, untouched: str = "") -> list[Block]:
    """A row for each host; where there are many the worst come first, and all are counted above.

    Once the roll-out has ended, `untouched` ("not deployed") says it of a host that still waits.
    """
    hosts = state.hosts
    if not hosts:
        return []
    many = len(hosts) > ROWS
    ordered = sorted(hosts, key=lambda host: WORST_FIRST.index(host.state)) if many else hosts
    totals = {host.host: result.task_total for result in state.results for host in result.hosts}
    labels = {**HOST_LABELS, State.WAITING: f"⚪ {untouched}"} if untouched else HOST_LABELS
    rows = [_row(host, labels[host.state], totals[host.host], state.now) for host in ordered]
    table = tables.table(CHECK_COLUMNS if state.check else COLUMNS, rows, right=(4, 5, 6, 7, 8))
    return [*([kit.context(_counts(hosts, labels))] if len(hosts) > 1 else []), table]


def _counts(hosts: Sequence[HostResult], labels: Mapping[State, str]) -> str:
    """The number of hosts in each state, worst first."""
    numbers = [(state, sum(1 for host in hosts if host.state is state)) for state in WORST_FIRST]
    counts = ", ".join(f"{count} {labels[state].partition(' ')[2]}" for state, count in numbers if count)
    return f"{phrases.counted(len(hosts), 'host')}: {counts}"


def failed_task(failure: FailedTask) -> Message:
    """The output of a failed task on a host, for the thread."""
    how = "could not be reached for" if failure.unreachable else "failed at"
    line = f":x: {kit.code(failure.host)} {how} {kit.code(failure.task)} ({kit.code(failure.path)})"
    blocks = [kit.section(line), *([kit.section(kit.preformatted(failure.output))] if failure.output.strip() else [])]
    return kit.message(f"{kit.escape(failure.host)} {how} {kit.escape(failure.task)}", blocks)


def tolerated(failures: Sequence[FailedTask]) -> Message:
    """Failed tasks after which the playbook went on (ignored or rescued), for the thread."""
    text = f"The playbook went on after {phrases.counted(len(failures), 'failure')}"
    lines = [f"• {kit.code(failure.host)}: {kit.code(failure.task)} ({kit.code(failure.path)})" for failure in failures]
    lines = [*lines[:TOLERATED_LISTED], *phrases.rest(len(lines) - TOLERATED_LISTED, "… and")]
    blocks = [kit.section(f":warning: {text}:"), *kit.sections(lines)]
    if len(failures) == 1 and failures[0].output.strip():
        blocks.append(kit.section(kit.preformatted(failures[0].output)))
    return kit.message(text, blocks)


def more_failures(count: int) -> Message:
    """The number of failures that have no message in the thread."""
    text = f"… and {phrases.counted(count, 'more failure')}; the log files in this thread have all"
    return kit.message(text, [kit.section(text)])


def playbook_log(result: PlaybookResult) -> Message:
    """The end of a playbook's output, for the thread, where no failed task explains more."""
    name = kit.escape(result.playbook)
    return kit.message(f"{name}: the end of its log", [kit.section(kit.preformatted(result.log_tail))])


def _row(host: HostResult, label: str, total: int, now: float) -> Sequence[Cell]:
    return [
        host.host,
        label,
        _task(host),
        task_position(host, total) if host.state not in GOOD else "",
        str(host.ok),
        str(host.changed),
        str(host.failed or ""),
        str(host.unreachable or ""),
        _time(host, now),
    ]


def _task(host: HostResult) -> str:
    """The task that a host is at, or where it stopped."""
    if host.state is not State.NOT_REACHED:
        return host.current_task or ""
    return f"before {host.current_task}" if host.current_task else "no task"


def task_position(host: HostResult, total: int) -> str:
    """The number of a host's current task: "4/7", or "4" where the total is unknown, "" before the first."""
    if not host.task_number:
        return ""
    return f"{host.task_number}/{total}" if total else str(host.task_number)


def _time(host: HostResult, now: float) -> str:
    until = now if host.state is State.RUNNING else host.observed_at
    if host.started_at is None or until is None:
        return ""
    return phrases.duration(max(until - host.started_at, 0))


def names_of(hosts: Iterable[HostResult]) -> str:
    """The names of these hosts (mrkdwn), as many as fit into a sentence."""
    return listed([host.host for host in hosts])


def listed(names: Sequence[str]) -> str:
    """These names (mrkdwn), as many as fit into a sentence, and the number of the others."""
    return phrases.listed([kit.escape(name) for name in names], NAMED)
