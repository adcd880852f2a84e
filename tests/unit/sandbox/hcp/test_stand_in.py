"""The stand-in for HCP Terraform: read by HashiCorp's own client, strict about what it is sent, signed when it notifies."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from pytfe import TFEClient, TFEConfig
from pytfe.errors import AuthError, NotFound, TFEError
from pytfe.models import (
    CommentCreateOptions,
    ConfigurationVersionCreateOptions,
    RunApplyOptions,
    RunCreateOptions,
    RunVariable,
    Workspace,
)

from sandbox.hcp import Costs, HcpStandIn, HcpToken, NotificationSettings, Policies, Task
from sandbox.hcp.model import PAUSED, Configuration, Fetched
from sandbox.hcp.notifications import SIGNATURE
from sandbox.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sandbox.hcp.model import Run

    Ask = Callable[..., Any]

TOKEN = "team-token"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/vnd.api+json"}
CODE = Fetched("0" * 40, "Say hello", {"main.tf": b'resource "terraform_data" "one" { input = "hello" }'})


@pytest_asyncio.fixture
async def hcp(tmp_path: Path) -> AsyncIterator[HcpStandIn]:
    made = HcpStandIn(tokens={TOKEN: HcpToken("team", "bot"), "org": HcpToken("organization", "acme")})
    made.add("acme", "prod", working_directory="", state=tmp_path / "prod.tfstate")
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def ask(hcp: HcpStandIn) -> AsyncIterator[Ask]:
    """Calls pytfe on a thread: `await ask(lambda client: ...)`."""
    clients = {
        token: TFEClient(TFEConfig(address=hcp.url, token=token, max_retries=0, ca_bundle=None))
        for token in (TOKEN, "org", "wrong")
    }

    async def call(function: Callable[[TFEClient], object], token: str = TOKEN) -> object:
        return await asyncio.to_thread(function, clients[token])

    yield call
    for client in clients.values():
        client.close()


async def until(run: Run, *statuses: str) -> None:
    async with asyncio.timeout(60):
        while run.status not in statuses or (run.status in PAUSED and not run.confirmable):  # noqa: ASYNC110 - the stand-in sends no event
            await asyncio.sleep(0.02)


def queued(hcp: HcpStandIn, fetched: Fetched = CODE) -> Run:
    workspace = hcp.workspaces["prod"]
    configuration = Configuration(auto_queue_runs=False, status="uploaded", fetched=fetched)
    workspace.configurations.append(configuration)
    return hcp.runs.create(workspace, configuration, "by hand", "max")


@pytest.mark.needs_terraform
async def test_pytfe_reads_everything_of_a_run(hcp: HcpStandIn, ask: Ask) -> None:
    hcp.workspaces["prod"].costs, hcp.workspaces["prod"].policies = Costs("12.00", "+2.00"), Policies(passed=1)
    run = queued(hcp)
    await until(run, "policy_checked")
    observed = await ask(lambda client: client.runs.read(run.id))
    assert (observed.status, observed.actions.is_confirmable, observed.has_changes) == ("policy_checked", True, True)
    assert [item.id for item in await ask(lambda client: list(client.runs.list(observed.workspace.id)))] == [run.id]
    plan = await ask(lambda client: client.plans.read(observed.plan.id))
    assert (plan.status, plan.resource_additions) == ("finished", 1)
    cost = await ask(lambda client: client.cost_estimates.read(observed.cost_estimate.id))
    assert cost.proposed_monthly_cost == "12.00"
    (check,) = await ask(lambda client: list(client.policy_checks.list(run.id)))
    assert (check.status, check.result.passed) == ("passed", 1)
    made = await ask(lambda client: client.comments.create(run.id, CommentCreateOptions(body="looks good")))
    assert made.body == "looks good"
    await ask(lambda client: client.runs.apply(run.id, RunApplyOptions(comment="go")))
    await until(run, "applied")
    apply = await ask(lambda client: client.applies.read(observed.apply.id))
    assert (apply.status, apply.resource_additions) == ("finished", 1)
    assert [item.action for item in await ask(lambda client: list(client.run_events.list(run.id)))] == [
        "created",
        "confirmed",
    ]
    workspace = await ask(lambda client: client.workspaces.read("prod", organization="acme"))
    assert (workspace.name, workspace.locked, workspace.auto_apply) == ("prod", False, False)
    assert run.comments == [("bot", "looks good"), ("bot", "go")]


async def test_pytfe_creates_a_run_of_an_uploaded_configuration(hcp: HcpStandIn, ask: Ask) -> None:
    hcp.workspaces["prod"].lock("max")
    workspace = hcp.workspaces["prod"].id
    options = ConfigurationVersionCreateOptions.model_validate({"auto-queue-runs": False})
    made = await ask(lambda client: client.configuration_versions.create(workspace, options))
    assert made.status == "pending"
    wanted = RunCreateOptions.model_validate(
        {
            "workspace": Workspace.model_validate({"id": workspace}),
            "message": "hello",
            "variables": [RunVariable(key="word", value='"x"')],
        }
    )
    with pytest.raises(TFEError, match="Configuration version is missing"):
        await ask(lambda client: client.runs.create(wanted))
    hcp.workspaces["prod"].configurations[0].status = "uploaded"
    run = await ask(lambda client: client.runs.create(wanted))
    assert (run.status, run.message) == ("pending", "hello")
    assert hcp.run(run.id).variables == (("word", '"x"'),)


@pytest.mark.needs_terraform
async def test_states_allow_what_hashicorp_documents(hcp: HcpStandIn, ask: Ask) -> None:
    run = queued(hcp)
    second = queued(hcp)
    await until(run, "planned")
    assert second.status == "pending"
    with pytest.raises(TFEError, match="cancel not allowed") as raised:
        await ask(lambda client: client.runs.cancel(run.id))
    assert raised.value.status == 409
    await ask(lambda client: client.runs.discard(run.id))
    with pytest.raises(TFEError, match="Run was not paused for confirmation; apply not allowed") as raised:
        await ask(lambda client: client.runs.apply(run.id))
    assert raised.value.status == 409
    await until(second, "planned")
    assert run.status == "discarded"


async def test_tokens(hcp: HcpStandIn, ask: Ask) -> None:
    with pytest.raises(AuthError):
        await ask(lambda client: client.workspaces.read("prod", organization="acme"), "wrong")
    observed = await ask(lambda client: client.workspaces.read("prod", organization="acme"), "org")
    assert not observed.permissions.can_queue_run
    identity = hcp.workspaces["prod"].id
    wanted = RunCreateOptions.model_validate({"workspace": Workspace.model_validate({"id": identity})})
    with pytest.raises(NotFound):
        await ask(lambda client: client.runs.create(wanted), "org")


def a_run(workspace: str = "", **changes: object) -> dict[str, Any]:
    linked = {"workspace": {"data": {"type": "workspaces", "id": workspace}}}
    return {"data": {"type": "runs", "attributes": {"message": "x"}, "relationships": linked, **changes}}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (json.dumps(a_run(type="run")).encode(), 422),
        (json.dumps(a_run(attributes={"massage": "x"})).encode(), 422),
        (json.dumps(a_run(attributes={"message": 1})).encode(), 422),
        (json.dumps(a_run(attributes={"auto-apply": "no"})).encode(), 422),
        (json.dumps(a_run(attributes={"variables": [{"key": "a"}]})).encode(), 422),
        (json.dumps(a_run(relationships={"workspace": {"data": {"type": "runs", "id": "x"}}})).encode(), 422),
        (json.dumps(a_run("ws-nowhere")).encode(), 404),
    ],
)
async def test_a_body_that_is_not_as_documented_is_refused(hcp: HcpStandIn, body: bytes, status: int) -> None:
    body = body.replace(b'"id": ""', f'"id": "{hcp.workspaces["prod"].id}"'.encode())
    async with aiohttp.request("POST", f"{hcp.url}/api/v2/runs", data=body, headers=HEADERS) as answer:
        assert answer.status == status
        assert (await answer.json())["errors"][0]["status"] == str(status)


async def test_only_json_api_is_taken(hcp: HcpStandIn) -> None:
    headers = {**HEADERS, "Content-Type": "application/json"}
    async with aiohttp.request("POST", f"{hcp.url}/api/v2/runs", data=b"{}", headers=headers) as answer:
        assert answer.status == 415


async def test_the_archive_refuses_tokens_and_corrupt_code(hcp: HcpStandIn, ask: Ask) -> None:
    workspace = hcp.workspaces["prod"].id
    made = await ask(lambda client: client.configuration_versions.create(workspace))
    async with aiohttp.ClientSession() as session:
        async with session.put(made.upload_url, data=b"x", headers=HEADERS) as answer:
            assert answer.status == 400
        async with session.put(made.upload_url, data=b"no archive") as answer:
            assert answer.status == 200
        async with session.put(made.upload_url, data=b"again") as answer:
            assert answer.status == 404
    observed = await ask(lambda client: client.configuration_versions.read(made.id))
    assert observed.status == "errored"
    assert not hcp.workspaces["prod"].runs


@pytest.mark.needs_terraform
async def test_the_page_of_a_run_has_the_buttons_that_its_state_allows(hcp: HcpStandIn) -> None:
    run = queued(hcp)
    await until(run, "planned")
    page = f"{hcp.url}/app/acme/workspaces/prod/runs/{run.id}"
    async with aiohttp.ClientSession() as session:
        async with session.get(page) as answer:
            text = await answer.text()
        assert "Confirm &amp; Apply" in text
        assert "Discard run" in text
        assert "Cancel run" not in text
        async with session.post(f"{page}/discard") as answer:
            assert "discarded" in await answer.text()
        async with session.post(f"{page}/apply") as answer:
            assert answer.status == 409
    assert run.events[-1].actor == "max"


@pytest.mark.needs_terraform
async def test_notifications_are_signed_and_follow_a_run(tmp_path: Path) -> None:
    received: asyncio.Queue[tuple[dict[str, Any], bool]] = asyncio.Queue()

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        expected = hmac.new(b"word", body, hashlib.sha512).hexdigest()
        received.put_nowait((json.loads(body), request.headers[SIGNATURE] == expected))
        return web.Response()

    application = web.Application()
    application.router.add_post("/told", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    hcp = HcpStandIn(tokens={}, notifications=NotificationSettings(f"http://{host}:{port}/told", "word"))
    hcp.add("acme", "prod", working_directory="", state=tmp_path / "prod.tfstate")
    await hcp.start()
    hcp.notify()
    run = queued(hcp)
    triggers = []
    while "run:needs_attention" not in triggers:
        message, signed = await asyncio.wait_for(received.get(), 60)
        assert signed
        triggers.append(message["notifications"][0]["trigger"])
        assert message["run_id"] == (None if triggers == ["verification"] else run.id)
    assert triggers == ["verification", "run:created", "run:planning", "run:needs_attention"]
    await hcp.stop()
    await runner.cleanup()


async def answered(hcp: HcpStandIn, *statuses: int) -> None:
    async with asyncio.timeout(60):
        while tuple(hcp.notifications.answers) != statuses:  # noqa: ASYNC110 - the stand-in sends no event
            await asyncio.sleep(0.02)


async def test_a_person_is_told_that_notifications_are_lost_and_when_they_get_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/told"
    hcp = HcpStandIn(tokens={}, notifications=NotificationSettings(url, "word"))
    hcp.add("acme", "prod", working_directory="", state=tmp_path / "prod.tfstate").lock("max")
    await hcp.start()
    hcp.notify()
    await answered(hcp, 0)
    lost = capsys.readouterr().out
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    queued(hcp)
    await answered(hcp, 0, 404)
    back = capsys.readouterr().out
    await hcp.stop()
    await runner.cleanup()
    assert lost.startswith(
        f"The notification verification was not delivered to {url}: nobody listens there. The sandbox "
    )
    assert back == f"Notifications get through to {url} again; 1 was lost.\n"


@pytest.mark.needs_terraform
async def test_pytfe_reads_what_run_tasks_have_said(hcp: HcpStandIn, ask: Ask) -> None:
    hcp.workspaces["prod"].tasks = (Task("scan", "failed", "2 findings", "https://scan.example.com/1"), Task("cost"))
    run = queued(hcp)
    await until(run, "post_plan_completed")
    observed = await ask(lambda client: client.runs.read(run.id))
    assert (observed.status, observed.actions.is_confirmable) == ("post_plan_completed", True)
    (stage,) = await ask(lambda client: list(client.task_stages.list(run.id)))
    assert (stage.stage, stage.status) == ("post_plan", "failed")
    assert [item.id for item in observed.task_stages] == [stage.id]
    first, second = [
        await ask(lambda client, item=item: client.task_results.read(item.id)) for item in stage.task_results
    ]
    assert (first.task_name, first.status, first.message, first.url) == (
        "scan",
        "failed",
        "2 findings",
        "https://scan.example.com/1",
    )
    assert (second.task_name, second.status, second.workspace_task_enforcement_level) == ("cost", "passed", "advisory")


@pytest.mark.needs_terraform
async def test_a_run_that_only_plans_takes_no_turn_and_is_never_confirmed(hcp: HcpStandIn, ask: Ask) -> None:
    waiting = queued(hcp)
    await until(waiting, "planned")
    workspace = hcp.workspaces["prod"]
    workspace.lock("max")
    wanted = RunCreateOptions.model_validate(
        {
            "workspace": Workspace.model_validate({"id": workspace.id}),
            "plan-only": True,
            "target-addrs": ["terraform_data.one"],
            "replace-addrs": ["terraform_data.one"],
        }
    )
    made = await ask(lambda client: client.runs.create(wanted))
    await until(workspace.runs[1], "planned_and_finished")
    observed = await ask(lambda client: client.runs.read(made.id))
    assert (observed.plan_only, observed.has_changes, observed.actions.is_confirmable) == (True, True, False)
    assert (observed.target_addrs, observed.replace_addrs) == (["terraform_data.one"], ["terraform_data.one"])
    assert workspace.current is waiting
