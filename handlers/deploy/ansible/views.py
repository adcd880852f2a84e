"""What the messages of a deploy by Ansible have of their own: the words for it, the retry of hosts, the end of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.deploy.views import deploy_message
from handlers.shared.ansible.outcome_views import refusals
from handlers.shared.ansible.views import GOOD, NAMED, Frame, host_table, names_of
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.deploy.views import Release
    from handlers.shared.ansible.views import RolloutState
    from runners.results import DaemonObservation

RETRY = "retry-hosts"
CHANGES_LISTED = 25


def frame(head: Head, release: Release, approval: ApprovalView | None) -> Frame:
    """What every message of the roll-out of a release has."""
    short = kit.escape(release.commit.short)

    def draw(status: str, news: str, details: Iterable[Block], buttons: Iterable[Block]) -> Message:
        return deploy_message(head, status, news, release, approval, details=details, buttons=buttons)

    return Frame(
        head,
        release.commit,
        approval,
        draw,
        doing=f"{'checking what would change with' if release.check else 'deploying'} {short}",
        activity="is checking what would change" if release.check else "is deploying",
        done=f"deployed {short} to",
        no_host=f"ran the playbooks of {short}; they name no host of the inventory, so nothing was deployed",
        got=f" got {short}",
        untouched="not deployed",
        command=f"/deploy {head.environment}",
    )


def daemon_problem(release: Release, observed: Sequence[DaemonObservation]) -> str:
    """What is wrong with the daemons after the playbooks (mrkdwn); "" where nothing is."""
    wrong = [f"{kit.escape(daemon.daemon)} on {kit.escape(daemon.host)}" for daemon in observed if not daemon.ok]
    verb = phrases.plural(len(wrong), "does", "do")
    problem = f"{phrases.listed(wrong, NAMED)} {verb} not run correctly"
    return f"{kit.escape(release.commit.short)} was deployed, but {problem}" if wrong else ""


def retry_button(head: Head, state: RolloutState) -> Block:
    """The button that deploys the same commit to the hosts that failed."""
    failed = [host for host in state.hosts if host.state not in (*GOOD, State.WAITING)]
    text = f"Signalbox deploys the same commit to {names_of(failed)} again, and to no other host."
    ask = kit.confirm("Retry the failed hosts?", text, "Yes, retry them")
    return kit.actions(RETRY, kit.button("Retry failed hosts", RETRY, str(head.number), style="primary", ask=ask))


def checked(frame: Frame, state: RolloutState) -> Message:
    """A check that has ended: what would change, and which hosts could not be checked."""
    bad = [host for host in state.hosts if host.state not in GOOD]
    changes = [change for result in state.results for change in result.changes]
    hosts = len({change.host for change in changes})
    if bad:
        refused = refusals(state)
        why = f" ({'; '.join(refused)})" if refused else ""
        news = f"checked, and {names_of(bad)} could not be checked to the end{why}. {_forced(state)}"
    elif changes:
        news = (
            f"checked: {phrases.counted(len(changes), 'change')} on {phrases.counted(hosts, 'host')}. {_forced(state)}"
        )
    else:
        news = f"checked: nothing would change. {_forced(state)}"
    details = [*_forced_tasks(state), *_would_change(state), *host_table(state, untouched=frame.untouched)]
    return frame.draw("failed" if bad else "succeeded", news, details, ())


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
