"""What a builder has cost so far, by AWS's price list (its answers, stubbed); nothing is guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from runners.aws.builders.prices import UNKNOWN_FOR, VALID_FOR, Prices
from runners.results import Builder, Match

if TYPE_CHECKING:
    from runners.aws.client import Account

LAUNCHED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOW = LAUNCHED + timedelta(hours=3, minutes=30)
BUILDER = Builder(
    "i-1",
    "us-west-2",
    "t3.large",
    "Packer Builder",
    "running",
    LAUNCHED,
    LAUNCHED,
    (Match.KEY_PAIR,),
    "ami-1",
    "us-west-2a",
    usage_operation="RunInstances",
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def listed(*prices: str, unit: str = "Hrs") -> dict[str, Any]:
    """The price list's answer: a product as a text of JSON for each price."""
    products = []
    for number, price in enumerate(prices):
        dimension = {"unit": unit, "pricePerUnit": {"USD": price}}
        terms = {"OnDemand": {f"T{number}": {"priceDimensions": {"D": dimension}}}}
        products.append(json.dumps({"product": {"productFamily": "Compute Instance"}, "terms": terms}))
    return {"FormatVersion": "aws_v1", "PriceList": products}


def stubbed(account: Account, *answers: dict[str, Any]) -> Stubber:
    stubber = Stubber(account.client("pricing", "us-east-1"))
    for answer in answers:
        stubber.add_response("get_products", answer)
    return stubber


async def test_the_hours_since_the_launch_at_the_listed_price(account: Account) -> None:
    stubber = Stubber(account.client("pricing", "us-east-1"))
    wanted = {
        "instanceType": "t3.large",
        "regionCode": "us-west-2",
        "operation": "RunInstances",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    stubber.add_response(
        "get_products", listed("0.0832000000"), {"ServiceCode": "AmazonEC2", "Filters": filters, "MaxResults": 10}
    )
    with stubber:
        cost = await Prices(account, Clock()).so_far(BUILDER, NOW)
    assert cost is not None
    assert (cost.dollars, cost.hourly) == (Decimal("0.29"), Decimal("0.0832"))


async def test_less_than_a_minute_costs_a_minute(account: Account) -> None:
    with stubbed(account, listed("60.0")):
        cost = await Prices(account, Clock()).so_far(BUILDER, LAUNCHED - timedelta(seconds=5))
    assert cost is not None
    assert cost.dollars == Decimal("1.00")


@pytest.mark.parametrize(
    "answer",
    [listed(), listed("0.08", "0.09"), listed("0.0000000000"), listed("0.08", unit="Quantity"), listed("free")],
)
async def test_without_a_single_price_there_is_none(account: Account, answer: dict[str, Any]) -> None:
    with stubbed(account, answer):
        assert await Prices(account, Clock()).so_far(BUILDER, NOW) is None


@pytest.mark.parametrize(
    "changes",
    [{"spot": True}, {"tenancy": "dedicated"}, {"state": "stopped"}, {"usage_operation": ""}],
)
async def test_what_the_list_does_not_price_is_not_asked_for(account: Account, changes: dict[str, Any]) -> None:
    with stubbed(account):
        assert await Prices(account, Clock()).so_far(replace(BUILDER, **changes), NOW) is None


async def test_a_price_is_read_once_a_day(account: Account) -> None:
    clock = Clock()
    prices = Prices(account, clock)
    with stubbed(account, listed("1"), listed("2")) as stubber:
        observed = []
        for seconds in (0.0, VALID_FOR - 1, 1.0):
            clock.now += seconds
            cost = await prices.so_far(BUILDER, NOW)
            observed.append(cost.hourly if cost else None)
        stubber.assert_no_pending_responses()
    assert observed == [Decimal(1), Decimal(1), Decimal(2)]


async def test_a_list_that_may_not_be_read_is_asked_again_after_an_hour(account: Account) -> None:
    clock = Clock()
    prices = Prices(account, clock)
    with Stubber(account.client("pricing", "us-east-1")) as stubber:
        stubber.add_client_error("get_products", "AccessDeniedException", "no", 400)
        assert await prices.so_far(BUILDER, NOW) is None
        assert await prices.so_far(BUILDER, NOW) is None
        stubber.add_response("get_products", listed("1"))
        clock.now += UNKNOWN_FOR
        assert await prices.so_far(BUILDER, NOW) is not None
