"""One image with its whole story: commit, run, job, warnings, plans that rolled it out, instances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.slack.blocks.images import CONSOLE
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Message
    from runners.results import BuiltImage, Image, ImageWarning, RollOut, StartedFrom

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Log:
    """A job's log that was read: how many lines, and when (Unix seconds)."""

    lines: int
    read_at: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of an image.

    `asked` says who wanted its build (mrkdwn), `log` is what was read of it, None where that is not known; `trouble` says
    what EC2 did not tell; `observed_at` (Unix seconds) is when it was asked.
    """

    image: Image
    region: str
    built: BuiltImage | None
    asked: str
    log: Log | None
    warnings: Sequence[ImageWarning]
    rollouts: Sequence[RollOut]
    instances: Sequence[StartedFrom]
    trouble: str
    observed_at: float


def page(one: Provenance) -> Message:
    """The image's story, from the commit to the hosts."""
    image_id = one.image.image_id
    address = CONSOLE.format(region=one.region, image=image_id)
    name = f" {kit.code(one.image.name)}" if one.image.name else ""
    parts = [
        f"*{kit.link(image_id, address)}*{name}{_age(one)}",
        f":warning: {kit.escape(one.trouble)}." if one.trouble else "",
        _built(one.built, one.image.commit, one.asked),
        _log(one),
        *_warnings(one.warnings),
        _rollouts(one.rollouts),
        _instances(one),
    ]
    return kit.message(f"Image {image_id}", kit.sections([part for part in parts if part]))


def _age(one: Provenance) -> str:
    facts = []
    if one.image.name_tag:
        facts.append(f"tag Name {kit.code(one.image.name_tag)}")
    if one.image.created_at:
        seconds = (datetime.fromtimestamp(one.observed_at, UTC) - one.image.created_at).total_seconds()
        facts.append(f"made {kit.moment(one.image.created_at.timestamp())}, {phrases.age(seconds)} ago")
    if one.image.size_gb:
        facts.append(f"{one.image.size_gb} GB")
    return f": {', '.join(facts)}" if facts else ""


def _built(built: BuiltImage | None, commit: str | None, asked: str) -> str:
    if built is None:
        tagged = f" Its tags name the commit {kit.code(commit[:12])}." if commit else ""
        return f"*Built:* not seen by Signalbox.{tagged}"
    run = kit.link(f"run {built.run_number}", built.run_url)
    again = f", attempt {built.attempt}" if built.attempt > 1 else ""
    job = kit.link(f"job for {built.machine}, {built.environment}", built.job_url)
    source = built.run_url.partition("/actions/")[0]
    sha = kit.link(built.sha[:7], f"{source}/commit/{built.sha}")
    return f"*Built* from commit {sha} in {run}{again}, {job} (#{built.operation}, {asked})"


def _log(one: Provenance) -> str:
    if one.log is None:
        return ""
    clean = one.built is not None and not one.warnings
    mark, found = (":white_check_mark: ", ", and has no sign of failure") if clean else ("", "")
    lines = f"{one.log.lines:,} {phrases.plural(one.log.lines, 'line')}"
    return f"{mark}Its log of {lines} was read {kit.moment(one.log.read_at)}{found}."


def _warnings(warnings: Sequence[ImageWarning]) -> list[str]:
    lines = []
    for warning in warnings[:SHOWN]:
        text = f"*{kit.escape(warning.pattern)}*: {kit.code(warning.text, 160)}"
        if warning.is_open:
            lines.append(f":warning: *Suspect.* {text}")
        else:
            lines.append(
                f":white_check_mark: {text}; harmless, says {kit.user(warning.dismissed_by)}: {kit.escape(warning.reason)}"
            )
    return lines


def _rollouts(rollouts: Sequence[RollOut]) -> str:
    if not rollouts:
        return "*Rolled out:* by no plan of Signalbox."
    lines = [
        f"#{rollout.operation} to {kit.code(rollout.machine)} in {kit.escape(rollout.environment)} {kit.moment(rollout.at)}, asked by "
        f"{kit.user(rollout.person)}"
        for rollout in rollouts[:SHOWN]
    ]
    more = phrases.rest(len(rollouts) - SHOWN)
    return "*Rolled out by:*\n" + "\n".join([*lines, *more])


def _instances(one: Provenance) -> str:
    if not one.instances:
        return "" if one.trouble.startswith("EC2 could not") else "*Runs now:* on no instance."
    lines = [
        f"{kit.code(host.instance_id)} {kit.escape(host.type_tag or host.name or 'without a name')} ({kit.escape(host.state)})"
        for host in one.instances[:SHOWN]
    ]
    more = phrases.rest(len(one.instances) - SHOWN)
    return "*Started from it:*\n" + "\n".join([*lines, *more])
