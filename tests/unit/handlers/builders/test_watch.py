"""Builders that were left running are found, and each is reported once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access.policy import target_of
from bot.config import read as read_config
from bot.config.targets import BUILDERS
from handlers.builders import watch as builder_watch
from runners.results import State
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.builder_support import (
    DUE,
    Course,
    a_builder,
    a_run,
    alerted,
    github,
    stuck,
)
from tests.unit.handlers.conftest import MONDAY_NOON, WATCHED

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

pytestmark = pytest.mark.usefixtures("builders_watched")


async def test_a_builder_whose_run_has_ended_is_told_once(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = a_builder(account)
    github(monkeypatch, a_run(State.FAILED))
    await builder_watch.check_builders(desk.services, DUE)
    number = await alerted(desk)
    request = desk.engine.begun[0]
    assert (request.kind, request.environment) == ("builder", f"{BUILDERS}/{built.instance_id}")
    assert target_of(desk.config, request.environment).name == BUILDERS
    await builder_watch.check_builders(desk.services, DUE)
    assert len(desk.engine.begun) == 1
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    text = read(course.shown[-1])
    for part in (built.instance_id, "left running, 3 h 0 min old", "build (backend, staging) (failed)", "run 3", "aaaaaaa", "only one job ran then", built.key):  # fmt: skip
        assert part in text, part
    assert buttons(course.shown[-1])[0] == "builder-terminate"


async def test_a_builder_whose_job_still_runs_is_left_alone_until_no_build_takes_so_long(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_builder(account, ago=timedelta(hours=2))
    github(monkeypatch, a_run(State.RUNNING, began=timedelta(hours=2, minutes=1)))
    await builder_watch.check_builders(desk.services, DUE)
    assert desk.engine.begun == []
    page = read(await builder_watch.topic(desk.services, cast("Any", None), ()))
    assert "1 builder, 0 stuck" in page
    assert "works" in page
    desk.now += 3_700
    await builder_watch.check_builders(desk.services, DUE)
    assert len(desk.engine.begun) == 1


async def test_without_github_nobody_is_accused_before_the_time(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_builder(account, ago=timedelta(minutes=40))
    github(monkeypatch, fails=True)
    await builder_watch.check_builders(desk.services, DUE)
    assert desk.engine.begun == []
    page = read(await builder_watch.topic(desk.services, cast("Any", None), ()))
    assert "GitHub's runs could not be read" in page
    desk.now += 600
    await builder_watch.check_builders(desk.services, DUE)
    assert len(desk.engine.begun) == 1


async def test_without_an_image_workflow_that_is_said_plainly(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = read_config(WATCHED.replace("images: {workflow: build.yml}\n", ""))
    number, built = await stuck(desk, account, monkeypatch)
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "not known: signalbox.yaml has no images section" in read(course.shown[-1])


async def test_one_that_is_still_within_the_grace_is_looked_at_when_that_is_over(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_builder(account)
    github(monkeypatch, a_run(State.CANCELLED))
    desk.now = MONDAY_NOON - 2 * 3_600 + 60  # its job ended a minute ago
    assert await builder_watch.check_builders(desk.services, DUE) == timedelta(minutes=4)
    assert desk.engine.begun == []
    desk.now += 4 * 60 + 1
    assert await builder_watch.check_builders(desk.services, DUE) is None
    assert len(desk.engine.begun) == 1
