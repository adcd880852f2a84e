"""Which of Slack's refusals are not the bot's fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.slack.backend import ApiCall


# Members of groups are asked for again before each effect, however many there are in a minute: where that is too often
# for Slack, the bot waits as long as Retry-After says (bot/slack/web_api.py).
ASKED_AFRESH = "usergroups.users.list"


def limited(refused: ApiCall, calls: Iterable[ApiCall], starts: Sequence[float]) -> bool:
    """Whether Slack refused the call for a rate that the bot need not keep, or could not know of."""
    asked_afresh = (refused.method, refused.error) == (ASKED_AFRESH, "ratelimited")
    return asked_afresh or limited_by_an_earlier_bot(refused, calls, starts)


def limited_by_an_earlier_bot(refused: ApiCall, calls: Iterable[ApiCall], starts: Sequence[float]) -> bool:
    """Whether Slack refused the call because of calls that a bot made before it was killed or stopped.

    A bot that has just started cannot know of them. What it calls itself stays below the limit: where its own calls
    reach the limit, the refusal is its own fault. `calls` are all that Slack answered, `starts` when each bot started
    (seconds since the epoch).
    """
    method = METHODS.get(refused.method)
    started = max((start for start in starts[1:] if start <= refused.at), default=None)
    if refused.error != "ratelimited" or method is None or started is None:
        return False
    since = max(started, refused.at - method.tier.seconds)
    own = [call for call in calls if call.error != "ratelimited" and since < call.at <= refused.at]
    return len([call for call in own if _counts_with(call, refused)]) < method.tier.calls


def _counts_with(call: ApiCall, other: ApiCall) -> bool:
    if call.method != other.method:
        return False
    same_channel = call.arguments.get("channel") == other.arguments.get("channel")
    return not METHODS[other.method].tier.by_channel or same_channel
