"""What a build job made: its image and where that comes from, signs of failure in its log, and what can be planned now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import policy, requests
from bot.audit import Entry
from bot.blocks import built as drawing
from bot.blocks.built import DISMISS, DISMISSAL, PLAN_IMAGES, Ready
from bot.chat import Posted
from bot.commands import Button, Click, Modal, Submission
from bot.config.places import BUILDS
from bot.errors import Denied, UserError
from bot.requests import Wish
from handlers import plan_words
from handlers.clicks import clicked
from runners import built_images
from runners.results import BuiltImage, Job, LogFinding, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Environment
    from bot.operation import Operation
    from bot.services import Services
    from runners.built_images import JobImage
    from runners.image_results import ImageGroup
    from runners.results import Image, LogReading, Suspicion, WorkflowRun

TIMEOUT = 30.0
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
        await operation.step(f"remember image of job {job.job_id}", lambda: services.images.keep(built))
    signs = await operation.step(
        f"signs of job {job.job_id}",
        lambda: services.images.suspect(run.run_id, job, group, (*_doubts(made), *reading.findings)),
    )
    if signs:
        await operation.details(f"signs {job.job_id}", drawing.signs(job, signs))
        await operation.audit("suspect", what=job.name, why=", ".join(dict.fromkeys(one.sign for one in signs))[:200])
    standing = tuple(dict.fromkeys(one.sign for one in signs if one.stands))
    return JobOutcome(made.image.image_id if made.image else None, standing)


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
    for machine in environment.machines:
        own = [one for one in of_run if (one.machine, one.environment) == (machine, environment.name)]
        image = own[-1] if own else await services.images.newest(machine, environment.name)
        if image:
            found[machine] = image
    doubts = await services.images.doubts([image.image_id for image in found.values()])
    return Ready(
        environment=environment.name,
        machines=len(environment.machines),
        commits=tuple(dict.fromkeys(image.sha for image in found.values())),
        missing=tuple(machine for machine in environment.machines if machine not in found),
        doubtful=tuple(machine for machine, image in found.items() if image.image_id in doubts),
        plannable=environment.terraform is not None,
    )


async def plan_images(services: Services, click: Click) -> None:
    """Begin a plan of an environment from the message of a build; a second click begins no second one."""
    number, _, name = click.value.partition(":")
    record = await clicked(services, click, number)
    environment = policy.environment_of(services.config, name)
    key = f"plan-images-{record.number}-{environment.name}"
    if await services.operations.known(key):
        raise UserError(f"A plan of {environment.name} was begun from this message already.")
    await requests.start(services, Wish("plan", plan_words.title(environment, {}), click.user, key, environment))


async def dismiss(services: Services, click: Click) -> None:
    """Ask for the reason why a sign of failure is none; only of who may approve for image builds."""
    one = await _suspicion(services, click.value)
    await _check_may(services, click.user, one)
    where = f"{one.id} {click.channel} {click.message_ts}"
    await services.chat.open_view(click.trigger_id, drawing.dismissal_modal(one, where))


async def dismissed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Remember the reason, and show it where the sign was told."""
    suspicion_id, channel, ts = submission.private_metadata.split(" ")
    one = await _suspicion(services, suspicion_id)
    await _check_may(services, submission.user, one)
    reason = " ".join(submission.values["reason"].split())
    if not reason:
        return {"reason": "Say why, so that others can follow it."}
    if await services.images.dismiss(one.id, submission.user, reason):
        detail = {"what": f"{one.sign} ({one.machine} for {one.environment}, run {one.run_id})", "why": reason}
        await services.audit.record(Entry(submission.user, "dismissed a sign of failure", BUILDS, None, detail))
    known = (await services.images.suspicions([one.job_id]))[one.job_id]
    await services.chat.update(Posted(channel, ts), drawing.signs(_job(one), known))
    return {}


def _job(one: Suspicion) -> Job:
    return Job(one.job_id, one.job_name, State.SUCCEEDED, one.job_url)


async def _suspicion(services: Services, suspicion_id: str) -> Suspicion:
    found = await services.images.suspicion(suspicion_id)
    if found is None:
        raise UserError("I do not know this sign of failure (any more); nothing changed.")
    return found


async def _check_may(services: Services, user: str, one: Suspicion) -> None:
    place = policy.place_of(services.config, BUILDS)
    try:
        policy.check_may_approve(services.config, place, await services.directory.person(user), requester="")
    except Denied as denied:
        detail = {"what": f"dismiss {one.sign}", "why": str(denied)}
        await services.audit.record(Entry(user, "click refused", BUILDS, None, detail))
        raise


BUTTONS = (Button(PLAN_IMAGES, plan_images), Button(DISMISS, dismiss))
MODALS = (Modal(DISMISSAL, dismissed),)
