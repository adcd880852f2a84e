"""The page of /infra image: commit, run, job, warnings, plans that rolled the image out, instances."""

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

MOST_LINES = 10


@dataclass(frozen=True, slots=True)
class Log:
    """That a job's log was read: how many lines, and when (Unix seconds)."""

    lines: int
    read_at: float


@dataclass(frozen=True, slots=True)
class ProvenanceView:
    """The origin and the use of an image.

    `requester` is who requested its build (mrkdwn); `log` is None where its job's log was not read; `problem` says what
    EC2 did not report; `observed_at` (Unix seconds) is when EC2 was read.
    """

    image: Image
    region: str
    built: BuiltImage | None
    requester: str
    log: Log | None
    warnings: Sequence[ImageWarning]
    rollouts: Sequence[RollOut]
    instances: Sequence[StartedFrom]
    problem: str
    observed_at: float


def page(view: ProvenanceView) -> Message:
    """The page, from the commit to the instances."""
    image_id = view.image.image_id
    address = CONSOLE.format(region=view.region, image=image_id)
    name = f" {kit.code(view.image.name)}" if view.image.name else ""
    parts = [
        f"*{kit.link(image_id, address)}*{name}{_age(view)}",
        f":warning: {kit.escape(view.problem)}." if view.problem else "",
        _built(view.built, view.image.commit, view.requester),
        _log(view),
        *_warnings(view.warnings),
        _rollouts(view.rollouts),
        _instances(view),
    ]
    return kit.message(f"Image {image_id}", kit.sections([part for part in parts if part]))


def _age(view: ProvenanceView) -> str:
    facts = []
    if view.image.name_tag:
        facts.append(f"tag Name {kit.code(view.image.name_tag)}")
    if view.image.created_at:
        seconds = (datetime.fromtimestamp(view.observed_at, UTC) - view.image.created_at).total_seconds()
        facts.append(f"made {kit.moment(view.image.created_at.timestamp())}, {phrases.age(seconds)} ago")
    if view.image.size_gb:
        facts.append(f"{view.image.size_gb} GB")
    return f": {', '.join(facts)}" if facts else ""


def _built(built: BuiltImage | None, commit: str | None, requester: str) -> str:
    if built is None:
        tagged = f" Its tags name the commit {kit.code(commit[:12])}." if commit else ""
        return f"*Built:* not seen by Signalbox.{tagged}"
    run = kit.link(f"run {built.run_number}", built.run_url)
    again = f", attempt {built.attempt}" if built.attempt > 1 else ""
    job = kit.link(f"job for {built.machine}, {built.environment}", built.job_url)
    source = built.run_url.partition("/actions/")[0]
    sha = kit.link(built.sha[:7], f"{source}/commit/{built.sha}")
    return f"*Built* from commit {sha} in {run}{again}, {job} (#{built.operation}, {requester})"


def _log(view: ProvenanceView) -> str:
    if view.log is None:
        return ""
    clean = view.built is not None and not view.warnings
    mark, verdict = (":white_check_mark: ", ", and has no sign of failure") if clean else ("", "")
    lines = f"{view.log.lines:,} {phrases.plural(view.log.lines, 'line')}"
    return f"{mark}Its log of {lines} was read {kit.moment(view.log.read_at)}{verdict}."


def _warnings(warnings: Sequence[ImageWarning]) -> list[str]:
    lines = []
    for warning in warnings[:MOST_LINES]:
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
        f"#{rollout.operation} to {kit.code(rollout.machine)} in {kit.escape(rollout.environment)} {kit.moment(rollout.at)}, requested by "
        f"{kit.user(rollout.person)}"
        for rollout in rollouts[:MOST_LINES]
    ]
    more = phrases.rest(len(rollouts) - MOST_LINES)
    return "*Rolled out by:*\n" + "\n".join([*lines, *more])


def _instances(view: ProvenanceView) -> str:
    if not view.instances:
        return "" if view.problem.startswith("EC2 could not") else "*Runs now:* on no instance."
    lines = [
        f"{kit.code(host.instance_id)} {kit.escape(host.type_tag or host.name or 'without a name')} ({kit.escape(host.state)})"
        for host in view.instances[:MOST_LINES]
    ]
    more = phrases.rest(len(view.instances) - MOST_LINES)
    return "*Started from it:*\n" + "\n".join([*lines, *more])
