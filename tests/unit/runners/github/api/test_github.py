"""Who we are on GitHub, where our token goes, and what a broken GitHub means."""

from __future__ import annotations

import asyncio
import pickle
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runners.errors import (
    AccessDeniedError,
    NoSuchRefError,
    NotFoundError,
    RunnerError,
    UnavailableError,
    UncertainError,
)
from runners.github import GitHub, commits
from runners.github.api.client import ANSWER_TIMEOUT
from runners.github.api.errors import GITHUB, message_of
from runners.github.runs import dispatch, logs, poller
from runners.http import Refusal
from sandbox.github import AppIdentity, GitHubStandIn, sandbox_repositories

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REPOSITORY = "PermanentOrg/infrastructure"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def app_key() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture
async def with_app(app_key: tuple[str, str]) -> AsyncIterator[GitHubStandIn]:
    app = AppIdentity(4711, app_key[1])
    server = GitHubStandIn(token="unused", repositories=sandbox_repositories(), speed=200, app=app)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def app_client(with_app: GitHubStandIn, app_key: tuple[str, str]) -> AsyncIterator[GitHub]:
    client = GitHub(with_app.url, app_id="4711", private_key=app_key[0], write_pause=0, read_pause=0)
    yield client
    await client.close()


async def test_an_app_takes_one_token_for_many_calls(app_client: GitHub, with_app: GitHubStandIn) -> None:
    await asyncio.gather(*(commits.resolve(app_client, REPOSITORY, "main") for _ in range(3)))
    assert [request.path for request in with_app.requests if request.method == "POST"] == [
        "/app/installations/51000001/access_tokens"
    ]


async def test_an_apps_dispatch_is_found_under_its_own_name(app_client: GitHub) -> None:
    assert await app_client.login(REPOSITORY) == "signalbox[bot]"
    run_id = await dispatch.dispatch(app_client, REPOSITORY, "deploy-staging.yml", "staging")
    found = await dispatch.find_dispatched(
        app_client, REPOSITORY, "deploy-staging.yml", ref="staging", head_sha="", after_run_id=0, pause=0.1
    )
    assert found == run_id


async def test_an_apps_token_is_renewed_when_it_is_refused(app_client: GitHub, with_app: GitHubStandIn) -> None:
    first = await app_client.token(REPOSITORY)
    with_app.site.credentials.expire_installation_tokens()
    assert await dispatch.dispatch(app_client, REPOSITORY, "deploy-staging.yml", "staging")
    assert await app_client.token(REPOSITORY) != first
    with_app.site.credentials.expire_installation_tokens()
    assert await dispatch.newest_run_id(app_client, REPOSITORY, "deploy-dev.yml") == 0


async def test_an_apps_token_is_renewed_before_it_expires(app_client: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await app_client.token(REPOSITORY)
    assert await app_client.token(REPOSITORY) == first
    monkeypatch.setattr("runners.github.api.identity.RENEW_BEFORE", timedelta(minutes=61))
    assert await app_client.token(REPOSITORY) != first


async def test_an_app_knows_what_it_may_do(app_client: GitHub, github: GitHub) -> None:
    ours = await app_client.permissions(REPOSITORY)
    assert ours
    assert ours["actions"] == "write"
    assert await github.permissions(REPOSITORY) is None
    with pytest.raises(NotFoundError, match="installation"):
        await app_client.permissions("PermanentOrg/nothing")


async def test_a_log_is_read_with_a_renewed_token(app_client: GitHub, with_app: GitHubStandIn) -> None:
    run_id = await dispatch.dispatch(app_client, REPOSITORY, "deploy-staging.yml", "staging")
    assert run_id
    last = [run async for run in poller.watch_run(app_client, REPOSITORY, run_id, interval=0.05)][-1]
    with_app.site.credentials.expire_installation_tokens()
    assert await logs.job_log_tail(app_client, REPOSITORY, last.jobs[0].job_id)


async def test_an_app_that_is_not_installed_there_says_so(app_client: GitHub) -> None:
    with pytest.raises(NotFoundError, match="installation"):
        await commits.resolve(app_client, "PermanentOrg/nothing", "main")


@pytest.mark.parametrize("key", ["garbage", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"])
async def test_an_apps_key_that_cannot_be_read_is_said(with_app: GitHubStandIn, key: str) -> None:
    client = GitHub(with_app.url, app_id="4711", private_key=key)
    with pytest.raises(AccessDeniedError, match="private key cannot be read"):
        await commits.resolve(client, REPOSITORY, "main")
    await client.close()


async def test_without_token_or_app_every_call_says_what_to_set() -> None:
    client = GitHub("http://127.0.0.1:9")
    with pytest.raises(AccessDeniedError) as caught:
        await commits.resolve(client, REPOSITORY, "main")
    assert "GITHUB_TOKEN" in caught.value.remedy
    await client.close()


class Servers:
    """Small servers, each with one handler for everything."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []

    async def start(self, handler: Handler) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    these = Servers()
    yield these
    await these.stop()


async def client_of(url: str, *, answer_timeout: int = ANSWER_TIMEOUT) -> GitHub:
    return GitHub(url, token="ghp_canary", write_pause=0, read_pause=0, answer_timeout=answer_timeout)


async def test_a_redirect_to_another_host_gets_no_token(servers: Servers) -> None:
    seen: list[Mapping[str, str]] = []

    async def store(request: web.Request) -> web.Response:
        seen.append(request.headers.copy())
        return web.Response(text="2026-11-23T12:00:00.0000000Z the end\n")

    elsewhere = await servers.start(store)

    async def api(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer ghp_canary"
        return web.Response(status=302, headers={"Location": f"{elsewhere}/log?signature=canary%2B1"})

    client = await client_of(await servers.start(api))
    assert await logs.job_log_tail(client, REPOSITORY, 1) == "the end"
    assert "Authorization" not in seen[0]
    await client.close()


async def test_a_broken_download_shows_no_signed_address(servers: Servers) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/log?signature=canary"})

    client = await client_of(await servers.start(api))
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        await logs.job_log_tail(client, REPOSITORY, 1)
    assert "canary" not in repr(caught.value.__dict__) + repr(caught.value.__cause__)
    await client.close()


@pytest.mark.parametrize(
    ("location", "words"),
    [("/round", "circles"), (None, "no address"), ("mailto:x", "no address|not encrypted"), ("ftp://h/x", "not encry")],
)
async def test_a_redirect_that_leads_nowhere_ends(servers: Servers, location: str | None, words: str) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=302, headers={"Location": location} if location else {})

    client = await client_of(await servers.start(api))
    with pytest.raises(RunnerError, match=words):
        await logs.job_log_tail(client, REPOSITORY, 1)
    await client.close()


async def test_no_answer_at_all_is_uncertain_for_a_change_and_unavailable_for_a_read(servers: Servers) -> None:
    posts = 0

    async def api(request: web.Request) -> web.Response:
        nonlocal posts
        posts += request.method == "POST"
        await asyncio.sleep(3)
        return web.Response()

    client = await client_of(await servers.start(api), answer_timeout=1)
    with pytest.raises(UncertainError):
        await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main")
    assert posts == 1
    with pytest.raises(UnavailableError, match="in time") as caught:
        await dispatch.newest_run_id(client, REPOSITORY, "deploy.yml")
    assert not isinstance(caught.value, UncertainError)
    await client.close()


async def test_a_change_that_was_never_sent_is_not_uncertain() -> None:
    client = GitHub("http://127.0.0.1:9", token="ghp_canary")
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main")
    assert not isinstance(caught.value, UncertainError)
    await client.close()


async def test_an_answer_without_run_details_is_a_dispatch_without_an_id(servers: Servers) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=204)

    client = await client_of(await servers.start(api))
    assert await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main") is None
    await client.close()


async def test_an_enterprise_servers_api_lies_below_a_path(servers: Servers) -> None:
    asked: list[str] = []

    async def api(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.json_response({"workflow_runs": []}) if request.method == "GET" else web.Response(status=204)

    client = GitHub(f"{await servers.start(api)}/api/v3/", token="ghp_canary", write_pause=0, read_pause=0)
    assert await dispatch.newest_run_id(client, REPOSITORY, "deploy.yml") == 0
    assert await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main") is None
    workflow = f"/api/v3/repos/{REPOSITORY}/actions/workflows/deploy.yml"
    assert asked == [f"GET {workflow}/runs", f"POST {workflow}/dispatches"]
    await client.close()


@pytest.mark.parametrize("body", ["{", "<html>", '{"workflow_runs": '])
async def test_an_answer_that_is_no_json_is_an_outage(servers: Servers, body: str) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(text=body)

    client = await client_of(await servers.start(api))
    with pytest.raises(UnavailableError):
        await dispatch.newest_run_id(client, REPOSITORY, "deploy.yml")
    with pytest.raises(UnavailableError):
        await commits.resolve(client, REPOSITORY, "main")
    await client.close()


async def test_changes_keep_their_distance(servers: Servers) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=204)

    client = GitHub(await servers.start(api), token="ghp_canary", write_pause=0.3)
    began = time.monotonic()
    await asyncio.gather(*(dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main") for _ in range(3)))
    assert time.monotonic() - began > 0.6
    await client.close()


def refused(status: int, message: str = "", **headers: str) -> Refusal:
    return Refusal(status, message, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (refused(400, "Problems parsing JSON"), RunnerError, "Problems parsing JSON"),
        (refused(401, "Bad credentials"), AccessDeniedError, "credentials (Bad credentials)"),
        (refused(403, "Resource not accessible"), AccessDeniedError, "forbids it: Resource not accessible"),
        (refused(403, "Blocked", x_ratelimit_remaining="0", x_ratelimit_reset="1795435200"), UnavailableError, "rate"),
        (refused(403, "You have exceeded a secondary rate limit"), UnavailableError, "until 12:01:00 UTC"),
        (refused(403, "Slow down", retry_after="90"), UnavailableError, "until 12:01:30 UTC"),
        (refused(429), UnavailableError, "until 12:01:00 UTC"),
        (refused(404, "Not Found"), NotFoundError, "nothing there"),
        (refused(410, "Gone"), NotFoundError, "Gone"),
        (refused(409, "Cannot cancel"), RunnerError, "in the way: Cannot cancel"),
        (refused(422, "No commit found for SHA: x"), NoSuchRefError, "No commit found"),
        (refused(422, "Unexpected inputs provided: [x]"), RunnerError, "Unexpected inputs"),
        (refused(301, "Moved"), RunnerError, "elsewhere"),
        (refused(503), UnavailableError, "its error 503"),
    ],
)
def test_each_refusal_has_its_error(refusal: Refusal, kind: type[RunnerError], words: str) -> None:
    error = GITHUB.error_for(refusal, "doing it", changes=False, now=NOW)
    assert type(error) is kind
    assert words in error.problem
    assert error.doing == "doing it"


def test_what_a_permission_is_called_is_passed_on() -> None:
    error = GITHUB.error_for(refused(403, "No", x_accepted_github_permissions="actions=write"), "x", changes=True)
    assert "actions=write" in error.remedy
    assert "single sign-on" in GITHUB.error_for(refused(403, "No", x_github_sso="required"), "x", changes=True).remedy


def test_an_error_of_githubs_leaves_a_change_uncertain_and_survives_storage() -> None:
    error = GITHUB.error_for(refused(502), "x", changes=True)
    assert type(error) is UncertainError
    limited = GITHUB.error_for(refused(429), "x", changes=True, now=NOW)
    again = pickle.loads(pickle.dumps(limited))  # noqa: S301 - our own bytes
    assert (type(again), again.retry_at) == (UnavailableError, NOW + timedelta(minutes=1))


def test_githubs_words_come_on_one_line_of_bounded_length() -> None:
    assert message_of({"message": "Validation\nFailed", "errors": [{"message": "a"}, "b"]}) == "Validation Failed a b"
    assert message_of(None) == message_of(["x"]) == message_of({}) == ""
    assert len(message_of({"message": "x" * 1000})) == 300
