"""A deploy by Ansible as one message: a row for each host, what is left to do, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.blocks import daemons, kit, operation
from bot.blocks.deploy import MARKS, framed
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.blocks.deploy import Outgoing
    from bot.blocks.kit import Block, Cell, Message
    from bot.blocks.operation import ApprovalView, Head
    from runners.results import ChangedKey, DaemonSeen, FailedTask, HostResult, PlaybookResult

RETRY = "retry-hosts"
ACCEPT_KEYS = "accept-host-keys"
ROWS = 40  # more hosts than these are shown worst first
NAMED = 6  # hosts in a sentence
KEYS_SHOWN = 10
CHANGES = 25  # lines of what a check found
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


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said beside the board: machine types not begun, who cancelled (escaped), whether hosts may be retried.

    `daemons` are what was seen of them once the playbooks were through; `then` is what to type for what is left to do.
    """

    not_started: tuple[str, ...] = ()
    cancelled_by: str = ""
    retry: bool = False
    daemons: tuple[DaemonSeen, ...] = ()
    then: str = ""


def looking(head: Head, outgoing: Outgoing, approval: ApprovalView | None, rollout: Rollout) -> Message:
    """All playbooks are through; their daemons are looked at."""
    return framed(head, "running", "checking that each daemon runs once", outgoing, approval, body=board(rollout))


def preparing(head: Head, outgoing: Outgoing, approval: ApprovalView | None, rollout: Rollout) -> Message:
    """Before the first playbook: what all of them need is fetched and installed, with Cancel."""
    news = "getting the code, and the collections and roles that it requires"
    cancel = operation.cancel_button(head, "Nothing was touched yet, and nothing will be.")
    return framed(head, "running", news, outgoing, approval, body=board(rollout), buttons=[cancel])


def progress(head: Head, outgoing: Outgoing, approval: ApprovalView | None, rollout: Rollout) -> Message:
    """Playbooks under way, with Cancel."""
    done = sum(1 for result in rollout.results if result.state.ended)
    count = len(rollout.results)
    types = f", {done} of {count} machine types done" if count > 1 else ""
    doing = "checking what would change with" if rollout.check else "deploying"
    news = f"{doing} {kit.escape(outgoing.commit.short)}{types}"
    cancel = operation.cancel_button(head, "The check ends." if rollout.check else CANCELLING)
    return framed(head, "running", news, outgoing, approval, body=board(rollout), buttons=[cancel])


def ended(head: Head, outgoing: Outgoing, approval: ApprovalView | None, rollout: Rollout, ending: Ending) -> Message:
    """Every playbook ended, or one failed, was cancelled or cut short, and what came after it was left alone."""
    status, news = _how_it_ended(outgoing, rollout, ending)
    done, shown = _what_was_done(outgoing, rollout, status), board(rollout, over=True)
    body = [*done, *daemons.after_deploy(head.environment, ending.daemons), *shown]
    buttons = [_retry_button(head, rollout)] if ending.retry else []
    return framed(head, status, news, outgoing, approval, body=body, buttons=buttons)


def checked(head: Head, outgoing: Outgoing, rollout: Rollout) -> Message:
    """What a check found: what would change, and where it came to no answer."""
    bad = [host for host in rollout.hosts if host.state not in GOOD]
    changes = [change for result in rollout.results for change in result.changes]
    hosts = len({change.host for change in changes})
    if bad:
        refused = [f"{one} could not be run: {why}" for one, why in _refused(rollout)]
        why = f" ({'; '.join(refused)})" if refused else ""
        news = f"checked, and {_names(bad)} could not be checked to the end{why}. Nothing was touched"
    elif changes:
        news = f"checked: {_plural(len(changes), 'change')} on {_plural(hosts, 'host')}. Nothing was touched"
    else:
        news = "checked: nothing would change. Nothing was touched"
    body = [*_would_change(rollout), *board(rollout, over=True)]
    return framed(head, "failed" if bad else "succeeded", news, outgoing, None, body=body)


def keys_changed(
    head: Head, outgoing: Outgoing, approval: ApprovalView | None, changed: Sequence[ChangedKey]
) -> Message:
    """Servers that show another host key than the one on record: refused, with both fingerprints, and Accept."""
    names = _listed([one.host for one in changed])
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
    return framed(head, "failed", news, outgoing, approval, body=body, buttons=[kit.actions(ACCEPT_KEYS, button)])


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
    return f"{_plural(len(hosts), 'host')}: {said}"


def failing_task(failure: FailedTask) -> Message:
    """What a failing task said on a host, for the thread."""
    how = "could not be reached for" if failure.unreachable else "failed at"
    line = f":x: {kit.code(failure.host)} {how} {kit.code(failure.task)} ({kit.code(failure.path)})"
    blocks = [kit.section(line), *([kit.section(kit.preformatted(failure.output))] if failure.output.strip() else [])]
    return kit.message(f"{kit.escape(failure.host)} {how} {kit.escape(failure.task)}", blocks)


def more_failures(count: int) -> Message:
    """That the thread does not show every failure."""
    text = f"… and {_plural(count, 'more failure')}; the log files in this thread have all"
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
        _place(host, total) if host.state not in GOOD else "",
        str(host.ok),
        str(host.changed),
        str(host.failed or ""),
        str(host.unreachable or ""),
        _time(host, now),
    ]


def _place(host: HostResult, total: int) -> str:
    if not host.task_number:
        return ""
    return f"{host.task_number}/{total}" if total else str(host.task_number)


def _time(host: HostResult, now: float) -> str:
    until = now if host.state is State.RUNNING else host.seen_at
    if host.started_at is None or until is None:
        return ""
    return kit.duration(max(until - host.started_at, 0))


def _how_it_ended(outgoing: Outgoing, rollout: Rollout, ending: Ending) -> tuple[str, str]:
    short, results = kit.escape(outgoing.commit.short), rollout.results
    left = f" Not touched: {', '.join(map(kit.escape, ending.not_started))}." if ending.not_started else ""
    cut_short = [result for result in results if not result.finished]
    bad = [host for host in rollout.hosts if host.state not in (*GOOD, State.WAITING)]
    if ending.cancelled_by:
        then = f" To go on, run {kit.code(ending.then)}" if ending.then else ""
        return "cancelled", f"{ending.cancelled_by} cancelled it.{_left_at(rollout)}{left}{then}"
    if cut_short:
        playbook = kit.escape(cut_short[0].playbook)
        return "interrupted", f"interrupted during {playbook}, and not started again.{left} {_run_again(ending)}"
    wrong = [one for one in ending.daemons if not one.ok]
    if not bad and wrong:
        return "failed", f"{short} went out, but {_wrong(wrong)}"
    if not bad and all(result.state is State.SUCCEEDED for result in results):
        return "succeeded", f"deployed {short} to {_plural(len(rollout.hosts), 'host')}"
    said = f"What {'each host' if bad else 'Ansible'} said is in the thread"
    return "failed", f"{_what_failed(rollout, bad)}.{left} {said}{_next_step(ending)}"


def _what_failed(rollout: Rollout, bad: Sequence[HostResult]) -> str:
    """The hosts on which it failed or that are out of reach; the playbooks that took too long or could not be run, with why."""
    refused = [f"{playbook} could not be run: {why}" for playbook, why in _refused(rollout)]
    overdue = [
        f"{kit.escape(result.playbook)} did not end: {kit.escape(result.overdue)}"
        for result in rollout.results
        if result.overdue
    ]
    away = _names(host for host in bad if host.state is State.UNREACHABLE)
    failed = _names(host for host in bad if host.state is not State.UNREACHABLE)
    names = failed or ("" if refused or away else kit.escape(rollout.results[-1].playbook))
    said = [*([f"failed on {names}"] if names else []), *([f"could not reach {away}"] if away else [])]
    return "; ".join([*said, *overdue[:NAMED], *refused])


def _refused(rollout: Rollout) -> list[tuple[str, str]]:
    """The playbooks that could not be run, by what went wrong: where it is the same for several, they are one."""
    playbooks: dict[str, list[str]] = {}
    for result in rollout.results:
        if result.refused:
            playbooks.setdefault(result.refused, []).append(result.playbook)
    return [
        (_listed(names), kit.escape(kit.cut(why, 300)).rstrip(".")) for why, names in list(playbooks.items())[:NAMED]
    ]


def _run_again(ending: Ending) -> str:
    return f"Look at its hosts, then run {kit.code(ending.then)}" if ending.then else "Run /deploy again"


def _next_step(ending: Ending) -> str:
    if not ending.then:
        return ""
    first = "Retry the failed hosts" if ending.retry else "Put right what failed"
    return f". {first}. Then run {kit.code(ending.then)}"


def _wrong(wrong: Sequence[DaemonSeen]) -> str:
    named = [f"{kit.escape(one.daemon)} on {kit.escape(one.host)}" for one in wrong[:NAMED]]
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return f"{', '.join(named)}{more} {'does' if len(wrong) == 1 else 'do'} not run as it should"


def _left_at(rollout: Rollout) -> str:
    """At which task each host was left."""
    totals = {host.host: result.task_total for result in rollout.results for host in result.hosts}
    left = [host for host in rollout.hosts if host.state is State.CANCELLED]
    said = [f"{kit.escape(host.host)} at {_at(host, totals[host.host])}" for host in left[:NAMED]]
    more = f" and {len(left) - NAMED} more (see below)" if len(left) > NAMED else ""
    return f" Left in the middle: {', '.join(said)}{more}." if left else ""


def _at(host: HostResult, total: int) -> str:
    task = kit.code(host.current_task) if host.current_task else "its beginning"
    place = _place(host, total)
    return f"{task} (task {place})" if place else task


def _what_was_done(outgoing: Outgoing, rollout: Rollout, status: str) -> list[Block]:
    done = [host for host in rollout.hosts if host.state is State.SUCCEEDED]
    if status == "succeeded" or rollout.check or not done:
        return []
    short = kit.escape(outgoing.commit.short)
    return [kit.section(f"*Done:* {_names(done)} ({len(done)} of {len(rollout.hosts)}) got {short}.")]


def _retry_button(head: Head, rollout: Rollout) -> Block:
    failed = [host for host in rollout.hosts if host.state not in (*GOOD, State.WAITING)]
    text = f"The same commit goes to {_names(failed)} again, and to no other host."
    ask = kit.confirm("Retry the failed hosts?", text, "Yes, retry them")
    return kit.actions(RETRY, kit.button("Retry failed hosts", RETRY, str(head.number), style="primary", ask=ask))


def _would_change(rollout: Rollout) -> list[Block]:
    hosts: dict[tuple[str, str], list[str]] = {}
    for result in rollout.results:
        for change in result.changes:
            hosts.setdefault((change.task, change.path), []).append(change.host)
    if not hosts:
        return []
    lines = [_change_line(task, path, where) for (task, path), where in list(hosts.items())[:CHANGES]]
    more = [f"… and {len(hosts) - CHANGES} more tasks"] if len(hosts) > CHANGES else []
    return [kit.section("*Would change* (each difference is in the file in the thread):"), *kit.sections(lines + more)]


def _change_line(task: str, path: str, where: Sequence[str]) -> str:
    names = ", ".join(map(kit.escape, where[:NAMED]))
    more = f" and {len(where) - NAMED} more" if len(where) > NAMED else ""
    return f"• {kit.code(task)} ({kit.code(path)}): {names}{more}"


def _names(hosts: Iterable[HostResult]) -> str:
    return _listed([host.host for host in hosts])


def _listed(hosts: Sequence[str]) -> str:
    names = [kit.escape(host) for host in hosts]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
