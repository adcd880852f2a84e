"""What a run of the image workflow left in EC2, looked at as soon as it has ended: a line for its board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.builders.watch import grace_left, survey, tell_of

if TYPE_CHECKING:
    from datetime import timedelta

    from bot.services import Services
    from runners.results import Joined, WorkflowRun

PATIENCE = 20.0  # seconds: the board's end waits for this


async def left_behind(services: Services, run: WorkflowRun) -> str:
    """Which builders of the run are still there, in mrkdwn, empty when none is; what is stuck already gets its message."""
    seen = await survey(services, timeout=PATIENCE)
    ours = [one for one in seen.joined if one.run and one.run.run_id == run.run_id and one.builder.live]
    for one in ours:
        if one.stuck and _watched(services):
            await tell_of(services, one)
    if ours:
        return _in_words(services, ours)
    if seen.found.unread:
        problems = "; ".join(kit.escape(str(one)) for one in seen.found.unread[:3])
        return f":warning: EC2 could not be asked what the run left behind: {problems}."
    return ""


def _in_words(services: Services, ours: list[Joined]) -> str:
    named = ", ".join(kit.code(our.builder.instance_id) for our in ours[:12])
    more = f" and {len(ours) - 12} more" if len(ours) > 12 else ""
    several = len(ours) > 1
    waits = [left for our in ours if (left := grace_left(services, our)) is not None]
    told = _when_told(max(waits), several=several) if waits and _watched(services) else "see /infra builders"
    return f":warning: Still in EC2: builder{'s' if several else ''} {named}{more}; {told}."


def _when_told(left: timedelta, *, several: bool) -> str:
    they = "they are told here if they are" if several else "it is told here if it is"
    return f"{they} still there in {kit.age(max(left.total_seconds(), 60))}"


def _watched(services: Services) -> bool:
    watch = services.config.watch
    return bool(watch and watch.builders)
