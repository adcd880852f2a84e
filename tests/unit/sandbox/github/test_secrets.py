"""Actions secrets: sealed on the way in, names and ages on the way out."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from nacl.public import PublicKey, SealedBox

from tests.unit.sandbox.github.client import APPLICATION, Client
from tests.unit.sandbox.github.schemas import fits

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn

SECRETS = f"{APPLICATION}/actions/secrets"
OF_ORGANIZATION = "/orgs/PermanentOrg/actions/secrets"


async def sealed(client: Client, value: str, where: str = SECRETS) -> dict[str, str]:
    key = (await client.get(f"{where}/public-key")).json
    fits("ActionsPublicKey", key)
    box = SealedBox(PublicKey(base64.b64decode(key["key"]))).encrypt(value.encode())
    return {"encrypted_value": base64.b64encode(box).decode(), "key_id": key["key_id"]}


async def put(client: Client, name: str, body: Any, where: str = SECRETS) -> Any:
    return await client.ask("PUT", f"{where}/{name}", json=body)


async def test_a_secret_is_created_and_changed(client: Client, stand_in: GitHubStandIn) -> None:
    assert (await put(client, "deploy_key", await sealed(client, "one"))).status == 201
    first = (await client.get(f"{SECRETS}/DEPLOY_KEY")).json
    fits("ActionsSecret", first)
    assert (await put(client, "DEPLOY_KEY", await sealed(client, "two"))).status == 204
    listed = (await client.get(SECRETS)).json
    fits("ReposOwnerRepoActionsSecretsGetResponse200", listed)
    assert [item["name"] for item in listed["secrets"]] == ["DEPLOY_KEY"]
    assert "two" not in str(listed)
    vault = stand_in.repository("PermanentOrg/application").vault
    assert vault.secrets["DEPLOY_KEY"].value == "two"
    assert vault.secrets["DEPLOY_KEY"].updated_at > vault.secrets["DEPLOY_KEY"].created_at
    assert (await client.ask("DELETE", f"{SECRETS}/deploy_key")).status == 204
    assert (await client.get(f"{SECRETS}/DEPLOY_KEY")).status == 404


async def test_an_organization_says_who_may_see_a_secret(client: Client) -> None:
    body = await sealed(client, "x", OF_ORGANIZATION)
    assert (await put(client, "TOKEN", body, OF_ORGANIZATION)).status == 422
    assert (await put(client, "TOKEN", {**body, "visibility": "selected"}, OF_ORGANIZATION)).status == 201
    fits("OrgsOrgActionsSecretsGetResponse200", (await client.get(OF_ORGANIZATION)).json)
    fits("OrganizationActionsSecret", (await client.get(f"{OF_ORGANIZATION}/TOKEN")).json)
    assert (await client.get("/orgs/nobody/actions/secrets")).status == 404


@pytest.mark.parametrize("name", ["1A", "A-B", "GITHUB_A"])
async def test_a_name_must_be_githubs(client: Client, name: str) -> None:
    assert (await put(client, name, await sealed(client, "x"))).status == 422


@pytest.mark.parametrize("change", [{"encrypted_value": "bm9uc2Vuc2U="}, {"encrypted_value": "%"}, {"key_id": "1"}])
async def test_what_was_not_sealed_with_the_key_is_refused(client: Client, change: dict[str, str]) -> None:
    assert (await put(client, "A", {**await sealed(client, "x"), **change})).status == 422


async def test_a_new_key_makes_the_old_one_useless(client: Client, stand_in: GitHubStandIn) -> None:
    body = await sealed(client, "x")
    stand_in.repository("PermanentOrg/application").vault.new_key()
    assert (await put(client, "A", body)).status == 422
    assert (await put(client, "A", await sealed(client, "x" * (49 << 10)))).status == 422
