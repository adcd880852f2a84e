"""Twelve repositories in the styles of real teams: `check` accepts each, and its main action changes what it should."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sandbox.aws import AwsHandle, AwsStandIn
from tests.scenarios import acting
from tests.scenarios.acting import clicks, types
from tests.scenarios.conftest import running
from tests.scenarios.styles import STYLES, options_of, repository_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from sandbox.bot_process import Launch
    from sandbox.github.repository import Repository
    from sandbox.slack import Message
    from sandbox.world import World

    Act = Callable[[World], Awaitable[None]]

APPROVERS = ("lee", "max")
TIMEOUT = 30  # seconds of an idle machine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own_aws() -> AsyncIterator[AwsHandle]:
    """An AWS apart: the machines of these repositories are no part of what other scenarios count."""
    stand_in = AwsStandIn()
    yield await stand_in.start()
    await stand_in.stop()


@contextmanager
def images_built_before(aws: AwsHandle) -> Iterator[None]:
    """Images of the image workflow's machines: `check` looks for them, and a build would find two from the same minute."""
    ec2 = aws.ec2()
    images = [ec2.register_image(Name=name, RootDeviceName="/dev/xvda")["ImageId"] for name in ("runner", "bastion")]
    for image, name in zip(images, ("runner", "bastion"), strict=True):
        ec2.create_tags(Resources=[image], Tags=[{"Key": "Name", "Value": name}])
    yield
    for image in images:
        ec2.deregister_image(ImageId=image)


async def shows(world: World, channel: str, *pieces: str) -> Message:
    """Wait for the message, for a part of the usual time."""
    return await acting.shows(world, channel, *pieces, timeout=TIMEOUT)


async def approved(world: World, channel: str, *pieces: str, by: int = 1) -> None:
    """As many approve as it takes."""
    ask = await shows(world, channel, *pieces, "approval")
    for name in APPROVERS[:by]:
        await clicks(world, name, ask, "approve")


async def deploys(world: World, channel: str, words: str, title: str, *, approvals: int = 1) -> Message:
    """Somebody deploys, and it ends well."""
    await types(world, "ana", channel, f"/deploy {words}")
    if approvals:
        await approved(world, channel, title, by=approvals)
    return await shows(world, channel, ":white_check_mark: *#", title, "deployed")


async def applies(world: World, channel: str, words: str, title: str, *, approvals: int = 1) -> None:
    """Somebody plans, others approve, and it is applied."""
    await types(world, "ana", channel, f"/plan {words}")
    await approved(world, channel, title, "to create", by=approvals)
    await shows(world, channel, ":white_check_mark:", title, "applied")


def resources(world: World, state: str, workspace: str = "") -> dict[str, object]:
    """The inputs of what the state has, by address; Terraform wrote it, not the bot."""
    path = world.state_of(state)
    if workspace:
        path = path.parent / "workspaces" / workspace / "terraform.tfstate"
    inputs_of: dict[str, object] = {}
    for each in json.loads(path.read_text())["resources"]:
        address = ".".join(piece for piece in (each.get("module"), each["type"], each["name"]) if piece)
        for instance in each["instances"]:
            key = f"[{instance['index_key']}]" if "index_key" in instance else ""
            inputs_of[address + key] = instance["attributes"]["input"]["value"]
    return inputs_of


def only_run(repository: Repository) -> tuple[dict[str, str], list[str]]:
    """The inputs of the only run, and its jobs."""
    [run] = repository.runs.values()
    assert run.conclusion == "success"
    return {name: str(value) for name, value in run.inputs.items()}, [job.name for job in run.jobs]


async def reusable_workflows(world: World) -> None:
    await deploys(world, "#platform", "prod version=v2.14.0", "Deploy main to Production")
    inputs, jobs = only_run(repository_in(world))
    assert inputs == {"environment": "Production", "version": "v2.14.0"}
    assert jobs[:3] == ["test / Unit tests on Node 20", "test / Unit tests on Node 22", "build / image"]
    assert jobs[3].startswith("release / Roll registry.harbourline.example/checkout:")


async def matrix_from_json(world: World) -> None:
    await deploys(world, "#deploys", "prod strategy=all-at-once dry_run=true", "Deploy main to prod")
    inputs, jobs = only_run(repository_in(world))
    assert inputs == {"strategy": "all-at-once", "dry_run": "true"}
    assert jobs == [
        "plan",
        "deploy (eu-north-1, large, api)",
        "deploy (eu-north-1, large, worker)",
        "deploy (us-east-1, small, api)",
        "deploy (eu-north-1, large, migrations)",
        "smoke",
    ]


async def terraform_workspaces(world: World) -> None:
    await applies(world, "#infra", "prod instance_count=2", "Plan for prod instance_count=2", approvals=2)
    web = {f"module.web[{quoted}].terraform_data.server": f"mossbank-prod-{quoted[1]}" for quoted in ('"0"', '"1"')}
    assert resources(world, "prod", "prod") == web
    assert not (world.state_of("dev").parent / "workspaces/dev/terraform.tfstate").exists()


async def roles_and_vault(world: World) -> None:
    disks = world.machines_of("production")
    await deploys(world, "#ops", "production app_version=4.2", "Deploy main to production")
    [environment] = {path.read_text() for path in disks.glob("*.env")}
    assert environment == f"VERSION=4.2\nTOKEN_LENGTH={len('made-up-token-of-nobody')}\n"
    assert sorted(path.read_text() for path in disks.glob("*.motd")) == ["web of oldmill", "worker of oldmill"]
    assert len([*disks.glob("*.restarted")]) == 2


async def static_inventory(world: World) -> None:
    disks = world.machines_of("prod")
    await deploys(world, "#ops", "prod", "Deploy main to prod")
    assert {path.name: path.read_text() for path in disks.iterdir()} == {
        "web1.northpier.example.release": "2026.11 2 8\n",
        "web2.northpier.example.release": "2026.11 2 8\n",
        "db1.northpier.example.migrated": "2026.11 2 0\n",
    }


async def two_accounts(world: World) -> None:
    await applies(world, "#cloud", "prod", "Plan for prod", approvals=2)
    assert resources(world, "prod") == {"module.network.terraform_data.gateway": "gateway-prod"}
    checked = (world.files / "check.log").read_text()
    assert "dev: 1 machines run, prod: 1 machines run" in checked
    assert "account 222222222222" in checked
    in_account = world.aws.ec2(region="eu-west-1", role="arn:aws:iam::222222222222:role/signalbox")
    assert in_account.describe_instances()["Reservations"]
    assert not world.aws.ec2(region="eu-west-1").describe_instances()["Reservations"]


async def services(world: World) -> None:
    web, api = (world.github.repository(f"lanternworks/{name}") for name in ("web", "api"))
    await deploys(world, "#releases", "prod web", "Deploy stable to prod/web")
    assert only_run(web) == ({"target": "prod"}, ["publish"])
    await deploys(world, "#releases", "prod mailer", "Deploy main to prod/mailer", approvals=0)
    assert only_run(repository_in(world)) == ({}, ["mailer"])
    api.checks.check("main", "test", "success")
    await deploys(world, "#releases", "prod api tag=2026.11", "Deploy main to prod/api")
    assert only_run(api) == ({"tag": "2026.11"}, ["Release 2026.11"])


async def stacks(world: World) -> None:
    await types(world, "ana", "#infra", "/plan prod all")
    for stack, approvals in (("network", 1), ("data", 2), ("app", 1)):
        await approved(world, "#infra", f"Plan for prod/{stack}", "to create", by=approvals)
    await shows(world, "#infra", ":white_check_mark:", "3 of 3 stacks applied or without changes")
    states = {stack: resources(world, f"prod/{stack}") for stack in ("network", "data", "app")}
    assert states == {
        "network": {"terraform_data.network": "network"},
        "data": {"terraform_data.data": "data"},
        "app": {"terraform_data.app": "app", "terraform_data.release": "2026.11.1"},
    }


async def terragrunt_layout(world: World) -> None:
    await types(world, "ana", "#infra", "/run terragrunt-plan")
    await approved(world, "#infra", "terragrunt-plan")
    await shows(world, "#infra", ":white_check_mark:", "terragrunt-plan")
    assert only_run(repository_in(world)) == ({"environment": "prod", "command": "plan"}, ["plan prod"])


async def another_cloud(world: World) -> None:
    await applies(world, "#ops", "prod", "Plan for prod")
    assert resources(world, "prod") == {"terraform_data.cluster": {"nodes": 3, "zone": "europe-west3-a"}}
    await deploys(world, "#ops", "prod image_tag=1.4", "Deploy main to prod")
    assert only_run(repository_in(world)) == ({"image_tag": "1.4"}, ["upgrade"])
    code, printed = await world.bot.runs("audit verify", world.files / "audit.log")
    assert code == 0, printed


async def hcp_by_prefix(world: World) -> None:
    await applies(world, "#infra", "staging", "Plan for staging")
    assert resources(world, "staging") == {
        f"terraform_data.subnet[{key}]": f"10.0.{at}.0/24" for at, key in enumerate("ab")
    }
    assert sum(request.path.endswith("/actions/apply") and request.status == 202 for request in world.hcp.requests) == 1


async def image_workflows(world: World) -> None:
    await types(world, "ana", "#images", "/build runner stage ansible_version=12")
    await shows(world, "#images", ":white_check_mark:", "runner")
    inputs, jobs = only_run(repository_in(world))
    assert inputs == {"image": "runner", "environment": "Staging", "ansible_version": "12"}
    assert jobs == ["runner, Staging"]
    await types(world, "ana", "#images", "/build base")
    await shows(world, "#images", ":white_check_mark:", "Build base")
    assert [job.name for job in [*repository_in(world).runs.values()][-1].jobs] == ["base"]
    await types(world, "ana", "#images", "/run rotate-runners pool=arm at_once=2")
    await approved(world, "#images", "rotate-runners")
    await shows(world, "#images", ":white_check_mark:", "rotate-runners")
    assert [job.name for job in [*repository_in(world).runs.values()][-1].jobs] == ["Rotate arm"]


ACTS: dict[str, Act] = {name.replace("_", "-"): globals()[name] for name in (each.replace("-", "_") for each in STYLES)}


@pytest.mark.needs_bwrap
@pytest.mark.needs_terraform
@pytest.mark.parametrize("style", STYLES)
async def test_check_accepts_the_repository_and_its_main_action_works(
    style: str, own_aws: AwsHandle, forked: Launch
) -> None:
    async with running(options_of(style, own_aws), launch=forked) as world:
        with images_built_before(own_aws):
            code, printed = await world.bot.runs("check", world.files / "check.log")
        assert code == 0, printed
        assert not [line for line in printed.splitlines() if not line.startswith(("ok ", "note "))], printed
        await ACTS[style](world)
