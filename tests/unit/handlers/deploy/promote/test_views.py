"""A promotion as people see it, at each of its stages."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.blocks.common import APPROVE, CANCEL, REJECT, ApprovalView, Head
from handlers.deploy.promote import views
from handlers.deploy.promote.views import OPEN, SKIP, Promotion, Stage
from runners.results import Check, Checks, Commit, Difference, PullRequest, PullState, Rule, State
from tests.unit.bot.drawn import buttons, hostile, read, urls

HEAD = Head(7, "Deploy main to staging", "staging", "U0ANA")
ASK = ApprovalView("ID", 1, "pending", (), 1_700_003_600.0, f"anyone of {kit.group('S0LEADS')}")
GIVEN = replace(ASK, outcome="approved", votes=(("U0LEE", "approved", 1_700_000_000.0),))
COMMITS = tuple(
    Commit("o/app", f"{n:07x}" * 5 + "00000", "dev", f"Change {n}", "lee-park", "https://github.com/o/app/commit/1")
    for n in range(5)
)
AHEAD = Difference(5, 0, COMMITS, (), "https://github.com/o/app/compare/staging...dev")
PULL = PullRequest("o/app", 12, "https://github.com/o/app/pull/12", PullState.OPEN, "a" * 40, mergeable=True)
GREEN = Checks("a" * 40, Rule.REQUIRED, (Check("test", State.SUCCEEDED, "https://x/1"),))
RED = replace(GREEN, checks=(Check("test", State.FAILED, "https://x/1"),))
GOING = replace(GREEN, checks=(Check("test", State.RUNNING, "https://x/1"),))
UNKNOWN = Promotion("o/app", "dev", "staging")
UNOPENED = replace(UNKNOWN, difference=AHEAD)
READY = replace(UNOPENED, pull=PULL, checks=GREEN)
MERGED = replace(READY, pull=replace(PULL, state=PullState.MERGED, merge_sha="c" * 40))
NOTHING = replace(UNKNOWN, repository="o/lib", difference=replace(AHEAD, ahead=0, commits=()))


def with_pull(**changes: object) -> Promotion:
    return replace(READY, pull=replace(PULL, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("promotion", "stage"),
    [
        (UNKNOWN, Stage.UNKNOWN),
        (replace(READY, problem="gone"), Stage.PROBLEM),
        (NOTHING, Stage.NOTHING),
        (UNOPENED, Stage.UNOPENED),
        (with_pull(mergeable=False), Stage.CONFLICT),
        (with_pull(obstacle="dirty"), Stage.CONFLICT),
        (replace(READY, checks=RED), Stage.FAILED),
        (replace(READY, checks=GOING), Stage.RUNNING),
        (replace(READY, checks=replace(GOING, rule=Rule.ANY)), Stage.RUNNING),
        (with_pull(mergeable=None), Stage.RUNNING),
        (with_pull(obstacle="blocked"), Stage.BLOCKED),
        (with_pull(obstacle="draft"), Stage.BLOCKED),
        (READY, Stage.READY),
        (replace(READY, checks=replace(GREEN, checks=(), rule=Rule.ANY)), Stage.READY),
        (MERGED, Stage.MERGED),
        (replace(MERGED, problem="gone"), Stage.MERGED),
    ],
)
def test_how_far_a_repository_is(promotion: Promotion, stage: Stage) -> None:
    assert promotion.stage is stage


def test_what_would_be_promoted_with_the_choices() -> None:
    message = views.waiting(HEAD, [UNOPENED, NOTHING])
    rendered = read(message)
    assert message.text.startswith("#7 Deploy main to staging: before the deploy, merge dev into staging?")
    assert "*o/app*: `dev` is 5 commits ahead of `staging`" in rendered
    assert "Change 2" in rendered
    assert "Change 3" not in rendered
    assert "and 2 more" in rendered
    assert "No pull request is open." in rendered
    assert "*o/lib*: `staging` has all of `dev`" in rendered
    assert buttons(message) == [OPEN, SKIP, CANCEL]
    assert "[Open pull request]" in rendered


def test_two_are_opened_with_one_press() -> None:
    assert "[Open pull requests]" in read(views.waiting(HEAD, [UNOPENED, replace(UNOPENED, repository="o/b")]))


@pytest.mark.parametrize(
    ("promotion", "words"),
    [
        (replace(READY, checks=GOING), "1 of 1 required not ended yet: test"),
        (replace(READY, checks=RED), "1 of 1 required failed: test"),
        (with_pull(mergeable=None), "GitHub works out whether it can be merged"),
        (with_pull(mergeable=False), "conflicts with `staging`; resolve it there, and I will notice"),
        (with_pull(obstacle="blocked"), "a rule of the branch is not met yet, such as a review"),
        (with_pull(obstacle="draft"), "it is a draft"),
        (with_pull(obstacle="behind"), "must be brought up to date"),
        (replace(UNKNOWN, problem="GitHub has nothing there, or hides it"), "GitHub has nothing there, or hides it"),
        (replace(UNOPENED, closed=12), "#12 was closed without being merged"),
        (UNKNOWN, "not known yet"),
    ],
)
def test_what_it_waits_for_is_said(promotion: Promotion, words: str) -> None:
    message = views.waiting(HEAD, [promotion])
    assert words in read(message)
    assert buttons(message)[-2:] == [SKIP, CANCEL]


def test_silence_of_github_is_said() -> None:
    assert "GitHub has not answered since" in read(views.waiting(HEAD, [READY], outage_since=1_700_000_000.0))


def test_what_can_be_merged_is_asked_for() -> None:
    message = views.ready(HEAD, [READY, NOTHING], ASK, asks_again=False)
    rendered = read(message)
    assert "ready to merge dev into staging in o/app. Waiting for approval" in rendered
    assert "Pull request #12 can be merged" in rendered
    assert "[Merge and deploy]" in rendered
    assert buttons(message) == [APPROVE, REJECT, SKIP]
    assert "[Merge, then ask for the deploy]" in read(views.ready(HEAD, [READY], ASK, asks_again=True))


def test_what_github_answered_to_the_last_merge_is_shown() -> None:
    refused = replace(READY, refusal="GitHub refused the merge: At least 1 approving review is required")
    rendered = read(views.ready(HEAD, [refused], ASK, asks_again=True))
    assert "GitHub refused the merge: At least 1 approving review is required" in rendered


@pytest.mark.parametrize(
    ("promotions", "skipped_by", "words"),
    [
        ([NOTHING], None, "*Nothing to promote:* `staging` has all of `dev` in o/lib"),
        ([MERGED, NOTHING], None, "*Promoted:* o/app#12 merged `dev` → `staging`, approved by @lee"),
        ([UNOPENED], "U0MAX", "*Not promoted*, @max chose to deploy without it: `dev` → `staging` in o/app"),
    ],
)
def test_the_deploy_says_what_became_of_it(promotions: list[Promotion], skipped_by: str | None, words: str) -> None:
    note = views.summary(promotions, skipped_by=skipped_by, approval=GIVEN)
    ended = views.ended(HEAD, "failed", note, promotions)
    assert words in read(ended)


def test_what_was_merged_is_listed_for_each_repository() -> None:
    of_lib = Difference(1, 0, (replace(COMMITS[4], subject="Mend <it>"),), (), "https://github.com/o/lib/compare/x")
    other = replace(MERGED, repository="o/lib", difference=of_lib)
    unseen = replace(MERGED, repository="o/late", difference=None)
    message = views.ended(HEAD, "failed", views.summary([MERGED, other, unseen], approval=GIVEN), [])
    rendered = read(message)
    assert "5 commits of *o/app*:\n• 0000000 Change 0 (lee-park)" in rendered
    assert "Change 2 (lee-park)\nand 2 more\n1 commit of *o/lib*:\n• 0000004 Mend <it> (lee-park)" in rendered
    assert "of *o/late*" not in rendered
    assert "5 commits of *o/app*:" in read(views.waiting(HEAD, [MERGED, UNOPENED]))


def test_a_part_that_was_merged_and_a_part_that_was_left_are_both_said() -> None:
    note = views.summary([MERGED, replace(UNOPENED, repository="o/b")], skipped_by="U0MAX", approval=GIVEN)
    assert "*Promoted:*" in note
    assert "*Not promoted*" in note
    assert "o/b" in note


@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(1, 30), st.sampled_from(list(State)[:4]))
def test_slack_takes_every_stage_whatever_is_in_it(pool: list[str], url: str, count: int, state: State) -> None:
    text = cycle(pool)
    head = Head(1, next(text), next(text), "U0ANA")
    commits = tuple(Commit("r", f"{n:040x}", next(text), next(text), next(text), url) for n in range(count))
    checks = Checks("a" * 40, Rule.ANY, tuple(Check(next(text), state, url) for _ in range(count)))
    pull = replace(PULL, url=url, obstacle=next(text))
    whole = Promotion(next(text), next(text), next(text), Difference(count, 1, commits, (), url), pull, checks)
    several = [whole, replace(whole, pull=None), replace(whole, problem=next(text)), replace(whole, refusal=next(text))]
    many = several * 4
    read(views.waiting(head, many, outage_since=1.0))
    read(views.ready(head, many, ASK, asks_again=True))
    read(views.merging(head, many, GIVEN))
    read(views.ended(head, "failed", views.summary(many, skipped_by="U0MAX", approval=GIVEN), many))
