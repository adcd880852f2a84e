"""Identities on GitHub: an App's tokens are renewed; a missing identity is an error."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runners.errors import (
    AccessDeniedError,
    NotFoundError,
)
from runners.github import GitHub, commits
from runners.github.runs import dispatch, logs, poller
from sandbox.github import AppIdentity, GitHubStandIn, sandbox_repositories

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiohttp import web

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


REPOSITORY = "PermanentOrg/infrastructure"


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
    await asyncio.sleep(0.4)  # GitHub's list lags
    runs = await dispatch.started_runs(
        app_client, REPOSITORY, "deploy-staging.yml", ref="staging", head_sha="", after_run_id=0
    )
    assert [run.run_id for run in runs] == [run_id]


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
