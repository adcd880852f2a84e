"""Events of ansible-runner, folded into a PlaybookResult."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runners.ansible.events import PlaybookRecord, masker
from runners.ansible.output import HIDDEN, describe, tail_of
from runners.results import PlaybookResult, State, TaskChange

ROOT = "/scratch/code/provisioners"


def event(kind: str, stdout: str = "", **data: Any) -> str:
    return json.dumps({"uuid": "u", "counter": 1, "event": kind, "stdout": stdout, "event_data": data})


def on(kind: str, host: str, task: str = "Task", *, line: int = 3, **data: Any) -> str:
    return event(f"runner_on_{kind}", host=host, task=task, task_path=f"{ROOT}/deploy.yml:{line}", **data)


def failed(host: str, task: str = "Task", **data: Any) -> str:
    return on("failed", host, task, **{"res": {"msg": "broken"}, "ignore_errors": None, **data})


def stats(**numbers: dict[str, int]) -> str:
    hosts = {host: 1 for counts in numbers.values() for host in counts}
    data: dict[str, Any] = {"processed": hosts, **numbers}
    return event("playbook_on_stats", **data)


BEGIN = [event("playbook_on_start"), event("playbook_on_task_start", name="Task")]


def record(*lines: str, hosts: tuple[str, ...] = ("a", "b"), secrets: tuple[str, ...] = ()) -> PlaybookRecord:
    made = PlaybookRecord("deploy.yml", hosts, ROOT, masker(secrets))
    for line in lines:
        made.take(line)
    return made


def states(result: PlaybookResult) -> dict[str, State]:
    return {host.host: host.state for host in result.hosts}


def test_before_anything_all_wait() -> None:
    result = record().result()
    assert result.state is State.WAITING
    assert states(result) == {"a": State.WAITING, "b": State.WAITING}


def test_a_host_shows_its_current_task_and_counts_as_it_goes() -> None:
    lines = [on("start", "a", "First"), on("ok", "a", "First", res={"changed": True}), on("start", "a", "Second")]
    result = record(*BEGIN, *lines, on("skipped", "a"), failed("a", ignore_errors=True)).result()
    host = result.hosts[0]
    assert result.state is State.RUNNING
    assert (host.state, host.current_task, host.ok, host.changed, host.skipped) == (State.RUNNING, "Second", 2, 1, 1)
    assert result.failures == ()


def test_the_recap_has_the_last_word() -> None:
    lines = [on("start", "a"), failed("a"), on("start", "b"), on("unreachable", "b", res={"msg": "no route"})]
    recap = stats(ok={"a": 5}, changed={"a": 2}, failures={"a": 1}, dark={"b": 1}, skipped={"a": 3})
    result = record(*BEGIN, *lines, recap).result(4, ended=True)
    a, b = result.hosts
    assert (a.state, a.ok, a.changed, a.failed, a.skipped, a.current_task) == (State.FAILED, 5, 2, 1, 3, "Task")
    assert (b.state, b.unreachable, b.failed) == (State.UNREACHABLE, 1, 0)
    assert [(failure.host, failure.path, failure.output) for failure in result.failures] == [
        ("a", "deploy.yml:3", "broken"),
        ("b", "deploy.yml:3", "no route"),
    ]
    assert (result.state, result.finished) == (State.FAILED, True)


def test_a_host_that_no_play_touched_was_skipped() -> None:
    result = record(*BEGIN, stats(ok={"a": 1})).result(0, ended=True)
    assert states(result) == {"a": State.SUCCEEDED, "b": State.SKIPPED}
    assert result.state is State.SUCCEEDED


def test_rescued_failures_are_none_in_the_end() -> None:
    lines = [failed("a", "Rescued"), on("start", "a", "Mend"), failed("a", "Fatal"), failed("b", "Rescued too")]
    running = record(*BEGIN, *lines[:2]).result()
    assert running.hosts[0].state is State.RUNNING
    result = record(*BEGIN, *lines, stats(failures={"a": 1}, ok={"b": 1})).result(2, ended=True)
    assert [failure.task for failure in result.failures] == ["Fatal"]


def test_a_good_recap_with_a_bad_exit_code_is_no_success() -> None:
    assert record(*BEGIN, stats(ok={"a": 1})).result(250, ended=True).state is State.FAILED


def test_an_end_without_a_recap_was_cut_short() -> None:
    result = record(*BEGIN, on("start", "a")).result(None, ended=True)
    assert (result.state, result.finished) == (State.UNKNOWN, False)
    assert states(result) == {"a": State.UNKNOWN, "b": State.WAITING}


def test_a_recap_without_hosts_is_told_apart() -> None:
    made = record(*BEGIN, event("playbook_on_stats", processed={}))
    assert made.ran_nowhere
    assert made.has_recap


@pytest.mark.parametrize(
    "line",
    [
        event("runner_on_ok", host="a")[:-9],
        '{"event": "runner_on_ok", "event_data": {"ho',
        "",
        "[WARNING]: plain text",
        "{}",
        "[]",
        "null",
        "{" * 100_000,
        event("something_new", host="a"),
        json.dumps({"event": "runner_on_ok", "event_data": None}),
        json.dumps({"event": None, "stdout": None}),
    ],
    ids=range(11),
)
def test_what_is_no_known_event_changes_nothing(line: str) -> None:
    made = record(*BEGIN)
    before = made.result().hosts
    assert made.take(line) is False
    assert made.result().hosts == before


def test_a_cut_event_is_not_shown_but_plain_text_is() -> None:
    made = record('{"uuid": "x", "event_data": {"secret', "[ERROR]: no such file", event("verbose", "\x1b[31mred\r\n"))
    assert made.log_tail() == "[ERROR]: no such file\nred"


def test_secrets_are_masked_wherever_they_stand() -> None:
    secret = 'p"ss\nword-line-two'
    lines = [
        on("start", "a", f"Use {secret}"),
        failed("a", f"Use {secret}", res={"msg": f"no {secret}", "stderr": "word-line-two", "rc": 1}),
        event("verbose", json.dumps({"msg": secret})),
        f"plain {secret.splitlines()[1]}",
        event("verbose", "x" * 490 + "word-line-two"),
    ]
    made = record(*lines, secrets=(secret,))
    message = repr(made.result()) + made.log_tail()
    assert "***" in message
    for piece in ("word-line", 'p"ss', 'p\\"ss', "xxword"):
        assert piece not in message


def test_masking_knows_overlapping_and_empty_secrets() -> None:
    assert masker(["", "ab", "abc", "abcdef"])("ab abc abcdef") == "ab *** ***"
    assert masker([])("as it is") == "as it is"


@given(st.text(min_size=3), st.text(), st.text())
def test_no_secret_passes_the_mask(secret: str, before: str, after: str) -> None:
    masked = masker([secret])(before + secret + after)
    assert secret not in masked or secret in "***"


@pytest.mark.parametrize(
    ("res", "expected"),
    [
        ({"msg": "non-zero return code", "rc": 3, "stderr": "bad\n", "stdout": "out"}, "non-zero return code (exit code 3)\nbad"),
        ({"msg": "x", "stdout": "only out"}, "x\nonly out"),
        ({"msg": ["a", {"b": 1}]}, 'a\n{"b": 1}'),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback", "rc": 1}, "MODULE FAILURE (exit code 1)\nTraceback"),
        ({"censored": "hidden", "msg": "x"}, HIDDEN),
        ({"_ansible_no_log": True, "msg": "x"}, HIDDEN),
        ({"msg": "\x1b[31mred\x1b[0m"}, "red"),
        ({}, ""),
        (
            {"msg": "One or more items failed", "results": [{"failed": False}, {"failed": True, "item": 3, "msg": "no"}]},
            "(3) no",
        ),
        ({"results": [{"failed": True, "censored": "hidden", "_ansible_item_label": "x"}]}, f"(x) {HIDDEN}"),
    ],
)  # fmt: skip
def test_why_a_task_failed(res: dict[str, Any], expected: str) -> None:
    assert describe(res) == expected


def test_long_output_keeps_its_first_line_and_its_end() -> None:
    rendered = tail_of("what\n" + "".join(f"line {number}\n" for number in range(1000)))
    assert rendered.startswith("what\n…\n")
    assert rendered.endswith("line 999")
    assert len(rendered.splitlines()) == 20
    assert len(tail_of("a\n" + "x" * 400 + "\n" + ("y" * 400 + "\n") * 15)) <= 2000


def test_paths_outside_of_the_project_are_shortened() -> None:
    line = event("runner_on_failed", host="a", task="t", task_path="/scratch/code/roles/web/tasks/main.yml:9", res={})
    assert record(line).result().failures[0].path == "web/tasks/main.yml:9"


def test_only_the_last_failures_are_kept() -> None:
    made = record(*[failed("a", f"t{number}") for number in range(300)])
    assert len(made.result().failures) == 100


def begin(task: str, uuid: str, kind: str = "task_start") -> str:
    return event(f"playbook_on_{kind}", task=task, task_uuid=uuid)


def at(host: str, task: str, uuid: str, created: str) -> str:
    message = json.loads(on("start", host, task, task_uuid=uuid))
    return json.dumps({**message, "created": created})


def test_tasks_are_numbered_and_counted_with_those_that_begin_unplanned() -> None:
    made = record(begin("Gathering Facts", "u0"), begin("One", "u1"), begin("One", "u1"))
    made.take(at("a", "One", "u1", "2026-03-02T10:00:00+00:00"))
    made.take(at("b", "Gathering Facts", "u0", "2026-03-02T10:00:05+00:00"))
    assert made.result().task_total == 0, "their number is unknown yet"
    made.numbering.plan(2)
    a, b = made.result().hosts
    assert (a.task_number, b.task_number, made.result().task_total) == (2, 1, 3)
    assert (a.started_at, b.observed_at) == (1_772_445_600.0, 1_772_445_605.0)
    made.take(begin("Two", "u2"))
    made.take(begin("Restart", "u3", "handler_task_start"))
    assert made.result().task_total == 4
    for number in range(3):
        made.take(begin("Included", f"v{number}"))
    assert made.result().task_total == 7, "there are at least as many as have begun"


def test_the_number_of_tasks_is_what_our_plugin_prints_before_the_first_one_and_no_part_of_the_log() -> None:
    counted = json.dumps({"event": "verbose", "stdout": "\x1b[0;34msignalbox: 12 tasks\x1b[0m"})
    later = counted.replace("12", "99")
    made = record(counted, begin("One", "u1"), later)
    assert made.result().task_total == 12
    assert made.log_tail() == "signalbox: 99 tasks", "what a playbook prints is kept"
    other = json.dumps({"event": "runner_on_ok", "stdout": "signalbox: 7 tasks", "event_data": {"host": "a"}})
    assert record(other, begin("One", "u1")).result().task_total == 0


def test_what_is_cancelled_leaves_each_host_at_its_task() -> None:
    made = record(*BEGIN, on("start", "a", "Migrate"))
    result = made.result(None, ended=True, cancelled=True)
    assert (result.state, result.finished) == (State.CANCELLED, True)
    assert states(result) == {"a": State.CANCELLED, "b": State.WAITING}
    assert result.hosts[0].current_task == "Migrate"


def test_only_a_check_remembers_what_would_change() -> None:
    changed = on("ok", "a", "Write", res={"changed": True})
    assert record(*BEGIN, changed).result().changes == ()
    made = PlaybookRecord("deploy.yml", ["a"], ROOT, masker(["word"]), check=True)
    for line in (
        *BEGIN,
        changed,
        on("ok", "a", "Read", res={"changed": False}),
        on("ok", "a", "word", res={"changed": True}),
    ):
        made.take(line)
    assert made.result().changes == (TaskChange("a", "Write", "deploy.yml:3"), TaskChange("a", "***", "deploy.yml:3"))


def test_every_line_is_kept_masked_for_the_log() -> None:
    stored: list[str] = []
    made = PlaybookRecord("deploy.yml", ["a"], ROOT, masker(["pass-word"]), keep_line=stored.append)
    made.take(event("verbose", "one pass-word\n\n" + "x" * 600))
    assert stored == ["one ***", "", "x" * 600]


def test_a_play_on_this_machine_is_on_no_host_of_the_inventory() -> None:
    lines = [on("start", "localhost"), on("ok", "localhost"), stats(ok={"localhost": 1})]
    assert states(record(*BEGIN, *lines).result(0, ended=True)) == {"a": State.SKIPPED, "b": State.SKIPPED}
