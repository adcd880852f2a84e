"""What a successful build job produced: its image with its origin, and the warnings from its log."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.config.targets import build_of
from bot.store.images import FollowedRun
from handlers.build import image_views
from handlers.shared.builders import recognition
from runners.aws import built_images
from runners.errors import RunnerError
from runners.results import NO_ENVIRONMENT, BuiltImage, ImageGroup, Job, LogFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Config
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.aws.built_images import JobImage
    from runners.results import Image, LogReading, WorkflowRun

log = logging.getLogger(__name__)
TIMEOUT = 30.0
UNKNOWN = "unknown"  # the role or environment of an image
ADJACENT = 3  # lines between two findings of the same failure pattern that are merged
LINES_AFTER = 6  # displayed after the first line of merged findings
IMAGE_WARNING = "its image"  # the pattern of a warning about the image itself, which has no line in the log


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """The image that a successful build job produced, and the open warnings against it (plain text)."""

    image_id: str | None
    warnings: tuple[str, ...] = ()

    @property
    def suspect(self) -> bool:
        """Whether a person should check the image before it is rolled out."""
        return bool(self.warnings)


async def record_job_image(
    operation: Operation, run: WorkflowRun, job: Job, group: ImageGroup, reading: LogReading
) -> JobOutcome:
    """Durable: find and store the image of a successful job; post the warnings against it in the thread.

    `reading` is redacted already. Called once for each job and attempt, outside of a step.
    """
    services = operation.services
    produced = await operation.step(f"image of job {job.job_id}", lambda: _image(services, run, job, group, reading))
    if produced.image:
        built = _provenance(operation.number, run, job, group, produced.image)
        await operation.step(f"remember image of job {job.job_id}", lambda: services.images.add(built))
    await _record_others(operation, run, job, produced.others)
    findings = (*_image_findings(produced), *_suspicious(reading))
    still_open = await _record_warnings(operation, run, job, group, lines=reading.lines, findings=findings)
    return JobOutcome(produced.image.image_id if produced.image else None, still_open)


async def record_named_images(
    operation: Operation, run: WorkflowRun, job: Job, reading: LogReading
) -> JobOutcome | None:
    """Durable: as `record_job_image`, for a job whose name does not say what it builds; None when it built no image.

    The tag `Name` of each image says which role and environment it is for; without it that is the image workflow itself.
    """
    services = operation.services
    built = await operation.step(f"images named by job {job.job_id}", lambda: _named_images(services, job, reading))
    if not built:
        return None
    groups = await _record_others(operation, run, job, built)
    findings = _suspicious(reading)
    warnings = await _record_warnings(operation, run, job, groups[0], lines=reading.lines, findings=findings)
    return JobOutcome(built[-1].image_id, warnings)


async def _record_others(operation: Operation, run: WorkflowRun, job: Job, images: Sequence[Image]) -> list[ImageGroup]:
    """Record the images of a job that its name says nothing about; what each is for, by its tag `Name`."""
    services, build = operation.services, build_of(operation.record.environment)
    groups = [_group_of(services.config, image, build) for image in images]
    for image, group in zip(images, groups, strict=True):
        row = _provenance(operation.number, run, job, group, image)
        await operation.step(f"remember image {image.image_id}", partial(services.images.add, row))
    return groups


async def _record_warnings(
    operation: Operation,
    run: WorkflowRun,
    job: Job,
    group: ImageGroup,
    *,
    lines: int,
    findings: Sequence[LogFinding],
) -> tuple[str, ...]:
    """Record that the log was read and its warnings, and post these; the patterns that nobody has dismissed."""
    images = operation.services.images
    if lines:
        await operation.step(f"log of job {job.job_id} was read", lambda: images.add_log_scan(job.job_id, lines))
    followed = FollowedRun(operation.number, run.run_id)
    warnings = await operation.step(
        f"warnings of job {job.job_id}", lambda: images.add_warnings(followed, job, group, findings)
    )
    if warnings:
        await operation.details(f"warnings {job.job_id}", image_views.warnings(job, warnings))
        patterns = dict.fromkeys(warning.pattern for warning in warnings)
        await operation.audit("suspect", what=job.name, why=", ".join(patterns)[:200])
    return tuple(dict.fromkeys(warning.pattern for warning in warnings if warning.is_open))


def _suspicious(reading: LogReading) -> list[LogFinding]:
    """The findings to warn about: none while their weight is below the threshold."""
    return merge_adjacent(reading.findings) if reading.suspect else []


def merge_adjacent(findings: Sequence[LogFinding]) -> list[LogFinding]:
    """The findings by line; those of one pattern on close lines are merged, as a tool reports a failure in several lines."""
    merged: list[LogFinding] = []
    end = 0
    for finding in sorted(findings, key=lambda finding: finding.line):
        last = merged[-1] if merged else None
        if last and last.pattern == finding.pattern and finding.line - end <= ADJACENT:
            merged[-1] = _merged(last, finding)
        else:
            merged.append(finding)
        end = finding.line
    return merged


def _merged(first: LogFinding, more: LogFinding) -> LogFinding:
    texts = {first.line + 1 + number: text for number, text in enumerate(first.after)}
    texts |= {
        more.line - len(more.before) + number: text
        for number, text in enumerate((*more.before, more.text, *more.after))
    }
    after = [texts[number] for number in sorted(texts) if number > first.line]
    return replace(first, after=tuple(after[:LINES_AFTER]), times=first.times + more.times)


def _image_findings(produced: JobImage) -> list[LogFinding]:
    return [LogFinding(pattern=IMAGE_WARNING, line=0, text=problem) for problem in produced.warnings]


async def _image(services: Services, run: WorkflowRun, job: Job, group: ImageGroup, reading: LogReading) -> JobImage:
    return await built_images.image_of_job(
        services.aws.ec2,
        job,
        reading.images,
        built_images.Expected(group.name_tag, (recognition(services.config).run_tag, str(run.run_id))),
        region=services.aws.region,
        timeout=TIMEOUT,
    )


async def _named_images(services: Services, job: Job, reading: LogReading) -> tuple[Image, ...]:
    try:
        return await built_images.images_named_by(
            services.aws.ec2, job, reading.images, region=services.aws.region, timeout=TIMEOUT
        )
    except RunnerError as error:
        # Whether it built an image is unknown then; its warnings are posted all the same.
        log.warning("images of job %s: %s", job.job_id, services.redact(str(error)))
        return ()


def _group_of(config: Config, image: Image, build: str) -> ImageGroup:
    """The role and environment whose images have this image's tag `Name`.

    Where that is not exactly one, it is an image of the workflow `build` for no one environment, or unknown without a name.
    """
    groups = [
        config.image_group(machine, environment.name)
        for environment in config.whole_environments.values()
        for machine in environment.machines
    ]
    matching = [group for group in groups if group.name_tag and group.name_tag == image.name_tag]
    if len(matching) == 1:
        return matching[0]
    return ImageGroup(NO_ENVIRONMENT if build else UNKNOWN, build or UNKNOWN, image.name_tag or "")


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
