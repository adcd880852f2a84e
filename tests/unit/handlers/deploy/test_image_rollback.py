"""/rollback staging images: which image each role had before, the variables that bring it back, and what is refused."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.config import read
from bot.errors import ConfigError, UserError
from bot.operations.registry import Click
from bot.store.operations import Record, Request, Status
from handlers.deploy import image_rollback, rollback
from handlers.shared.requests import HCL, IMAGE_BEFORE, IMAGES_BACK, IMAGES_BACK_ACTION
from runners.aws import amis
from runners.results import Image, RollOut
from tests.migrated import migrated
from tests.unit.bot.drawn import read as drawn
from tests.unit.handlers.conftest import FILE, Desk, refusal_of, sent_off, typed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

KEYS = count()
VARIABLES = "variables: [backend_ami, count]"
ONE = FILE.replace("machines: [backend]", "machines: [backend, cron]").replace(
    VARIABLES, "variables: [backend_ami, cron_ami], image_variables: {backend: backend_ami, cron: cron_ami}"
)
SHARED = ONE.replace("cron: cron_ami", "cron: backend_ami")


def ami(number: int) -> str:
    return f"ami-{number:017x}"


@pytest.fixture(autouse=True)
def deregistered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The images that EC2 does not have; it has all others."""
    absent = set[str]()

    async def describe(_: Any, image_ids: Collection[str], *, timeout: float) -> Mapping[str, Image]:
        return {each: Image(each, commit="c" * 40) for each in image_ids if each not in absent}

    monkeypatch.setattr(amis, "describe", describe)
    return absent


@pytest.fixture
def staging(desk: Desk) -> Desk:
    desk.config = read(ONE)
    desk.aws = SimpleNamespace(ec2=None)  # type: ignore[assignment]
    return desk


async def rolled_out(desk: Desk, images: dict[str, int], before: dict[str, int], back: str = "") -> Record:
    """An apply that rolled out these images, whose plan had displayed those before."""
    arguments = {IMAGES_BACK: back} if back else {}
    request = Request(f"key {next(KEYS)}", "plan", "staging", "U0ANA", "Plan", "C0STAGING", arguments)
    number = await desk.operations.create(request)
    desk.now += 60
    for role, image in images.items():
        await desk.services.images.add_rollout(RollOut(ami(image), number, "staging", role, "U0ANA", desk.now))
    for role, image in before.items():
        await desk.annotations.add(number, IMAGE_BEFORE, f"{role} {ami(image)}")
    await desk.operations.set_message(number, "C0STAGING", f"{number}.0")
    await desk.operations.set_status(number, Status.SUCCEEDED)
    return await desk.operations.get(number)


async def planned(desk: Desk, text: str = "staging images") -> dict[str, str]:
    """The arguments of the plan that the command begins."""
    answer = await rollback.handle(desk.services, typed(text))
    assert answer is not None
    assert "A plan of staging brings the images before back" in drawn(answer)
    return dict(desk.engine.begun[-1].arguments)


async def test_the_first_rollout_goes_back_to_what_the_plan_replaced(staging: Desk) -> None:
    record = await rolled_out(staging, {"backend": 2}, {"backend": 1})
    undone = json.dumps({"backend": record.number})
    assert await planned(staging) == {"backend_ami": ami(1), IMAGES_BACK: undone}
    assert staging.engine.begun[0].kind == "plan"
    assert staging.engine.begun[0].title == f"Plan for staging backend_ami={ami(1)}"


async def test_the_answer_names_images_commits_and_what_is_undone(staging: Desk) -> None:
    record = await rolled_out(staging, {"backend": 2}, {"backend": 1})
    answer = await rollback.handle(staging.services, typed("staging images"))
    assert answer is not None
    words = drawn(answer)
    for piece in (ami(2), ami(1), "commit `ccccccc`", f"as before #{record.number}", "waits for approval as any plan"):
        assert piece in words


async def test_after_a_rollback_the_next_one_goes_further_back(staging: Desk) -> None:
    first = await rolled_out(staging, {"backend": 2}, {"backend": 1})
    second = await rolled_out(staging, {"backend": 3}, {"backend": 2})
    arguments = await planned(staging)
    assert (arguments["backend_ami"], json.loads(arguments[IMAGES_BACK])) == (ami(2), {"backend": second.number})
    await rolled_out(staging, {"backend": 2}, {"backend": 3}, back=arguments[IMAGES_BACK])
    arguments = await planned(staging)
    assert (arguments["backend_ami"], json.loads(arguments[IMAGES_BACK])) == (ami(1), {"backend": first.number})
    await rolled_out(staging, {"backend": 1}, {"backend": 2}, back=arguments[IMAGES_BACK])
    assert "no record of an image before" in await refusal_of(
        staging, rollback.handle(staging.services, typed("staging images"))
    )


async def test_roles_are_chosen_and_unknown_ones_are_named(staging: Desk) -> None:
    await rolled_out(staging, {"backend": 2, "cron": 12}, {"backend": 1, "cron": 11})
    assert (await planned(staging))["cron_ami"] == ami(11)
    assert "backend_ami" not in await planned(staging, "staging images cron")
    refusal = await refusal_of(staging, rollback.handle(staging.services, typed("staging images crom")))
    assert "did you mean “cron”?" in refusal


async def test_a_variable_of_several_roles_is_a_map_with_all_of_them(staging: Desk) -> None:
    staging.config = read(SHARED)
    await rolled_out(staging, {"backend": 2, "cron": 12}, {"backend": 1, "cron": 11})
    arguments = await planned(staging, "staging images backend")
    assert json.loads(arguments["backend_ami"]) == {"backend": ami(1), "cron": ami(12)}
    assert arguments[HCL] == "backend_ami"


async def test_a_map_without_the_image_of_a_role_is_not_made(staging: Desk) -> None:
    staging.config = read(SHARED)
    await rolled_out(staging, {"backend": 2}, {"backend": 1})
    refusal = await refusal_of(staging, rollback.handle(staging.services, typed("staging images")))
    assert "has not rolled out one to cron of staging" in refusal
    assert not staging.engine.begun


async def test_images_that_are_gone_are_refused_by_name(staging: Desk, deregistered: set[str]) -> None:
    await rolled_out(staging, {"backend": 2, "cron": 12}, {"backend": 1, "cron": 11})
    deregistered.add(ami(1))
    refusal = await refusal_of(staging, rollback.handle(staging.services, typed("staging images")))
    assert f"EC2 no longer has {ami(1)} (backend)" in refusal
    assert ami(11) not in refusal
    assert not staging.engine.begun
    assert (await planned(staging, "staging images cron"))["cron_ami"] == ami(11)


async def test_without_variables_it_says_which_key_is_missing(desk: Desk) -> None:
    refusal = await refusal_of(desk, rollback.handle(desk.services, typed("staging images")))
    assert "environments.staging.terraform.image_variables" in refusal
    assert "has no Terraform" in await refusal_of(desk, rollback.handle(desk.services, typed("dev images")))


async def test_the_window_of_an_apply_takes_back_its_own_images(staging: Desk) -> None:
    await rolled_out(staging, {"cron": 12}, {"cron": 11})
    record = await rolled_out(staging, {"backend": 2}, {"backend": 1})
    click = Click("U0LEE", "C0STAGING", f"{record.number}.0", IMAGES_BACK_ACTION, str(record.number), "1.2", "")
    await image_rollback.press(staging.services, click)
    view = staging.chat.views[-1]
    submission = sent_off("U0LEE", view["private_metadata"])
    assert ami(11) not in str(view)
    assert await image_rollback.confirmed(staging.services, submission) == {}
    assert staging.engine.begun[0].arguments["backend_ami"] == ami(1)
    assert staging.engine.begun[0].key == f"images-back-{record.number}"
    await rolled_out(staging, {"backend": 5}, {"backend": 2})
    with pytest.raises(UserError, match="Other images were rolled out"):
        await image_rollback.confirmed(staging.services, submission)
    assert len(staging.engine.begun) == 1


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{backend: bakend_ami}", "bakend_ami is not in terraform.variables; add it there"),
        ("{bakend: backend_ami}", "bakend is not a machine of staging"),
    ],
)
def test_a_wrong_mapping_is_a_fault(written: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read(FILE.replace(VARIABLES, f"{VARIABLES}, image_variables: {written}"))


@given(images=st.lists(st.integers(2, 4), min_size=1, max_size=5))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rollbacks_walk_through_what_ran_before_and_never_forward(tmp_path: Path, images: list[int]) -> None:
    rolled = [image for at, image in enumerate(images) if at == 0 or image != images[at - 1]]

    async def walk() -> list[str]:
        store = await migrated(f"sqlite:///{tmp_path}/{next(KEYS)}.sqlite")
        desk = Desk(store, read(ONE), aws=SimpleNamespace(ec2=None))  # type: ignore[arg-type]
        now = 1
        for image in rolled:
            await rolled_out(desk, {"backend": image}, {"backend": now})
            now = image
        visited = []
        for _ in rolled:
            arguments = await planned(desk)
            visited.append(arguments["backend_ami"])
            went = int(arguments["backend_ami"].removeprefix("ami-"), 16)
            await rolled_out(desk, {"backend": went}, {"backend": now}, back=arguments[IMAGES_BACK])
            now = went
        refusal = await refusal_of(desk, rollback.handle(desk.services, typed("staging images")))
        store.close()
        return [*visited, refusal]

    *visited, refusal = asyncio.run(walk())
    assert visited == [ami(each) for each in [1, *rolled][-2::-1]]
    assert "no record of an image before" in refusal
