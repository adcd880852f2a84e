"""Who may do what, when: tables. Whatever is not allowed is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from bot.access import closing, policy, rights
from bot.access.policy import Person
from bot.access.rights import Need
from bot.config import Approval, Config, Environment, read
from bot.errors import Denied
from bot.slack.blocks.markup import opened

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access:
  operators: ["usergroup:S0INFRA", U0SOLO]
  approvers: ["usergroup:S0INFRA"]
environments:
  dev:
    deploy: {github_actions: {workflow: d.yml}}
    approval: {required: 0}
  staging:
    deploy: {github_actions: {workflow: d.yml}}
    approval: {required: 1, requester_may_approve: true}
  prod:
    deploy: {github_actions: {workflow: d.yml}}
    approval: {required: 2, requester_may_approve: false, approvers: ["usergroup:S0APPROVERS", U0MAX]}
    windows: ["Mon-Thu 09:00-16:00 America/Los_Angeles", "Sun 10:00-11:00 UTC"]
"""
RUN = Need("run", "/deploy")
CONFIG = read(FILE, "signalbox.yaml")
OPERATOR = Person("U0ANA", frozenset({"S0INFRA"}))
APPROVER = Person("U0LEE", frozenset({"S0INFRA", "S0APPROVERS"}))
MAX = Person("U0MAX", frozenset())
SOLO = Person("U0SOLO", frozenset())
GUEST = Person("U0GUS", frozenset())


def env(name: str) -> Environment:
    return CONFIG.environments[name]


def refused(call: object, *args: object) -> str:
    """The refusal in words, or "" when it is allowed."""
    try:
        call(*args)  # type: ignore[operator]
    except Denied as denied:
        return str(denied)
    return ""


@pytest.mark.parametrize(
    ("person", "rules", "allowed"),
    [
        (OPERATOR, ["usergroup:S0INFRA"], True),
        (OPERATOR, ["usergroup:S0APPROVERS"], False),
        (OPERATOR, ["U0ANA"], True),
        (OPERATOR, ["u0ana"], False),
        (OPERATOR, [], False),
        (Person("S0INFRA", frozenset()), ["usergroup:S0INFRA"], False),
        (Person("U1", frozenset({"U0ANA"})), ["U0ANA"], False),
        (Person("", frozenset({""})), ["U0ANA", "usergroup:S0INFRA"], False),
    ],
)
def test_a_rule_names_a_person_or_a_group_and_nothing_else(person: Person, rules: list[str], allowed: bool) -> None:
    assert policy.allowed(person, rules) is allowed


@pytest.mark.parametrize(
    ("person", "may"), [(OPERATOR, True), (APPROVER, True), (SOLO, True), (MAX, False), (GUEST, False)]
)
def test_only_operators_may_run_commands(person: Person, may: bool) -> None:
    words = refused(policy.check_may, CONFIG, person, RUN, None)
    assert (words == "") is may
    assert may or "anyone of <!subteam^S0INFRA>, <@U0SOLO> may" in opened(words)


@pytest.mark.parametrize(
    ("environment", "person", "requester", "words"),
    [
        ("staging", OPERATOR, "U0LEE", ""),
        ("staging", OPERATOR, "U0ANA", ""),
        ("staging", SOLO, "U0ANA", "may not approve for staging"),
        ("staging", GUEST, "U0ANA", "may not approve for staging"),
        ("staging", GUEST, "U0GUS", "may not approve for staging"),
        ("prod", OPERATOR, "U0LEE", "may not approve for prod"),
        ("prod", APPROVER, "U0ANA", ""),
        ("prod", MAX, "U0ANA", ""),
        ("prod", APPROVER, "U0LEE", "You asked for this yourself"),
        ("prod", OPERATOR, "U0ANA", "may not approve for prod"),
        # Where nobody has to approve a deploy, an apply takes one click, also of who asked for it.
        ("dev", OPERATOR, "U0ANA", ""),
        ("dev", GUEST, "U0GUS", "may not approve for dev"),
    ],
)
def test_who_may_approve_whose_request(environment: str, person: Person, requester: str, words: str) -> None:
    rendered = refused(policy.check_may_approve, CONFIG, env(environment), person, requester, RUN)
    assert words in rendered
    assert bool(rendered) == bool(words)


@pytest.mark.parametrize(
    ("environment", "person", "requester", "may"),
    [
        ("prod", APPROVER, "U0ANA", True),
        ("prod", APPROVER, "U0LEE", True),
        ("prod", OPERATOR, "U0ANA", True),
        ("prod", OPERATOR, "U0LEE", False),
        ("prod", GUEST, "U0ANA", False),
        ("staging", SOLO, "U0SOLO", True),
    ],
)
def test_approvers_may_reject_and_whoever_asked_may_withdraw(
    environment: str, person: Person, requester: str, may: bool
) -> None:
    rendered = refused(policy.check_may_reject, CONFIG, env(environment), person, requester, RUN)
    assert (rendered == "") is may


@pytest.mark.parametrize(
    ("name", "at_least", "required"),
    [("dev", 0, 0), ("dev", 1, 1), ("staging", 0, 1), ("staging", 1, 1), ("prod", 1, 2)],
)
def test_an_apply_takes_a_click_even_where_none_is_configured(name: str, at_least: int, required: int) -> None:
    assert policy.required_approvals(CONFIG, env(name), RUN, at_least=at_least) == required


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 3, 2, 17, 0, tzinfo=UTC), ""),
        (datetime(2026, 3, 2, 16, 59, tzinfo=UTC), "The next window opens Monday 02 March at 09:00 (PST)"),
        (datetime(2026, 3, 3, 0, 0, tzinfo=UTC), "Tuesday 03 March at 09:00 (PST)"),
        (datetime(2026, 3, 6, 18, 0, tzinfo=UTC), "Sunday 08 March at 10:00 (UTC)"),
        (datetime(2026, 3, 8, 10, 30, tzinfo=UTC), ""),
    ],
)
def test_changes_wait_for_a_window_and_are_told_the_next(moment: datetime, words: str) -> None:
    rendered = refused(closing.check_open, env("prod"), moment, (), "U0ANA")
    assert words in rendered
    assert bool(rendered) == bool(words)
    assert not words or "only changed during Mon-Thu 09:00-16:00 America/Los_Angeles or Sun" in rendered


def test_without_windows_any_time_will_do() -> None:
    assert refused(closing.check_open, env("dev"), datetime(2026, 3, 7, 3, 0, tzinfo=UTC), (), "U0ANA") == ""


def test_an_environment_that_left_the_configuration_takes_no_decision() -> None:
    assert policy.environment_of(CONFIG, "dev") is env("dev")
    assert "gone is no longer in the configuration" in refused(policy.environment_of, CONFIG, "gone")


def _with(config: Config, name: str, approval: Approval) -> tuple[Config, Environment]:
    changed = config.environments[name].model_copy(update={"approval": approval})
    return config.model_copy(update={"environments": {**config.environments, name: changed}}), changed


@pytest.mark.parametrize(
    ("approval", "rules"),
    [
        (Approval(required=1), ("usergroup:S0INFRA",)),
        (Approval(required=1, approvers=("U0MAX",)), ("U0MAX",)),
        (Approval(required=1, approvers=()), ()),
        (Approval(required=0, approvers=()), ("usergroup:S0INFRA", "U0SOLO")),
    ],
)
def test_whose_word_counts(approval: Approval, rules: tuple[str, ...]) -> None:
    config, environment = _with(CONFIG, "dev", approval)
    assert tuple(rights.deciders(config, RUN, environment)) == rules


def test_where_nobody_may_approve_nobody_can() -> None:
    config, environment = _with(CONFIG, "dev", Approval(required=1, approvers=()))
    assert "nobody may" in refused(policy.check_may_approve, config, environment, APPROVER, "U0ANA", RUN)


@pytest.mark.parametrize(
    ("environment", "requester", "words"),
    [
        ("dev", "U0ANA", "anyone of <!subteam^S0INFRA>"),
        ("staging", "U0ANA", "anyone of <!subteam^S0INFRA>"),
        ("prod", "U0MAX", "anyone of <!subteam^S0APPROVERS> except <@U0MAX>"),
    ],
)
def test_whoever_asked_is_named_where_they_may_not_approve(environment: str, requester: str, words: str) -> None:
    assert opened(policy.approvers_in_words(CONFIG, env(environment), requester, RUN)) == words


def test_whoever_asked_is_not_named_where_the_rules_do_not_name_them() -> None:
    prod = env("prod")
    people = prod.model_copy(update={"approval": prod.approval.model_copy(update={"approvers": ("U0LEE", "U0MAX")})})
    assert opened(policy.approvers_in_words(CONFIG, people, "U0ANA", RUN)) == "anyone of <@U0LEE>, <@U0MAX>"


def test_every_group_that_is_named_is_looked_up() -> None:
    assert policy.groups_named(CONFIG) == {"S0INFRA", "S0APPROVERS"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([], "nobody"),
        (["U0MAX"], "<@U0MAX>"),
        (["usergroup:S0APPROVERS"], "anyone of <!subteam^S0APPROVERS>"),
        (["usergroup:S0APPROVERS", "U0MAX"], "anyone of <!subteam^S0APPROVERS>, <@U0MAX>"),
    ],
)
def test_whom_to_ask(rules: list[str], words: str) -> None:
    assert opened(policy.in_words(rules)) == words


PEOPLE = ("U0ANA", "U0LEE", "U0MAX", "U0SOLO", "U0GUS")
CHECKS = {
    "use": lambda person, _: policy.check_may(CONFIG, person, RUN, None),
    "approve": lambda person, name: policy.check_may_approve(CONFIG, env(name), person, "U0REQUESTER", RUN),
    "reject": lambda person, name: policy.check_may_reject(CONFIG, env(name), person, "U0REQUESTER", RUN),
}


@given(
    user=st.sampled_from(PEOPLE),
    groups=st.sets(st.sampled_from(["S0INFRA", "S0APPROVERS"])),
    unreadable=st.dictionaries(
        st.sampled_from(["S0INFRA", "S0APPROVERS"]),
        st.sampled_from(["no_such_subteam", "internal_error", "missing_scope"]),
    ),
    check=st.sampled_from(sorted(CHECKS)),
    name=st.sampled_from(["dev", "staging", "prod"]),
)
def test_a_group_that_cannot_be_read_denies_what_depends_on_it_alone(
    user: str, groups: set[str], unreadable: dict[str, str], check: str, name: str
) -> None:
    rules = CONFIG.access.operators if check == "use" else rights.deciders(CONFIG, RUN, env(name))
    readable = groups - set(unreadable)
    words = refused(CHECKS[check], Person(user, frozenset(readable), unreadable), name)
    named = user in rules or any(f"usergroup:{group}" in rules for group in readable)
    missing = {group for group in unreadable if f"usergroup:{group}" in rules}
    assert (words == "") is named
    for group in ("S0INFRA", "S0APPROVERS"):
        assert (f"<!subteam^{group}> ({group})" in opened(words)) is (not named and group in missing)
    if not named and missing:
        codes = {unreadable[group] for group in missing}
        assert ("Try again in a minute" in words) is ("internal_error" in codes)
        assert ("signalbox.yaml" in words) is ("no_such_subteam" in codes)
        assert ("administers the Slack app" in words) is ("missing_scope" in codes)
