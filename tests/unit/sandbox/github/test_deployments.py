"""Deployments as GitHub records them, refuses them and takes the earlier ones for inactive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.github.client import APPLICATION, Client
from tests.unit.sandbox.github.schemas import all_fit, fits

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository

DEPLOYMENTS = f"{APPLICATION}/deployments"
PLAIN = {"ref": "staging", "environment": "staging", "auto_merge": False, "required_contexts": []}


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/application")


async def recorded(client: Client, **more: Any) -> Any:
    answer = await client.post(DEPLOYMENTS, {**PLAIN, **more})
    assert answer.status == 201, answer.json
    return answer.json


async def report_state(client: Client, made: Any, state: str, **more: Any) -> Any:
    return await client.post(f"{DEPLOYMENTS}/{made['id']}/statuses", {"state": state, **more})


async def test_a_deployment_is_recorded_and_told_of(client: Client, repository: Repository) -> None:
    made = await recorded(client, payload={"mark": "7"}, description="Seven", production_environment=False)
    fits("Deployment", made)
    assert (made["sha"], made["ref"]) == (repository.graph.branches["staging"], "staging")
    assert (made["payload"], made["creator"]["login"]) == ({"mark": "7"}, "signalbox-bot")
    running = await report_state(client, made, "in_progress", log_url="https://example.com/log")
    assert running.status == 201
    fits("DeploymentStatus", running.json)
    await report_state(client, made, "success", environment_url="https://staging.example.com", description="Done")
    statuses = (await client.get(f"{DEPLOYMENTS}/{made['id']}/statuses")).json
    all_fit("DeploymentStatus", statuses)
    assert [statuse["state"] for statuse in statuses] == ["success", "in_progress"]
    assert statuses[1]["log_url"] == statuses[1]["target_url"] == "https://example.com/log"
    fits("DeploymentStatus", (await client.get(f"{DEPLOYMENTS}/{made['id']}/statuses/{statuses[0]['id']}")).json)
    fits("Deployment", (await client.get(f"{DEPLOYMENTS}/{made['id']}")).json)
    environments = (await client.get(f"{APPLICATION}/environments")).json
    assert [environment["name"] for environment in environments["environments"]] == ["staging"]
    all_fit("Environment", environments["environments"])
    assert (await client.get(f"{APPLICATION}/environments/prod")).status == 404


async def test_lists_are_filtered_and_newest_first(client: Client) -> None:
    first = await recorded(client)
    second = await recorded(client, ref="main", environment="prod")
    for query, wanted in {
        "": [second, first],
        "?environment=staging": [first],
        "?ref=main": [second],
        f"?sha={first['sha']}&environment=prod": [],
        "?task=deploy&per_page=1": [second],
    }.items():
        result = (await client.get(f"{DEPLOYMENTS}{query}")).json
        assert [item["id"] for item in result] == [item["id"] for item in wanted], query


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"ref": "nothing"}, 422, "No ref found for: nothing"),
        ({"environment": "staging"}, 422, 'Invalid request.\n\n"ref" wasn\'t supplied.'),
        ({**PLAIN, "url": "x"}, 422, 'Invalid request.\n\n"url" is not a permitted key.'),
    ],
)
async def test_what_cannot_be_recorded_is_422(client: Client, body: Any, status: int, message: str) -> None:
    answer = await client.post(DEPLOYMENTS, body)
    assert (answer.status, answer.json["message"]) == (status, message)


async def test_checks_that_are_not_good_are_409(client: Client, repository: Repository) -> None:
    repository.checks.status("staging", "lint", "success")
    repository.checks.check("staging", "tests", "skipped")
    every = {key: value for key, value in PLAIN.items() if key != "required_contexts"}
    answer = await client.post(DEPLOYMENTS, every)
    assert (answer.status, answer.json["message"]) == (409, "Conflict: Commit status checks failed for staging.")
    assert {"context": "tests", "state": "skipped"} in answer.json["errors"][0]["contexts"]
    assert (await client.post(DEPLOYMENTS, {**PLAIN, "required_contexts": ["lint"]})).status == 201
    assert (await client.post(DEPLOYMENTS, {**PLAIN, "required_contexts": ["absent"]})).status == 409
    assert (await client.post(DEPLOYMENTS, PLAIN)).status == 201


async def test_the_default_branch_is_merged_first(client: Client, repository: Repository) -> None:
    sha = repository.graph.branches["staging"]
    repository.commit("main", {"new": "1"}, "Go on")
    body = {**PLAIN, "auto_merge": True}
    answer = await client.post(DEPLOYMENTS, body)
    assert (answer.status, answer.json) == (202, {"message": "Auto-merged main into staging on deployment."})
    assert repository.graph.resolve("staging").parents == (sha, repository.graph.branches["main"])
    assert (await client.post(DEPLOYMENTS, body)).status == 201
    # A commit cannot be merged into.
    refused = await client.post(DEPLOYMENTS, {**body, "ref": sha})
    assert (refused.status, refused.json["message"]) == (409, f"Conflict merging main into {sha}.")


async def test_success_makes_earlier_ones_inactive(client: Client) -> None:
    made = [
        await recorded(client),
        await recorded(client, transient_environment=True),
        await recorded(client, production_environment=True),
        await recorded(client, environment="dev"),
        await recorded(client),
    ]
    for item in made:
        await report_state(client, item, "success", auto_inactive=item is made[-1])
    states = [(await client.get(f"{DEPLOYMENTS}/{item['id']}/statuses")).json[0]["state"] for item in made]
    assert states == ["inactive", "success", "success", "success", "success"]


@pytest.mark.parametrize("more", [{"state": "done"}, {"description": "x" * 141}, {"url": "x"}])
async def test_what_cannot_be_said_is_422(client: Client, more: dict[str, str]) -> None:
    answer = await report_state(client, await recorded(client), more.pop("state", "success"), **more)
    assert answer.status == 422


async def test_an_active_deployment_is_not_deleted(client: Client) -> None:
    first, second = await recorded(client), await recorded(client)
    assert (await client.ask("DELETE", f"{DEPLOYMENTS}/{first['id']}")).status == 422
    await report_state(client, first, "inactive")
    assert (await client.ask("DELETE", f"{DEPLOYMENTS}/{first['id']}")).status == 204
    assert (await client.ask("DELETE", f"{DEPLOYMENTS}/{second['id']}")).status == 204
    assert (await client.get(f"{DEPLOYMENTS}/{second['id']}")).status == 404
