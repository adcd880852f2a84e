"""The account's clients, regions that refuse, and throttled requests."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.retries.bucket import Clock, TokenBucket

from runners.aws.builders.discovery import find_builders, read_instance
from runners.aws.builders.recognition import Recognition
from runners.aws.client import Account, batches, escape_wildcards, filters, in_each_region, listed, tags_of
from runners.errors import AccessDeniedError, NotFoundError, UnavailableError
from tests.unit.runners.ec2_world import ABROAD, BASE, HOME, calls_of, refuse


def test_clients_are_made_once_and_shared(account: Account) -> None:
    assert account.ec2(HOME) is account.ec2(HOME)
    assert account.ec2(ABROAD) is not account.ec2(HOME)
    assert account.ec2(ABROAD).meta.region_name == ABROAD
    assert account.client("iam") is account.client("iam", HOME)


def test_a_region_that_is_named_twice_is_asked_once(account: Account) -> None:
    assert Account((HOME, ABROAD, HOME)).regions == (HOME, ABROAD)


def test_the_account_says_its_number_and_is_asked_once(account: Account) -> None:
    made = calls_of(account.client("sts"))
    assert [account.number(), account.number()] == ["123456789012"] * 2
    assert len(made) == 1


def test_a_profile_that_is_not_there_is_said() -> None:
    with pytest.raises(AccessDeniedError, match="no such profile"):
        Account((HOME,), "nobody")


async def test_regions_are_asked_at_once_and_each_may_refuse(account: Account) -> None:
    def ask(region: str) -> str:
        if region == ABROAD:
            raise NotFoundError("asking", "there is nothing")
        return region.upper()

    answers, refused = await in_each_region(account, ask, what="things", timeout=5)
    assert answers == {HOME: "US-WEST-2"}
    assert [(item.region, item.what, item.problem) for item in refused] == [(ABROAD, "things", "there is nothing")]


async def test_a_region_that_does_not_answer_in_time_is_told(account: Account) -> None:
    def ask(region: str) -> str:
        time.sleep(0.5 if region == ABROAD else 0)
        return region

    answers, refused = await in_each_region(account, ask, what="things", timeout=0.2)
    assert (list(answers), [item.region for item in refused]) == ([HOME], [ABROAD])


async def test_what_is_wrong_with_us_is_no_answer_of_a_region(account: Account) -> None:
    def ask(region: str) -> str:
        raise ZeroDivisionError(region)

    with pytest.raises(ZeroDivisionError):
        await in_each_region(account, ask, what="things", timeout=5)


def throttled(times: int) -> Any:
    """The first `times` requests get what EC2 sends when it is asked too much."""
    remaining = [times]
    body = b"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Slow down</Message></Error></Errors></Response>"

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        if not remaining[0]:
            return None
        remaining[0] -= 1
        raw = SimpleNamespace(stream=lambda **_: iter((body,)))
        return AWSResponse(request.url, 503, HTTPHeaders.from_dict({}), raw)

    return answer


QUICKER = 100


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long botocore sleeps before it tries again; its time passes a hundred times as fast."""
    taken: list[float] = []
    bucket: Any = TokenBucket
    began, wait = time.monotonic(), bucket._sleep_amount

    def sleep(seconds: float) -> None:
        taken.append(seconds)
        time.sleep(seconds / QUICKER)

    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(Clock, "current_time", lambda _: began + (time.monotonic() - began) * QUICKER)
    monkeypatch.setattr(bucket, "_sleep_amount", lambda self, amount: wait(self, amount) / QUICKER)
    return taken


async def test_a_storm_of_throttling_slows_and_does_not_fail(account: Account, naps: list[float]) -> None:
    patient = Account((HOME, ABROAD))
    for region in patient.regions:
        patient.ec2(region).meta.events.register_first("before-send.ec2.*", throttled(4))
    result = await find_builders(patient, Recognition())
    assert result.unreadable == ()
    assert len(naps) == 8


async def test_a_storm_that_does_not_end_is_told_as_such(account: Account, naps: list[float]) -> None:
    account.ec2(ABROAD).meta.events.register_first("before-send.ec2.*", throttled(1_000))
    result = await find_builders(account, Recognition())
    assert {item.region for item in result.unreadable} == {ABROAD}
    assert result.unreadable[0].problem == "AWS cannot process the request right now (RequestLimitExceeded)"
    assert result.unreadable[0].remedy == "Try again in a few minutes."


async def test_a_single_call_that_is_throttled_to_the_end_is_unavailable(account: Account) -> None:
    refuse(account.ec2(HOME), "DescribeInstances", "RequestLimitExceeded")
    with pytest.raises(UnavailableError):
        await read_instance(account, HOME, "i-1", Recognition())


async def test_lists_are_read_a_page_at_a_time(account: Account) -> None:
    ec2 = account.ec2(HOME)
    for _ in range(7):
        ec2.run_instances(ImageId=BASE, MinCount=1, MaxCount=1)
    made = calls_of(ec2)
    held = listed(ec2, "describe_instances", "Reservations", page=3)
    assert len(made) == 0
    assert next(held)
    assert len(made) == 1
    assert len(list(held)) == 6
    assert [params["MaxResults"] for _, params in made] == [3, 3, 3]


def test_filters_take_two_hundred_values_each() -> None:
    assert [len(batch) for batch in batches(str(number) for number in range(401))] == [200, 200, 1]
    assert list(batches([])) == []
    assert filters({"a": ("b", "c")}) == [{"Name": "a", "Values": ["b", "c"]}]
    assert escape_wildcards("a*b?c\\") == "a\\*b\\?c\\\\"
    assert tags_of({"Tags": [{"Key": "k", "Value": "v"}]}) == {"k": "v"}
    assert tags_of({}) == {}


def test_a_client_is_made_at_its_first_use() -> None:
    account = Account((HOME,))
    clients = account.clients(HOME)
    assert not account._clients, "the start of the bot does not wait for them"
    assert clients.ec2.meta.region_name == HOME
    assert set(account._clients) == {("ec2", HOME)}
    assert clients.ec2.describe_instances == account.ec2(HOME).describe_instances
