"""A deploy by Ansible as one message: a row for each host while it is under way, what keeps it from beginning, its thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from bot.slack.blocks.jobs import MARKS
from handlers.deploy.views import deploy_message
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Cell, Message
    from handlers.deploy.views import Release
    from runners.results import ChangedKey, FailedTask, HostResult, PlaybookResult

ACCEPT_KEYS = "accept-host-keys"
ROWS = 40  # more hosts than these are shown worst first
NAMED = 6  # hosts in a sentence
KEYS_SHOWN = 10
GOOD = (State.SUCCEEDED, State.SKIPPED)
NEVER_BEGUN = (State.WAITING, State.SKIPPED)
# What a person has to look at comes first, where not all can be shown.
WORST_FIRST = (
    State.FAILED,
    State.UNREACHABLE,
    State.UNKNOWN,
    State.CANCELLED,
    State.RUNNING,
    State.WAITING,
    State.SKIPPED,
    State.SUCCEEDED,
)
UNTOUCHED = "⚪ not touched"  # what becomes of a host that waits, once all is over
_SAME_INSTANCES = "These are the same instances as before, so their keys"
COLUMNS = ("Host", "State", "Task", "", "ok", "changed", "failed", "unreachable", "Time")
CHECK_COLUMNS = tuple("would change" if name == "changed" else name for name in COLUMNS)
CANCELLING = "No further task is started. What a task has begun on a host may go on there, and what was done stays."


@dataclass(frozen=True, slots=True)
class Rollout:
    """The playbooks in their order, those to come included; `now` is Unix seconds. A `check` touches nothing."""

    results: tuple[PlaybookResult, ...]
    now: float
    check: bool = False

    @property
    def hosts(self) -> list[HostResult]:
        """Every host."""
        return [host for result in self.results for host in result.hosts]


def looking(head: Head, release: Release, approval: ApprovalView | None, rollout: Rollout) -> Message:
    """All playbooks are through; their daemons are looked at."""
    return deploy_message(
        head, "running", "checking that each daemon runs once", release, approval, details=board(rollout)
    )


def preparing(head: Head, release: Release, approval: ApprovalView | None, rollout: Rollout) -> Message:
    """Before the first playbook: what all of them need is fetched and installed, with Cancel."""
    news = "getting the code, and the collections and roles that it requires"
    cancel = common.cancel_button(head, "Nothing was touched yet, and nothing will be.")
    return deploy_message(head, "running", news, release, approval, details=board(rollout), buttons=[cancel])


def progress(head: Head, release: Release, approval: ApprovalView | None, rollout: Rollout) -> Message:
    """Playbooks under way, with Cancel."""
    done = sum(1 for result in rollout.results if result.state.ended)
    count = len(rollout.results)
    types = f", {done} of {count} machine types done" if count > 1 else ""
    doing = "checking what would change with" if rollout.check else "deploying"
    news = f"{doing} {kit.escape(release.commit.short)}{types}"
    cancel = common.cancel_button(head, "The check ends." if rollout.check else CANCELLING)
    return deploy_message(head, "running", news, release, approval, details=board(rollout), buttons=[cancel])


def keys_changed(head: Head, release: Release, approval: ApprovalView | None, changed: Sequence[ChangedKey]) -> Message:
    """Servers that show another host key than the one on record: refused, with both fingerprints, and Accept."""
    names = listed([one.host for one in changed])
    news = f"refused: {names} {'shows' if len(changed) == 1 else 'show'} another host key. Nothing was touched"
    lines = [
        f"{kit.code(one.host)} ({kit.code(one.instance_id)})\nknown: {kit.code(one.known)}\nnow: {kit.code(one.shown)}"
        for one in changed[:KEYS_SHOWN]
    ]
    more = [f"… and {len(changed) - KEYS_SHOWN} more"] if len(changed) > KEYS_SHOWN else []
    same = "This is the same instance as before, so its key" if len(changed) == 1 else _SAME_INSTANCES
    why = (
        f"{same} should be the same. Either somebody has set the server up anew, or it is not the server that answers. "
        "Ask whoever looks after it before you accept."
    )
    body = [*kit.sections([*lines, *more]), kit.section(why)]
    one = len(changed) == 1
    keys = f"key of {names} is" if one else f"keys of {names} are"
    question = f"From now on the new host {keys} trusted, for as long as the instance{'' if one else 's'} live{'s' if one else ''}."
    ask = kit.confirm(
        f"Accept {'another host key' if one else 'other host keys'}?",
        question,
        f"Yes, accept {'it' if one else 'them'}",
    )
    button = kit.button(
        f"Accept the new host key{'' if one else 's'}", ACCEPT_KEYS, str(head.number), style="danger", ask=ask
    )
    return deploy_message(
        head, "failed", news, release, approval, details=body, buttons=[kit.actions(ACCEPT_KEYS, button)]
    )


def keys_accepted(shown: Message, environment: str, person: str, count: int, at: float) -> Message:
    """The message of `keys_changed` once somebody (a user id) has accepted the keys: who, when (Unix seconds), what now.

    It stands in the button's place.
    """
    keys = f"the new host key{'s' if count != 1 else ''}"
    then = f"Run {kit.code(f'/deploy {environment}')} again: nothing has gone out yet."
    said = kit.context(f"{keys} accepted by {kit.user(person)} {kit.moment(at)}. {then}")
    blocks = [
        said if any(one.get("action_id") == ACCEPT_KEYS for one in block.get("elements", ())) else block
        for block in shown.blocks
    ]
    return kit.Message(shown.text, tuple(blocks))


def board(rollout: Rollout, *, over: bool = False) -> list[Block]:
    """A row for each host; where there are many the worst come first, and all are counted above.

    Once it is `over`, no host waits any more: it was not touched.
    """
    hosts = rollout.hosts
    if not hosts:
        return []
    many = len(hosts) > ROWS
    shown = sorted(hosts, key=lambda host: WORST_FIRST.index(host.state)) if many else hosts
    totals = {host.host: result.task_total for result in rollout.results for host in result.hosts}
    marks = {**MARKS, State.WAITING: UNTOUCHED} if over else MARKS
    rows = [_row(host, marks[host.state], totals[host.host], rollout.now) for host in shown]
    table = kit.table(CHECK_COLUMNS if rollout.check else COLUMNS, rows, right=(4, 5, 6, 7, 8))
    return [*([kit.context(_counts(hosts, marks))] if len(hosts) > 1 else []), table]


def _counts(hosts: Sequence[HostResult], marks: Mapping[State, str]) -> str:
    """How many hosts stand how, worst first."""
    numbers = [(state, sum(1 for host in hosts if host.state is state)) for state in WORST_FIRST]
    said = ", ".join(f"{count} {marks[state].partition(' ')[2]}" for state, count in numbers if count)
    return f"{counted(len(hosts), 'host')}: {said}"


def failing_task(failure: FailedTask) -> Message:
    """What a failing task said on a host, for the thread."""
    how = "could not be reached for" if failure.unreachable else "failed at"
    line = f":x: {kit.code(failure.host)} {how} {kit.code(failure.task)} ({kit.code(failure.path)})"
    blocks = [kit.section(line), *([kit.section(kit.preformatted(failure.output))] if failure.output.strip() else [])]
    return kit.message(f"{kit.escape(failure.host)} {how} {kit.escape(failure.task)}", blocks)


def more_failures(count: int) -> Message:
    """That the thread does not show every failure."""
    text = f"… and {counted(count, 'more failure')}; the log files in this thread have all"
    return kit.message(text, [kit.section(text)])


def playbook_log(result: PlaybookResult) -> Message:
    """The end of what Ansible printed, for the thread, where no task tells more."""
    name = kit.escape(result.playbook)
    return kit.message(f"{name}: the end of its log", [kit.section(kit.preformatted(result.log_tail))])


def _row(host: HostResult, mark: str, total: int, now: float) -> Sequence[Cell]:
    return [
        host.host,
        mark,
        host.current_task or "",
        target_of(host, total) if host.state not in GOOD else "",
        str(host.ok),
        str(host.changed),
        str(host.failed or ""),
        str(host.unreachable or ""),
        _time(host, now),
    ]


def target_of(host: HostResult, total: int) -> str:
    """At which of its playbook's tasks a host is: "4/7", or "4" where they are not counted, "" before the first."""
    if not host.task_number:
        return ""
    return f"{host.task_number}/{total}" if total else str(host.task_number)


def _time(host: HostResult, now: float) -> str:
    until = now if host.state is State.RUNNING else host.seen_at
    if host.started_at is None or until is None:
        return ""
    return kit.duration(max(until - host.started_at, 0))


def names_of(hosts: Iterable[HostResult]) -> str:
    """The hosts by name (escaped), as far as a sentence takes them."""
    return listed([host.host for host in hosts])


def listed(hosts: Sequence[str]) -> str:
    """The same of names alone."""
    names = [kit.escape(host) for host in hosts]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def counted(count: int, noun: str) -> str:
    """A number of things: "1 host", "2 hosts"."""
    return f"{count} {noun}{'s' if count != 1 else ''}"
