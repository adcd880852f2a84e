"""The end of a deploy by Ansible: refused, timed out, interrupted, retried, and the details in the thread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from bot.slack.blocks.common import FailureContext
from bot.store.operations import Status
from handlers.shared.ansible import playbooks, rollout_end
from runners.errors import RunnerError, TimedOutError, UncertainError
from runners.results import HostResult, PlaybookResult, State
from tests.unit.handlers.deploy.ansible.rollouts import (
    COMMIT,
    MACHINES,
    SECRET,
    Fake,
    Outcome,
    deployed,
    ended,
    refuses,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bot.operations.operation import Operation
    from bot.store.audit import Entry
    from handlers.shared.ansible.playbooks import Play


async def test_the_first_playbook_is_refused_and_the_next_step_is_the_whole_deploy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = Fake()
    assert await deployed(monkeypatch, operation, backend=refuses) == ["backend"]
    assert operation.status is Status.FAILED
    assert (
        "d-backend.yml could not be run: no <module> [redacted]. Not deployed: backend, cron, sftp."
        in operation.rendered
    )
    assert "The output of Ansible is in the thread. Fix what failed. Then run `/deploy staging`" in operation.rendered
    assert "6 hosts: 6 not deployed" in operation.rendered
    assert not operation.buttons
    assert "line 3" in operation.thread["end of backend"]
    assert SECRET not in operation.thread["end of backend"]
    assert operation.annotated == []


async def test_a_later_playbook_is_refused_and_the_rest_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    assert await deployed(monkeypatch, operation, cron=refuses) == ["backend", "cron"]
    assert "*Done:* backend-1, backend-2 (2 of 6)" in operation.rendered
    assert operation.doing == "is deploying"
    assert operation.failure_context == FailureContext(commit=COMMIT), (
        "from the first playbook on nobody may say that nothing was deployed"
    )
    assert "Then run `/deploy staging cron,sftp`" in operation.rendered
    assert operation.files == ["deploy-12-backend.txt", "deploy-12-cron.txt"]


async def test_the_hosts_to_retry_are_those_on_which_it_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(at_once=True)
    begun = await deployed(
        monkeypatch,
        operation,
        backend=lambda play: ended(play, State.FAILED, State.SUCCEEDED),
        cron=refuses,
        sftp=lambda play: ended(play, State.SKIPPED, State.UNREACHABLE),
    )
    assert sorted(begun) == sorted(MACHINES)
    assert operation.annotated == [("retry", "i-backend-1"), ("retry", "i-sftp-2"), ("went out", COMMIT.sha)]
    assert operation.buttons == ["retry-hosts"]
    assert "Retry the failed hosts. Then run `/deploy staging cron`" in operation.rendered


async def test_what_is_the_same_for_all_is_said_once_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(at_once=True)

    def full(_: Play) -> Outcome:
        return RunnerError("running it", "the disk is full", remedy="Make room.")

    await deployed(monkeypatch, operation, backend=full, cron=full, sftp=full)
    assert (
        "d-backend.yml, d-cron.yml, d-sftp.yml could not be run: the disk is full. Make room. Not" in operation.rendered
    )


async def test_a_playbook_that_took_too_long_shows_how_far_each_host_came(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    late = TimedOutError("running d-backend.yml", "it took longer than 60 seconds and was ended")
    hosts = (
        HostResult("backend-1", State.FAILED, current_task="Migrate", task_number=3),
        HostResult("backend-2", State.SUCCEEDED),
    )
    partial_result = PlaybookResult("d-backend.yml", State.FAILED, hosts, overdue=late.problem, task_total=4)
    await deployed(monkeypatch, operation, backend=lambda _: late, partial_result=partial_result)
    assert operation.status is Status.FAILED
    assert "failed on backend-1; d-backend.yml did not end: it took longer than 60 seconds" in operation.rendered
    assert "Migrate" in operation.rendered
    assert "Not deployed: cron, sftp" in operation.rendered
    assert ("retry", "i-backend-1") in operation.annotated
    assert ("retry", "i-backend-2") not in operation.annotated


async def test_a_playbook_that_was_ended_is_failed_where_it_had_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotations_of: list[str] = []

    async def record_once(entry: Entry) -> None:
        annotations_of.append(entry.action)

    hosts = HostResult("backend-1", State.UNKNOWN, current_task="Migrate"), HostResult("backend-2", State.SUCCEEDED)
    stored = PlaybookResult("d-backend.yml", State.UNKNOWN, hosts, finished=False)

    async def stored_result(_: Path) -> PlaybookResult | None:
        return stored if annotations_of == [] else None

    monkeypatch.setattr("runners.ansible.stored_result", stored_result)
    services = SimpleNamespace(audit=SimpleNamespace(record_once=record_once), artifacts=SimpleNamespace(shared=False))
    made = SimpleNamespace(scratch=tmp_path, services=services, target=SimpleNamespace(name="staging"), number=7)
    operation = cast("Operation", made)
    late = TimedOutError("running d-backend.yml", "it took longer than 60 seconds and was ended")
    result = await playbooks.timed_out(operation, "backend", late)
    assert result
    assert (result.state, result.finished, result.overdue) == (State.FAILED, True, late.problem)
    assert [host.state for host in result.hosts] == [State.FAILED, State.SUCCEEDED]
    assert annotations_of == ["playbook ended"]
    assert await playbooks.timed_out(operation, "backend", late) is None


async def test_where_nobody_knows_how_far_it_came_no_host_counts_as_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    late = TimedOutError("running d-backend.yml", "it took longer than 60 seconds and was ended")
    await deployed(monkeypatch, operation, backend=lambda _: late)
    assert "failed on backend-1, backend-2; d-backend.yml did not end" in operation.rendered
    assert "Not deployed: cron, sftp" in operation.rendered


async def test_what_is_cut_short_is_not_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    hosts = HostResult("backend-1", State.UNKNOWN), HostResult("backend-2", State.UNKNOWN)
    cut = PlaybookResult("d-backend.yml", State.UNKNOWN, hosts, finished=False)
    await deployed(monkeypatch, operation, backend=lambda _: cut)
    assert operation.status is Status.INTERRUPTED
    assert "Check its hosts, then run `/deploy staging`" in operation.rendered
    assert operation.annotated == []
    assert not operation.buttons


async def test_a_playbook_of_which_nothing_is_known_is_reported_as_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    silent = UncertainError("following the playbook of backend", "GitHub does not answer", remedy="Check the hosts.")
    begun = await deployed(monkeypatch, operation, backend=lambda _: silent)
    assert begun == ["backend"]
    assert operation.status is Status.INTERRUPTED
    assert "How it ended is unknown: GitHub does not answer. Check the hosts." in operation.rendered
    assert "Not deployed: cron, sftp" in operation.rendered


async def test_the_thread_has_the_first_failures_and_counts_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    await deployed(monkeypatch, operation, backend=lambda play: ended(play, State.FAILED, State.SUCCEEDED, failures=11))
    posted = [name for name in operation.thread if name.startswith("failure ")]
    assert len(posted) == rollout_end.FAILURES_POSTED
    assert "and 3 more failures" in operation.thread["more failures"]
