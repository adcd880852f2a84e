"""Runs against the stand-in for HCP Terraform, with a real terraform in it."""

from __future__ import annotations

import asyncio
import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp import web

from runners import hcp as hcp_terraform
from runners.errors import (
    AccessDeniedError,
    NotFoundError,
    RunnerError,
    StalePlanError,
    TimedOutError,
    UnavailableError,
    UncertainError,
)
from runners.hcp import apply_run as hcp_apply, reading as hcp_plan, upload as hcp_upload
from runners.hcp.client import HcpTerraform
from runners.hcp.values import HcpRun, HcpWorkspace, Phase
from runners.results import ApplyProgress, Change
from sandbox.hcp import Costs, HcpStandIn, HcpToken, Policies, Task
from sandbox.hcp.web import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sandbox.exchanges import Exchange

    Client = Callable[..., HcpTerraform]

TOKEN = "team-token"
SECRET = "a-very-secret-word"
CODE = f"""
variable "password" {{
  sensitive = true
  default   = "{SECRET}"
}}
variable "word" {{ default = "hello" }}
variable "command" {{ default = "true" }}
resource "terraform_data" "one" {{
  input = {{ word = var.word, password = var.password }}
  provisioner "local-exec" {{ command = var.command }}
}}
output "word" {{ value = var.word }}
"""
needs_terraform = pytest.mark.needs_terraform


@pytest_asyncio.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[HcpStandIn]:
    made = HcpStandIn(
        tokens={
            TOKEN: HcpToken("team", "signalbox"),
            "organization-token": HcpToken("organization", "acme"),
            "planner-token": HcpToken("team", "planners", admin=False),
        }
    )
    made.add("acme", "prod", working_directory="live", state=tmp_path / "prod.tfstate")
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    """Makes clients that are closed after the test."""
    made: list[HcpTerraform] = []

    def make(address: str, token: str = TOKEN) -> HcpTerraform:
        made.append(HcpTerraform(address, token=token, read_pauses=(0.01, 0.02)))
        return made[-1]

    yield make
    for item in made:
        await item.close()


@pytest.fixture
def hcp(stand_in: HcpStandIn, client: Client) -> HcpTerraform:
    return client(stand_in.url)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    (root / "live").mkdir(parents=True)
    (root / "live" / "main.tf").write_text(CODE)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("none of theirs")
    return root


async def workspace_of(hcp: HcpTerraform) -> HcpWorkspace:
    return await hcp_terraform.workspace_of(hcp, "acme", "prod")


async def begun(hcp: HcpTerraform, code: Path, **variables: str) -> tuple[HcpWorkspace, str]:
    workspace = await workspace_of(hcp)
    configuration = await hcp_upload.upload(hcp, workspace, code, doing="uploading")
    run_id = await hcp_terraform.create_run(
        hcp, workspace, message="Signalbox #1 (abc)", variables=variables, configuration=configuration
    )
    return workspace, run_id


async def planned(hcp: HcpTerraform, code: Path, **variables: str) -> tuple[HcpWorkspace, HcpRun]:
    workspace, run_id = await begun(hcp, code, **variables)
    return workspace, await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=60)


async def ignore(_: ApplyProgress) -> None:
    """Progress that nobody looks at."""


@needs_terraform
async def test_a_plan_is_read_masked_and_applied_as_it_is(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].costs = Costs("212.64", "-12.50")
    stand_in.workspaces["prod"].policies = Policies(passed=3, advisory_failed=2)
    workspace, run = await planned(hcp, code, word='${"quoted"}')
    actual = await hcp_plan.read_plan(hcp, run)
    (change,) = actual.summary.changes
    assert (change.address, change.change) == ("terraform_data.one", Change.CREATE)
    assert actual.summary.url == run.url
    assert SECRET in actual.sensitive
    assert SECRET not in repr(actual.summary)
    assert any(item.after == '${"quoted"}' for item in (*change.attributes, *actual.summary.outputs))
    assert [(item.severity, item.summary) for item in actual.summary.warnings] == [
        ("warning", "Policies failed: 2 advisory"),
        ("note", "Estimated costs: 212.64 USD a month (-12.50)"),
    ]
    assert "terraform_data.one: Plan to create" in await hcp_plan.plan_text(hcp, run)
    observed: list[ApplyProgress] = []

    async def progress(item: ApplyProgress) -> None:
        observed.append(item)

    await hcp_apply.confirm(hcp, workspace, run.id, digest=actual.summary.digest, comment="Approved by ana")
    result = await hcp_apply.follow_apply(hcp, workspace, run.id, total=1, on_progress=progress, timeout=60)
    assert result.succeeded
    assert (result.added, result.changed, result.destroyed) == (1, 0, 0)
    assert result.applied == ("terraform_data.one",)
    assert all(item.total == 1 for item in observed)
    assert stand_in.archive.refused_tokens == 0
    assert stand_in.workspaces["prod"].runs[0].comments == [("signalbox", "Approved by ana")]


@needs_terraform
async def test_nothing_but_the_plan_that_was_approved_is_confirmed(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    workspace, run = await planned(hcp, code)
    with pytest.raises(StalePlanError, match="not the one that was approved"):
        await hcp_apply.confirm(hcp, workspace, run.id, digest="0" * 64, comment="")
    assert stand_in.workspaces["prod"].runs[0].confirmable


@needs_terraform
async def test_a_run_is_confirmed_once(hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await planned(hcp, code)
    digest = (await hcp_plan.read_plan(hcp, run)).summary.digest
    await hcp_apply.confirm(hcp, workspace, run.id, digest=digest, comment="")
    with pytest.raises(StalePlanError, match="no longer waits for confirmation"):
        await hcp_apply.confirm(hcp, workspace, run.id, digest=digest, comment="")
    await hcp_apply.follow_apply(hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60)


@needs_terraform
async def test_a_failed_apply_tells_why_without_secrets(hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await planned(hcp, code, command=f"echo {SECRET}; exit 3")
    actual = await hcp_plan.read_plan(hcp, run)
    await hcp_apply.confirm(hcp, workspace, run.id, digest=actual.summary.digest, comment="")
    result = await hcp_apply.follow_apply(
        hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60, sensitive=actual.sensitive
    )
    assert result.finished
    assert not result.succeeded
    assert "exit status 3" in result.errors[0].detail
    assert SECRET not in repr(result)


@needs_terraform
async def test_an_apply_that_is_cancelled_says_by_whom(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await planned(hcp, code, command="sleep 30")
    digest = (await hcp_plan.read_plan(hcp, run)).summary.digest
    await hcp_apply.confirm(hcp, workspace, run.id, digest=digest, comment="")
    await hcp_terraform.watch(hcp, workspace, run.id, until=lambda item: item.cancelable, timeout=30)
    inside = stand_in.workspaces["prod"].runs[0]
    await hcp_terraform.watch(hcp, workspace, run.id, until=lambda _: inside.process is not None, timeout=30)
    assert await hcp_terraform.cancel(hcp, workspace, run.id, comment="stop")
    result = await hcp_apply.follow_apply(hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60)
    assert result.finished
    assert result.errors[-1].summary == "The run was cancelled in HCP Terraform by signalbox"
    assert not await hcp_terraform.cancel(hcp, workspace, run.id, comment="again")


@needs_terraform
async def test_code_that_terraform_does_not_take_is_explained(hcp: HcpTerraform, code: Path) -> None:
    (code / "live" / "main.tf").write_text('resource "terraform_data" "one" { inptu = 1 }')
    with pytest.raises(RunnerError) as raised:
        await planned(hcp, code)
    assert "Unsupported argument (main.tf:1)" in raised.value.problem
    assert "inptu" in raised.value.log_tail
    assert "/runs/run-" in raised.value.remedy


@needs_terraform
async def test_a_mandatory_policy_that_failed_is_named(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].policies = Policies(hard_failed=1)
    with pytest.raises(RunnerError, match="a mandatory policy failed") as raised:
        await planned(hcp, code)
    assert "1 mandatory" in raised.value.log_tail


@needs_terraform
async def test_a_policy_that_can_be_overridden_is_left_to_those_who_may(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    stand_in.workspaces["prod"].policies = Policies(soft_failed=1)
    with pytest.raises(RunnerError, match="only when somebody who may overrides that"):
        await planned(hcp, code)


@needs_terraform
async def test_a_plan_as_json_takes_admin_access(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path, client: Client
) -> None:
    _, run = await planned(hcp, code)
    with pytest.raises(AccessDeniedError) as raised:
        await hcp_plan.read_plan(client(stand_in.url, "planner-token"), run)
    assert "admin access" in raised.value.remedy


@needs_terraform
async def test_a_run_that_is_dismissed_while_it_waits_or_plans_applies_nothing(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    workspace, run = await planned(hcp, code)
    await hcp_terraform.dismiss(hcp, workspace, run.id, comment="no")
    await hcp_terraform.dismiss(hcp, workspace, run.id, comment="no")
    assert [item.status for item in stand_in.workspaces["prod"].runs] == ["discarded"]
    assert stand_in.workspaces["prod"].runs[0].comments == [("signalbox", "no")]
    stand_in.workspaces["prod"].lock("max")
    _, waiting = await begun(hcp, code)
    await hcp_terraform.dismiss(hcp, workspace, waiting, comment="no")
    assert (await hcp_terraform.read(hcp, workspace, waiting)).phase is Phase.DISCARDED


async def test_a_run_that_does_not_get_on_times_out(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].lock("max")
    workspace, run_id = await begun(hcp, code)
    with pytest.raises(TimedOutError):
        await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=0.5)
    assert (await workspace_of(hcp)).locked_by == "max"


async def test_a_notification_ends_a_pause(hcp: HcpTerraform) -> None:
    pausing = asyncio.create_task(hcp.pause("run-1", 60))
    await asyncio.sleep(0)
    hcp.notice("run-2")
    assert not pausing.done()
    hcp.notice("run-1")
    await asyncio.wait_for(pausing, 60)


async def test_a_run_that_somebody_discards_before_it_planned_is_told(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    stand_in.workspaces["prod"].lock("max")
    workspace, run_id = await begun(hcp, code)
    stand_in.press(stand_in.run(run_id), "discard", "max")
    with pytest.raises(RunnerError, match="discarded in HCP Terraform by max before it could be shown"):
        await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=30)


async def test_our_run_is_found_by_its_mark_among_others(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].lock("max")
    workspace, run_id = await begun(hcp, code)
    assert await hcp_terraform.find_run(hcp, workspace, "(abc)") == run_id
    assert await hcp_terraform.find_run(hcp, workspace, "(xyz)") is None


async def test_an_organization_token_may_look_but_start_nothing(
    stand_in: HcpStandIn, code: Path, client: Client
) -> None:
    hcp = client(stand_in.url, "organization-token")
    workspace = await workspace_of(hcp)
    with pytest.raises(AccessDeniedError):
        hcp_terraform.check_usable(workspace)
    with pytest.raises(NotFoundError) as raised:
        await hcp_terraform.create_run(hcp, workspace, message="m", variables={}, configuration=None)
    assert "organization's token cannot" in raised.value.remedy


@pytest.mark.parametrize(
    ("token", "name", "kind"), [("wrong", "prod", AccessDeniedError), (TOKEN, "nowhere", NotFoundError)]
)
async def test_a_wrong_token_and_a_workspace_that_is_not_there(
    stand_in: HcpStandIn, token: str, name: str, kind: type[RunnerError], client: Client
) -> None:
    with pytest.raises(kind):
        await hcp_terraform.workspace_of(client(stand_in.url, token), "acme", name)


@pytest.mark.parametrize("status", [429, 502])
async def test_a_request_that_changes_something_is_sent_once(
    stand_in: HcpStandIn, hcp: HcpTerraform, status: int
) -> None:
    workspace = await workspace_of(hcp)

    async def hook(exchange: Exchange) -> None:
        if exchange.method == "POST":
            raise ApiError(status, "not now", headers={"Retry-After": "0"})

    stand_in.on_request.append(hook)
    with pytest.raises(UnavailableError) as raised:
        await hcp_terraform.create_run(hcp, workspace, message="m", variables={}, configuration=None)
    assert isinstance(raised.value, UncertainError) == (status == 502)
    assert [request.method for request in stand_in.requests].count("POST") == 1


async def test_a_machine_that_does_not_answer(hcp: HcpTerraform, client: Client) -> None:
    nobody = client("http://127.0.0.1:9", TOKEN)
    with pytest.raises(UnavailableError):
        await workspace_of(nobody)
    with pytest.raises(UnavailableError):
        await nobody.download("/api/v2/plans/plan-1/json-output", doing="reading")


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"[]", b'{"data": {}}', b""])
async def test_what_is_no_answer_of_hcp_terraforms(body: bytes, client: Client) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/vnd.api+json")

    application = web.Application()
    application.router.add_get("/{rest:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    with pytest.raises(RunnerError):
        await workspace_of(client(f"http://{host}:{port}", TOKEN))
    await runner.cleanup()


async def test_our_token_goes_to_hcp_terraform_alone(stand_in: HcpStandIn, hcp: HcpTerraform, client: Client) -> None:
    observed: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        observed.append(request.headers.get("Authorization"))
        if request.path == "/api/v2/plans/p/json-output":
            return web.Response(status=307, headers={"Location": stand_in.archive.download_address(b"{}")})
        return web.Response(text="log")

    application = web.Application()
    application.router.add_get("/{rest:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    there = client(f"http://{host}:{port}", TOKEN)
    assert await there.download("/api/v2/plans/p/json-output", doing="reading") == b"{}"
    assert await hcp.download(f"http://{host}:{port}/log", doing="reading") == b"log"
    await runner.cleanup()
    assert observed == [f"Bearer {TOKEN}", None]
    assert stand_in.archive.refused_tokens == 0


def test_the_token_is_in_no_representation(hcp: HcpTerraform) -> None:
    assert TOKEN not in repr(hcp)


def test_an_upload_has_the_code_alone(code: Path) -> None:
    (code / "live" / "link.tf").symlink_to("main.tf")
    with tarfile.open(fileobj=io.BytesIO(hcp_upload.pack(code)), mode="r:gz") as archive:
        names = archive.getnames()
        owners = {(getmember.uid, getmember.uname, getmember.mtime) for getmember in archive.getmembers()}
        assert archive.getmember("live/link.tf").issym()
    assert names == ["live", "live/link.tf", "live/main.tf"]
    assert owners == {(0, "", 0)}


TWO = """
resource "terraform_data" "one" { input = "one" }
resource "terraform_data" "two" { input = "two" }
"""


async def limited(hcp: HcpTerraform, code: Path, **chosen: Any) -> tuple[HcpWorkspace, HcpRun]:
    (code / "live" / "main.tf").write_text(TWO)
    workspace = await workspace_of(hcp)
    configuration = await hcp_upload.upload(hcp, workspace, code, doing="uploading")
    run_id = await hcp_terraform.create_run(
        hcp, workspace, message="Signalbox #1 (abc)", variables={}, configuration=configuration, **chosen
    )
    return workspace, await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=60)


@needs_terraform
async def test_a_run_can_be_limited_to_addresses_and_made_to_replace(hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await limited(hcp, code, targets=["terraform_data.one"])
    summary = (await hcp_plan.read_plan(hcp, run)).summary
    assert [(change.address, change.change) for change in summary.changes] == [("terraform_data.one", Change.CREATE)]
    await hcp_apply.confirm(hcp, workspace, run.id, digest=summary.digest, comment="go")
    done = await hcp_apply.follow_apply(hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60)
    assert done.succeeded
    _, run = await limited(hcp, code, targets=["terraform_data.one"], replaces=["terraform_data.one"])
    summary = (await hcp_plan.read_plan(hcp, run)).summary
    assert [(change.address, change.change) for change in summary.changes] == [("terraform_data.one", Change.REPLACE)]


@needs_terraform
@pytest.mark.parametrize("chosen", [{"targets": ["terraform_data.three"]}, {"replaces": ["terraform_data.three"]}])
async def test_an_address_that_is_nowhere_is_said(hcp: HcpTerraform, code: Path, chosen: dict[str, list[str]]) -> None:
    _, run = await limited(hcp, code, **chosen)
    with pytest.raises(NotFoundError, match=r"there is no terraform_data\.three in the code or in the state"):
        await hcp_plan.read_plan(hcp, run)


@needs_terraform
async def test_a_run_that_only_plans_minds_no_lock_and_cannot_be_applied(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    stand_in.workspaces["prod"].lock("max")
    stand_in.workspaces["prod"].auto_apply = True
    hcp_terraform.check_usable(await workspace_of(hcp), plan_only=True)
    workspace, run = await limited(hcp, code, plan_only=True)
    assert (run.phase, run.confirmable) == (Phase.UNCHANGED, False)
    assert len((await hcp_plan.read_plan(hcp, run)).summary.changes) == 2
    with pytest.raises(StalePlanError):
        await hcp_apply.confirm(hcp, workspace, run.id, digest="", comment="go")


@needs_terraform
async def test_run_tasks_say_what_they_found(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].tasks = (
        Task("scan", "failed", "2 findings", "https://scan.example.com/1"),
        Task("budget", level="mandatory"),
    )
    _, run = await planned(hcp, code)
    notes = (await hcp_plan.read_plan(hcp, run)).summary.warnings
    assert [(note.severity, note.summary, note.detail, note.url) for note in notes] == [
        ("warning", "Run task scan (advisory): failed", "2 findings", "https://scan.example.com/1"),
        ("note", "Run task budget (mandatory): passed", "", ""),
    ]


@needs_terraform
async def test_a_mandatory_run_task_that_failed_is_named(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].tasks = (
        Task("cost", "failed"),
        Task("scan", "errored", "no answer", level="mandatory"),
    )
    with pytest.raises(RunnerError, match="a mandatory run task failed") as raised:
        await planned(hcp, code)
    assert raised.value.log_tail == "Run task scan (mandatory): errored\nno answer"
