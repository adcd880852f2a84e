"""Which stacks begin, and which never will: compared with a simple model of the order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot.config import read
from handlers.plan import command as plan_command, stack_views as views
from handlers.plan.all_stacks import left_out, ready
from handlers.plan.stack_views import StackState, Standing
from handlers.plan.variables import for_stack
from tests.unit.bot.drawn import read as text_of
from tests.unit.bot.plans import HEAD
from tests.unit.handlers.conftest import FILE, Desk, refusal_of, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TERRAFORM = "    terraform: {directory: instances/staging, variables: [backend_ami, count]}\n"
STACKS = FILE.replace(
    TERRAFORM,
    "    terraform: {variables: [count], stacks: {network: {directory: n}, dns: {directory: d, after: [network]}}}\n",
)
UNLIKE = FILE.replace(
    TERRAFORM,
    "    terraform: {stacks: {network: {directory: n}, dns: {directory: d, variables: [zone]}, "
    "web: {directory: w, variables: [zone, image]}}}\n",
)
NAMES = "abcdef"


@st.composite
def orders(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Stacks in any order of the file, each after some that come earlier in another order: no cycles."""
    names = draw(st.permutations(NAMES[: draw(st.integers(1, 6))]))
    before = {name: tuple(draw(st.sets(st.sampled_from(names[:at])))) if at else () for at, name in enumerate(names)}
    return {name: before[name] for name in draw(st.permutations(names))}


def all_before(order: Mapping[str, Sequence[str]], name: str) -> set[str]:
    return {each for direct in order[name] for each in {direct, *all_before(order, direct)}}


@given(orders(), st.data())
def test_a_stack_begins_exactly_when_all_before_it_are_done_and_never_after_one_that_failed(
    order: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    ends = data.draw(st.fixed_dictionaries({name: st.sampled_from([Standing.DONE, Standing.FAILED]) for name in order}))
    states = {name: StackState(name, Standing.PENDING) for name in order}
    while begin := ready(order, states.values()):
        for name in begin:
            assert all(ends[each] is Standing.DONE for each in all_before(order, name))
            states[name] = StackState(name, ends[name], "was rejected")
        states = {state.name: state for state in left_out(order, states.values())}
    assert all(state.finished for state in states.values())
    for name, state in states.items():
        planned = all(ends[each] is Standing.DONE for each in all_before(order, name))
        assert state.standing is (ends[name] if planned else Standing.LEFT_OUT)


def test_why_a_stack_is_left_out_names_the_one_before_it() -> None:
    order = {"app": ("dns",), "dns": ("network",), "network": ()}
    states = [StackState("app", Standing.PENDING), StackState("dns", Standing.PENDING)]
    states.append(StackState("network", Standing.FAILED, "was rejected"))
    words = {state.name: state.words for state in left_out(order, states)}
    assert words["dns"] == "not planned: network was rejected"
    assert words["app"] == "not planned: dns was not planned"


@pytest.mark.parametrize("count", [1, 20, 60])
def test_slack_takes_the_messages_of_many_stacks(count: int) -> None:
    names = [f"stack-{number}" for number in range(count)]
    listing = views.listing("prod", [(name, names[:2]) for name in names])
    states = [StackState(name, Standing.OPEN, "waits for approval", 7, "https://x.example/7") for name in names]
    assert all(name in text_of(listing) for name in names)
    assert f"0 of {count} stack" in text_of(views.progress(HEAD, states))
    assert views.GOES_ON in text_of(views.ended(HEAD, states, "cancelled"))


async def test_stacks_are_listed_planned_singly_and_all(desk: Desk) -> None:
    desk.config = read(STACKS)
    listed = await plan_command.handle(desk.services, typed("staging"))
    assert listed is not None
    assert "staging has 2 stacks" in text_of(listed)
    await plan_command.handle(desk.services, typed("staging dns count=1"))
    await plan_command.handle(desk.services, typed("staging/network"))
    await plan_command.handle(desk.services, typed("staging all"))
    assert [(item.kind, item.environment, item.title) for item in desk.engine.begun] == [
        ("plan", "staging/dns", "Plan for staging/dns count=1"),
        ("plan", "staging/network", "Plan for staging/network"),
        ("plan-stacks", "staging/all stacks", "Plan all stacks of staging"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("staging dsn", "staging has no stack “dsn”; did you mean “dns”?"),
        (
            "staging count=1",
            "“count=1” needs the stack of staging that it is for, or all; name it first: network, dns.",
        ),
        ("staging all cuont=1", "The stacks of staging take no variable “cuont”; did you mean “count”?"),
        ("staging all count", "“count” is no variable=value."),
        ("staging all -target=a.b", "Addresses are for one stack: type /plan staging network -target=a.b."),
        ("staging all -ref=x -ref=y", "-ref is given twice."),
        ("dev all", "dev has no Terraform in the configuration; staging, prod have."),
    ],
)
async def test_wrong_words_are_answered_in_one_line(desk: Desk, text: str, words: str) -> None:
    desk.config = read(STACKS)
    assert words in await refusal_of(desk, plan_command.handle(desk.services, typed(text)))
    assert not desk.engine.begun


async def test_each_stack_gets_the_variables_that_it_allows_and_the_ref(desk: Desk) -> None:
    desk.config = read(UNLIKE)
    await plan_command.handle(desk.services, typed("staging all image=ami-1 zone=b -ref=feature/x"))
    (begun,) = desk.engine.begun
    assert begun.title == "Plan all stacks of staging image=ami-1 zone=b -ref=feature/x"
    plans = {stack: for_stack(begun.arguments, stack) for stack in ("network", "dns", "web")}
    assert plans == {
        "network": {"-ref": "feature/x"},
        "dns": {"zone": "b", "-ref": "feature/x"},
        "web": {"image": "ami-1", "zone": "b", "-ref": "feature/x"},
    }


def test_the_message_names_the_stacks_that_get_a_variable_and_those_that_do_not() -> None:
    given_image = views.Given("image", "ami-1", ("web",), ("network", "dns"))
    for message in (views.beginning(HEAD, [given_image]), views.progress(HEAD, [], [given_image])):
        assert "*image* `ami-1` for `web`; not for `network`, `dns`, which do not take it" in text_of(message)
    everyone = views.Given("zone", "b", ("dns", "web"), ())
    assert "not for" not in text_of(views.beginning(HEAD, [everyone]))


async def test_a_ref_is_not_for_stacks_in_hcp_terraform(desk: Desk) -> None:
    desk.config = read(UNLIKE.replace("dns: {directory: d,", "dns: {hcp: {organization: o, workspace: w},"))
    refused = await refusal_of(desk, plan_command.handle(desk.services, typed("staging all -ref=main")))
    assert "dns of staging is planned in HCP Terraform, always at the configured ref" in refused
