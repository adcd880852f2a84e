"""The record of images: where each comes from, what speaks against it, and what people said about that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.database import Store
from bot.store.images import ImageRecord, Seen, likeness
from runners.results import BuiltImage, ImageGroup, Job, LogFinding, RollOut, State

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
async def record(tmp_path: Path) -> AsyncIterator[ImageRecord]:
    store = Store(f"sqlite:///{tmp_path}/signalbox.sqlite")
    await store.create_tables()
    yield ImageRecord(store, lambda: 5_000.0)
    store.close()


async def test_an_image_is_remembered_once_with_where_it_comes_from(record: ImageRecord) -> None:
    await record.keep(IMAGE)
    await record.keep(replace(IMAGE, sha="b" * 40))
    assert await record.get("ami-1") == IMAGE
    assert await record.of_run(IMAGE.run_id) == (IMAGE,)
    assert await record.get("ami-2") is None


async def test_the_newest_image_of_a_machine_is_the_one_that_was_made_last(record: ImageRecord) -> None:
    newer = replace(IMAGE, image_id="ami-2", job_id=5, created_at=2_000.0)
    for image in (newer, IMAGE, replace(IMAGE, image_id="ami-3", environment="dev", created_at=9_000.0)):
        await record.keep(image)
    assert await record.newest("backend", "staging") == newer
    assert await record.newest("cron", "staging") is None


async def test_signs_are_kept_once_and_make_the_image_doubtful(record: ImageRecord) -> None:
    await record.keep(IMAGE)
    (first,) = await record.suspect(Seen(4, IMAGE.run_id), job(), BACKEND, [SIGN])
    assert await record.suspect(Seen(4, IMAGE.run_id), job(), BACKEND, [SIGN]) == (first,)
    assert (first.sign, first.line, first.text, first.before, first.after, first.step) == (
        "apt: package not found", 12, "E: Unable to locate package foo7", ("before",), ("after",), "Run packer",
    )  # fmt: skip
    assert first.stands
    assert await record.doubts(["ami-1", "ami-2"]) == {"ami-1": ("apt: package not found",)}


async def test_what_a_person_calls_harmless_is_so_in_later_builds_of_that_machine_alone(record: ImageRecord) -> None:
    await record.keep(IMAGE)
    (sign,) = await record.suspect(Seen(4, 1), job(), BACKEND, [SIGN])
    assert await record.dismiss(sign.id, "U0LEE", "only in dev")
    assert not await record.dismiss(sign.id, "U0MAX", "me too")
    assert await record.doubts(["ami-1"]) == {}
    later = replace(SIGN, line=99, text="E: Unable to locate package foo8")
    (again,) = await record.suspect(Seen(4, 2), job(8), BACKEND, [later])
    assert (again.dismissed_by, again.reason, again.stands) == ("U0LEE", "only in dev", False)
    (elsewhere,) = await record.suspect(Seen(4, 2), job(9), ImageGroup("staging", "cron", "cron-staging"), [later])
    assert elsewhere.stands


async def test_a_doubt_about_the_image_itself_is_dismissed_for_that_job_alone(record: ImageRecord) -> None:
    await record.keep(IMAGE)
    doubt = LogFinding("its image", 0, "the log names no image; this one is from EC2, by its tag Name and its date")
    (one,) = await record.suspect(Seen(4, 1), job(), BACKEND, [doubt])
    assert await record.doubts(["ami-1"]) == {"ami-1": (doubt.text,)}
    await record.dismiss(one.id, "U0LEE", "looked at it")
    assert await record.doubts(["ami-1"]) == {}
    (next_time,) = await record.suspect(Seen(4, 2), job(8), BACKEND, [doubt])
    assert next_time.stands


async def test_that_a_log_was_read_is_kept_once(record: ImageRecord) -> None:
    assert await record.log_read(7) is None
    await record.note_read(7, 1_200)
    first = await record.log_read(7)
    await record.note_read(7, 3)
    assert first is not None
    assert first.lines == 1_200
    assert await record.log_read(7) == first


def test_lines_that_differ_in_numbers_and_ids_alone_are_alike() -> None:
    def of(text: str) -> str:
        return likeness("backend", replace(SIGN, text=text))

    assert of("fatal: i-0abc123 after 12 s") == of("fatal: i-0ffe999 after 7 s")
    assert of("fatal: cannot read") != of("fatal: cannot write")
    assert len(of("x" * 10_000)) == 64


async def test_where_an_image_was_rolled_out_is_remembered_once_newest_first(record: ImageRecord) -> None:
    first = RollOut("ami-1", 5, "staging", "backend", "U0ANA", 1_000.0)
    second = RollOut("ami-1", 9, "staging", "backend", "U0LEE", 2_000.0)
    for one in (first, second, first):
        await record.rolled_out(one)
    assert await record.rollouts_of("ami-1") == (second, first)
    assert await record.rollouts_of("ami-2") == ()
