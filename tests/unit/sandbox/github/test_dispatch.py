from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn

ACTIONS = f"{INFRASTRUCTURE}/actions"
WORKFLOW = """
name: Try
run-name: Try ${{ inputs.mark }}
on:
  workflow_dispatch:
    inputs:
      mark: {required: true}
      level: {type: choice, options: [low, high], default: low}
      dry: {type: boolean, default: false}
jobs:
  only:
    runs-on: ubuntu-latest
    steps: [{run: echo}]
"""


@pytest.fixture(autouse=True)
def try_workflow(stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository("PermanentOrg/infrastructure")
    repository.commit("main", {".github/workflows/try.yml": WORKFLOW}, "Try inputs")
    repository.graph.tag("v1", "main")


@pytest.mark.parametrize(
    ("workflow", "body", "status", "message"),
    [
        ("nothing.yml", {"ref": "main"}, 404, "Not Found"),
        ("try.yml", {"ref": "nothing", "inputs": {"mark": "1"}}, 422, "No ref found for: nothing"),
        ("try.yml", {"ref": "--upload-pack=x", "inputs": {}}, 422, "No ref found for: --upload-pack=x"),
        ("try.yml", {"ref": "main"}, 422, "Required input 'mark' not provided"),
        (
            "try.yml",
            {"ref": "main", "inputs": {"mark": "1", "b": "", "a": ""}},
            422,
            'Unexpected inputs provided: ["a", "b"]',
        ),
        (
            "try.yml",
            {"ref": "main", "inputs": {"mark": "1", "level": "middle"}},
            422,
            "Provided value 'middle' for input 'level' not in the list of allowed values",
        ),
        (
            "try.yml",
            {"ref": "main", "inputs": {"mark": "1", "dry": "perhaps"}},
            422,
            "Provided value 'perhaps' for input 'dry' not a valid boolean",
        ),
        ("try.yml", {"ref": "staging"}, 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("checks.yml", {"ref": "main"}, 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("try.yml", {}, 422, 'Invalid request.\n\n"ref" wasn\'t supplied.'),
        ("try.yml", [], 400, "Body should be a JSON object"),
    ],
)
async def test_refused_dispatches_start_nothing(
    client: Client, stand_in: GitHubStandIn, *, workflow: str, body: Any, status: int, message: str
) -> None:
    answer = await client.post(f"{ACTIONS}/workflows/{workflow}/dispatches", body)
    assert (answer.status, answer.json["message"]) == (status, message)
    assert not stand_in.repository("PermanentOrg/infrastructure").runs


async def test_at_most_25_inputs(client: Client) -> None:
    inputs = {f"i{number}": "" for number in range(26)}
    answer = await client.post(f"{ACTIONS}/workflows/try.yml/dispatches", {"ref": "main", "inputs": inputs})
    assert answer.status == 422
    assert "No more than 25 properties are allowed; 26 were supplied." in answer.json["message"]


async def test_a_disabled_workflow_cannot_be_dispatched(client: Client, stand_in: GitHubStandIn) -> None:
    workflow = stand_in.repository("PermanentOrg/infrastructure").workflow("try.yml")
    assert workflow is not None
    workflow.state = "disabled_manually"
    answer = await client.post(f"{ACTIONS}/workflows/try.yml/dispatches", {"ref": "main"})
    assert (answer.status, answer.json["message"]) == (
        422,
        "Cannot trigger a 'workflow_dispatch' on a disabled workflow",
    )


async def test_without_run_details_the_answer_is_204_and_empty(client: Client) -> None:
    answer = await client.post(f"{ACTIONS}/workflows/deploy-dev.yml/dispatches", {"ref": "main"})
    assert (answer.status, answer.body) == (204, b"")


async def test_the_run_says_what_was_dispatched(client: Client, stand_in: GitHubStandIn) -> None:
    run_id = await client.dispatch("try.yml", ref="v1", inputs={"mark": "op-12", "dry": True})
    run = await client.run(run_id)
    graph = stand_in.repository("PermanentOrg/infrastructure").graph
    assert (run["head_branch"], run["head_sha"]) == ("v1", graph.tags["v1"])
    assert (run["display_title"], run["name"], run["event"]) == ("Try op-12", "Try", "workflow_dispatch")
    assert run["actor"]["login"] == "signalbox-bot"
    made = stand_in.repository("PermanentOrg/infrastructure").runs[run_id]
    assert made.inputs == {"mark": "op-12", "level": "low", "dry": "true"}


async def test_listings_lag_behind_a_dispatch(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.site.listing_lag = 60
    run_id = await client.dispatch("deploy-dev.yml")
    assert (await client.run(run_id))["id"] == run_id
    assert (await client.get(f"{ACTIONS}/runs")).json["total_count"] == 0
    stand_in.site.listing_lag = 0
    assert [run["id"] for run in (await client.get(f"{ACTIONS}/runs")).json["workflow_runs"]] == [run_id]


async def test_listings_are_filtered(client: Client, stand_in: GitHubStandIn) -> None:
    stand_in.site.listing_lag = 0
    repository = stand_in.repository("PermanentOrg/infrastructure")
    ours = await client.dispatch("deploy-dev.yml")
    theirs = repository.dispatch("deploy-staging.yml", "staging", actor="ana-duarte").run_id
    await client.ended(ours)
    sha = repository.graph.branches["staging"]
    now = repository.runs[ours].created_at
    for query, wanted in {
        "": [theirs, ours],
        "actor=signalbox-bot": [ours],
        "branch=staging": [theirs],
        "event=push": [],
        f"head_sha={sha}": [theirs],
        "status=success&actor=signalbox-bot": [ours],
        "status=failure": [],
        f"created=>={now:%Y-%m-%dT%H:%M:%SZ}": [theirs, ours],
        f"created=<{now:%Y-%m-%d}": [],
        f"created={now:%Y-%m-%d}": [theirs, ours],
        "created=*..2020-01-01": [],
    }.items():
        answer = await client.get(f"{ACTIONS}/runs?{query}")
        assert [run["id"] for run in answer.json["workflow_runs"]] == wanted, query
    of_one = await client.get(f"{ACTIONS}/workflows/deploy-staging.yml/runs")
    assert [run["id"] for run in of_one.json["workflow_runs"]] == [theirs]
