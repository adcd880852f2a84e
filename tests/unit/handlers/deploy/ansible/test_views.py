"""The board of a deploy by Ansible: a row for each host, how it ended, what is left to do."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from handlers.deploy.ansible import daemon_views, views as deploy_views
from handlers.deploy.views import Release
from handlers.shared.ansible import outcome_views, views
from handlers.shared.ansible.outcome_views import RolloutEnd
from handlers.shared.ansible.views import RolloutState
from runners.results import (
    ChangedKey,
    Commit,
    DaemonObservation,
    FailedTask,
    HostResult,
    PlaybookResult,
    State,
    TaskChange,
)
from tests.unit.bot.drawn import buttons, hostile, read, urls

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block

NOW = 1_700_000_000.0
HEAD = Head(12, "Deploy main to staging", "staging", "U0ANA")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
OUT = Release(COMMIT, "`9f8e7d6` The one before", "Ansible")
GIVEN = ApprovalView(
    "ID", 1, "approved", (("U0LEE", "approved", NOW),), NOW + 3_600, f"anyone of {kit.group('S0LEADS')}"
)


FRAME = deploy_views.frame(HEAD, OUT, GIVEN)
CHECK = deploy_views.frame(HEAD, replace(OUT, check=True), None)


def host(name: str, state: State, **more: object) -> HostResult:
    return HostResult(name, state, **more)  # type: ignore[arg-type]


def played(state: State, *hosts: HostResult, finished: bool = True, total: int = 7) -> PlaybookResult:
    return PlaybookResult("deploy-backend.yml", state, hosts, finished=finished, task_total=total)


def rollout(*results: PlaybookResult) -> RolloutState:
    return RolloutState(results, NOW)


def ended(*results: PlaybookResult, **ending: object) -> str:
    return read(outcome_views.ended(FRAME, rollout(*results), RolloutEnd(**ending)))  # type: ignore[arg-type]


def retry(state: RolloutState) -> Block:
    return deploy_views.retry_button(HEAD, state)


def test_a_host_at_work_shows_its_task_its_number_and_its_time() -> None:
    at_work = host("backend-1", State.RUNNING, ok=3, current_task="Restart", task_number=4, started_at=NOW - 65)
    waiting = PlaybookResult("cron", State.WAITING, (host("cron-1", State.WAITING),))
    message = views.progress(FRAME, rollout(played(State.RUNNING, at_work), waiting))
    rendered = read(message)
    assert "deploying a1b2c3d, 0 of 2 roles done" in rendered
    assert "2 hosts: 1 running, 1 waiting" in rendered
    for piece in ("backend-1", "🔄 running", "Restart", "4/7", "1 min 5 s", "cron-1", "⏳ waiting"):
        assert piece in rendered
    assert "unreachable" not in rendered, "a column that says nothing is left out"
    assert buttons(message) == ["cancel"]


def test_where_the_tasks_are_not_counted_the_number_stands_alone() -> None:
    at_work = host("backend-1", State.RUNNING, task_number=4)
    rendered = read(views.progress(FRAME, rollout(played(State.RUNNING, at_work, total=0))))
    assert "4/" not in rendered


def test_the_time_of_a_host_that_is_done_stands_still() -> None:
    done = host("backend-1", State.SUCCEEDED, ok=9, started_at=NOW - 500, observed_at=NOW - 490)
    assert "10 s" in read(views.progress(FRAME, rollout(played(State.RUNNING, done))))


def test_all_hosts_done() -> None:
    rendered = ended(played(State.SUCCEEDED, host("backend-1", State.SUCCEEDED, ok=9)))
    assert "deployed a1b2c3d to 1 host" in rendered
    assert "Done:" not in rendered


def test_a_failing_host_is_named_what_was_done_what_was_not_and_a_button_to_retry() -> None:
    failed, done = host("backend-1", State.FAILED, failed=1, current_task="Migrate"), host("backend-2", State.SUCCEEDED)
    results = rollout(played(State.FAILED, failed, done))
    message = outcome_views.ended(FRAME, results, RolloutEnd(("cron", "sftp"), retry=retry(results)))
    rendered = read(message)
    assert "failed on backend-1. Not deployed: cron, sftp. The output of each host is in the thread" in rendered
    assert "*Done:* backend-2 (1 of 2) got a1b2c3d." in rendered
    assert "Migrate" in rendered
    assert buttons(message) == [deploy_views.RETRY]


def test_a_playbook_that_could_not_be_run_touched_no_host() -> None:
    refused = PlaybookResult(
        "deploy-cron.yml", State.FAILED, (host("cron-1", State.WAITING),), refused="no <module> shel."
    )
    done = played(State.SUCCEEDED, host("backend-1", State.SUCCEEDED))
    rendered = ended(done, refused, not_started=("cron", "sftp"), then="/deploy staging cron,sftp")
    assert "deploy-cron.yml could not be run: no <module> shel. Not deployed: cron, sftp." in rendered
    assert "failed on" not in rendered
    assert "1 not deployed, 1 done" in rendered
    assert "⚪ not deployed" in rendered
    assert "Fix what failed. Then run `/deploy staging cron,sftp`" in rendered


def test_what_failed_and_what_could_not_be_run_are_told_apart() -> None:
    refused = PlaybookResult("deploy-cron.yml", State.FAILED, (host("cron-1", State.WAITING),), refused="why")
    both = rollout(played(State.FAILED, host("backend-1", State.FAILED, failed=1)), refused)
    message = outcome_views.ended(FRAME, both, RolloutEnd(("cron",), retry=retry(both), then="/deploy staging cron"))
    rendered = read(message)
    assert "failed on backend-1; deploy-cron.yml could not be run: why. Not deployed: cron." in rendered
    assert "Retry the failed hosts. Then run `/deploy staging cron`" in rendered
    assert "cron-1 again" not in rendered


def test_at_the_end_no_host_waits() -> None:
    to_come = PlaybookResult("cron", State.WAITING, (host("cron-1", State.WAITING),))
    results = played(State.FAILED, host("backend-1", State.FAILED, failed=1)), to_come
    for rendered in (ended(*results), read(deploy_views.checked(CHECK, rollout(*results)))):
        assert "2 hosts: 1 failed, 1 not deployed" in rendered
        assert "waiting" not in rendered


def test_failures_that_are_not_shown_are_counted() -> None:
    assert "and 1 more failure; the log files in this thread have all" in read(views.more_failures(1))
    assert "and 12 more failures;" in read(views.more_failures(12))


def test_a_host_out_of_reach_is_told_apart_from_a_failed_one() -> None:
    hosts = host("backend-1", State.UNREACHABLE, unreachable=1), host("backend-2", State.FAILED, failed=1)
    rendered = ended(played(State.FAILED, *hosts))
    assert "2 hosts: 1 failed, 1 unreachable" in rendered
    assert "🔌 unreachable" in rendered
    assert "failed on backend-2; could not reach backend-1. The output of each host is in the thread" in rendered
    alone = ended(played(State.FAILED, *hosts[:1], host("backend-3", State.SUCCEEDED)))
    assert "*: could not reach backend-1. The output of each host is in the thread" in alone
    assert "failed on" not in alone


def test_a_daemon_that_is_wrong_fails_the_deploy() -> None:
    wrong = DaemonObservation("backend-1", "backend", "queue", "it does not run")
    rendered = ended(
        played(State.SUCCEEDED, host("backend-1", State.SUCCEEDED)),
        problem=deploy_views.daemon_problem(OUT, [wrong]),
        details=tuple(daemon_views.after_deploy("staging", [wrong])),
    )
    assert ":x: *#12" in rendered
    assert "a1b2c3d was deployed, but queue on backend-1 does not run correctly" in rendered
    assert "queue: it does not run" in rendered


def test_a_playbook_cut_short_is_not_started_again() -> None:
    rendered = ended(played(State.UNKNOWN, finished=False), not_started=("cron",))
    assert (
        "interrupted during deploy-backend.yml, and not started again. Not deployed: cron. Run /deploy staging again"
        in rendered
    )
    then = ended(played(State.UNKNOWN, finished=False), then="/deploy staging backend")
    assert "Check its hosts, then run `/deploy staging backend`" in then


def test_what_is_cancelled_says_by_whom_and_where_each_host_was_left() -> None:
    stopped = host("backend-1", State.CANCELLED, current_task="Migrate", task_number=3)
    before = host("backend-2", State.CANCELLED)
    then = "/deploy staging backend,cron"
    rendered = ended(
        played(State.CANCELLED, stopped, before), cancelled_by=kit.user("U0LEE"), not_started=("cron",), then=then
    )
    assert ":octagonal_sign:" in rendered
    assert "@lee cancelled it. Interrupted: backend-1 at `Migrate` (task 3/7), backend-2 at its beginning." in rendered
    assert "Not deployed: cron. To continue, run `/deploy staging backend,cron`" in rendered


def test_the_board_of_a_check_says_what_would_change_also_when_it_was_cancelled() -> None:
    done = played(State.SUCCEEDED, host("backend-1", State.SUCCEEDED, ok=3, changed=2))
    checked = replace(rollout(done), check=True)
    end = RolloutEnd(cancelled_by=kit.user("U0LEE"), then="/deploy staging check")
    rendered = [read(outcome_views.ended(FRAME, state, end)) for state in (checked, rollout(done))]
    assert ["would change" in message for message in rendered] == [True, False]


def test_what_a_task_said_on_a_host() -> None:
    failure = FailedTask("backend-1", "Migrate", "deploy.yml:3", "no table <users>")
    rendered = read(views.failed_task(failure))
    assert "`backend-1` failed at `Migrate` (`deploy.yml:3`)" in rendered
    assert "no table <users>" in rendered
    assert "could not be reached for `Migrate`" in read(views.failed_task(replace(failure, unreachable=True)))


def test_another_host_key_is_refused_with_both_fingerprints() -> None:
    changed = [ChangedKey(f"backend-{number}", f"i-{number}", "SHA256:old", "SHA256:new") for number in range(12)]
    message = views.keys_changed(FRAME, changed[:1])
    rendered = read(message)
    assert "refused: backend-0 shows another host key. No changes were made" in rendered
    assert "`backend-0` (`i-0`)\nknown: `SHA256:old`\nnow: `SHA256:new`" in rendered
    assert buttons(message) == [views.ACCEPT_KEYS]
    many = read(views.keys_changed(FRAME, changed))
    assert "and 6 more show another host key" in many
    assert "… and 2 more" in many


@pytest.mark.parametrize("count", [12, 40])
def test_a_usual_number_of_hosts_is_shown_whole_and_in_order(count: int) -> None:
    hosts = [
        host(f"staging-taskrunner-{number}", State.RUNNING, ok=41, changed=12, task_number=42, started_at=NOW - 754,
             current_task="Install the dependencies of the application")
        for number in range(count)
    ]  # fmt: skip
    rendered = read(views.progress(FRAME, rollout(played(State.RUNNING, *hosts))))
    assert all(f"staging-taskrunner-{number}" in rendered for number in range(count))
    assert " more" not in rendered


def test_of_five_hundred_hosts_the_worst_are_shown_and_all_are_counted() -> None:
    hosts = [host(f"web-{number}", State.SUCCEEDED, ok=100) for number in range(498)]
    hosts += [host("web-down", State.UNREACHABLE), host("web-bad", State.FAILED, current_task="Migrate")]
    rendered = ended(played(State.FAILED, *hosts), retry=retry(rollout(played(State.FAILED, *hosts))))
    assert "500 hosts: 1 failed, 1 unreachable, 498 done" in rendered
    table = rendered[rendered.index("500 hosts") :]
    assert table.index("web-bad") < table.index("web-down") < table.index("web-3")
    assert "more" in rendered


@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(0, 120), st.sampled_from(State))
def test_slack_takes_every_state_whatever_is_in_it(pool: list[str], url: str, count: int, state: State) -> None:
    text = cycle(pool)
    head = Head(1, next(text), next(text), next(text))
    out = Release(Commit("r", "a" * 40, next(text), next(text), next(text), url), "not known", next(text))
    hosts = tuple(HostResult(next(text), state, current_task=next(text), task_number=count) for _ in range(count))
    changes = tuple(TaskChange(next(text), next(text), next(text)) for _ in range(count))
    result = PlaybookResult(next(text), state, hosts, finished=count % 2 == 0, changes=changes)
    rollout_state = RolloutState((result,), NOW)
    frame = deploy_views.frame(head, out, None)
    read(views.progress(frame, rollout_state))
    for cancelled_by in ("", kit.user("U0LEE")):
        end = RolloutEnd(
            tuple(islice(text, count)),
            cancelled_by=cancelled_by,
            retry=deploy_views.retry_button(head, rollout_state) if count else None,
        )
        read(outcome_views.ended(frame, rollout_state, end))
    read(deploy_views.checked(frame, rollout_state))
    read(views.failed_task(FailedTask(next(text), next(text), next(text), next(text))))
    read(views.playbook_log(replace(result, log_tail=next(text))))


def test_hosts_that_were_not_reached_are_named_with_the_task_that_they_did_not_get() -> None:
    hosts = [
        host("web-1", State.FAILED, failed=1, current_task="Migrate"),
        host("web-2", State.NOT_REACHED, ok=2, current_task="Restart"),
        host("web-3", State.NOT_REACHED),
        host("web-4", State.SKIPPED),
    ]
    state = rollout(played(State.FAILED, *hosts))
    message = outcome_views.ended(FRAME, state, RolloutEnd(retry=retry(state)))
    rendered = read(message)
    assert "failed on web-1; web-2, web-3 not reached" in rendered
    assert "before Restart" in rendered
    assert "no task" in rendered
    assert "4 hosts: 1 failed, 2 not reached, 1 nothing to do" in rendered
    assert buttons(message) == [deploy_views.RETRY]
    asked = str(message.blocks)
    assert all(name in asked.partition("again, and to no other")[0] for name in ("web-1", "web-2", "web-3"))


def test_ignored_and_rescued_failures_are_in_the_first_line_and_only_hosts_that_got_it_are_counted() -> None:
    hosts = [
        host("web-1", State.SUCCEEDED, ignored=1),
        host("web-2", State.SUCCEEDED, rescued=2),
        host("web-3", State.SKIPPED),
    ]
    rendered = ended(played(State.SUCCEEDED, *hosts))
    assert "deployed a1b2c3d to 2 hosts, 1 ignored failure and 2 rescued failures" in rendered


def test_what_ansible_contradicts_is_unknown_and_says_why() -> None:
    contradicted = replace(played(State.FAILED, host("web-1", State.UNKNOWN)), uncertainty="the recap says otherwise")
    assert "unknown outcome on web-1; the recap says otherwise." in ended(contradicted)


def test_playbooks_that_name_no_host_deployed_nowhere() -> None:
    assert "so nothing was deployed" in ended(played(State.SUCCEEDED, host("web-1", State.SKIPPED)))
