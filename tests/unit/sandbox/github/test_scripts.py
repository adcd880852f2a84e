"""What tests and stories may ask of coming runs, and a matrix made of inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github.play.tool_failures import TOOL_FAILURES
from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository
    from sandbox.github.play.tool_failures import Tool

DISPATCHES = f"{INFRASTRUCTURE}/actions/workflows/build-images.yml/dispatches"


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/infrastructure")


async def test_a_matrix_may_be_made_of_inputs(client: Client) -> None:
    inputs = {"machines": "cron,sftp", "environments": "dev"}
    run_id = await client.dispatch("build-images.yml", ref="build-some", inputs=inputs)
    run = await client.ended(run_id)
    assert list(await client.jobs(run_id)) == [
        "choose",
        "validate (cron)",
        "validate (sftp)",
        "build (cron, dev)",
        "build (sftp, dev)",
        "notify",
    ]
    assert run["display_title"] == "Build cron,sftp for dev"


async def test_without_inputs_their_defaults_are_built(client: Client) -> None:
    run_id = await client.dispatch("build-images.yml", ref="build-some")
    await client.ended(run_id)
    assert len(await client.jobs(run_id)) == 1 + 4 + 12 + 1


async def test_inputs_are_refused_where_none_are_declared(client: Client) -> None:
    answer = await client.post(DISPATCHES, {"ref": "main", "inputs": {"machines": "cron"}})
    assert (answer.status, answer.json["message"]) == (422, 'Unexpected inputs provided: ["machines"]')


async def test_a_matrix_that_cannot_be_computed_for_fails_the_run(repository: Repository) -> None:
    run = repository.dispatch("build-images.yml", "build-some", {"machines": "", "environments": "dev"})
    await repository.ended(run)
    ends = {job.name: job.conclusion for job in run.jobs}
    assert ends == {"choose": "success", "build": "skipped", "notify": "success"}
    assert run.problems == ["Error when evaluating job 'validate'. Matrix vector 'machine' does not contain any values"]
    assert run.conclusion == "failure"


@pytest.mark.parametrize("tool", TOOL_FAILURES)
async def test_a_tool_may_fail_unnoticed(repository: Repository, tool: Tool) -> None:
    repository.green_but_broken("build-images.yml", job="cron, dev", tool=tool)
    run = repository.dispatch("build-images.yml", "build-some", {"machines": "cron", "environments": "dev"})
    await repository.ended(run)
    job = next(job for job in run.jobs if job.name == "build (cron, dev)")
    assert (run.conclusion, job.conclusion) == ("success", "success")
    assert [text for _, text in job.log if text in TOOL_FAILURES[tool]] == list(TOOL_FAILURES[tool])


@pytest.mark.parametrize("by", ["aws", "github"])
async def test_a_rate_limit_fails_a_job_so_many_times(repository: Repository, by: str) -> None:
    repository.rate_limited("build-images.yml", job="cron, dev", by=by, times=2)  # type: ignore[arg-type] # from the table
    run = repository.dispatch("build-images.yml", "build-some", {"machines": "cron", "environments": "dev"})
    for attempt, conclusion in ((1, "failure"), (2, "failure"), (3, "success")):
        await repository.ended(run)
        assert (run.attempt, run.conclusion) == (attempt, conclusion)
        if conclusion == "failure":
            failed = next(job for job in run.latest_jobs if job.name == "build (cron, dev)")
            words = {"aws": "(RequestLimitExceeded)", "github": "403 API rate limit exceeded"}[by]
            assert any(words in text for _, text in failed.log)
            repository.rerun(run, failed_only=True, actor="ana-duarte")


async def test_a_script_may_be_about_one_attempt(repository: Repository) -> None:
    repository.fail_next("deploy-dev.yml", job="cron", attempt=2)
    repository.fail_next("deploy-dev.yml", job="cron", attempt=1)
    run = repository.dispatch("deploy-dev.yml", "main")
    ends = []
    for _ in range(3):
        await repository.ended(run)
        ends.append(run.conclusion)
        if run.conclusion == "failure":
            repository.rerun(run, failed_only=True, actor="ana-duarte")
    assert ends == ["failure", "failure", "success"]


@pytest.mark.parametrize("outcome", ["success", "failure"])
async def test_a_held_job_ends_as_it_is_told(client: Client, repository: Repository, outcome: str) -> None:
    hold = repository.hold_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda _, jobs: jobs["deploy (sftp)"]["status"] == "completed")
    assert (await client.jobs(run_id))["deploy (cron)"]["status"] == "in_progress"
    hold.release(outcome)  # type: ignore[arg-type] # from the table
    assert (await client.ended(run_id))["conclusion"] == outcome


@pytest.mark.parametrize("outcome", ["success", "failure"])
async def test_a_job_may_wait_for_an_approval(client: Client, repository: Repository, outcome: str) -> None:
    hold = repository.wait_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda run, _: run["status"] == "waiting")
    waits = (await client.jobs(run_id))["deploy (cron)"]
    assert (waits["status"], waits["steps"], waits["runner_name"]) == ("waiting", [], None)
    hold.release(outcome)  # type: ignore[arg-type] # from the table
    assert (await client.ended(run_id))["conclusion"] == outcome


async def test_a_push_starts_what_it_triggers_where_it_is_wished(client: Client, repository: Repository) -> None:
    repository.commit("dev", {"a": "1"}, "Nothing starts")
    assert not repository.runs
    repository.runs_on_push = True
    commit = repository.commit("dev", {"a": "2"}, "The checks start")
    (run,) = repository.runs.values()
    assert (run.workflow.filename, run.event, run.branch, run.commit.sha) == ("checks.yml", "push", "dev", commit.sha)
    await repository.ended(run)
    result = (await client.get(f"{INFRASTRUCTURE}/commits/dev/check-runs")).json["check_runs"]
    assert [(item["name"], item["conclusion"]) for item in result] == [("lint", "success")]
