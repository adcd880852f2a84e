from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import github
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.github import AppIdentity, GitHubStandIn, sandbox_repositories
from tests.unit.sandbox.github.client import INFRASTRUCTURE, TOKEN, Client
from tests.unit.sandbox.github.schemas import fits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

APP_ID = 1234
DISPATCHES = f"{INFRASTRUCTURE}/actions/workflows/deploy-dev.yml/dispatches"


def pem_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


PRIVATE, PUBLIC = pem_pair()
FOREIGN, _ = pem_pair()


def signed(key: str = PRIVATE, **claims: object) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + 300, "iss": str(APP_ID), **claims}, key, algorithm="RS256")


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    app = AppIdentity(APP_ID, PUBLIC)
    made = GitHubStandIn(
        token=TOKEN, repositories=sandbox_repositories(), speed=120, read_only_token="ghp_reads", app=app
    )
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def anonymous(stand_in: GitHubStandIn) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, stand_in.url, headers={})


def bearing(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


async def test_both_schemes_are_accepted(anonymous: Client) -> None:
    for scheme in ("token", "Bearer"):
        answer = await anonymous.get("/user", headers=bearing(TOKEN, scheme))
        assert (answer.status, answer.json["login"]) == (200, "signalbox-bot")


@pytest.mark.parametrize("authorization", ["Bearer wrong", "Basic x", "Bearer", "Bearer a.b.c"])
async def test_bad_credentials(anonymous: Client, authorization: str) -> None:
    answer = await anonymous.get(INFRASTRUCTURE, headers={"Authorization": authorization})
    assert answer.status == 401
    assert answer.json["message"] in {"Bad credentials", "A JSON web token could not be decoded"}


async def test_without_a_token_nothing_private_is_there(anonymous: Client) -> None:
    assert (await anonymous.get(INFRASTRUCTURE)).status == 404
    assert (await anonymous.get("/user")).json["message"] == "Requires authentication"


async def test_a_token_that_may_only_read_starts_nothing(anonymous: Client, stand_in: GitHubStandIn) -> None:
    may_read = bearing("ghp_reads")
    assert (await anonymous.get(INFRASTRUCTURE, headers=may_read)).json["permissions"]["push"] is False
    answer = await anonymous.post(DISPATCHES, {"ref": "main"}, headers=may_read)
    assert (answer.status, answer.json["message"]) == (403, "Resource not accessible by personal access token")
    assert not stand_in.repository("PermanentOrg/infrastructure").runs


async def test_an_app_gets_a_token_for_its_installation(anonymous: Client) -> None:
    as_app = bearing(signed())
    fits("Integration", (await anonymous.get("/app", headers=as_app)).json)
    installation = (await anonymous.get(f"{INFRASTRUCTURE}/installation", headers=as_app)).json
    fits("Installation", installation)
    path = f"/app/installations/{installation['id']}/access_tokens"
    answer = await anonymous.post(path, headers=as_app)
    assert answer.status == 201
    fits("InstallationToken", answer.json)
    as_installation = bearing(answer.json["token"])
    run = await anonymous.post(DISPATCHES, {"ref": "main", "return_run_details": True}, headers=as_installation)
    rendered = await anonymous.get(run.json["run_url"], headers=as_installation)
    assert (rendered.json["actor"]["login"], rendered.json["actor"]["type"]) == ("signalbox[bot]", "Bot")
    assert (await anonymous.get("/user", headers=as_installation)).status == 403


async def test_an_expired_installation_token_is_refused(anonymous: Client, stand_in: GitHubStandIn) -> None:
    token, _ = stand_in.site.credentials.new_installation_token()
    assert (await anonymous.get(INFRASTRUCTURE, headers=bearing(token))).status == 200
    stand_in.site.credentials.expire_installation_tokens()
    assert (await anonymous.get(INFRASTRUCTURE, headers=bearing(token))).status == 401


async def test_the_library_signs_in_as_the_app(stand_in: GitHubStandIn) -> None:
    def sign_in() -> str:
        auth = github.Auth.AppAuth(APP_ID, PRIVATE)
        app = github.GithubIntegration(auth=auth, base_url=stand_in.url, seconds_between_writes=None)
        installation = app.get_repo_installation("PermanentOrg", "infrastructure")
        client = github.Github(auth=auth.get_installation_auth(installation.id), base_url=stand_in.url)
        name: str = client.get_repo("PermanentOrg/infrastructure").full_name
        client.close()
        app.close()
        return name

    assert await asyncio.to_thread(sign_in) == "PermanentOrg/infrastructure"


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(FOREIGN), id="another key"),
        pytest.param(signed(iss="999"), id="another app"),
        pytest.param(signed(exp=int(time.time()) - 10), id="expired"),
        pytest.param(signed(exp=int(time.time()) + 3_600), id="too long"),
        pytest.param(jwt.encode({"iss": str(APP_ID)}, "x" * 32, algorithm="HS256"), id="another algorithm"),
        pytest.param(jwt.encode({"iss": str(APP_ID)}, PRIVATE, algorithm="RS256"), id="no times"),
    ],
)
async def test_a_jwt_that_is_not_right_is_refused(anonymous: Client, token: str) -> None:
    assert (await anonymous.get("/app", headers=bearing(token))).status == 401


async def test_a_personal_token_is_no_app(anonymous: Client) -> None:
    assert (await anonymous.get("/app", headers=bearing(TOKEN))).status == 401


async def test_an_app_itself_starts_nothing(anonymous: Client) -> None:
    assert (await anonymous.post(DISPATCHES, {"ref": "main"}, headers=bearing(signed()))).status == 403
