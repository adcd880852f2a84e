"""What the messages of every deploy share, whichever backend it goes through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import common, kit
from bot.slack.blocks.common import ApprovalView, Failure, FailureContext, Head
from handlers.deploy import views
from handlers.deploy.views import Release
from runners.results import Commit
from tests.unit.bot.drawn import buttons, hostile, read, urls

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HEAD = Head(12, "Deploy main to prod", "prod", "U0ANA")
COMMIT = Commit("o/r", "a1b2c3d4" * 5, "main", "Raise the queue's memory", "Lee Park", "https://github.com/o/r/c/1")
OUT = Release(COMMIT, "`9f8e7d6` The one before", "GitHub Actions deploy-prod.yml")
OPEN = ApprovalView("ID", 1, "pending", (), 1_700_003_600.0, f"anyone of {kit.group('S0LEADS')}")
GIVEN = replace(OPEN, outcome="approved", votes=(("U0LEE", "approved", 1_700_000_000.0),))


def test_what_would_go_out_and_what_runs_now() -> None:
    message = views.awaiting_approval(HEAD, OUT, OPEN)
    rendered = read(message)
    assert message.text == "#12 Deploy main to prod: a1b2c3d is ready to deploy. Waiting for approval"
    assert "*To deploy:* a1b2c3d Raise the queue's memory (Lee Park)" in rendered
    assert "*Current:* `9f8e7d6` The one before" in rendered
    assert "needs an approval by anyone of @leads" in rendered
    assert "[Approve and deploy to prod]" in rendered
    assert buttons(message) == ["approve", "reject"]


@pytest.mark.parametrize(
    ("status", "commit", "ran"),
    [
        ("running", "*To deploy:*", ":warning: *Not all machines run the same:*"),
        ("succeeded", "*Deployed:*", "*Not all machines ran the same before:*"),
        ("failed", "*Requested:*", "*Not all machines ran the same before:*"),
        ("cancelled", "*Requested:*", "*Not all machines ran the same before:*"),
        ("interrupted", "*Requested:*", "*Not all machines ran the same before:*"),
        ("rejected", "*Not deployed:*", "*Not all machines ran the same then:*"),
        ("expired", "*Not deployed:*", "*Not all machines ran the same then:*"),
    ],
)
def test_what_ran_before_is_not_said_to_run_once_it_is_over(status: str, commit: str, ran: str) -> None:
    differs = replace(OUT, commits_by_role="• backend: not known")
    rendered = read(views.deploy_message(HEAD, status, "news", differs, None))
    assert f"{commit} a1b2c3d" in rendered
    assert f"{ran}\n• backend: not known" in rendered
    assert ("*Current:*" in rendered) == ("run the same" in ran)
    assert ("*Previous:*" in rendered) == ("ran the same before" in ran)
    assert ("*Current then:*" in rendered) == ("ran the same then" in ran)


@pytest.mark.parametrize("status", ["running", "succeeded", "failed"])
def test_of_a_check_nothing_goes_out(status: str) -> None:
    rendered = read(views.deploy_message(HEAD, status, "news", replace(OUT, check=True), None))
    assert "*Would deploy:* a1b2c3d" in rendered
    assert "*Current:* `9f8e7d6`" in rendered


@pytest.mark.parametrize(
    ("outcome", "words"), [("rejected", "rejected, nothing was deployed"), ("expired", "expired, nothing was deployed")]
)
def test_a_decision_against_it(outcome: str, words: str) -> None:
    message = views.not_approved(HEAD, OUT, replace(OPEN, outcome=outcome))
    assert words in read(message)
    assert "approve" not in buttons(message)


def test_with_the_approval_the_buttons_go() -> None:
    message = views.approved(HEAD, OUT, GIVEN)
    assert "approved, starting" in read(message)
    assert "approved by @lee" in read(message)
    assert not buttons(message)


def test_what_every_operation_may_say() -> None:
    assert "stopped by a fault in Signalbox itself" in read(common.apology(HEAD, "ab12"))
    trouble = Failure("planning instances/prod", "no such <directory>", "Look.", "Error: x\n")
    message = common.failed(HEAD, trouble, FailureContext())
    rendered = read(message)
    assert message.text == "#12 Deploy main to prod: failed. No such &lt;directory&gt;"
    assert "while planning instances/prod" in rendered.splitlines()[-1]
    assert "Look." in rendered
    assert "```\nError: x\n```" in rendered
    assert "queued behind #11" in read(common.waiting(HEAD, "queued behind #11"))


def test_what_fails_before_anything_goes_out_says_so_of_which_commit_who_approved_and_what_to_type() -> None:
    trouble = Failure("installing collections", "the galaxy does not answer", "Try again later.", "")
    context = FailureContext("nothing was deployed", COMMIT, GIVEN, "/deploy prod")
    message = common.failed(HEAD, trouble, context)
    rendered = read(message)
    assert message.text == "#12 Deploy main to prod: nothing was deployed. The galaxy does not answer"
    for part in (
        "a1b2c3d Raise the queue's memory (Lee Park)",
        "approved by @lee",
        "Then run `/deploy prod`.",
        "requested by",
    ):
        assert part in rendered, part
    assert "\nRun `/deploy prod`." in read(common.failed(HEAD, replace(trouble, remedy=""), context))


@given(st.lists(hostile, min_size=1, max_size=5), urls)
def test_slack_takes_every_state_whatever_is_in_it(pool: list[str], url: str) -> None:
    text = cycle(pool)
    head = Head(1, next(text), next(text), next(text))
    out = Release(Commit("r", "a" * 40, next(text), next(text), next(text), url), "not known", next(text))
    read(views.working(head, "looking", out))
    read(views.awaiting_approval(head, out, OPEN))
    read(views.approved(head, out, GIVEN))
    trouble = Failure(next(text), next(text), next(text), next(text))
    read(common.failed(head, trouble, FailureContext(next(text), out.commit, GIVEN, next(text))))
