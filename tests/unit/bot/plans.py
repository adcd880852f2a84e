"""A plan to draw messages of, in each state of its approval; and one in which every text is foreign."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from handlers.plan.views import PlanView
from runners.results import AttributeChange, Change, Commit, Diagnostic, Image, ImageChange, PlanSummary, ResourceChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.slack.blocks.kit import Message

HEAD = Head(7, "Plan for staging", "staging", "U0ANA")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
AMI = AttributeChange("ami", "ami-0old", "ami-0new", forces_replacement=True)
SUMMARY = PlanSummary(
    digest="d" * 64,
    program="Terraform 1.11.4",
    changes=(
        ResourceChange("aws_instance.cron", "aws_instance", Change.DELETE, reason="it is not in the configuration"),
        ResourceChange("aws_instance.backend", "aws_instance", Change.REPLACE, (AMI,), reason="cannot be updated"),
        ResourceChange(
            "aws_eip.backend",
            "aws_eip",
            Change.UPDATE,
            (AttributeChange("tags.Name", None, "backend"), AttributeChange("id", "e-1", "(known after apply)")),
        ),
    ),
    resources=12,
)
VIEW = PlanView(HEAD, COMMIT, SUMMARY)
OPEN = ApprovalView("ID", 2, "pending", (), 1_700_003_600.0, f"anyone of {kit.group('S0LEADS')}")
ONE = replace(OPEN, votes=(("U0LEE", "approved", 1_700_000_000.0),))
GIVEN = replace(ONE, outcome="approved", votes=(*ONE.votes, ("U0MAX", "approved", 1_700_000_060.0)))
NOW, NEW = (
    Image("ami-0old", "staging-1"),
    Image("ami-0new", "staging-2"),
)
WITH_IMAGES = replace(VIEW, images=(ImageChange("backend", NOW, NEW),), region="us-west-2")
DECIDED_OUTSIDE = replace(ONE, outcome="elsewhere", outside="discarded in HCP Terraform by <max>")


def headings(message: Message) -> list[str]:
    table = next(block for block in message.blocks if block["type"] == "table")
    return [cell["elements"][0]["elements"][0]["text"] for cell in table["rows"][0]]


def view_of(pool: list[str], url: str, count: int) -> PlanView:
    """A plan in which every text is one of these, in turn."""
    text = cycle(pool)
    attributes = tuple(AttributeChange(next(text), next(text), next(text), True) for _ in range(4))
    changes = tuple(
        ResourceChange(next(text), next(text), kind, attributes, next(text), next(text))
        for kind in Change
        for _ in range(count)
    )
    warnings = tuple(diagnostic(text) for _ in range(4))
    summary = PlanSummary("d" * 64, next(text), changes, attributes, changes, warnings)
    return PlanView(
        Head(10**9, next(text), next(text), "U0ANA"),
        Commit(next(text), "a" * 40, next(text), next(text), next(text), url),
        summary,
    )


def diagnostic(text: Iterator[str]) -> Diagnostic:
    return Diagnostic("error", next(text), next(text), next(text), 3, next(text), next(text))
