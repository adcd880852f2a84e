"""Finds the image that a build job made, by its log and by EC2's tags, and reports where these disagree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from runners.aws import amis
from runners.errors import RunnerError
from runners.results import Image
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ec2 import EC2Client

    from runners.results import Job

# EC2's clock and GitHub's may differ a little; an image's date is when its creation began, before the job ended.
MARGIN = timedelta(minutes=2)


@stored("job-image")
@dataclass(frozen=True, slots=True)
class JobImage:
    """The image of a job, or None, and the warnings about it; `others` are those that the job made beside it."""

    image: Image | None
    warnings: tuple[str, ...] = ()
    others: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What identifies the image of a job: its tag `Name` ("" where no tag does), and the tag of its run (name, value)."""

    name_tag: str
    run_tag: tuple[str, str]


async def image_of_job(
    ec2: EC2Client, job: Job, announced: Sequence[tuple[str, str]], expected: Expected, *, region: str, timeout: float
) -> JobImage:
    """Find the image of a job that has ended well: by its log, else by the tag of its run, else by its tag `Name`.

    `announced` are the (region, AMI id) pairs of its log. When EC2 cannot be read, the image is taken from the log, with a
    warning.
    """
    name_tag = expected.name_tag
    here = tuple(dict.fromkeys(image_id for place, image_id in announced if place == region))
    try:
        described = await amis.describe(ec2, here, timeout=timeout)
        made = _made_by(job, await amis.named(ec2, name_tag, timeout=timeout)) if name_tag else ()
        of_run = () if announced else _made_by(job, await amis.tagged(ec2, *expected.run_tag, timeout=timeout))
    except RunnerError as error:
        image = Image(here[-1]) if here else None
        return JobImage(image, (f"not checked against EC2: {error.problem}",))
    if not announced:
        return _by_run(of_run, name_tag) or _by_tags(made, name_tag)
    if not here:
        places = ", ".join(sorted({place for place, _ in announced}))
        return JobImage(made[-1] if made else None, (f"the log names an image in {places}, not in {region}",))
    chosen = _choose(job, [described[image_id] for image_id in here if image_id in described], name_tag)
    result = _by_log(chosen.image_id if chosen else here[-1], chosen, made, name_tag)
    others = [image for image in _made_by(job, tuple(described.values())) if image != chosen]
    return replace(result, others=tuple(others))


def _choose(job: Job, named: Sequence[Image], name_tag: str) -> Image | None:
    """The image of the log that is the job's: made while it ran, with the tag; of several the last."""
    candidates = (
        [image for image in _made_by(job, named) if image.name_tag == name_tag],
        [image for image in named if image.name_tag == name_tag],
        _made_by(job, named),
        named,
    )
    return next((images[-1] for images in candidates if images), None)


def _by_run(of_run: Sequence[Image], name_tag: str) -> JobImage | None:
    """The image by the tag of its run; None where it is not exactly one, since the run may have other jobs."""
    images = [image for image in of_run if not name_tag or image.name_tag == name_tag]
    return JobImage(images[0]) if len(images) == 1 else None


async def images_named_by(
    ec2: EC2Client, job: Job, announced: Sequence[tuple[str, str]], *, region: str, timeout: float
) -> tuple[Image, ...]:
    """The images that a job's log names and that were made while it ran: for a job whose name does not say what it builds.

    Raises:
        RunnerError: EC2 cannot be read.
    """
    here = tuple(dict.fromkeys(image_id for place, image_id in announced if place == region))
    return _made_by(job, tuple((await amis.describe(ec2, here, timeout=timeout)).values())) if here else ()


def _made_by(job: Job, images: Sequence[Image]) -> tuple[Image, ...]:
    if job.started_at is None or job.ended_at is None:
        return ()
    begin, end = job.started_at - MARGIN, job.ended_at + MARGIN
    return tuple(image for image in images if image.created_at and begin <= image.created_at <= end)


def _by_tags(made: Sequence[Image], name_tag: str) -> JobImage:
    if not made:
        called = f" called {name_tag}" if name_tag else " of this run"
        return JobImage(None, (f"no image came out: the log names none, and EC2 has no new one{called}",))
    warnings = ["the log names no image; this one is from EC2, by its tag Name and its date"]
    if len(made) > 1:
        warnings.append(f"EC2 has {len(made)} images called {name_tag} from that time")
    return JobImage(made[-1], tuple(warnings))


def _by_log(image_id: str, image: Image | None, made: Sequence[Image], name_tag: str) -> JobImage:
    if image is None:
        return JobImage(None, (f"the log names {image_id}, which EC2 does not know (any more)",))
    if name_tag and image.name_tag != name_tag:
        tag = f"{image.name_tag!r}" if image.name_tag else "not set"
        return JobImage(image, (f"its tag Name is {tag}, not {name_tag!r}: a plan would not find it",))
    others = [image.image_id for image in made if image.image_id != image_id]
    warnings = (f"EC2 has another image called {name_tag} from that time: {', '.join(others)}",) if others else ()
    return JobImage(image, warnings)
