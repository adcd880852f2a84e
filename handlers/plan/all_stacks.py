"""/plan <environment> all: plans each stack of an environment once those that come before it are done."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.config.values import PART
from bot.engine.watch import Watch
from bot.errors import Denied, UserError
from bot.operations import follow_ups, requests
from bot.operations.registry import Kind
from bot.operations.requests import OperationRequest
from bot.store.operations import Status
from handlers.plan import stack_views as views, units
from handlers.plan.stack_views import Given, StackState, Standing
from handlers.plan.variables import allowed, for_stack, recipients_of, values_in
from handlers.shared.requests import UNIT, plan_request, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.config import Environment
    from bot.operations.operation import Operation

    Order = Mapping[str, Sequence[str]]  # each stack with those that come before it

KIND = "plan-stacks"
LANE = "all stacks"  # the environment's own deploys do not wait for it, nor it for them
LONGEST_WAIT, CHECK_INTERVAL = 3_600.0, 2.0  # seconds
PLANNED_ONLY = "planned only"  # the outcome of a plan that nobody may apply (handlers/plan/workflow.py)
WORDS = {
    Status.WAITING: "is queued",
    Status.RUNNING: "is being planned or applied",
    Status.APPROVAL: "waits for approval",
    Status.SUCCEEDED: "applied, or nothing to change",
}


def request(
    environment: Environment, user: str, key: str, arguments: Mapping[str, str] | None = None
) -> OperationRequest:
    """The request to plan all stacks of the environment, with the variables and the ref that the command names."""
    title = " ".join(["Plan all stacks of", environment.name, *words_of(arguments or {})])
    return OperationRequest(KIND, title, user, key, environment, arguments or {}, LANE, reads=True)


async def plan_all(operation: Operation) -> None:
    """Durable: begin the plan of each stack that is ready, display how all stand, until nothing more can begin."""
    order = await operation.step("order", partial(_order, operation))
    begun, refused = set[str](), dict[str, str]()
    given = _given(operation, order)
    if given:
        await operation.show("given", views.beginning(operation.head, given), Status.RUNNING, "follows its stacks")
    while True:
        states = await operation.step("stacks", partial(_linked, operation, order, begun, refused))
        if fresh := [name for name in ready(order, states) if name not in {*begun, *refused}]:
            for name in fresh:
                if why := await operation.step(f"admit {name}", partial(_refusal, operation, name)):
                    refused[name] = why
                else:
                    await _begin(operation, name)
                    begun.add(name)
            continue
        stopped = await operation.step("cancelled", partial(_is_cancelled, operation))
        if stopped or all(state.finished for state in states):
            await _end(operation, states, given, cancelled=stopped)
            return
        message = views.progress(operation.head, states, given)
        await operation.show("stacks", message, Status.RUNNING, "follows its stacks")
        watch = Watch(partial(_has_changed, operation, order, states, begun, refused), CHECK_INTERVAL)
        await operation.services.engine.wait(LONGEST_WAIT, watch)


def _given(operation: Operation, order: Order) -> tuple[Given, ...]:
    """The variables that came with the command, each with the stacks that get it and the others."""
    arguments = operation.record.arguments
    return tuple(
        Given(name, arguments[name], tuple(stacks), tuple(stack for stack in order if stack not in stacks))
        for name, stacks in recipients_of(arguments).items()
    )


async def _end(operation: Operation, states: Sequence[StackState], given: Sequence[Given], *, cancelled: bool) -> None:
    succeeded = all(state.standing is Standing.DONE for state in states)
    status = Status.CANCELLED if cancelled else Status.SUCCEEDED if succeeded else Status.FAILED
    await operation.end(status, views.ended(operation.head, states, status.value, given))


def ready(order: Order, states: Iterable[StackState]) -> list[str]:
    """The stacks that can begin: pending ones whose predecessors are all done."""
    by_name = {state.name: state for state in states}
    return [
        name
        for name, before in order.items()
        if by_name[name].standing is Standing.PENDING
        and all(by_name[each].standing is Standing.DONE for each in before)
    ]


def left_out(order: Order, states: Iterable[StackState]) -> tuple[StackState, ...]:
    """The states, in which each pending stack that can never begin says why; also those after it."""
    by_name = {state.name: state for state in states}
    changed = True
    while changed:
        changed = False
        for name, before in order.items():
            blocking = [
                each for each in before if by_name[each].finished and by_name[each].standing is not Standing.DONE
            ]
            if by_name[name].standing is Standing.PENDING and blocking:
                why = f"not planned: {_why(by_name[blocking[0]])}"
                by_name[name], changed = replace(by_name[name], standing=Standing.LEFT_OUT, words=why), True
    return tuple(by_name.values())


def _why(state: StackState) -> str:
    return f"{state.name} was not planned" if state.standing is Standing.LEFT_OUT else f"{state.name} {state.words}"


async def _order(operation: Operation) -> dict[str, tuple[str, ...]]:
    """Within a step: the stacks as the configuration, or Terragrunt's files, have them when the operation begins."""
    if operation.environment.has_units:
        return await units.order(operation)
    stacks = operation.services.config.planned(operation.environment.name)
    return {stack.part: stack.terraform.after if stack.terraform else () for stack in stacks}


async def _states(
    operation: Operation, order: Order, begun: Iterable[str], refused: Mapping[str, str]
) -> tuple[StackState, ...]:
    """How each stack stands, without links."""
    states = []
    for name, before in order.items():
        record = await operation.services.operations.started_by(_key(operation, name))
        if name in refused:
            states.append(StackState(name, Standing.LEFT_OUT, f"not planned: {refused[name]}"))
        elif record:
            states.append(await _state_of(operation, name, record.number))
        elif name in begun:
            states.append(StackState(name, Standing.OPEN, "begins"))
        else:
            waits = f"waits for {', '.join(before)}" if before else ""
            states.append(StackState(name, Standing.PENDING, waits))
    return left_out(order, states)


async def _state_of(operation: Operation, name: str, number: int) -> StackState:
    record = await operation.services.operations.get(number)
    standing, words = Standing.OPEN, WORDS.get(record.status, f"was {record.status.value}")
    if record.status.ended:
        standing = Standing.DONE if record.status is Status.SUCCEEDED else Standing.FAILED
        words = "failed" if record.status is Status.FAILED else words
    if standing is Standing.DONE and await _is_planned_only(operation, number):
        standing, words = Standing.FAILED, "was planned only, and not applied"
    return StackState(name, standing, words, number)


async def _linked(
    operation: Operation, order: Order, begun: Iterable[str], refused: Mapping[str, str]
) -> tuple[StackState, ...]:
    """Within a step: the states, with links to the plans that have a message."""
    states = []
    for state in await _states(operation, order, begun, refused):
        record = await operation.services.operations.get(state.number) if state.number else None
        link = await follow_ups.linked(operation.services, record) if record else None
        states.append(replace(state, url=link.url) if link else state)
    return tuple(states)


async def _is_planned_only(operation: Operation, number: int) -> bool:
    entries = await operation.services.audit.of_operation(number)
    return any(entry.detail.get("outcome") == PLANNED_ONLY for entry in entries)


async def _refusal(operation: Operation, name: str) -> str:
    """Within a step: why the stack may not be planned now; empty where it may."""
    try:
        await requests.admit(operation.services, _request(operation, name))
    except (UserError, Denied) as refused:
        return operation.services.redact(str(refused))
    return ""


async def _begin(operation: Operation, name: str) -> None:
    """Durable: begin the plan; a repetition begins no second one."""
    wanted = _request(operation, name)
    channel = await operation.step(
        f"channel of {name}", lambda: operation.services.chat.channel_id(wanted.target.channel)
    )
    await operation.services.engine.begin(requests.request_of(wanted, channel))


def _request(operation: Operation, name: str) -> OperationRequest:
    if operation.environment.has_units:
        unit = {**for_stack(operation.record.arguments, name), UNIT: name}
        return plan_request(operation.environment, operation.record.requester, _key(operation, name), unit)
    full = f"{operation.environment.name}{PART}{name}"
    stack = operation.services.config.environments.get(full)
    if stack is None or stack.terraform is None:
        raise UserError(f"{full} is no longer in the configuration")
    arguments = for_stack(operation.record.arguments, name)
    if removed := [variable for variable in values_in(arguments) if variable not in allowed(stack)]:
        raise UserError(f"its terraform.variables no longer allow {', '.join(removed)}")
    return plan_request(stack, operation.record.requester, _key(operation, name), arguments)


def _key(operation: Operation, name: str) -> str:
    return f"stacks-{operation.number}-{name}"


async def _is_cancelled(operation: Operation) -> bool:
    return bool(await operation.services.operations.cancel_requested(operation.number))


async def _has_changed(
    operation: Operation,
    order: Order,
    displayed: Sequence[StackState],
    begun: Iterable[str],
    refused: Mapping[str, str],
) -> bool:
    """Outside of a step: whether the message has to change."""
    if await _is_cancelled(operation):
        return True
    now = await _states(operation, order, begun, refused)
    return now != tuple(replace(state, url="") for state in displayed)


KINDS = (Kind(KIND, plan_all),)
