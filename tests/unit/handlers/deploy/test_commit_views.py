"""The commits and checks of a release in messages: commits taken back, checks that are not green, overrides."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from bot.slack.blocks.markup import opened
from handlers.deploy import commit_views as what, views
from handlers.deploy.views import Release
from runners.results import Check, Checks, Commit, Difference, Rule, State
from tests.unit.bot.drawn import buttons, hostile, read, urls

HEAD = Head(12, "Deploy main to prod", "prod", "U0ANA")
PAGE = "https://github.com/o/r/compare/a...b"
OPEN = ApprovalView("ID", 1, "pending", (), 1_700_003_600.0, f"anyone of {kit.group('S0LEADS')}")
GIVEN = replace(OPEN, outcome="approved", votes=(("U0LEE", "approved", 1_700_000_000.0),))


def commit(number: int, subject: str = "") -> Commit:
    sha = f"{number:07x}" * 5 + "00000"
    return Commit("o/r", sha, "main", subject or f"Change {number}", "lee-park", f"https://github.com/o/r/commit/{sha}")


def difference(ahead: int, behind: int = 0) -> Difference:
    added, lost = (tuple(commit(number) for number in range(count)) for count in (min(ahead, 40), min(behind, 40)))
    lost = tuple(replace(commit, subject=f"Lost {commit.subject}") for commit in lost)
    return Difference(ahead, behind, added, lost, PAGE)


def check(name: str, state: State) -> Check:
    return Check(name, state, f"https://github.com/o/r/runs/{name}")


def checks(*reported: Check, rule: Rule = Rule.REQUIRED) -> Checks:
    return Checks("a" * 40, rule, reported)


LINT, TEST = check("lint", State.SUCCEEDED), check("test", State.FAILED)
OUT = Release(commit(9), "`9f8e7d6` The one before", "GitHub Actions deploy-prod.yml")


def test_the_newest_commits_are_listed_and_the_rest_is_counted_with_a_link() -> None:
    message = views.awaiting_approval(HEAD, replace(OUT, difference=difference(12)), OPEN)
    rendered = read(message)
    assert "*12 new commits:*\n• 0000000 Change 0 (lee-park)" in rendered
    assert "Change 4" in rendered
    assert "Change 5" not in rendered
    assert "and 7 more" in rendered
    assert f"<{PAGE}|7 more>" in opened(str(message.blocks))


def test_one_commit_goes_out() -> None:
    rendered = read(views.awaiting_approval(HEAD, replace(OUT, difference=difference(1)), OPEN))
    assert "*1 new commit:*" in rendered
    assert "more" not in rendered


def test_what_is_taken_back_comes_first() -> None:
    rendered = read(views.awaiting_approval(HEAD, replace(OUT, difference=difference(0, 3)), OPEN))
    assert "*This takes 3 commits back that run now:*\n• 0000000 Lost Change 0" in rendered
    assert "new commit" not in rendered
    both = read(views.awaiting_approval(HEAD, replace(OUT, difference=difference(2, 1)), OPEN))
    assert both.index("This takes 1 commit back that runs now") < both.index("2 new commits")


def test_where_nothing_is_known_that_is_said() -> None:
    note = ":question: `abc1234` is not in the repository's history (any more): what is deployed is not known"
    assert "what is deployed is not known" in read(views.awaiting_approval(HEAD, replace(OUT, notices=(note,)), OPEN))


def test_once_it_goes_out_the_commits_are_counted_with_a_link() -> None:
    ended = views.not_approved(HEAD, replace(OUT, difference=difference(12, 3)), replace(OPEN, outcome="rejected"))
    assert "*In between:* 12 commits, 3 commits taken back" in read(ended)
    assert "Change 1" not in read(ended)


@pytest.mark.parametrize(("count", "listed"), [(5, False), (6, True), (300, True)])
def test_the_thread_has_all_that_the_message_has_not(count: int, listed: bool) -> None:
    message = what.in_thread(difference(count))
    assert (message is not None) == listed
    if message:
        rendered = read(message)
        assert f"*To deploy:* {count} commits" in rendered
        assert "Change 5" in rendered
        assert ("and 260 more" in rendered) == (count == 300)


@pytest.mark.parametrize(
    ("reported", "words"),
    [
        (checks(LINT), "the required one is green: lint"),
        (checks(LINT, replace(LINT, name="b")), "all 2 required are green"),
        (checks(LINT, replace(LINT, name="b"), rule=Rule.NAMED), "all 2 configured are green"),
        (checks(TEST, LINT), "1 of 2 required failed: test"),
        (checks(TEST, check("e2e", State.RUNNING)), "1 of 2 required failed: test; not ended yet: e2e"),
        (checks(check("e2e", State.RUNNING), LINT), "1 of 2 required not ended yet: e2e"),
        (checks(Check("gone", State.WAITING, "")), "1 of 1 required not ended yet: gone (not reported)"),
        (checks(rule=Rule.ANY), "none at this commit, and its branch requires none"),
        (checks(check("e2e", State.RUNNING), rule=Rule.ANY), "the branch requires none of them"),
        (checks(*(check(f"c{number}", State.FAILED) for number in range(20))), "c7 and 12 more"),
    ],
)
def test_how_the_checks_stand(reported: Checks, words: str) -> None:
    message = views.awaiting_approval(HEAD, replace(OUT, checks=reported), OPEN)
    assert words in read(message)


@pytest.mark.parametrize(
    ("reported", "green"),
    [
        (checks(LINT), True),
        (checks(TEST, LINT), False),
        (checks(check("e2e", State.RUNNING)), False),
        (checks(Check("gone", State.WAITING, "")), False),
        (checks(rule=Rule.ANY), True),
        (checks(check("e2e", State.RUNNING), rule=Rule.ANY), True),
        (checks(TEST, rule=Rule.ANY), False),
    ],
)
def test_what_is_green(reported: Checks, green: bool) -> None:
    assert reported.green == green


def test_a_refusal_names_the_checks_and_the_ways_to_go_on() -> None:
    message = views.refused_by_checks(HEAD, replace(OUT, checks=checks(TEST, LINT)), None, checks(TEST, LINT))
    rendered = read(message)
    assert message.text == "#12 Deploy main to prod: not deployed: 0000009 has 1 check that failed"
    assert "1 of 2 required failed: test" in rendered
    assert buttons(message) == [what.AGAIN, what.ANYWAY]
    running = checks(check("e2e", State.RUNNING))
    later = read(views.refused_by_checks(HEAD, replace(OUT, checks=running), GIVEN, running))
    assert "not deployed: 0000009 has 1 check that did not end yet" in later
    assert "approved by @lee" in later


def test_who_passed_over_the_checks_and_why_is_shown() -> None:
    note = what.override_notice("U0LEE", "the fix <!channel> for #4", checks(TEST))
    rendered = read(views.awaiting_approval(HEAD, replace(OUT, notices=(note,)), OPEN))
    assert "*Asked for despite its checks* (test), by @lee: the fix <!channel> for #4" in rendered


def test_the_modal_asks_for_a_reason() -> None:
    view = what.reason_modal(12, "prod", "a1b2c3d")
    assert (view["callback_id"], view["private_metadata"]) == (what.REASON, "12")
    assert "Why does it go to prod all the same?" in str(view)


@given(st.lists(hostile, min_size=1, max_size=5), urls, st.integers(0, 60), st.sampled_from(list(State)[:4]))
def test_slack_takes_all_of_it_whatever_is_in_it(pool: list[str], url: str, count: int, state: State) -> None:
    text = cycle(pool)
    commits = tuple(Commit("r", f"{n:040x}", next(text), next(text), next(text), url) for n in range(count))
    whole = Difference(count * 3, count, commits, commits, url)
    reported = Checks("a" * 40, Rule.ANY, tuple(Check(next(text), state, url) for _ in range(count)))
    note = what.override_notice(next(text), next(text), reported)
    out = Release(Commit("r", "a" * 40, "x", next(text), next(text), url), "x", "y", whole, reported, (note,))
    read(views.awaiting_approval(HEAD, out, OPEN))
    read(views.refused_by_checks(HEAD, out, GIVEN, reported))
    if thread := what.in_thread(whole):
        read(thread)
