"""Attempts, reruns, logs that are gone or large, workflows that are switched off, and what GitHub would not know."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client
from tests.unit.sandbox.github.schemas import all_fit, fits

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository

ACTIONS = f"{INFRASTRUCTURE}/actions"
RUNS = f"{ACTIONS}/runs"
WIDE = f"""
name: Wide
on: workflow_dispatch
jobs:
  cell:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        row: {list(range(16))}
        column: {list(range(16))}
    steps: [{{run: echo}}]
"""


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/infrastructure")


async def test_each_attempt_is_told_as_it_ended(client: Client, repository: Repository) -> None:
    repository.fail_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    first_jobs = await client.jobs(run_id)
    repository.hang_next("deploy-dev.yml", job="cron")
    assert (await client.post(f"{RUNS}/{run_id}/rerun-failed-jobs")).status == 201
    first = (await client.get(f"{RUNS}/{run_id}/attempts/1")).json
    second = (await client.get(f"{RUNS}/{run_id}/attempts/2")).json
    assert [(item["run_attempt"], item["status"], item["conclusion"]) for item in (first, second)] == [
        (1, "completed", "failure"),
        (2, second["status"], None),
    ]
    assert second["previous_attempt_url"].endswith(f"{run_id}/attempts/1")
    assert second["run_started_at"] >= first["run_started_at"]
    fits("WorkflowRun", first)
    jobs = (await client.get(f"{RUNS}/{run_id}/attempts/1/jobs")).json
    assert {job["id"] for job in jobs["jobs"]} == {job["id"] for job in first_jobs.values()}
    all_fit("Job", jobs["jobs"])
    assert (await client.get(f"{RUNS}/{run_id}/attempts/3")).status == 404
    await client.post(f"{RUNS}/{run_id}/cancel")
    await client.ended(run_id)


async def test_a_job_that_did_not_run_again_is_listed_anew_with_its_old_times(
    client: Client, repository: Repository
) -> None:
    repository.fail_next("deploy-dev.yml", job="cron")
    repository.hang_next("deploy-dev.yml", job="backend")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda _, jobs: jobs["deploy (sftp)"]["status"] == "completed")
    await client.ended(run_id)
    before = await client.jobs(run_id)
    await client.post(f"{RUNS}/{run_id}/rerun-failed-jobs")
    await client.ended(run_id)
    after = await client.jobs(run_id)
    stored = [name for name, job in before.items() if job["conclusion"] == "success"]
    for name in stored:
        assert after[name]["id"] != before[name]["id"]
        assert after[name]["started_at"] == before[name]["started_at"] <= after[name]["created_at"]
    every = (await client.get(f"{RUNS}/{run_id}/jobs?filter=all&per_page=100")).json
    assert every["total_count"] == len(before) + len(after)


async def test_one_job_runs_again_with_what_needs_it(client: Client) -> None:
    run_id = await client.dispatch("build-images.yml")
    await client.ended(run_id)
    before = await client.jobs(run_id)
    chosen = before["build (cron, dev)"]["id"]
    assert (await client.post(f"{ACTIONS}/jobs/{chosen}/rerun")).status == 201
    await client.ended(run_id)
    after = await client.jobs(run_id)
    again = {name for name, job in after.items() if job["completed_at"] > before[name]["completed_at"]}
    assert again <= {"build (cron, dev)", "notify"}
    assert set(after) == set(before)


async def test_a_run_of_last_month_cannot_be_rerun(client: Client, repository: Repository) -> None:
    repository.fail_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    repository.backdate(repository.runs[run_id], timedelta(days=31))
    answer = await client.post(f"{RUNS}/{run_id}/rerun-failed-jobs")
    assert answer.status == 403
    assert answer.json["message"] == "Unable to retry this workflow run because it was created over a month ago"


async def test_expired_logs_are_410_and_late_ones_404(
    client: Client, stand_in: GitHubStandIn, repository: Repository
) -> None:
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    job = f"{ACTIONS}/jobs/{(await client.jobs(run_id))['deploy (cron)']['id']}/logs"
    stand_in.site.log_lag = 3_600
    assert (await client.get(job)).status == 404
    stand_in.site.log_lag = 0
    assert (await client.get(job)).status == 302
    repository.expire_logs(repository.runs[run_id])
    answer = await client.get(job)
    assert (answer.status, answer.json["message"]) == (410, "Server Error")


async def test_a_large_log_arrives_whole(client: Client, repository: Repository) -> None:
    repository.print_next("deploy-dev.yml", job="cron", log=["E: the end"])
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    job = next(job for job in repository.runs[run_id].jobs if job.name == "deploy (cron)")
    job.padding = 5 << 20
    link = (await client.get(f"{ACTIONS}/jobs/{job.job_id}/logs")).headers["Location"]
    body = (await client.get(link)).body
    assert len(body) > job.padding
    assert b"E: the end" in body[job.padding :]


async def test_a_workflow_is_switched_off_and_on(client: Client) -> None:
    workflow = f"{ACTIONS}/workflows/deploy-dev.yml"
    assert (await client.ask("PUT", f"{workflow}/disable")).status == 204
    assert (await client.get(workflow)).json["state"] == "disabled_manually"
    assert (await client.post(f"{workflow}/dispatches", {"ref": "main"})).status == 422
    assert (await client.ask("PUT", f"{workflow}/enable")).status == 204
    assert (await client.post(f"{workflow}/dispatches", {"ref": "main"})).status == 204


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"ref": "main", "input": {}}, '"input" is not a permitted key.'),
        ({}, '"ref" wasn\'t supplied.'),
        ({"ref": "main", "inputs": ["a"]}, "For 'properties/inputs', ['a'] is not an object."),
    ],
)
async def test_a_dispatch_is_held_against_its_schema(client: Client, body: object, why: str) -> None:
    answer = await client.post(f"{ACTIONS}/workflows/deploy-dev.yml/dispatches", body)
    assert (answer.status, answer.json["message"]) == (422, f"Invalid request.\n\n{why}")


async def test_256_jobs_come_on_three_pages(client: Client, repository: Repository) -> None:
    repository.commit("main", {".github/workflows/wide.yml": WIDE}, "Add a wide matrix")
    run_id = await client.dispatch("wide.yml")
    await repository.ended(repository.runs[run_id])
    observed = []
    for page in (1, 2, 3):
        answer = await client.get(f"{RUNS}/{run_id}/jobs?per_page=100&page={page}")
        assert answer.json["total_count"] == 256
        assert ('rel="next"' in answer.headers["Link"]) is (page < 3)
        observed += [job["id"] for job in answer.json["jobs"]]
    assert len(set(observed)) == 256


async def test_what_github_would_not_know_is_noted(client: Client, stand_in: GitHubStandIn) -> None:
    await client.get(f"{RUNS}?status=failure&per_page=5")
    assert stand_in.refused == []
    assert (await client.get(f"{RUNS}?state=failure")).status == 200
    assert (await client.get(f"{RUNS}/last")).status == 404
    assert (await client.get(f"{INFRASTRUCTURE}/workflows")).status == 404
    assert stand_in.refused == [
        f"GET {RUNS}: no parameter state",
        f"GET {INFRASTRUCTURE}/workflows: no such endpoint",
    ]


async def test_a_job_that_was_cancelled_before_it_ran_has_neither_steps_nor_log(
    client: Client, repository: Repository
) -> None:
    repository.wait_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda run, _: run["status"] == "waiting")
    assert [(await client.post(f"{RUNS}/{run_id}/cancel")).status for _ in range(2)] == [202, 202]
    assert (await client.ended(run_id))["conclusion"] == "cancelled"
    job = (await client.jobs(run_id))["deploy (cron)"]
    assert (job["conclusion"], job["steps"], job["runner_id"]) == ("cancelled", [], None)
    assert (await client.get(f"{ACTIONS}/jobs/{job['id']}/logs")).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"User-Agent": ""}, 403),
        ({"X-GitHub-Api-Version": "2021-01-01"}, 400),
        ({"X-GitHub-Api-Version": "2026-03-10"}, 200),
        ({}, 200),
    ],
)
async def test_headers_are_githubs(client: Client, headers: dict[str, str], status: int) -> None:
    answer = await client.get(INFRASTRUCTURE, headers=headers)
    assert answer.status == status
    if status == 200:
        assert answer.headers["X-GitHub-Api-Version-Selected"] == headers.get("X-GitHub-Api-Version", "2022-11-28")


async def test_a_workflow_whose_file_is_gone_is_gone(client: Client, repository: Repository) -> None:
    workflow = (await client.get(f"{ACTIONS}/workflows/deploy-dev.yml")).json
    repository.commit("main", {".github/workflows/deploy-dev.yml": None}, "Deploy by hand from now on")
    assert (await client.get(f"{ACTIONS}/workflows/deploy-dev.yml")).status == 404
    assert (await client.post(f"{ACTIONS}/workflows/deploy-dev.yml/dispatches", {"ref": "main"})).status == 404
    assert (await client.get(f"{ACTIONS}/workflows/{workflow['id']}")).json["state"] == "deleted"
    repository.commit("main", {".github/workflows/deploy-dev.yml": WIDE}, "Or rather not")
    assert (await client.get(f"{ACTIONS}/workflows/deploy-dev.yml")).json["state"] == "active"
