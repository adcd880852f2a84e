"""What a build job made: its image and where that comes from, signs of failure in its log, and what can be planned now."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.access import policy
from bot.operations import follow_ups
from bot.operations.registry import Button, Click, FollowUp
from bot.slack.blocks.common import Elsewhere
from bot.store.images import FollowedRun
from handlers.images import built_views
from handlers.images.built_views import PLAN_IMAGES, PLANNED, Ready
from handlers.shared.clicks import clicked, start_follow_up
from handlers.shared.requests import plan_request
from runners.aws import amis, built_images
from runners.errors import RunnerError
from runners.results import BuiltImage, Job, LogFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import Elsewhere
    from runners.aws.built_images import JobImage
    from runners.results import Image, ImageGroup, LogReading, WorkflowRun


log = logging.getLogger(__name__)
TIMEOUT = 30.0
IMAGES_PLANNED = FollowUp(PLAN_IMAGES, "plan-images-", PLANNED)
NEAR = 3  # lines
MOST_AFTER = 6  # lines shown after the first of several
NO_LINE = "its image"  # the sign of what does not fit together about the image itself, and is in no line


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What came out of a build job that ended green: its image, and why it should not be trusted (plain words)."""

    image_id: str | None
    doubts: tuple[str, ...] = ()

    @property
    def suspect(self) -> bool:
        """Whether a person should look before the image is rolled out."""
        return bool(self.doubts)


async def settle_job(
    operation: Operation, run: WorkflowRun, job: Job, group: ImageGroup, reading: LogReading
) -> JobOutcome:
    """Durable: find and remember the image of a green job, and tell in the thread what speaks against it.

    `reading` is redacted already. Called once for each job and attempt, outside of a step.
    """
    services = operation.services
    made = await operation.step(f"image of job {job.job_id}", lambda: _image(services, job, group, reading))
    if made.image:
        built = _provenance(operation.number, run, job, group, made.image)
        await operation.step(f"remember image of job {job.job_id}", lambda: services.images.add(built))
    if reading.lines:
        await operation.step(
            f"log of job {job.job_id} was read", lambda: services.images.add_log_scan(job.job_id, reading.lines)
        )
    followed = FollowedRun(operation.number, run.run_id)
    signs = await operation.step(
        f"signs of job {job.job_id}",
        lambda: services.images.add_warnings(followed, job, group, (*_doubts(made), *together(reading.findings))),
    )
    if signs:
        await operation.details(f"signs {job.job_id}", built_views.signs(job, signs))
        await operation.audit("suspect", what=job.name, why=", ".join(dict.fromkeys(sign.sign for sign in signs))[:200])
    standing = tuple(dict.fromkeys(sign.sign for sign in signs if sign.stands))
    return JobOutcome(made.image.image_id if made.image else None, standing)


def together(findings: Sequence[LogFinding]) -> list[LogFinding]:
    """The findings by line, those of one sign that follow close on each other as one: a tool says in several lines that it failed."""
    found: list[LogFinding] = []
    end = 0
    for one in sorted(findings, key=lambda one: one.line):
        last = found[-1] if found else None
        if last and last.sign == one.sign and one.line - end <= NEAR:
            found[-1] = _joined(last, one)
        else:
            found.append(one)
        end = one.line
    return found


def _joined(first: LogFinding, more: LogFinding) -> LogFinding:
    texts = {first.line + 1 + number: text for number, text in enumerate(first.after)}
    texts |= {
        more.line - len(more.before) + number: text
        for number, text in enumerate((*more.before, more.text, *more.after))
    }
    after = [texts[number] for number in sorted(texts) if number > first.line]
    return replace(first, after=tuple(after[:MOST_AFTER]), times=first.times + more.times)


def _doubts(made: JobImage) -> list[LogFinding]:
    return [LogFinding(sign=NO_LINE, line=0, text=doubt) for doubt in made.doubts]


async def _image(services: Services, job: Job, group: ImageGroup, reading: LogReading) -> JobImage:
    return await built_images.image_of_job(
        services.aws.ec2,
        job,
        reading.images,
        name_tag=group.name_tag,
        region=services.aws.region,
        timeout=TIMEOUT,
    )


def _provenance(number: int, run: WorkflowRun, job: Job, group: ImageGroup, image: Image) -> BuiltImage:
    return BuiltImage(
        image_id=image.image_id,
        machine=group.machine,
        environment=group.environment,
        repository=run.repository,
        sha=run.head_sha,
        run_id=run.run_id,
        run_number=run.number,
        run_url=run.url,
        attempt=run.attempt,
        job_id=job.job_id,
        job_url=job.url,
        operation=number,
        name=image.name or "",
        size_gb=image.size_gb,
        created_at=image.created_at.timestamp() if image.created_at else None,
    )


async def readiness(services: Services, run_id: int, environments: Sequence[str]) -> tuple[Ready, ...]:
    """What each of these environments has to be planned with after a run: its own images, else the newest known."""
    of_run = await services.images.of_run(run_id)
    configured = [services.config.environments[name] for name in environments if name in services.config.environments]
    return tuple([await _ready(services, environment, of_run) for environment in configured])


async def _ready(services: Services, environment: Environment, of_run: Sequence[BuiltImage]) -> Ready:
    found: dict[str, BuiltImage] = {}
    unseen: list[str] = []
    for machine in environment.machines:
        own = [one for one in of_run if (one.machine, one.environment) == (machine, environment.name)]
        image = own[-1] if own else await services.images.newest(machine, environment.name)
        if image:
            found[machine] = image
        elif await _is_in_ec2(services, machine, environment.name):
            unseen.append(machine)
    doubts = await services.images.open_warnings([image.image_id for image in found.values()])
    return Ready(
        environment=environment.name,
        machines=len(environment.machines),
        commits=tuple(dict.fromkeys(image.sha for image in found.values())),
        missing=tuple(machine for machine in environment.machines if machine not in found and machine not in unseen),
        unseen=tuple(unseen),
        doubtful=tuple(machine for machine, image in found.items() if image.image_id in doubts),
        plannable=environment.terraform is not None,
    )


async def _is_in_ec2(services: Services, machine: str, environment: str) -> bool:
    """Whether there is an image that was built before Signalbox looked on; where EC2 does not tell, there is none."""
    name_tag = services.config.image_group(machine, environment).name_tag
    try:
        return bool(await amis.named(services.aws.ec2, name_tag, timeout=TIMEOUT))
    except RunnerError as error:
        log.warning("images called %s: %s", name_tag, services.redact(str(error)))
        return False


async def plan_images(services: Services, click: Click) -> None:
    """Begin a plan of an environment from the message of a build; a second click begins no second one."""
    number, _, name = click.value.partition(":")
    record = await clicked(services, click, number)
    environment = policy.environment_of(services.config, name)
    request = plan_request(environment, click.user, IMAGES_PLANNED.key(record.number, environment.name))
    begun, attempt = f"A plan of {environment.name} was begun", f"plan {environment.name}"
    await start_follow_up(
        services, IMAGES_PLANNED, record, request, begun=begun, attempt=attempt, part=environment.name
    )


async def plans_begun(services: Services, number: int, ready: Sequence[Ready]) -> dict[str, Elsewhere]:
    """The plans that the buttons on a build's message have begun, by environment."""
    found = {
        one.environment: await services.operations.started_by(IMAGES_PLANNED.key(number, one.environment))
        for one in ready
    }
    return {name: await follow_ups.elsewhere(services, plan) for name, plan in found.items() if plan}


BUTTONS = (Button(PLAN_IMAGES, plan_images),)
FOLLOW_UPS = (IMAGES_PLANNED,)
