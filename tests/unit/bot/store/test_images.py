"""Images: the origin of each, the warnings from its build, and which of them people dismissed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.images import FollowedRun, Images, fingerprint_of
from runners.results import BuiltImage, ImageGroup, Job, LogFinding, RollOut, State
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BACKEND = ImageGroup("staging", "backend", "staging")
SIGN = LogFinding(
    "apt: package not found", 12, "E: Unable to locate package foo7", ("before",), ("after",), "Run packer"
)
IMAGE = BuiltImage(
    image_id="ami-1",
    machine="backend",
    environment="staging",
    repository="o/r",
    sha="a" * 40,
    run_id=10_000_000_001,
    run_number=3,
    run_url="https://github.com/o/r/actions/runs/10000000001",
    attempt=1,
    job_id=7,
    job_url="https://github.com/o/r/actions/runs/1/job/7",
    operation=4,
    name="staging-1",
    size_gb=8,
    created_at=1_000.0,
)


def job(job_id: int = 7) -> Job:
    return Job(job_id, "build (backend, staging)", State.SUCCEEDED, "https://github.com/o/r/job/7")


@pytest.fixture
async def images(tmp_path: Path) -> AsyncIterator[Images]:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield Images(store, lambda: 5_000.0)
    store.close()


async def test_an_image_is_recorded_once_with_its_origin(images: Images) -> None:
    await images.add(IMAGE)
    await images.add(replace(IMAGE, sha="b" * 40))
    assert await images.get("ami-1") == IMAGE
    assert await images.of_run(IMAGE.run_id) == (IMAGE,)
    assert await images.get("ami-2") is None


async def test_the_newest_image_of_a_machine_is_the_image_built_last(images: Images) -> None:
    newer = replace(IMAGE, image_id="ami-2", job_id=5, created_at=2_000.0)
    for image in (newer, IMAGE, replace(IMAGE, image_id="ami-3", environment="dev", created_at=9_000.0)):
        await images.add(image)
    assert await images.newest("backend", "staging") == newer
    assert await images.newest("cron", "staging") is None


async def test_a_warning_is_recorded_once_and_is_open(images: Images) -> None:
    await images.add(IMAGE)
    (first,) = await images.add_warnings(FollowedRun(4, IMAGE.run_id), job(), BACKEND, [SIGN])
    assert await images.add_warnings(FollowedRun(4, IMAGE.run_id), job(), BACKEND, [SIGN]) == (first,)
    assert (first.pattern, first.line, first.text, first.before, first.after, first.step) == (
        "apt: package not found", 12, "E: Unable to locate package foo7", ("before",), ("after",), "Run packer",
    )  # fmt: skip
    assert first.is_open
    assert await images.open_warnings(["ami-1", "ami-2"]) == {"ami-1": ("apt: package not found",)}


async def test_a_dismissal_applies_to_later_builds_of_that_machine_alone(images: Images) -> None:
    await images.add(IMAGE)
    (warning,) = await images.add_warnings(FollowedRun(4, 1), job(), BACKEND, [SIGN])
    assert await images.dismiss(warning.id, "U0LEE", "only in dev")
    assert not await images.dismiss(warning.id, "U0MAX", "me too")
    assert await images.open_warnings(["ami-1"]) == {}
    later = replace(SIGN, line=99, text="E: Unable to locate package foo8")
    (again,) = await images.add_warnings(FollowedRun(4, 2), job(8), BACKEND, [later])
    assert (again.dismissed_by, again.reason, again.is_open) == ("U0LEE", "only in dev", False)
    (of_other_machine,) = await images.add_warnings(
        FollowedRun(4, 2), job(9), ImageGroup("staging", "cron", "cron-staging"), [later]
    )
    assert of_other_machine.is_open


async def test_a_warning_about_the_image_itself_is_dismissed_for_that_job_alone(images: Images) -> None:
    await images.add(IMAGE)
    about_image = LogFinding(
        "its image", 0, "the log names no image; this one is from EC2, by its tag Name and its date"
    )
    (warning,) = await images.add_warnings(FollowedRun(4, 1), job(), BACKEND, [about_image])
    assert await images.open_warnings(["ami-1"]) == {"ami-1": (about_image.text,)}
    await images.dismiss(warning.id, "U0LEE", "looked at it")
    assert await images.open_warnings(["ami-1"]) == {}
    (next_time,) = await images.add_warnings(FollowedRun(4, 2), job(8), BACKEND, [about_image])
    assert next_time.is_open


async def test_a_log_scan_is_recorded_once(images: Images) -> None:
    assert await images.log_scan(7) is None
    await images.add_log_scan(7, 1_200)
    first = await images.log_scan(7)
    await images.add_log_scan(7, 3)
    assert first is not None
    assert first.lines == 1_200
    assert await images.log_scan(7) == first


def test_lines_that_differ_in_numbers_and_ids_alone_have_one_fingerprint() -> None:
    def of(text: str) -> str:
        return fingerprint_of("backend", replace(SIGN, text=text))

    assert of("fatal: i-0abc123 after 12 s") == of("fatal: i-0ffe999 after 7 s")
    assert of("fatal: cannot read") != of("fatal: cannot write")
    assert len(of("x" * 10_000)) == 64


async def test_a_rollout_is_recorded_once_newest_first(images: Images) -> None:
    first = RollOut("ami-1", 5, "staging", "backend", "U0ANA", 1_000.0)
    second = RollOut("ami-1", 9, "staging", "backend", "U0LEE", 2_000.0)
    for rollout in (first, second, first):
        await images.add_rollout(rollout)
    assert await images.rollouts_of("ami-1") == (second, first)
    assert await images.rollouts_of("ami-2") == ()
