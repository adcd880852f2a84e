"""What the messages show of an environment's stacks: the list of them, and the plans of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.slack.blocks import kit, part_list
from bot.slack.blocks.common import cancel_button, first_line, plain, requester_block
from bot.slack.blocks.part_list import PartLine
from runners import phrases
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message

NAMED, VALUE = 20, 300  # stacks that are named, and characters of a value that are displayed
PLAN_LISTED = "plan-listed"
GOES_ON = "The plans that have begun go on; no further stack is planned."


@stored("stack-standing")
class Standing(StrEnum):
    """Where a stack stands among the plans of all stacks."""

    PENDING = "pending"  # its predecessors are not done
    OPEN = "open"  # its plan has begun
    DONE = "done"  # applied, or nothing to change
    FAILED = "failed"  # its plan ended otherwise
    LEFT_OUT = "left out"  # not planned


_EMOJI = {
    Standing.PENDING: ":hourglass_flowing_sand:",
    Standing.OPEN: ":arrows_counterclockwise:",
    Standing.DONE: ":white_check_mark:",
    Standing.FAILED: ":x:",
    Standing.LEFT_OUT: ":no_entry_sign:",
}


@stored("stack-state")
@dataclass(frozen=True, slots=True)
class StackState:
    """A stack: its name, its standing in words (plain text), and its plan's number and link, if it has one."""

    name: str
    standing: Standing
    words: str = ""
    number: int = 0
    url: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.standing not in {Standing.PENDING, Standing.OPEN}


@dataclass(frozen=True, slots=True)
class Given:
    """A variable that came with the command: the stacks that get it, and the others, which do not allow it."""

    name: str
    value: str
    stacks: tuple[str, ...]
    others: tuple[str, ...]


def listing(environment: str, stacks: Sequence[tuple[str, Sequence[str]]]) -> Message:
    """The stacks of an environment, each with those that come before it, and buttons that plan one or all."""
    lines = [_part_line(environment, name, after) for name, after in stacks]
    question = "A stack is planned once those before it are applied, or have nothing to change."
    ask = kit.confirm(f"Plan all stacks of {environment}?", question, "Plan all")
    every = kit.actions("plan-all", kit.button("Plan all", PLAN_LISTED, f"{environment} all", ask=ask))
    title = f"{environment} has {phrases.counted(len(stacks), 'stack')}"
    return part_list.listing(title, lines, f"/plan {environment} <stack>", every)


def _part_line(environment: str, name: str, after: Sequence[str]) -> PartLine:
    order = f", after {', '.join(map(kit.code, after))}" if after else ""
    return PartLine(name, order, kit.button(f"Plan {name}", PLAN_LISTED, f"{environment} {name}"))


def beginning(head: Head, given: Sequence[Given]) -> Message:
    """Before anything is planned: which stacks get which variables."""
    return _page(head, "running", "reading what there is to plan", (), given, cancel_button(head, GOES_ON))


def progress(head: Head, states: Sequence[StackState], given: Sequence[Given] = ()) -> Message:
    """The plans of all stacks while some are not done."""
    done = sum(state.finished for state in states)
    news = f"{done} of {phrases.counted(len(states), 'stack')} done"
    return _page(head, "running", news, states, given, cancel_button(head, GOES_ON))


def ended(head: Head, states: Sequence[StackState], status: str, given: Sequence[Given] = ()) -> Message:
    """The outcome of all stacks; `status` is the operation's."""
    done = sum(state.standing is Standing.DONE for state in states)
    news = f"{done} of {phrases.counted(len(states), 'stack')} applied or without changes"
    note = [kit.section(GOES_ON)] if any(state.standing is Standing.OPEN for state in states) else []
    return _page(head, status, news, states, given, *note)


def _page(
    head: Head, status: str, news: str, states: Sequence[StackState], given: Sequence[Given], *more: Block
) -> Message:
    lines = kit.sections([*map(_recipients, given), *map(_line, states)])
    return kit.message(plain(head, news), [first_line(head, status, news), *lines, *more], foot=[requester_block(head)])


def _recipients(given: Given) -> str:
    """Which stacks get a variable, and which do not."""
    others = f"; not for {phrases.listed([*map(kit.code, given.others)], NAMED)}, which {phrases.plural(len(given.others), 'does', 'do')} not take it"
    getting = phrases.listed([*map(kit.code, given.stacks)], NAMED)
    return f"*{kit.escape(given.name)}* {kit.code(given.value, VALUE)} for {getting}{others if given.others else ''}"


def _line(state: StackState) -> str:
    plan = f" {kit.link(f'#{state.number}', state.url)}" if state.number else ""
    words = f": {kit.escape(state.words)}" if state.words else ""
    return f"{_EMOJI[state.standing]} {kit.code(state.name)}{plan}{words}"
