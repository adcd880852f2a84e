"""Accounts that may not act, whatever rule names them: deactivated, bots, guests, people of other workspaces."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.access import policy
from bot.access.accounts import FAILED, FRESH, MINUTE, MOST, STRANGERS, USABLE, Accounts, refusal_of
from bot.access.directory import Directory
from bot.config.models.access import Access
from bot.errors import Denied
from bot.redaction import Redactor
from bot.slack.client import Chat
from bot.slack.web_api import ChatError, make_client
from sandbox.world import Options, World

if TYPE_CHECKING:
    from bot.config import Config

OWN = {"team_id": "T1", "enterprise_id": None}
STRICT = Access(operators=("U00000001",))
MEMBER = {"id": "U00000001", "team_id": "T1", "name": "ana", "tz_offset": 3600, "deleted": False, "is_bot": False}


class Slack:
    """users.info and auth.test; `refuses` is the error of users.info, `group` that of every user group."""

    def __init__(self, **user: Any) -> None:
        self.user = {**MEMBER, **user}
        self.refuses = self.group = ""
        self.asked = 0
        self.members: list[str] = []

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        about = dict(self.user)
        await asyncio.sleep(0)
        if method == "auth.test":
            return OWN
        error = self.refuses if method == "users.info" else self.group
        self.asked += method == "users.info"
        if error:
            raise ChatError(method, error)
        return {"user": {**about, "id": arguments.get("user")}, "users": self.members}


async def named() -> bool:
    return True


async def not_named() -> bool:
    return False


def accounts_of(slack: Slack, access: Access = STRICT, now: list[float] | None = None) -> Accounts:
    return Accounts(cast("Chat", slack), access, lambda: (now or [0.0])[0])


@pytest.mark.parametrize(
    ("user", "word"),
    [
        ({}, ""),
        ({"deleted": True}, "deactivated"),
        ({"is_bot": True}, "bot"),
        ({"is_workflow_bot": True}, "bot"),
        ({"id": "USLACKBOT"}, "bot"),
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"team_id": "T2"}, "another workspace"),
        ({"is_stranger": True}, "another workspace"),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1", "teams": ["T1"]}}, ""),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1", "teams": ["T3"]}}, "another workspace"),
    ],
)
def test_only_members_may_act(user: dict[str, Any], word: str) -> None:
    refusal = refusal_of({**MEMBER, **user}, OWN, STRICT)
    assert word in refusal
    assert bool(word) == bool(refusal)


FLAGS = st.sampled_from([None, False, True])


@given(
    user=st.fixed_dictionaries({}, optional=dict.fromkeys(("deleted", "is_bot", "is_restricted", "is_stranger"), FLAGS))
)
@pytest.mark.parametrize(("guests", "external"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_configuration_allows_guests_and_externals_alone(
    user: dict[str, Any], guests: bool, external: bool
) -> None:
    access = Access(operators=("U00000001",), guests=guests, external=external)
    never = user.get("deleted") or user.get("is_bot")
    barred = never or (user.get("is_restricted") and not guests) or (user.get("is_stranger") and not external)
    assert bool(refusal_of({**MEMBER, **user}, OWN, access)) == bool(barred)


async def test_an_account_counts_for_minutes_and_for_an_hour_while_slack_does_not_answer() -> None:
    now, slack = [1_000.0], Slack()
    accounts = accounts_of(slack, now=now)
    for _ in range(5):
        assert (await accounts.account("U00000001", named)).refusal == ""
    assert slack.asked == 1
    slack.user["deleted"] = True
    now[0] += FRESH
    assert "deactivated" in (await accounts.account("U00000001", named)).refusal
    slack.user["deleted"] = False
    now[0] += FRESH
    assert (await accounts.account("U00000001", named)).refusal == ""
    slack.refuses = "internal_error"
    now[0] += USABLE - 1
    assert (await accounts.account("U00000001", named)).refusal == ""
    now[0] += 1
    assert "internal_error" in (await accounts.account("U00000001", named)).refusal


@pytest.mark.parametrize("error", ["missing_scope", "user_not_found", "invalid_auth"])
async def test_an_answer_that_does_not_pass_by_itself_refuses_at_once(error: str) -> None:
    now, slack = [0.0], Slack()
    accounts = accounts_of(slack, now=now)
    await accounts.account("U00000001", named)
    slack.refuses, now[0] = error, FRESH
    assert error in (await accounts.account("U00000001", named)).refusal


async def test_strangers_do_not_fill_the_memory() -> None:
    accounts = accounts_of(Slack())
    for number in range(MOST + 50):
        await accounts.account(f"U{number}", named)
    assert len(accounts._read) == MOST


@pytest.mark.parametrize("error", ["", "internal_error", "missing_scope"])
async def test_many_commands_of_a_guest_look_the_account_up_once(error: str) -> None:
    now, slack = [0.0], Slack(is_restricted=True)
    slack.refuses = error
    accounts = accounts_of(slack, now=now)
    for _ in range(3):
        answers = await asyncio.gather(*(accounts.account("U00000001", not_named) for _ in range(200)))
        assert all((error or "guest") in answer.refusal for answer in answers)
    assert slack.asked == 1
    now[0] += FAILED
    slack.refuses = ""
    assert "guest" in (await accounts.account("U00000001", not_named)).refusal


async def test_a_failure_is_not_asked_again_at_once_and_leaves_an_approver_the_last_answer() -> None:
    now, slack = [0.0], Slack()
    accounts = accounts_of(slack, now=now)
    await accounts.account("U00000001", named)
    slack.refuses, now[0] = "ratelimited", FRESH
    for _ in range(5):
        assert (await accounts.account("U00000001", named)).refusal == ""
    assert slack.asked == 2
    accounts.forget()
    assert (await accounts.account("U00000001", named)).refusal == ""
    assert slack.asked == 3


async def test_an_answer_from_before_a_forgetting_does_not_count_after_it() -> None:
    slack = Slack()
    accounts = accounts_of(slack)
    before = asyncio.create_task(accounts.account("U00000001", named))
    await asyncio.sleep(0)
    accounts.forget()
    slack.user["deleted"] = True
    assert "deactivated" in (await accounts.account("U00000001", named)).refusal
    await before
    assert "deactivated" in (await accounts.account("U00000001", named)).refusal


async def test_strangers_do_not_use_up_the_limit_of_those_whom_rules_name() -> None:
    now, slack = [0.0], Slack()
    slack.members = ["UMEMBER"]
    accounts = accounts_of(slack, now=now)
    directory = Directory(cast("Chat", slack), ["S1"], lambda: now[0], accounts, people=["UNAMED"])
    people = await asyncio.gather(*(directory.person(f"U{number}") for number in range(600)))
    assert slack.asked == STRANGERS
    assert [person.account for person in people].count("") == STRANGERS
    for user in ("UNAMED", "UMEMBER"):
        assert (await directory.person(user)).account == ""
    now[0] += MINUTE
    assert (await directory.person("U599")).account == ""


def configured(*operators: str) -> Config:
    class Named:
        access = Access(operators=operators)

    return cast("Config", Named())


@pytest.mark.parametrize("error", ["no_such_subteam", "ratelimited", "internal_error", "missing_scope"])
async def test_a_group_that_cannot_be_read_hurts_only_who_depends_on_it(error: str) -> None:
    slack = Slack()
    slack.group = error
    directory = Directory(cast("Chat", slack), ["S0000GROUP"], lambda: 0.0, accounts_of(slack))
    config = configured("usergroup:S0000GROUP", "U00000001")
    policy.check_may(config, await directory.person("U00000001"), policy.SEE, None)
    with pytest.raises(Denied, match=error):
        policy.check_may(config, await directory.person("U00000002"), policy.SEE, None)


async def test_an_account_that_may_not_act_is_refused_in_words_though_a_rule_names_it() -> None:
    slack = Slack(is_restricted=True)
    directory = Directory(cast("Chat", slack), [], lambda: 0.0, accounts_of(slack))
    with pytest.raises(Denied, match="your account is a guest's"):
        policy.check_may(configured("U00000001"), await directory.person("U00000001"), policy.SEE, None)
    assert not policy.allowed(await directory.person("U00000001"), ["U00000001"])


@pytest.mark.parametrize(
    ("url", "api", "used"),
    [
        ("https://hooks.slack.com/commands/T1/1/x", None, True),
        ("https://hooks.slack-gov.com/actions/T1/1/x", None, True),
        ("http://hooks.slack.com/commands/T1/1/x", None, False),
        ("https://hooks.slack.com:8443/x", None, False),
        ("https://hooks.slack.com.evil.example/x", None, False),
        ("https://hooks.slack.com@evil.example/x", None, False),
        ("https://evil.example/hooks.slack.com", None, False),
        ("https://www.slack.com/x", None, False),
        ("http://169.254.169.254/latest/meta-data", None, False),
        ("file:///etc/passwd", None, False),
        ("", None, False),
        ("https://[::1", None, False),
        ("http://127.0.0.1:9000/hooks/x", "http://127.0.0.1:9000/api/", True),
        ("http://127.0.0.1:9001/hooks/x", "http://127.0.0.1:9000/api/", False),
        ("https://127.0.0.1:9000/hooks/x", "http://127.0.0.1:9000/api/", False),
    ],
)
def test_answers_go_to_slack_alone(url: str, api: str | None, used: bool) -> None:
    assert Chat(make_client("xoxb-1", api), Redactor([])).is_of_slack(url) is used


@pytest.mark.slow("a real bot has to be started")
async def test_an_operator_who_became_a_guest_or_was_deactivated_may_do_nothing() -> None:
    async with World(Options(without_aws=True)) as world:
        for name, flag in (("ana", "is_restricted"), ("lee", "deleted"), ("max", "is_stranger")):
            setattr(world.person(name).user, flag, True)
            reply = await world.person(name).type("#dev", "/deploy dev main")
            assert "account" in str(reply), reply
        assert not world.channel("#dev").messages
