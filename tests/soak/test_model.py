"""The model finds each kind of violation, and none where all holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.effects import Effect
from tests.soak.history import Change, Operation
from tests.soak.model import Observed, violations
from tests.soak.model_of_requests import Typed, capped, decisions, labels, requests

RULES = (requests, decisions, labels, capped)
SAID = ":white_check_mark: *#1 Plan for staging*: applied, 1 created"
OPERATION = Operation(1, "plan", "staging", "Plan for staging", "succeeded", "C1", "1.1", 100.0, 120.0)
EFFECT = Effect("apply", "7", "staging", 1, "b1", 110.0, 112.0)
DEPLOY = Operation(2, "deploy", "staging", "Deploy staging", "succeeded", "C1", "1.2", 115.0, 130.0)
PLAYBOOK = Effect("playbook", "backend", "staging", 2, "c1", 125.0, 127.0)
RUN = Operation(3, "deploy", "dev", "Deploy dev", "succeeded", "C2", "1.3", 115.0, 130.0)


def lease(number: int, at: float, executor: str = "b1", *, token: int = 1, ended: bool = False) -> Change:
    row = {"executor": executor, "token": token, "lease_until": 0.0 if ended else at + 3, "ended": ended}
    return Change(number, at, executor, number, "signalbox_workers", row)


def mark(number: int, at: float, operation: int, name: str, executor: str = "b1") -> Change:
    row = {"operation": operation, "name": name}
    return Change(number, at, executor, number, "signalbox_side_effects", row)


def ended(number: int, at: float, operation: int, status: str = "succeeded") -> Change:
    return Change(number, at, "b1", number, "signalbox_operations", {"number": operation, "status": status})


GOOD = Observed(
    operations=(OPERATION, DEPLOY, RUN),
    history=(
        *(lease(1, 107), mark(2, 109, 1, "apply")),
        *(lease(3, 123, "c1"), mark(4, 124, 2, "playbook backend", "c1"), mark(5, 124, 3, "dispatch", "c1")),
        *(lease(6, 124.5, "c1"), lease(7, 125, "c1", ended=True), lease(8, 131, "c1", token=2), ended(9, 132, 1)),
    ),
    effects=(EFFECT, PLAYBOOK),
    runs={"deploy-dev.yml": 1},
    messages={1: SAID, 2: ":white_check_mark: *#2 Deploy staging*: deployed", 3: ":white_check_mark: *#3*: deployed"},
    posted=3,
    decisions={1: 1},
)
AGAIN = replace(EFFECT, begin=113.0, end=114.0)
INTERRUPTED = replace(OPERATION, status="interrupted")
SAYS_INTERRUPTED = {**GOOD.messages, 1: "*#1*: interrupted during the apply, and not started again"}
CASES = {
    "an apply twice": (replace(GOOD, effects=(EFFECT, AGAIN, PLAYBOOK)), "doubled: #1 began apply 7 2 times"),
    "an effect of nobody": (replace(GOOD, effects=(replace(EFFECT, operation=None), PLAYBOOK)), "unknown: apply 7"),
    "an effect without its mark": (replace(GOOD, history=GOOD.history[:1] + GOOD.history[2:]), "unmarked: #1"),
    "an operation that is still open": (
        replace(GOOD, operations=(replace(OPERATION, status="running"), DEPLOY, RUN)),
        "lost: #1 Plan for staging is still running",
    ),
    "an apply that was not": (replace(GOOD, effects=(PLAYBOOK,)), "untrue: #1 applied 0 times"),
    "an apply that did not end": (
        replace(GOOD, effects=(replace(EFFECT, end=None), PLAYBOOK)),
        "untrue: #1 applied 0 times",
    ),
    "an apply that nobody speaks of": (
        replace(GOOD, messages={**GOOD.messages, 1: "*#1*: up to date"}),
        "untrue: #1 applied 1 times",
    ),
    "another status than the message's": (
        replace(GOOD, operations=(replace(OPERATION, status="rejected"), DEPLOY, RUN)),
        "untrue: #1 is rejected, and its message says",
    ),
    "a rejected plan that was applied": (
        replace(
            GOOD,
            operations=(replace(OPERATION, status="rejected"), DEPLOY, RUN),
            messages={**GOOD.messages, 1: "*#1*: rejected by @lee"},
        ),
        "untrue: #1 is rejected, and began 1 effects",
    ),
    "a playbook that did not end": (
        replace(GOOD, effects=(EFFECT, replace(PLAYBOOK, end=None))),
        "untrue: #2 ran no playbook to its end",
    ),
    "interrupted, though nothing was lost": (
        replace(GOOD, operations=(INTERRUPTED, DEPLOY, RUN), messages=SAYS_INTERRUPTED),
        "untrue: #1 says interrupted, and no machine of it was lost: ['b1']",
    ),
    "two at once": (
        replace(GOOD, effects=(EFFECT, replace(PLAYBOOK, begin=111.5))),
        "at once: playbook of #2 on c1 began in staging 0.50 s before apply of #1 on b1 ended",
    ),
    "two at once, the first on a machine that was lost later": (
        replace(GOOD, effects=(replace(EFFECT, end=None), replace(PLAYBOOK, begin=111.5)), lost={"b1": 114.0}),
        "at once: playbook of #2 on c1 began in staging 2.50 s before apply of #1",
    ),
    "an apply that goes on after its end was reported": (
        replace(GOOD, history=(*GOOD.history, ended(9, 111.5, 1, "interrupted"))),
        "goes on: apply of #1 0.50 s after its end was reported",
    ),
    "a mark after the lease ran out": (
        replace(GOOD, history=(lease(1, 105), mark(2, 109, 1, "apply"), *GOOD.history[2:])),
        "unfenced: b1 began #1 apply, and held its lease until -1.00 s",
    ),
    "a mark of a process that others ended": (
        replace(GOOD, history=(lease(1, 107), lease(1, 108, ended=True), *GOOD.history[1:])),
        "unfenced: b1 began #1 apply",
    ),
    "a lease that came back": (
        replace(GOOD, history=(*GOOD.history[:7], lease(8, 131, "c1"))),
        "lease: c1 renewed a lease that had ended",
    ),
    "a token that was used again": (
        replace(GOOD, history=(*GOOD.history, lease(9, 132, "c1", token=1))),
        "lease: the token of c1 went from 2 to 1",
    ),
    "a run too many": (replace(GOOD, runs={"deploy-dev.yml": 2}), "2 runs of deploy-dev.yml; 1 were begun, 1 succ"),
    "a run too few": (replace(GOOD, runs={}), "0 runs of deploy-dev.yml; 1 were begun, 1 succeeded"),
    "an operation without a message": (
        replace(GOOD, messages={number: text for number, text in GOOD.messages.items() if number != 2}),
        "lost: #2 Deploy staging (succeeded) has no message",
    ),
    "a message twice": (replace(GOOD, posted=4), "doubled: 4 messages for 3 operations"),
}


def test_nothing_is_wrong_where_all_holds() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(("observed", "sentence"), CASES.values(), ids=CASES)
def test_each_kind_of_violation_is_found(observed: Observed, sentence: str) -> None:
    assert any(sentence in each for each in violations(observed)), violations(observed)


@pytest.mark.parametrize("reason", ["lost", "out of reach"])
def test_only_a_machine_that_is_lost_or_out_of_reach_interrupts(reason: str) -> None:
    observed = replace(
        GOOD,
        operations=(INTERRUPTED, DEPLOY, RUN),
        messages=SAYS_INTERRUPTED,
        effects=(replace(EFFECT, end=None), PLAYBOOK),
        lost={"b1": 111.0} if reason == "lost" else {},
        out_of_reach=frozenset({"b1"} if reason == "out of reach" else ()),
    )
    assert violations(observed) == []


TYPED = Typed("U0ANA", "plan", "staging", "accepted")
PEOPLE = replace(
    GOOD,
    operations=(replace(OPERATION, requester="U0ANA"), DEPLOY, RUN),
    typed=(TYPED,),
    decisions={1: 1, 2: 1},
    cap=1,
    labelled={"staging": frozenset({"b", "c"})},
)
BESIDE = replace(PLAYBOOK, environment="dev", begin=111.0)
OF_PEOPLE = {
    "an operation that nobody requested": (replace(PEOPLE, typed=()), ""),
    "a command that was lost": (
        replace(PEOPLE, typed=(TYPED, TYPED)),
        "1 operations of U0ANA (plan staging) for 2 to 2",
    ),
    "a command of the same": (replace(PEOPLE, typed=(TYPED, TYPED), answered={("U0ANA", "staging"): 1}), ""),
    "a command of somebody else": (
        replace(PEOPLE, typed=(TYPED, TYPED), answered={("U0LEE", "staging"): 1}),
        "for 2 to 2 commands",
    ),
    "a command that was refused": (replace(PEOPLE, typed=(replace(TYPED, answer="refused"),)), "for 0 to 0 commands"),
    "a command that Slack reported as failed": (replace(PEOPLE, typed=(replace(TYPED, answer="unknown"),)), ""),
    "a click that counted twice": (replace(PEOPLE, decisions={1: 2, 2: 1}), "doubled: #1 was decided 2 times"),
    "an apply that nobody approved": (replace(PEOPLE, decisions={2: 1}), "undecided: #1 was applied"),
    "a machine without the labels": (
        replace(PEOPLE, labelled={"staging": frozenset({"c"})}),
        "label: apply of #1 ran in staging on b1",
    ),
    "more than the cap": (
        replace(PEOPLE, effects=(EFFECT, BESIDE)),
        "cap: playbook of #2 began beside #1, and 1 may run",
    ),
    "a program that outlived its process": (
        replace(
            PEOPLE,
            effects=(EFFECT, BESIDE),
            history=(*PEOPLE.history[:2], lease(3, 110.5, ended=True), *PEOPLE.history[2:]),
        ),
        "",
    ),
}


@pytest.mark.parametrize(("observed", "sentence"), OF_PEOPLE.values(), ids=OF_PEOPLE)
def test_what_people_do_and_what_is_limited_is_judged(observed: Observed, sentence: str) -> None:
    sentences = [each for rule in RULES for each in rule(observed)]
    assert [sentence in each for each in sentences] == [True] * bool(sentence), sentences


def test_nothing_is_wrong_where_people_and_limits_are_as_they_should_be() -> None:
    assert violations(PEOPLE) == []


def test_a_message_that_denies_what_began_is_found() -> None:
    failed = replace(DEPLOY, status="failed")
    denied = {**GOOD.messages, 2: "*#2 Deploy staging*: nothing was deployed. The connection to GitHub broke"}
    observed = replace(GOOD, operations=(OPERATION, failed, RUN), messages=denied)
    assert [each for each in violations(observed) if "began something, and says" in each]
    nothing = replace(observed, effects=(EFFECT,), history=GOOD.history[:3])
    assert not [each for each in violations(nothing) if each.startswith("untrue: #2")]
