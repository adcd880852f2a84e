"""The output of an apply, counted line by line."""

from __future__ import annotations

import json
import time

from hypothesis import given, strategies as st

from runners.results import ApplyProgress
from runners.terraform.apply_progress import PLAIN_LINES, ApplyCounter


def planned(address: str, action: str) -> str:
    return json.dumps({"type": "planned_change", "change": {"resource": {"addr": address}, "action": action}})


def hook(kind: str, address: str, action: str) -> str:
    return json.dumps({"type": kind, "hook": {"resource": {"addr": address}, "action": action}})


def counter(*lines: str) -> ApplyCounter:
    counted = ApplyCounter()
    for line in lines:
        counted.take(line)
    return counted


def test_the_total_is_known_before_the_first_resource() -> None:
    counted = counter(planned("a", "create"), planned("b", "update"), planned("c", "noop"), planned("d", "move"))
    assert counted.progress == ApplyProgress(0, 2)


def test_a_replacement_is_done_when_both_halves_are() -> None:
    lines = [planned("a", "replace"), hook("apply_start", "a", "delete"), hook("apply_complete", "a", "delete")]
    counted = counter(*lines)
    assert (counted.progress, counted.applied) == (ApplyProgress(0, 1), [])
    counted.take(hook("apply_start", "a", "create"))
    assert counted.progress == ApplyProgress(0, 1, ("a",))
    counted.take(hook("apply_complete", "a", "create"))
    assert (counted.progress, counted.applied) == (ApplyProgress(1, 1), ["a"])
    assert (counted.added, counted.changed, counted.destroyed) == (1, 0, 1)


def test_what_failed_is_neither_under_way_nor_done() -> None:
    counted = counter(planned("a", "create"), hook("apply_start", "a", "create"), hook("apply_errored", "a", "create"))
    assert (counted.progress, counted.added) == (ApplyProgress(0, 1), 0)


def test_data_that_was_read_counts_as_progress_but_not_as_applied() -> None:
    lines = [planned("data.x", "read"), hook("apply_start", "data.x", "read"), hook("apply_complete", "data.x", "read")]
    counted = counter(*lines)
    assert (counted.progress, counted.applied, counted.added) == (ApplyProgress(1, 1), [], 0)


def test_terraforms_own_summary_has_the_last_word() -> None:
    changes = {"add": 2, "change": 1, "remove": 3, "operation": "apply"}
    counted = counter(planned("a", "replace"), json.dumps({"type": "change_summary", "changes": changes}))
    assert (counted.added, counted.changed, counted.destroyed) == (2, 1, 3)
    assert counted.progress == ApplyProgress(1, 1)


def test_the_plans_summary_is_no_end() -> None:
    changes = {"add": 2, "change": 1, "remove": 3, "operation": "plan"}
    counted = counter(json.dumps({"type": "change_summary", "changes": changes}))
    assert (counted.added, counted.progress) == (0, ApplyProgress(0, 0))


def test_only_news_is_told() -> None:
    counted = ApplyCounter()
    assert counted.take(planned("a", "create"))
    assert not counted.take(json.dumps({"type": "provision_progress", "hook": {"resource": {"addr": "a"}}}))
    assert not counted.take("plain text")
    assert counted.take(hook("apply_start", "a", "create"))


def test_lines_that_are_no_messages_are_kept_as_the_tail() -> None:
    counted = counter('{"type": "apply_start", "hook": {"resou', *(f"line {number}" for number in range(100)))
    assert counted.plain == [f"line {number}" for number in range(100 - PLAIN_LINES, 100)]


MESSAGES = st.dictionaries(
    st.sampled_from(["type", "hook", "change", "changes", "diagnostic", "resource", "addr", "action"]),
    st.recursive(
        st.sampled_from(["apply_start", "apply_complete", "planned_change", "change_summary", "diagnostic", 1, None]),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["resource", "addr", "action", "operation", "range", "snippet"]), inner)
        ),
        max_leaves=6,
    ),
)


@given(message=MESSAGES)
def test_no_message_is_too_odd(message: object) -> None:
    counter(json.dumps(message))


@given(inside=MESSAGES)
def test_no_diagnostic_is_too_odd(inside: dict[str, object]) -> None:
    odd = {**inside, "range": inside.get("hook"), "snippet": inside.get("change")}
    assert len(counter(json.dumps({"type": "diagnostic", "diagnostic": odd})).diagnostics) == 1


def test_what_was_under_way_and_what_is_left_are_told_apart() -> None:
    planned_lines = [planned(name, "create") for name in "abcd"]
    begun = [hook("apply_start", name, "create") for name in "abc"]
    ended = [hook("apply_complete", "a", "create"), hook("apply_errored", "b", "create")]
    counted = counter(*planned_lines, *begun, *ended)
    assert (counted.applied, counted.under_way, counted.remaining) == (["a"], ("b", "c"), ("d",))


def test_half_a_replacement_is_still_under_way() -> None:
    lines = [planned("a", "replace"), hook("apply_start", "a", "delete"), hook("apply_complete", "a", "delete")]
    assert counter(*lines).under_way == ("a",)


def test_nothing_is_left_of_a_complete_apply() -> None:
    changes = json.dumps({"type": "change_summary", "changes": {"add": 1, "operation": "apply"}})
    counted = counter(planned("a", "create"), planned("b", "create"), changes)
    assert (counted.under_way, counted.remaining) == ((), ())


def test_ten_times_the_resources_take_about_ten_times_as_long() -> None:
    def lines(count: int) -> list[str]:
        names = [f"terraform_data.a[{number}]" for number in range(count)]
        kinds = ("apply_start", "apply_complete")
        return [planned(name, "create") for name in names] + [
            hook(kind, name, "create") for name in names for kind in kinds
        ]

    def seconds(count: int) -> float:
        printed = lines(count)
        began = time.process_time()
        counter(*printed)
        return time.process_time() - began

    assert min(seconds(5000) for _ in range(3)) < 30 * min(seconds(500) for _ in range(3))


def test_what_is_under_way_says_for_how_long() -> None:
    counted = counter(
        '{"type":"apply_start","hook":{"resource":{"addr":"a"},"action":"create"}}',
        '{"type":"apply_progress","hook":{"resource":{"addr":"a"},"action":"create","elapsed_seconds":20}}',
        '{"type":"apply_progress","hook":{"resource":{"addr":"never begun"},"elapsed_seconds":20}}',
        '{"type":"apply_progress","hook":{"resource":{"addr":"a"},"elapsed_seconds":"long"}}',
    )
    assert (counted.progress.current, counted.progress.elapsed) == (("a",), (20,))
