"""How a deploy by Ansible, or a check, ended: what was done where, what is left and what to type for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.deploy.ansible import daemon_views
from handlers.deploy.ansible.views import GOOD, NAMED, board, counted, listed, names_of, target_of
from handlers.deploy.views import deploy_message
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.deploy.ansible.views import Rollout
    from handlers.deploy.views import Release
    from runners.results import DaemonObservation, HostResult

RETRY = "retry-hosts"
CHANGES = 25  # lines of what a check found


@dataclass(frozen=True, slots=True)
class Ending:
    """What is said beside the board: machine types not begun, who cancelled (escaped), whether hosts may be retried.

    `daemons` are what was seen of them once the playbooks were through; `then` is what to type for what is left to do.
    """

    not_started: tuple[str, ...] = ()
    cancelled_by: str = ""
    retry: bool = False
    daemons: tuple[DaemonObservation, ...] = ()
    then: str = ""


def ended(head: Head, release: Release, approval: ApprovalView | None, rollout: Rollout, ending: Ending) -> Message:
    """Every playbook ended, or one failed, was cancelled or cut short, and what came after it was left alone."""
    status, news = _how_it_ended(release, rollout, ending)
    done, shown = _what_was_done(release, rollout, status), board(rollout, over=True)
    body = [*done, *daemon_views.after_deploy(head.environment, ending.daemons), *shown]
    buttons = [_retry_button(head, rollout)] if ending.retry else []
    return deploy_message(head, status, news, release, approval, details=body, buttons=buttons)


def checked(head: Head, release: Release, rollout: Rollout) -> Message:
    """What a check found: what would change, and where it came to no answer."""
    bad = [host for host in rollout.hosts if host.state not in GOOD]
    changes = [change for result in rollout.results for change in result.changes]
    hosts = len({change.host for change in changes})
    if bad:
        refused = [f"{one} could not be run: {why}" for one, why in _refused(rollout)]
        why = f" ({'; '.join(refused)})" if refused else ""
        news = f"checked, and {names_of(bad)} could not be checked to the end{why}. Nothing was touched"
    elif changes:
        news = f"checked: {counted(len(changes), 'change')} on {counted(hosts, 'host')}. Nothing was touched"
    else:
        news = "checked: nothing would change. Nothing was touched"
    body = [*_would_change(rollout), *board(rollout, over=True)]
    return deploy_message(head, "failed" if bad else "succeeded", news, release, None, details=body)


def _how_it_ended(release: Release, rollout: Rollout, ending: Ending) -> tuple[str, str]:
    short, results = kit.escape(release.commit.short), rollout.results
    left = f" Not touched: {', '.join(map(kit.escape, ending.not_started))}." if ending.not_started else ""
    cut_short = [result for result in results if not result.finished]
    bad = [host for host in rollout.hosts if host.state not in (*GOOD, State.WAITING)]
    if ending.cancelled_by:
        then = f" To go on, run {kit.code(ending.then)}" if ending.then else ""
        return "cancelled", f"{ending.cancelled_by} cancelled it.{_left_at(rollout)}{left}{then}"
    if cut_short:
        playbook = kit.escape(cut_short[0].playbook)
        return "interrupted", f"interrupted during {playbook}, and not started again.{left} {_run_again(ending)}"
    wrong = [daemon for daemon in ending.daemons if not daemon.ok]
    if not bad and wrong:
        return "failed", f"{short} went out, but {_wrong(wrong)}"
    if not bad and all(result.state is State.SUCCEEDED for result in results):
        return "succeeded", f"deployed {short} to {counted(len(rollout.hosts), 'host')}"
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
    away = names_of(host for host in bad if host.state is State.UNREACHABLE)
    failed = names_of(host for host in bad if host.state is not State.UNREACHABLE)
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
        (listed(names), kit.escape(kit.cut(why, 300)).rstrip(".")) for why, names in list(playbooks.items())[:NAMED]
    ]


def _run_again(ending: Ending) -> str:
    return f"Look at its hosts, then run {kit.code(ending.then)}" if ending.then else "Run /deploy again"


def _next_step(ending: Ending) -> str:
    if not ending.then:
        return ""
    first = "Retry the failed hosts" if ending.retry else "Put right what failed"
    return f". {first}. Then run {kit.code(ending.then)}"


def _wrong(wrong: Sequence[DaemonObservation]) -> str:
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
    target = target_of(host, total)
    return f"{task} (task {target})" if target else task


def _what_was_done(release: Release, rollout: Rollout, status: str) -> list[Block]:
    done = [host for host in rollout.hosts if host.state is State.SUCCEEDED]
    if status == "succeeded" or rollout.check or not done:
        return []
    short = kit.escape(release.commit.short)
    return [kit.section(f"*Done:* {names_of(done)} ({len(done)} of {len(rollout.hosts)}) got {short}.")]


def _retry_button(head: Head, rollout: Rollout) -> Block:
    failed = [host for host in rollout.hosts if host.state not in (*GOOD, State.WAITING)]
    text = f"The same commit goes to {names_of(failed)} again, and to no other host."
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
