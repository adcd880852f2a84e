"""The access key of a build user with its places, for the stories about secrets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.github.vault import Secret
from sandbox.stories._infrastructure import commit

if TYPE_CHECKING:
    from sandbox.aws import AwsHandle
    from sandbox.github import Repository
    from sandbox.world import World

USER = "image-builder"
WORKFLOW = "use-key.yml"
OPERATIONS = 'operations:\n  directory: "{files}/var"\n'
SECTION = f"""secrets:
  users: [{USER}]
  parameters: [/ci/]
  rotate:
    build-key:
      user: {USER}
      environment: staging
      workflow: {WORKFLOW}
      grace: 3s
      places:
        - {{github: BUILD_KEY_ID, value: id}}
        - {{github: BUILD_KEY}}
        - {{parameter: /ci/build-key}}
"""
CONFIG = {OPERATIONS: SECTION + OPERATIONS}
_FILE = """name: Use the key
on: {workflow_dispatch: }
permissions: {id-token: write}
jobs:
  use:
    runs-on: ubuntu-latest
    steps:
      - run: echo "${{ secrets.BUILD_KEY_ID }} ${{ secrets.BUILD_KEY }} ${{ secrets.SLACK_HOOK }}" | wc -c
"""


def repository_of(world: World) -> Repository:
    """The repository whose secrets the key is in."""
    return world.github.repository(INFRASTRUCTURE)


def hold(world: World, name: str, value: str, days: int, environment: str = "") -> None:
    """A secret at GitHub that was set so many days ago."""
    repository, at = repository_of(world), datetime.now(UTC) - timedelta(days=days)
    vault = repository.vault
    if environment:
        repository.deployments.environments.setdefault(environment, at)
        vault = repository.environment_vaults.setdefault(environment, type(vault)())
    vault.secrets[name] = Secret(name, value, at, at)


async def prepare(world: World) -> str:
    """The user with one key, which is in its places, and a workflow that uses it; the key's id."""
    key_id, secret = await asyncio.to_thread(_in_aws, world)
    hold(world, "BUILD_KEY_ID", key_id, 412)
    hold(world, "BUILD_KEY", secret, 412)
    commit(world, {f".github/workflows/{WORKFLOW}": _FILE}, "Use the build key")
    return key_id


def _in_aws(world: World) -> tuple[str, str]:
    iam, ssm = world.aws.client("iam"), world.aws.client("ssm")
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    ssm.put_parameter(Name="/ci/build-key", Value=key["SecretAccessKey"], Type="SecureString")
    return str(key["AccessKeyId"]), str(key["SecretAccessKey"])


def keys_now(aws: AwsHandle) -> dict[str, str]:
    """The status of each access key of the user, by its id."""
    listed = aws.client("iam").list_access_keys(UserName=USER)["AccessKeyMetadata"]
    return {each["AccessKeyId"]: each["Status"] for each in listed}


def places_now(world: World, aws: AwsHandle) -> tuple[str, str, str]:
    """The values in the key's places: its id, its secret, and the parameter."""
    held = repository_of(world).vault.secrets
    parameter = aws.client("ssm").get_parameter(Name="/ci/build-key", WithDecryption=True)["Parameter"]
    return held["BUILD_KEY_ID"].value, held["BUILD_KEY"].value, str(parameter["Value"])
