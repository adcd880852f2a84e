"""What a builder has cost so far, by AWS's price list; unknown where the list has no single price."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.results import Cost

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from runners.aws.client import Account
    from runners.results import Builder

# The price list has endpoints of its own; this one has all regions.
REGION = "us-east-1"
VALID_FOR = 24 * 3600.0  # seconds
UNKNOWN_FOR = 3600.0  # seconds until a price that could not be read is read again
_TIMEOUT = 60.0
_HOURLY = "Hrs"
# Linux by the second, at least a minute (EC2 user guide, "On-Demand Instances").
_LEAST = Decimal(60)


class Prices:
    """AWS's price list, each price read once a day. `clock` gives monotonic seconds."""

    def __init__(self, account: Account, clock: Callable[[], float]) -> None:
        self._account = account
        self._clock = clock
        self._known: dict[tuple[str, str, str], tuple[float, Decimal | None]] = {}

    async def so_far(self, builder: Builder, now: datetime) -> Cost | None:
        """What the instance has cost since its launch.

        None when that is unknown: the price list cannot be read or has no single price, the instance does not
        run on demand, on shared hardware, all the time.
        """
        if builder.spot or builder.tenancy != "default" or builder.state not in ("pending", "running"):
            return None
        if not builder.usage_operation:
            return None
        hourly = await self._hourly(builder.type, builder.region, builder.usage_operation)
        if hourly is None:
            return None
        seconds = max(Decimal(int((now - builder.launched_at).total_seconds())), _LEAST)
        return Cost((hourly * seconds / 3600).quantize(Decimal("0.01")), hourly)

    async def _hourly(self, kind: str, region: str, operation: str) -> Decimal | None:
        key = (kind, region, operation)
        until, hourly = self._known.get(key, (float("-inf"), None))
        if self._clock() < until:
            return hourly
        try:
            hourly = await run_blocking(self._ask, *key, timeout=_TIMEOUT, doing="reading AWS's price list")
        except (exceptions.BotoCoreError, exceptions.ClientError, RunnerError):
            # Most policies do not allow it; the message has no cost then.
            hourly = None
        self._known[key] = (self._clock() + (UNKNOWN_FOR if hourly is None else VALID_FOR), hourly)
        return hourly

    def _ask(self, kind: str, region: str, operation: str) -> Decimal | None:
        wanted = {
            "instanceType": kind,
            "regionCode": region,
            "operation": operation,
            "tenancy": "Shared",
            "capacitystatus": "Used",
            "marketoption": "OnDemand",
        }
        client = self._account.client("pricing", REGION)
        asked = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
        products = client.get_products(ServiceCode="AmazonEC2", Filters=asked, MaxResults=10)["PriceList"]
        prices = {price for product in products for price in _prices(json.loads(product))}
        return prices.pop() if len(prices) == 1 else None


def _prices(product: dict[str, Any]) -> list[Decimal]:
    """The hourly prices in US dollars of a product, as the price list's JSON has them."""
    dimensions = [
        dimension
        for term in product.get("terms", {}).get("OnDemand", {}).values()
        for dimension in term.get("priceDimensions", {}).values()
        if dimension.get("unit") == _HOURLY
    ]
    prices = []
    for dimension in dimensions:
        try:
            prices.append(Decimal(dimension["pricePerUnit"]["USD"]))
        except (KeyError, InvalidOperation):
            return []
    return [price for price in prices if price > 0]
