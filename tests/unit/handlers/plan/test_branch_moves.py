"""A move of a plan's branch: an approval counts only from a person to whom the message or an objection reported it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bot.operations.registry import Approver
from handlers.plan import branch_moves
from handlers.plan.views import BranchMove

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

PEOPLE = ("U0LEE", "U0MAX")


class Waiting:
    """A plan that waits, and beside it what each person knows, kept without any annotations."""

    def __init__(self, desk: Desk, number: int) -> None:
        self.desk, self.number = desk, number
        self.tip, self.displayed = "planned", {"planned"}
        self.told: dict[str, set[str]] = {person: set() for person in PEOPLE}
        self.modals: dict[str, tuple[int, set[str]]] = {}

    async def display(self) -> None:
        self.displayed.add(self.tip)
        await self.desk.annotations.add(self.number, branch_moves.DISPLAYED_TIP, self.tip)

    async def open(self, person: str) -> None:
        self.modals[person] = await self.desk.annotations.newest(self.number), set(self.displayed)

    async def approve(self, approval: object, person: str, *, typed: bool) -> tuple[bool, bool]:
        """Whether there was an objection, and whether there had to be one."""
        opened, visible = self.modals[person] if typed else (None, self.displayed)
        expected = self.tip not in {*visible, *self.told[person], "planned"}
        approver = Approver(person, opened)
        objection = await branch_moves.object_to_new_move(self.desk.services, approval, approver)  # type: ignore[arg-type]
        if objection:
            self.told[person].add(self.tip)
        return objection is not None, expected


@pytest.mark.parametrize("seed", range(25))
async def test_an_approval_counts_only_with_knowledge_of_the_newest_move(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  -- picks what happens next
    approval = await desk.asked("staging")
    waiting = Waiting(desk, approval.operation)
    await desk.annotations.add(approval.operation, branch_moves.PLANNED_COMMIT, "planned")

    async def move_since(_: object, __: str, planned: str, ref: str) -> BranchMove | None:
        return None if waiting.tip == planned else BranchMove(ref, waiting.tip, ())

    monkeypatch.setattr(branch_moves, "move_since", move_since)
    for turn in range(40):
        person = dice.choice(PEOPLE)
        match dice.choice(["move", "display", "open", "click", "type", "type"]):
            case "move":
                waiting.tip = dice.choice(["planned", f"tip {turn}", waiting.tip])
            case "display":
                await waiting.display()
            case "open":
                await waiting.open(person)
            case "click":
                assert len(set(await waiting.approve(approval, person, typed=False))) == 1, turn
            case _ if person in waiting.modals:
                assert len(set(await waiting.approve(approval, person, typed=True))) == 1, turn
