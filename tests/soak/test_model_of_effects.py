"""The model finds each kind of violation of terminations, clean-ups, promotions and runs, and none where all holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.aws_calls import Builder, Call, Cloud
from tests.soak.history import Change, Operation
from tests.soak.model import Observed, violations
from tests.soak.test_model import ended, lease, mark

BUILDER = Builder("i-1", "packer_1", "sg-1")
ALERT = Operation(1, "builder", "stuck builders/i-1", "Builder i-1", "succeeded", "C1", "1.1", 100.0, 120.0)
CLEAN_UP = Operation(2, "clean up", "old images", "Clean up images", "succeeded", "C1", "1.2", 100.0, 120.0)
DEPLOY = Operation(3, "deploy", "dev", "Deploy main to dev", "succeeded", "C2", "1.3", 100.0, 120.0)
RUN = Operation(4, "run", "staging", "Run restart-service", "succeeded", "C3", "1.4", 100.0, 120.0)
SERVICE = Operation(5, "deploy", "staging/web", "Deploy main to staging/web", "succeeded", "C3", "1.5", 100.0, 120.0)
TERMINATED = Call("TerminateInstances", "i-1", "b1", 110.0, 110.2)
REMOVED = (
    Call("DeregisterImage", "ami-1", "b1", 111.0, 111.1),
    Call("DeleteSnapshot", "snap-1", "b1", 111.2, 111.3),
)
CLOUD = Cloud(
    calls=(TERMINATED, *REMOVED),
    builders=(BUILDER,),
    there=frozenset({"i-host", "ami-host", "snap-host"}),
    precious=frozenset({"i-host", "ami-host"}),
    snapshots=(("ami-1", "snap-1"), ("ami-host", "snap-host")),
)
MESSAGES = {
    1: ":white_check_mark: *#1 Builder i-1*: terminated for @lee",
    2: ":white_check_mark: *#2 Clean up images*: 1 of 1 removed, 8 GB freed at most",
    3: ":white_check_mark: *#3 Deploy main to dev*: deployed in 4 s",
    4: ":white_check_mark: *#4 Run restart-service*: done in 4 s",
    5: ":x: *#5 Deploy main to staging/web*: not deployed",
}
GOOD = Observed(
    operations=(ALERT, CLEAN_UP, DEPLOY, RUN, replace(SERVICE, status="failed")),
    history=(
        lease(1, 109),
        mark(2, 109, 3, "open 0.0"),
        mark(3, 109, 3, "merge 0.0"),
        mark(4, 109, 3, "dispatch"),
        mark(5, 109, 4, "dispatch"),
    ),
    effects=(),
    runs={"deploy-dev.yml": 1, "restart-service.yml": 1},
    messages=MESSAGES,
    posted=5,
    texts={**MESSAGES, 3: f"{MESSAGES[3]}\n:arrow_right: *Promoted:* #1 merged dev into main"},
    decisions={2: 1},
    cloud=CLOUD,
    terminates_after=12.0,
    pressed=frozenset({(1, "Terminate")}),
    pulls=(True,),
)


def says(number: int, text: str) -> Observed:
    return replace(GOOD, messages={**MESSAGES, number: text})


def cloud(**changed: object) -> Observed:
    return replace(GOOD, cloud=replace(CLOUD, **changed))  # type: ignore[arg-type]  # fields of Cloud


def history(*changes: Change) -> Observed:
    return replace(GOOD, history=changes)


CASES = {
    "a builder that is terminated twice": (
        cloud(calls=(*CLOUD.calls, replace(TERMINATED, machine="c1", changed=False))),
        "doubled: TerminateInstances of i-1 by b1 and by c1",
    ),
    "a snapshot that is deleted twice": (
        cloud(calls=(*CLOUD.calls, replace(REMOVED[1], begin=112.0))),
        "doubled: DeleteSnapshot of snap-1 by b1 and by b1",
    ),
    "a host that is gone": (cloud(there=CLOUD.there - {"i-host"}), "lost: i-host was to stay"),
    "a second alert of one builder": (
        replace(
            GOOD,
            operations=(*GOOD.operations, replace(ALERT, number=6)),
            messages={**MESSAGES, 6: MESSAGES[1]},
            posted=6,
        ),
        "doubled: 2 alerts of i-1",
    ),
    "a builder that was terminated, and is not": (
        cloud(there=CLOUD.there | {"i-1"}),
        "untrue: #1 left i-1, and says",
    ),
    "a key pair that is left": (cloud(there=CLOUD.there | {"packer_1"}), "untrue: #1 left packer_1, and says"),
    "a builder that is said to have left something": (
        says(1, ":x: *#1 Builder i-1*: terminated for @lee, but not everything of it could be removed"),
        "untrue: #1 left nothing, and says",
    ),
    "a builder that nobody terminated": (
        cloud(calls=REMOVED),
        "untrue: #1 terminated the builder 0 times, and says",
    ),
    "a termination that the message keeps to itself": (
        says(1, ":white_check_mark: *#1 Builder i-1*: is gone, without Signalbox"),
        "untrue: #1 terminated the builder 1 times, and says",
    ),
    "a termination for somebody who did not ask for it": (
        replace(GOOD, pressed=frozenset()),
        "untrue: nobody pressed Terminate of #1",
    ),
    "a termination that came before its time": (
        replace(
            says(1, ":white_check_mark: *#1 Builder i-1*: terminated by itself, as the configuration says"),
            pressed=frozenset(),
        ),
        "undecided: #1 terminated i-1 10.0 s after its alert",
    ),
    "an image fewer than the message says": (
        cloud(calls=(TERMINATED,)),
        "untrue: 0 images are gone, and the clean-ups say 1",
    ),
    "an image that is left alone by the message, and is gone": (
        says(2, ":x: *#2 Clean up images*: 0 of 1 removed; 1 was left"),
        "untrue: 1 images are gone, and the clean-ups say 0",
    ),
    "a clean-up that nobody approved": (replace(GOOD, decisions={}), "undecided: nobody approved #2"),
    "a snapshot that is left": (cloud(there=CLOUD.there | {"snap-1"}), "lost: ami-1 was removed, and it or its snap"),
    "a change after the lease ran out": (
        history(lease(1, 105), *GOOD.history[1:]),
        "unfenced: b1 began TerminateInstances of i-1, and held its lease until -2.00 s",
    ),
    "a change of a process without a lease": (
        cloud(calls=(replace(TERMINATED, machine="c1"), *REMOVED)),
        "unfenced: c1 began TerminateInstances of i-1, and held its lease never",
    ),
    "a merge that no message reports": (
        replace(GOOD, texts=MESSAGES),
        "untrue: 1 pull requests are merged, and 0 deploys say so",
    ),
    "a promotion that was not": (
        replace(GOOD, pulls=(False,)),
        "untrue: 0 pull requests are merged, and 1 deploys say so",
    ),
    "a pull request too many": (
        replace(GOOD, pulls=(True, False)),
        "doubled: 2 times a pull request was to open, begun by 1 operations",
    ),
    "a run of /run too many": (
        replace(GOOD, runs={**GOOD.runs, "restart-service.yml": 2}),
        "2 runs of restart-service.yml; 1 were begun",
    ),
    "a run that its message denies": (
        replace(
            says(4, ":x: *#4 Run restart-service*: main has moved on, so nothing was started"),
            operations=(*GOOD.operations[:3], replace(RUN, status="failed"), GOOD.operations[4]),
        ),
        "1 runs of restart-service.yml; 0 were begun",
    ),
    "a run of /run too few": (replace(GOOD, runs={"deploy-dev.yml": 1}), "0 runs of restart-service.yml"),
    "a service that ran no playbook": (
        replace(
            GOOD,
            operations=(*GOOD.operations[:4], SERVICE),
            messages={**MESSAGES, 5: ":white_check_mark: *#5 Deploy main to staging/web*: deployed"},
        ),
        "untrue: #5 ran no playbook to its end",
    ),
}


def test_nothing_is_wrong_where_all_holds() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(("observed", "sentence"), CASES.values(), ids=CASES)
def test_each_kind_of_violation_is_found(observed: Observed, sentence: str) -> None:
    assert any(sentence in each for each in violations(observed)), violations(observed)


@pytest.mark.parametrize(("machine", "cut_off"), [("b1", False), ("c1", True)])
def test_a_request_may_reach_aws_late_or_again_where_it_changes_nothing(machine: str, cut_off: bool) -> None:
    again = replace(TERMINATED, machine=machine, begin=110.5, changed=False)
    late = replace(CLOUD, calls=(*CLOUD.calls, again), cut_off=frozenset({machine} if cut_off else ()))
    observed = replace(GOOD, cloud=late, history=(*GOOD.history, lease(6, 110, "c1")))
    assert violations(observed) == []


def test_what_is_still_open_is_not_judged_yet() -> None:
    opened = (replace(ALERT, status="running"), replace(CLEAN_UP, status="approval", ended_at=None))
    observed = replace(GOOD, operations=(*opened, *GOOD.operations[2:]), cloud=replace(CLOUD, calls=()))
    assert all(each.startswith("lost: ") and "is still" in each for each in violations(observed))


def test_a_builder_that_is_terminated_by_itself_in_time() -> None:
    line = ":white_check_mark: *#1 Builder i-1*: terminated by itself, as the configuration says"
    late = replace(TERMINATED, begin=112.5, end=112.6)
    observed = replace(says(1, line), pressed=frozenset(), cloud=replace(CLOUD, calls=(late, *REMOVED)))
    observed = replace(observed, history=(*GOOD.history, lease(6, 111), ended(7, 125, 1)))
    assert violations(observed) == []
