"""Check runs, statuses, protection, and comparisons of many commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.sandbox.github.client import APPLICATION, INFRASTRUCTURE, Client
from tests.unit.sandbox.github.schemas import all_fit, fits

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository

COMMIT = f"{APPLICATION}/commits/dev"


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/application")


async def test_check_runs_have_every_conclusion_and_come_in_pages(client: Client, repository: Repository) -> None:
    for conclusion in (
        "success",
        "failure",
        "neutral",
        "skipped",
        "stale",
        "action_required",
        "cancelled",
        "timed_out",
    ):
        repository.checks.check("dev", f"is {conclusion}", conclusion)
    repository.checks.check("dev", "waits", None, status="queued")
    first = await client.get(f"{COMMIT}/check-runs?per_page=5")
    second = await client.get(f"{COMMIT}/check-runs?per_page=5&page=2")
    assert (first.json["total_count"], 'rel="next"' in first.headers["Link"]) == (9, True)
    result = first.json["check_runs"] + second.json["check_runs"]
    # GitHub alone gives "stale", and leaves it out of its schema.
    all_fit("CheckRun", [run for run in result if run["conclusion"] != "stale"])
    assert {run["name"]: run["conclusion"] for run in result}["waits"] is None
    assert all(run["conclusion"] in (None, run["name"].removeprefix("is ")) for run in result)
    fits("CheckRun", (await client.get(f"{APPLICATION}/check-runs/{result[0]['id']}")).json)
    only = (await client.get(f"{COMMIT}/check-runs?status=queued")).json
    assert [run["name"] for run in only["check_runs"]] == ["waits"]


async def test_a_check_that_ran_again_counts_once(client: Client, repository: Repository) -> None:
    repository.checks.check("dev", "lint", "failure")
    repository.checks.check("dev", "lint", "success")
    latest = (await client.get(f"{COMMIT}/check-runs")).json
    assert [run["conclusion"] for run in latest["check_runs"]] == ["success"]
    assert (await client.get(f"{COMMIT}/check-runs?filter=all")).json["total_count"] == 2


async def test_jobs_of_a_run_are_check_runs_of_its_commit(client: Client) -> None:
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    result = (await client.get(f"{INFRASTRUCTURE}/commits/main/check-runs")).json["check_runs"]
    assert {run["name"] for run in result} == set(await client.jobs(run_id))
    assert {run["check_suite"]["id"] for run in result} == {(await client.run(run_id))["check_suite_id"]}
    again = await client.dispatch("deploy-dev.yml")
    await client.ended(again)
    assert (await client.get(f"{INFRASTRUCTURE}/commits/main/check-runs")).json["total_count"] == 2 * len(result)
    all_fit("CheckRun", result)


@pytest.mark.parametrize(
    ("states", "combined"),
    [([], "pending"), (["success"], "success"), (["success", "pending"], "pending"), (["pending", "error"], "failure")],
)
async def test_statuses_come_to_one(client: Client, repository: Repository, states: list[str], combined: str) -> None:
    for number, state in enumerate(states):
        repository.checks.status("dev", f"ci/{number}", "error")
        repository.checks.status("dev", f"ci/{number}", state)  # type: ignore[arg-type] # from the table
    answer = (await client.get(f"{COMMIT}/status")).json
    fits("CombinedCommitStatus", answer)
    assert (answer["state"], answer["total_count"]) == (combined, len(states))
    assert len((await client.get(f"{COMMIT}/statuses")).json) == 2 * len(states)


async def test_a_status_can_be_set(client: Client, repository: Repository) -> None:
    sha = repository.graph.branches["dev"]
    path = f"{APPLICATION}/statuses/{sha}"
    made = await client.post(path, {"state": "success", "context": "signalbox", "description": "Deployed"})
    assert made.status == 201
    fits("Status", made.json)
    assert (await client.post(path, {"state": "fine"})).status == 422
    assert (await client.post(path, {})).status == 422


async def test_a_protected_branch_names_its_required_checks(client: Client, repository: Repository) -> None:
    branch = f"{APPLICATION}/branches/staging"
    assert (await client.get(f"{branch}/protection")).json["message"] == "Branch not protected"
    repository.protect("staging", required=["lint"], strict=True, reviews=2)
    rendered = (await client.get(branch)).json
    fits("BranchWithProtection", rendered)
    assert rendered["protected"] is True
    assert rendered["protection"]["required_status_checks"]["contexts"] == ["lint"]
    fits("BranchProtection", (await client.get(f"{branch}/protection")).json)
    policy = (await client.get(f"{branch}/protection/required_status_checks")).json
    fits("StatusCheckPolicy", policy)
    assert (policy["strict"], policy["contexts"]) == (True, ["lint"])
    assert (await client.get(f"{APPLICATION}/rules/branches/staging")).json == []


async def test_a_ruleset_is_told_as_rules_alone(client: Client, repository: Repository) -> None:
    repository.protect("staging", required=["lint"], reviews=1, ruleset=True)
    rendered = (await client.get(f"{APPLICATION}/branches/staging")).json
    assert rendered["protection"]["required_status_checks"]["contexts"] == []
    result = (await client.get(f"{APPLICATION}/rules/branches/staging")).json
    assert [rule["type"] for rule in result] == ["required_status_checks", "pull_request"]
    assert result[0]["parameters"]["required_status_checks"] == [{"context": "lint"}]
    fits("RepositoryRuleDetailedOneof8", result[0])
    fits("RepositoryRuleDetailedOneof7", result[1])
    assert (await client.get(f"{APPLICATION}/rules/branches/nothing")).json == []


async def test_a_commit_that_is_not_there_is_422(client: Client) -> None:
    assert (await client.get(f"{APPLICATION}/commits/nothing/status")).status == 404
    for what in ("check-runs", "statuses"):
        answer = await client.get(f"{APPLICATION}/commits/nothing/{what}")
        assert (answer.status, answer.json["message"]) == (422, "No commit found for SHA: nothing")


async def test_a_comparison_shows_the_newest_250_commits_or_a_page(client: Client, repository: Repository) -> None:
    for number in range(260):
        repository.commit("dev", {"counter": f"{number}"}, f"Count {number}")
    whole = await client.get(f"{APPLICATION}/compare/staging...dev")
    fits("CommitComparison", whole.json)
    messages = [item["commit"]["message"] for item in whole.json["commits"]]
    assert (whole.json["total_commits"], len(messages), messages[-1]) == (263, 250, "Count 259")
    assert "Link" not in whole.headers
    observed = []
    for page in (1, 2, 3):
        answer = await client.get(f"{APPLICATION}/compare/staging...dev?per_page=100&page={page}")
        assert bool(answer.json["files"]) is (page == 1)
        assert ('rel="next"' in answer.headers["Link"]) is (page < 3)
        observed += [item["commit"]["message"] for item in answer.json["commits"]]
    assert (len(observed), observed[0], observed[-1]) == (263, "Resume an upload that was cut off", "Count 259")
