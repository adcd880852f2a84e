"""Buttons under a plan or an apply that is over: a new plan, an unlocked state, a code deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from handlers.shared.requests import DEPLOY_AFTER

if TYPE_CHECKING:
    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block

PLAN_AGAIN, UNLOCK = "plan-again", "unlock"
UNLOCK_BLOCK = "unlock"


def plan_again_button(head: Head) -> Block:
    """A new plan with the same words."""
    return kit.actions(common.NEXT_BLOCK, kit.button("New plan", PLAN_AGAIN, str(head.number)))


def unlock_button(head: Head, left_by: str) -> Block:
    """Gives back a state lock that nobody holds any more; `left_by` says which operation left it."""
    question = (
        f"{left_by} left the lock on the state of *{kit.escape(head.environment)}*, and is over. It is given back."
    )
    ask = kit.confirm("Unlock the state?", question, "Yes, unlock it")
    return kit.actions(UNLOCK_BLOCK, kit.button("Unlock", UNLOCK, str(head.number), style="danger", ask=ask))


def deploy_after_button(head: Head) -> Block:
    """A code deploy after an apply that brought old code back."""
    text = f"Deploy code to {head.environment}"
    return kit.actions(common.NEXT_BLOCK, kit.button(text, DEPLOY_AFTER, str(head.number), style="primary"))
