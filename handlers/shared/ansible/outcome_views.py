"""The end of a roll-out by Ansible: what was done on which hosts, what remains, and the command for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.shared import log_judgement_views
from handlers.shared.ansible.views import GOOD, NAMED, host_table, listed, names_of, task_position
from handlers.shared.log_judgement import NO_FINDINGS, JudgedLogs
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message
    from handlers.shared.ansible.views import Frame, RolloutState
    from runners.results import HostResult

_PHRASES = {
    State.UNREACHABLE: "could not reach {}",
    State.NOT_REACHED: "{} not reached",
    State.UNKNOWN: "unknown outcome on {}",
}


@dataclass(frozen=True, slots=True)
class RolloutEnd:
    """What the message has beside the host table: roles without a change, who cancelled (mrkdwn), a retry button.

    `problem` (mrkdwn) is what is wrong though every playbook ended well, `details` are displayed above the hosts; `then`
    is the command for the remaining roles, `cause` the likely cause in plain text. `judged` is what the logs showed, and `suspect` (mrkdwn) what to do about that.
    """

    not_started: tuple[str, ...] = ()
    cancelled_by: str = ""
    retry: Block | None = None
    problem: str = ""
    details: tuple[Block, ...] = ()
    then: str = ""
    judged: JudgedLogs = NO_FINDINGS
    suspect: str = ""
    cause: str = ""


def ended(frame: Frame, state: RolloutState, end: RolloutEnd) -> Message:
    """A roll-out that has ended: complete, or failed, cancelled or interrupted before its last playbook."""
    status, news = _status_and_news(frame, state, end)
    done, table = _done(frame, state, status), host_table(state, untouched=frame.untouched)
    findings = log_judgement_views.blocks(end.judged, frame.head.number, end.suspect)
    cause = [kit.section(kit.escape(end.cause))] if end.cause else []
    return frame.draw(status, news, [*cause, *findings, *done, *end.details, *table], [end.retry] if end.retry else [])


def _status_and_news(frame: Frame, state: RolloutState, end: RolloutEnd) -> tuple[str, str]:
    results, names = state.results, ", ".join(map(kit.escape, end.not_started))
    untouched = f" {frame.untouched.capitalize()}: {names}." if names else ""
    interrupted = [result for result in results if not result.finished]
    bad = [host for host in state.hosts if host.state not in (*GOOD, State.WAITING)]
    if end.cancelled_by:
        then = f" To continue, run {kit.code(end.then)}" if end.then else ""
        return "cancelled", f"{end.cancelled_by} cancelled it.{_stopped_at(state)}{untouched}{then}"
    if interrupted:
        playbook, why = kit.escape(interrupted[0].playbook), kit.escape(interrupted[0].uncertainty)
        unknown = f" How it ended is unknown: {why}" if why else ""
        news = f"interrupted during {playbook}, and not started again.{unknown}{untouched} {_run_again(frame, end)}"
        return "interrupted", news
    if not bad and end.problem:
        return "failed", end.problem
    if not bad and all(result.state is State.SUCCEEDED for result in results):
        findings = log_judgement_views.news(end.judged)
        return "attention" if findings else "succeeded", f"{_done_on(frame, state)}{_tolerated(state)}{findings}"
    thread = f"The output of {'each host' if bad else 'Ansible'} is in the thread"
    return "failed", f"{_failures(state, bad)}{_tolerated(state)}.{untouched} {thread}{_next_step(end)}"


def _done_on(frame: Frame, state: RolloutState) -> str:
    done = [host for host in state.hosts if host.state is State.SUCCEEDED]
    return f"{frame.done} {phrases.counted(len(done), 'host')}" if done else frame.no_host


def _tolerated(state: RolloutState) -> str:
    """Failures after which the playbooks went on, for the end of the first line."""
    ignored, rescued = sum(host.ignored for host in state.hosts), sum(host.rescued for host in state.hosts)
    parts = [(ignored, "ignored failure"), (rescued, "rescued failure")]
    texts = [phrases.counted(number, what) for number, what in parts if number]
    return f", {' and '.join(texts)}" if texts else ""


def _failures(state: RolloutState, bad: Sequence[HostResult]) -> str:
    """The hosts by how each ended; the playbooks that timed out or could not be run, with the reason."""
    timed_out = [
        f"{kit.escape(result.playbook)} did not end: {kit.escape(result.overdue)}"
        for result in state.results
        if result.overdue
    ]
    by_state = {kind: names_of(host for host in bad if host.state is kind) for kind in _PHRASES}
    others = names_of(host for host in bad if host.state not in _PHRASES)
    refused = refusals(state)
    names = others or ("" if refused or any(by_state.values()) else kit.escape(state.results[-1].playbook))
    reasons = {result.uncertainty for result in state.results if result.uncertainty}
    parts = [
        *([f"failed on {names}"] if names else []),
        *(_PHRASES[kind].format(affected) for kind, affected in by_state.items() if affected),
        *(kit.escape(uncertainty) for uncertainty in sorted(reasons)),
    ]
    return "; ".join([*parts, *timed_out[:NAMED], *refused])


def refusals(state: RolloutState) -> list[str]:
    """The playbooks that could not be run, grouped by the reason (mrkdwn)."""
    playbooks: dict[str, list[str]] = {}
    for result in state.results:
        if result.refused:
            playbooks.setdefault(result.refused, []).append(result.playbook)
    return [
        f"{listed(names)} could not be run: {kit.escape(kit.cut(why, 300)).rstrip('.')}"
        for why, names in list(playbooks.items())[:NAMED]
    ]


def _run_again(frame: Frame, end: RolloutEnd) -> str:
    return f"Check its hosts, then run {kit.code(end.then)}" if end.then else f"Run {kit.escape(frame.command)} again"


def _next_step(end: RolloutEnd) -> str:
    if not end.then:
        return ""
    first = "Retry the failed hosts" if end.retry else "Fix what failed"
    return f". {first}. Then run {kit.code(end.then)}"


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


def _done(frame: Frame, state: RolloutState, status: str) -> list[Block]:
    done = [host for host in state.hosts if host.state is State.SUCCEEDED]
    if status == "succeeded" or state.check or not done:
        return []
    return [kit.section(f"*Done:* {names_of(done)} ({len(done)} of {len(state.hosts)}){frame.got}.")]
