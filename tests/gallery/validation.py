"""The samples by Slack's own validator, blocks.validate, where a token is given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackApiError

from bot.slack.redacted import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from tests.gallery.samples import Sample


async def refused_by_slack(samples: Sequence[Sample], client: AsyncWebClient) -> list[str]:
    """A line for each message that Slack would refuse, with its reasons."""
    faults = []
    for sample in samples:
        blocks = opened({"blocks": list(sample.message.blocks)})["blocks"]
        try:
            await client.api_call("blocks.validate", data={"blocks": json.dumps(blocks)})
        except SlackApiError as error:
            reasons = error.response.get("errors") or [error.response.get("error")]
            faults.append(f"{sample.name} is refused by Slack: {json.dumps(reasons)}")
    return faults
