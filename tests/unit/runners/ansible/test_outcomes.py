"""What each host got, folded from the callback plugin's lines, and held against the recap."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runners.ansible.conclusion import conclude
from runners.ansible.outcomes import Outcomes
from runners.results import HostResult, PlaybookResult, State


def line(kind: str, **fields: Any) -> str:
    return json.dumps({"kind": kind, **fields})


def begin(*hosts: str, play: int = 0, named: tuple[str, ...] = ()) -> str:
    return line("play", play=play, hosts=hosts, named=named or hosts)


def over(*stops: dict[str, Any], **remaining: str | None) -> str:
    return line("played", stops=stops, remaining=remaining)


def failure(host: str, **how: bool) -> str:
    return line(
        "failure", host=host, task="Copy", path="/p/deploy.yml:3", res={"msg": "broken"}, **{"ignored": False, **how}
    )


END = line("end", unplayed=[])
GOOD = [begin("a", "b"), over(a=None, b=None), END]


def states(*lines: str) -> dict[str, State]:
    outcomes = Outcomes(lines)
    return {host: outcomes.of(host).state for host in "abc"}


def test_every_cut_of_the_report_leaves_hosts_unknown_and_none_done() -> None:
    whole = "\n".join(GOOD)
    assert states(*GOOD) == {"a": State.SUCCEEDED, "b": State.SUCCEEDED, "c": State.SKIPPED}
    for length in range(len(whole)):
        assert set(states(*whole[:length].splitlines()).values()) == {State.UNKNOWN}, length


def test_a_play_that_never_started_leaves_its_hosts_not_reached_and_one_without_known_hosts_all_unknown() -> None:
    assert states(*GOOD[:-1], line("end", unplayed=[["b", "c"]]))["c"] is State.NOT_REACHED
    assert set(states(*GOOD[:-1], line("end", unplayed=[None])).values()) == {State.UNKNOWN}


@pytest.mark.parametrize(
    ("lines", "recap", "expected"),
    [
        (GOOD, {}, State.SUCCEEDED),
        (GOOD, {"failed": 1}, State.UNKNOWN),
        (GOOD, {"unreachable": 1}, State.UNKNOWN),
        ([begin("a"), failure("a"), over(), END], {"failed": 1}, State.FAILED),
        ([begin("a"), failure("a"), over(), END], {}, State.UNKNOWN),
        ([begin("a"), failure("a", rescued=True), over(a=None), END], {"rescued": 1}, State.SUCCEEDED),
        ([begin("a"), failure("a", ignored=True), over(a=None), END], {"ok": 1, "ignored": 1}, State.SUCCEEDED),
        ([begin("a"), failure("a", ignored=True, unreachable=True), over(a=None), END], {"ok": 1}, State.UNREACHABLE),
        (
            [begin("a", "b"), failure("b"), over({"host": "a", "rescued": False, "remaining": "Last"}), END],
            {},
            State.NOT_REACHED,
        ),
        (
            [begin("a", "b"), failure("b"), over({"host": "a", "rescued": False, "remaining": None}), END],
            {},
            State.SUCCEEDED,
        ),
        ([begin("b", named=("a", "b")), over(b=None), END], {}, State.NOT_REACHED),
        ([begin("b"), over(b=None), END], {}, State.SKIPPED),
        ([begin("b"), over(b=None), END], {"ok": 1}, State.UNKNOWN),
        ([], {"ok": 1}, State.UNKNOWN),
    ],
)
def test_the_recap_has_to_agree(lines: list[str], recap: dict[str, int], expected: State) -> None:
    before = PlaybookResult("deploy.yml", State.SUCCEEDED, (HostResult("a", State.SUCCEEDED, **recap),))  # type: ignore[arg-type]
    after = conclude(before, Outcomes(lines), exit_code=0, root="/p/", mask=str)
    assert after.hosts[0].state is expected
    assert (after.state is State.SUCCEEDED) is (expected in (State.SUCCEEDED, State.SKIPPED))
    assert bool(after.uncertainty) is (expected is State.UNKNOWN)


def test_texts_of_tolerated_failures_are_masked_before_they_are_cut() -> None:
    outcomes = Outcomes([begin("a"), failure("a", ignored=True), over(a=None), END])
    before = PlaybookResult("deploy.yml", State.SUCCEEDED, (HostResult("a", State.SUCCEEDED, ok=1, ignored=1),))
    after = conclude(before, outcomes, exit_code=0, root="/p/", mask=lambda text: text.replace("broken", "***"))
    assert [(item.task, item.path, item.output) for item in after.tolerated] == [("Copy", "deploy.yml:3", "***")]
