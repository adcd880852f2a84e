"""What Apps, fine-grained and classic tokens may, and an Enterprise server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import github
import pytest

from sandbox.github import AppIdentity, GitHubStandIn, Grant, WebhookSettings, sandbox_repositories
from tests.unit.sandbox.github.client import APPLICATION, INFRASTRUCTURE, TOKEN, Client
from tests.unit.sandbox.github.schemas import all_fit, fits
from tests.unit.sandbox.github.test_credentials import APP_ID, PUBLIC, bearing, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKENS = "/app/installations/51000001/access_tokens"
DEPLOY = f"{INFRASTRUCTURE}/actions/workflows/deploy-dev.yml/dispatches"


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    made = GitHubStandIn(
        token=TOKEN, repositories=sandbox_repositories(), speed=120, app=AppIdentity(APP_ID, PUBLIC), listing_lag=0
    )
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def installed(stand_in: GitHubStandIn, client: Client) -> Client:
    """The client, with a token of the App's installation."""
    token, _ = stand_in.site.credentials.new_installation_token()
    client.headers = bearing(token)
    return client


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("GET", f"{INFRASTRUCTURE}/actions/runs", None, "actions=read"),
        ("POST", DEPLOY, {"ref": "main"}, "actions=write"),
        ("GET", f"{APPLICATION}/commits/dev", None, "contents=read"),
        ("GET", f"{APPLICATION}/compare/staging...dev", None, "contents=read"),
        ("GET", f"{APPLICATION}/tarball/dev", None, "contents=read"),
        ("GET", f"{APPLICATION}/git/trees/dev", None, "contents=read"),
        ("GET", f"{APPLICATION}/commits/dev/check-runs", None, "checks=read"),
        ("GET", f"{APPLICATION}/commits/dev/status", None, "statuses=read"),
        ("GET", f"{APPLICATION}/pulls", None, "pull_requests=read"),
        ("POST", f"{APPLICATION}/pulls", {"title": "a", "head": "dev", "base": "staging"}, "pull_requests=write"),
        ("GET", f"{APPLICATION}/deployments", None, "deployments=read"),
        ("POST", f"{APPLICATION}/deployments", {"ref": "dev", "auto_merge": False}, "deployments=write"),
        ("GET", f"{APPLICATION}/environments", None, "actions=read"),
        ("GET", f"{APPLICATION}/rules/branches/dev", None, "metadata=read"),
        ("GET", APPLICATION, None, "metadata=read"),
    ],
)
async def test_each_endpoint_asks_for_its_permission(
    installed: Client, stand_in: GitHubStandIn, *, method: str, path: str, body: Any, permission: str
) -> None:
    name, _, level = permission.partition("=")
    answer = await installed.ask(method, path, json=body)
    assert answer.status < 400, answer.json
    assert answer.headers["X-Accepted-GitHub-Permissions"] == permission
    if name == "metadata":
        return
    stand_in.app_permissions[name] = "read" if level == "write" else "none"
    refused = await installed.ask(method, path, json=body)
    assert (refused.status, refused.json["message"]) == (403, "Resource not accessible by integration")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == permission


async def test_protection_needs_administration_which_nobody_should_give(
    installed: Client, stand_in: GitHubStandIn
) -> None:
    stand_in.repository("PermanentOrg/application").protect("staging", required=["lint"])
    path = f"{APPLICATION}/branches/staging"
    assert (await installed.get(f"{path}/protection")).status == 403
    assert (await installed.get(path)).json["protection"]["required_status_checks"]["contexts"] == ["lint"]


async def test_merging_asks_for_contents(installed: Client, stand_in: GitHubStandIn) -> None:
    await installed.post(f"{APPLICATION}/pulls", {"title": "a", "head": "dev", "base": "staging"})
    stand_in.app_permissions["contents"] = "read"
    refused = await installed.ask("PUT", f"{APPLICATION}/pulls/1/merge", json={})
    assert (refused.status, refused.headers["X-Accepted-GitHub-Permissions"]) == (403, "contents=write")
    assert (await installed.get(APPLICATION)).json["permissions"]["push"] is False


async def test_an_installation_sees_its_repositories_alone(installed: Client, stand_in: GitHubStandIn) -> None:
    every = (await installed.get("/installation/repositories")).json
    fits("InstallationRepositoriesGetResponse200", every)
    assert every["total_count"] == 2
    stand_in.site.credentials.app_repositories = frozenset({"PermanentOrg/infrastructure"})
    assert (await installed.get(APPLICATION)).status == 404
    assert (await installed.get("/installation/repositories")).json["total_count"] == 1
    as_app = bearing(signed())
    assert (await installed.get(f"{APPLICATION}/installation", headers=as_app)).status == 404
    rendered = (await installed.get(f"{INFRASTRUCTURE}/installation", headers=as_app)).json
    assert rendered["repository_selection"] == "selected"
    all_fit("Installation", (await installed.get("/app/installations", headers=as_app)).json)
    by_person = await installed.get("/installation/repositories", headers=bearing(TOKEN))
    assert by_person.status == 403


async def test_a_token_may_be_narrowed_but_not_widened(installed: Client) -> None:
    as_app = bearing(signed())
    body = {"permissions": {"actions": "read"}, "repositories": ["infrastructure"]}
    made = await installed.post(TOKENS, body, headers=as_app)
    fits("InstallationToken", made.json)
    assert made.json["permissions"] == {"actions": "read"}
    narrow = bearing(made.json["token"])
    assert (await installed.post(DEPLOY, {"ref": "main"}, headers=narrow)).status == 403
    assert (await installed.get(APPLICATION, headers=narrow)).status == 404
    wider = await installed.post(TOKENS, {"permissions": {"secrets": "write"}}, headers=as_app)
    assert (wider.status, wider.json["message"]) == (
        422,
        "The permissions requested are not granted to this installation.",
    )
    assert (await installed.post(TOKENS, {"repositories": ["nothing"]}, headers=as_app)).status == 422


async def test_a_suspended_installation_may_nothing(installed: Client, stand_in: GitHubStandIn) -> None:
    stand_in.site.credentials.suspended = True
    answer = await installed.get(APPLICATION)
    assert (answer.status, answer.json["message"]) == (403, "This installation has been suspended")
    assert (await installed.post(TOKENS, {}, headers=bearing(signed()))).status == 403


async def test_classic_tokens_tell_their_scopes(client: Client, stand_in: GitHubStandIn) -> None:
    answer = await client.get("/user")
    assert answer.headers["X-OAuth-Scopes"] == "repo, workflow"
    stand_in.accept_token("ghp_small", "ana-duarte", Grant(scopes=("read:org",)))
    small = await client.get(APPLICATION, headers=bearing("ghp_small"))
    assert (small.status, small.headers["X-OAuth-Scopes"]) == (404, "read:org")


async def test_fine_grained_tokens_have_permissions(client: Client, stand_in: GitHubStandIn) -> None:
    grant = Grant(scopes=None, permissions={"actions": "read"}, repositories=frozenset({"PermanentOrg/infrastructure"}))
    stand_in.accept_token("github_pat_1", "ana-duarte", grant)
    fine = bearing("github_pat_1")
    answer = await client.get(f"{INFRASTRUCTURE}/actions/runs", headers=fine)
    assert (answer.status, "X-OAuth-Scopes" in answer.headers) == (200, False)
    refused = await client.post(DEPLOY, {"ref": "main"}, headers=fine)
    assert (refused.status, refused.json["message"]) == (403, "Resource not accessible by personal access token")
    assert (await client.get(APPLICATION, headers=fine)).status == 404


async def test_an_enterprise_server_has_its_api_below_a_path() -> None:
    made = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=120, listing_lag=0, enterprise=True)
    await made.start()

    def look() -> None:
        client = github.Github(base_url=made.url, auth=github.Auth.Token(TOKEN), seconds_between_writes=None)
        repository = client.get_repo("PermanentOrg/infrastructure")
        assert repository.url == f"{made.url}/repos/PermanentOrg/infrastructure"
        assert repository.html_url == f"{made.site.base}/PermanentOrg/infrastructure"
        assert [get_branch.name for get_branch in repository.get_branches()] == ["build-some", "dev", "main", "staging"]
        assert len(list(repository.get_commits()[:5])) == 5
        client.close()

    async with aiohttp.ClientSession() as session:
        made.deliver_to(WebhookSettings("http://127.0.0.1:1/", "secret", frozenset({"workflow_run"})))
        client = Client(session, made.url)
        await asyncio.to_thread(look)
        assert (await client.post(DEPLOY, {"ref": "main", "return_run_details": True})).status == 422
        answer = await client.post(DEPLOY, {"ref": "main"})
        assert (answer.status, answer.headers["X-GitHub-Enterprise-Version"]) == (204, "3.17.2")
        paged = await client.get(f"{INFRASTRUCTURE}/commits?per_page=2")
        assert f"<{made.url}/repos/" in paged.headers["Link"]
        run = next(iter(made.repository("PermanentOrg/infrastructure").runs))
        rendered = await client.run(run)
        assert (await client.get(rendered["jobs_url"])).status == 200
        assert (await session.get(rendered["html_url"])).status == 200
        assert (await client.get(f"{made.site.base}{INFRASTRUCTURE}")).status == 404
    await made.stop()
