"""What each kind of identity lacks on GitHub, according to the stand-in that guards every endpoint as GitHub's reference says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.check.github import configured_repositories
from bot.check.permissions import NAMES, check_permissions, needs
from bot.check.result import Findings
from bot.config import read
from runners.github import GitHub
from sandbox.github import AppIdentity, GitHubStandIn, sandbox_repositories
from sandbox.github.credentials import Grant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOME, APPLICATION = "PermanentOrg/infrastructure", "PermanentOrg/application"
TOKEN = "github_pat_canary"
CONFIG = read(f"""\
slack: {{channel: "#ops"}}
github: {{repository: {HOME}}}
aws: {{region: us-west-2}}
access: {{operators: [U0ANA], approvers: [U0ANA]}}
environments:
  staging:
    channel: "#staging"
    promote: {{from: dev, to: staging, repositories: [{APPLICATION}]}}
    deploy: {{github_actions: {{workflow: deploy-staging.yml}}}}
""")
NEEDED = {
    name: max((need.access for need in needs(CONFIG) if need.permission == name), default="read") for name in NAMES
}


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture
async def hub(key: tuple[str, str]) -> AsyncIterator[GitHubStandIn]:
    app = AppIdentity(4711, key[1])
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, app=app)
    await server.start()
    yield server
    await server.stop()


async def problems(github: GitHub) -> tuple[list[str], list[str]]:
    """What is wrong, and what is noted besides."""
    result = Findings("github")
    try:
        await check_permissions(CONFIG, github, configured_repositories(CONFIG), result)
    finally:
        await github.close()
    assert all(remedy for _, remedy in result.problems)
    return [what for what, _ in result.problems], result.facts


def as_app(hub: GitHubStandIn, key: tuple[str, str]) -> GitHub:
    return GitHub(hub.url, app_id="4711", private_key=key[0], write_pause=0, read_pause=0)


def with_token(hub: GitHubStandIn) -> GitHub:
    return GitHub(hub.url, token=TOKEN, write_pause=0, read_pause=0)


async def test_an_app_with_all_that_is_needed_lacks_nothing(hub: GitHubStandIn, key: tuple[str, str]) -> None:
    hub.site.credentials.app_permissions = NEEDED
    assert await problems(as_app(hub, key)) == ([], [])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "metadata"])
async def test_each_permission_that_an_app_lacks_is_named(hub: GitHubStandIn, key: tuple[str, str], name: str) -> None:
    hub.site.credentials.app_permissions = {item: access for item, access in NEEDED.items() if item != name}
    text, _ = await problems(as_app(hub, key))
    assert text
    assert all(item.startswith(f"the App lacks the permission {NAMES[name]}: ") for item in text)


async def test_reading_is_not_writing(hub: GitHubStandIn, key: tuple[str, str]) -> None:
    hub.site.credentials.app_permissions = dict.fromkeys(NEEDED, "read")
    text, _ = await problems(as_app(hub, key))
    assert [item.partition("permission ")[2].partition(", needed")[0] for item in text] == [
        f"Actions: read and write on {HOME}",
        f"Deployments: read and write on {HOME}",
        f"Contents: read and write on {APPLICATION}",
        f"Pull requests: read and write on {APPLICATION}",
    ]


async def test_an_app_that_is_not_installed_on_a_repository_says_which(
    hub: GitHubStandIn, key: tuple[str, str]
) -> None:
    hub.site.credentials.app_permissions = NEEDED
    hub.site.credentials.app_repositories = frozenset({HOME})
    (text,), _ = await problems(as_app(hub, key))
    assert APPLICATION in text


async def test_a_fine_grained_token_is_tried_by_reading(hub: GitHubStandIn) -> None:
    hub.site.credentials.grants = {TOKEN: Grant(scopes=None, permissions=dict.fromkeys(NEEDED, "read"))}
    assert await problems(with_token(hub)) == ([], ["write permissions of this kind of token cannot be checked"])
    changes = [request for request in hub.requests if request.method != "GET"]
    assert not changes


@pytest.mark.parametrize("name", [name for name in NAMES if name != "metadata"])
async def test_each_permission_that_a_fine_grained_token_lacks_is_named(hub: GitHubStandIn, name: str) -> None:
    given = {item: access for item, access in NEEDED.items() if item != name}
    hub.site.credentials.grants = {TOKEN: Grant(scopes=None, permissions=given)}
    text, _ = await problems(with_token(hub))
    assert text
    assert all(item.startswith(f"the token lacks the permission {NAMES[name]}: ") for item in text)


async def test_a_fine_grained_token_for_other_repositories_says_which_it_misses(hub: GitHubStandIn) -> None:
    grant = Grant(scopes=None, permissions=NEEDED, repositories=frozenset({HOME}))
    hub.site.credentials.grants = {TOKEN: grant}
    (text,), _ = await problems(with_token(hub))
    assert APPLICATION in text


async def test_a_classic_token_is_known_by_its_scopes(hub: GitHubStandIn) -> None:
    assert await problems(with_token(hub)) == ([], [])
    hub.site.credentials.grants = {TOKEN: Grant(scopes=("read:org",))}
    text, _ = await problems(with_token(hub))
    # A private repository is hidden from who lacks the scope, as if it were not there.
    assert [HOME in text[0], APPLICATION in text[1], len(text)] == [True, True, 2]
