"""The end of a deploy or a check by Ansible: what was done on which hosts, what remains, and the command for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.deploy.ansible import daemon_views
from handlers.deploy.ansible.views import GOOD, NAMED, host_table, listed, names_of, task_position
from handlers.deploy.views import deploy_message
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.deploy.ansible.views import RolloutState
    from handlers.deploy.views import Release
    from runners.results import DaemonObservation, HostResult

RETRY = "retry-hosts"
CHANGES_LISTED = 25
_PHRASES = {
    State.UNREACHABLE: "could not reach {}",
    State.NOT_REACHED: "{} not reached",
    State.UNKNOWN: "unknown outcome on {}",
}


@dataclass(frozen=True, slots=True)
class RolloutEnd:
    """What the message has beside the host table: roles without a change, who cancelled (mrkdwn), a retry button.

    `daemons` were observed after the playbooks; `then` is the command for the remaining roles.
    """

    not_started: tuple[str, ...] = ()
    cancelled_by: str = ""
    retry: bool = False
    daemons: tuple[DaemonObservation, ...] = ()
    then: str = ""


def ended(head: Head, release: Release, approval: ApprovalView | None, state: RolloutState, end: RolloutEnd) -> Message:
    """A roll-out that has ended: complete, or failed, cancelled or interrupted before its last playbook."""
    status, news = _status_and_news(release, state, end)
    done, table = _done(release, state, status), host_table(state, ended=True)
    details = [*done, *daemon_views.after_deploy(head.environment, end.daemons), *table]
    buttons = [_retry_button(head, state)] if end.retry else []
    return deploy_message(head, status, news, release, approval, details=details, buttons=buttons)


def checked(head: Head, release: Release, state: RolloutState) -> Message:
    """A check that has ended: what would change, and which hosts could not be checked."""
    bad = [host for host in state.hosts if host.state not in GOOD]
    changes = [change for result in state.results for change in result.changes]
    hosts = len({change.host for change in changes})
    if bad:
        refused = [f"{playbooks} could not be run: {why}" for playbooks, why in _refused(state)]
        why = f" ({'; '.join(refused)})" if refused else ""
        news = f"checked, and {names_of(bad)} could not be checked to the end{why}. {_forced(state)}"
    elif changes:
        news = (
            f"checked: {phrases.counted(len(changes), 'change')} on {phrases.counted(hosts, 'host')}. {_forced(state)}"
        )
    else:
        news = f"checked: nothing would change. {_forced(state)}"
    details = [*_forced_tasks(state), *_would_change(state), *host_table(state, ended=True)]
    return deploy_message(head, "failed" if bad else "succeeded", news, release, None, details=details)


def _status_and_news(release: Release, state: RolloutState, end: RolloutEnd) -> tuple[str, str]:
    short, results = kit.escape(release.commit.short), state.results
    untouched = f" Not deployed: {', '.join(map(kit.escape, end.not_started))}." if end.not_started else ""
    interrupted = [result for result in results if not result.finished]
    bad = [host for host in state.hosts if host.state not in (*GOOD, State.WAITING)]
    if end.cancelled_by:
        then = f" To continue, run {kit.code(end.then)}" if end.then else ""
        return "cancelled", f"{end.cancelled_by} cancelled it.{_stopped_at(state)}{untouched}{then}"
    if interrupted:
        playbook, why = kit.escape(interrupted[0].playbook), kit.escape(interrupted[0].uncertainty)
        unknown = f" How it ended is unknown: {why}" if why else ""
        news = f"interrupted during {playbook}, and not started again.{unknown}{untouched} {_run_again(end)}"
        return "interrupted", news
    wrong = [daemon for daemon in end.daemons if not daemon.ok]
    if not bad and wrong:
        return "failed", f"{short} was deployed, but {_daemon_problems(wrong)}"
    if not bad and all(result.state is State.SUCCEEDED for result in results):
        return "succeeded", f"{_deployed(short, state)}{_tolerated(state)}"
    thread = f"The output of {'each host' if bad else 'Ansible'} is in the thread"
    return "failed", f"{_failures(state, bad)}{_tolerated(state)}.{untouched} {thread}{_next_step(end)}"


def _deployed(short: str, state: RolloutState) -> str:
    done = [host for host in state.hosts if host.state is State.SUCCEEDED]
    if not done:
        return f"ran the playbooks of {short}; they name no host of the inventory, so nothing was deployed"
    return f"deployed {short} to {phrases.counted(len(done), 'host')}"


def _tolerated(state: RolloutState) -> str:
    """Failures after which the playbooks went on, for the end of the first line."""
    ignored, rescued = sum(host.ignored for host in state.hosts), sum(host.rescued for host in state.hosts)
    parts = [(ignored, "ignored failure"), (rescued, "rescued failure")]
    texts = [phrases.counted(number, what) for number, what in parts if number]
    return f", {' and '.join(texts)}" if texts else ""


def _failures(state: RolloutState, bad: Sequence[HostResult]) -> str:
    """The hosts by how each ended; the playbooks that timed out or could not be run, with the reason."""
    refused = [f"{playbook} could not be run: {why}" for playbook, why in _refused(state)]
    timed_out = [
        f"{kit.escape(result.playbook)} did not end: {kit.escape(result.overdue)}"
        for result in state.results
        if result.overdue
    ]
    by_state = {kind: names_of(host for host in bad if host.state is kind) for kind in _PHRASES}
    others = names_of(host for host in bad if host.state not in _PHRASES)
    names = others or ("" if refused or any(by_state.values()) else kit.escape(state.results[-1].playbook))
    reasons = {result.uncertainty for result in state.results if result.uncertainty}
    parts = [
        *([f"failed on {names}"] if names else []),
        *(_PHRASES[kind].format(affected) for kind, affected in by_state.items() if affected),
        *(kit.escape(uncertainty) for uncertainty in sorted(reasons)),
    ]
    return "; ".join([*parts, *timed_out[:NAMED], *refused])


def _refused(state: RolloutState) -> list[tuple[str, str]]:
    """The playbooks that could not be run, grouped by the reason."""
    playbooks: dict[str, list[str]] = {}
    for result in state.results:
        if result.refused:
            playbooks.setdefault(result.refused, []).append(result.playbook)
    return [
        (listed(names), kit.escape(kit.cut(why, 300)).rstrip(".")) for why, names in list(playbooks.items())[:NAMED]
    ]


def _run_again(end: RolloutEnd) -> str:
    return f"Check its hosts, then run {kit.code(end.then)}" if end.then else "Run /deploy again"


def _next_step(end: RolloutEnd) -> str:
    if not end.then:
        return ""
    first = "Retry the failed hosts" if end.retry else "Fix what failed"
    return f". {first}. Then run {kit.code(end.then)}"


def _daemon_problems(wrong: Sequence[DaemonObservation]) -> str:
    names = phrases.listed([f"{kit.escape(daemon.daemon)} on {kit.escape(daemon.host)}" for daemon in wrong], NAMED)
    return f"{names} {phrases.plural(len(wrong), 'does', 'do')} not run correctly"


def _stopped_at(state: RolloutState) -> str:
    """The task at which each cancelled host stopped."""
    totals = {host.host: result.task_total for result in state.results for host in result.hosts}
    cancelled = [host for host in state.hosts if host.state is State.CANCELLED]
    parts = [f"{kit.escape(host.host)} at {_task(host, totals[host.host])}" for host in cancelled[:NAMED]]
    below = " (see below)" if len(cancelled) > NAMED else ""
    return f" Interrupted: {phrases.listed_of(parts, len(cancelled))}{below}." if cancelled else ""


def _task(host: HostResult, total: int) -> str:
    task = kit.code(host.current_task) if host.current_task else "its beginning"
    position = task_position(host, total)
    return f"{task} (task {position})" if position else task


def _done(release: Release, state: RolloutState, status: str) -> list[Block]:
    done = [host for host in state.hosts if host.state is State.SUCCEEDED]
    if status == "succeeded" or state.check or not done:
        return []
    short = kit.escape(release.commit.short)
    return [kit.section(f"*Done:* {names_of(done)} ({len(done)} of {len(state.hosts)}) got {short}.")]


def _retry_button(head: Head, state: RolloutState) -> Block:
    failed = [host for host in state.hosts if host.state not in (*GOOD, State.WAITING)]
    text = f"Signalbox deploys the same commit to {names_of(failed)} again, and to no other host."
    ask = kit.confirm("Retry the failed hosts?", text, "Yes, retry them")
    return kit.actions(RETRY, kit.button("Retry failed hosts", RETRY, str(head.number), style="primary", ask=ask))


def _forced(state: RolloutState) -> str:
    """What the check itself did, as far as Ansible reports it: what a lookup or a module does unasked, it does not."""
    forced = [result.forced for result in state.results]
    tasks, changed = sum(each.tasks for each in forced), sum(each.changed for each in forced)
    complete = bool(forced) and all(each.complete for each in forced)
    if not tasks:
        ran = "no task with `check_mode: false` ran" if complete else "whether tasks ran anyway is unknown"
        return f"Ran in check mode: {ran}"
    number = f"{phrases.counted(tasks, 'task')} with `check_mode: false`"
    least = "" if complete else "at least "
    reported = f"{phrases.counted(changed, 'change')} reported" if changed else "no change reported"
    return f"Ran in check mode, but {least}{number} ran anyway: {reported}"


def _forced_tasks(state: RolloutState) -> list[Block]:
    names = [name for result in state.results for name in result.forced.names]
    if not names:
        return []
    lines = [f"• {kit.code(name)}" for name in names[:CHANGES_LISTED]]
    rest = sum(result.forced.tasks for result in state.results) - len(lines)
    lines += phrases.rest(rest, "… and", "tasks")
    return [kit.section("*Ran in spite of check mode* (`check_mode: false`):"), *kit.sections(lines)]


def _would_change(state: RolloutState) -> list[Block]:
    hosts: dict[tuple[str, str], list[str]] = {}
    for result in state.results:
        for change in result.changes:
            hosts.setdefault((change.task, change.path), []).append(change.host)
    if not hosts:
        return []
    lines = [_change_line(task, path, where) for (task, path), where in list(hosts.items())[:CHANGES_LISTED]]
    lines += phrases.rest(len(hosts) - CHANGES_LISTED, "… and", "tasks")
    return [kit.section("*Would change* (each difference is in the file in the thread):"), *kit.sections(lines)]


def _change_line(task: str, path: str, where: Sequence[str]) -> str:
    return f"• {kit.code(task)} ({kit.code(path)}): {phrases.listed(list(map(kit.escape, where)), NAMED)}"
