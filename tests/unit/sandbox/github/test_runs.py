from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, ClassVar, Literal

import pytest

from sandbox.github import Repository
from sandbox.github.clock import Clock
from sandbox.github.seed import infrastructure
from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn

RUNS = f"{INFRASTRUCTURE}/actions/runs"
DEPLOYS = [f"deploy ({machine})" for machine in ("backend", "cron", "taskrunner", "sftp")]


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/infrastructure")


async def test_a_deploy_has_a_job_for_each_machine_and_steps_with_times(client: Client) -> None:
    run_id = await client.dispatch("deploy-staging.yml")
    run = await client.ended(run_id)
    jobs = await client.jobs(run_id)
    assert (run["conclusion"], list(jobs)) == ("success", DEPLOYS)
    steps = jobs["deploy (cron)"]["steps"]
    assert [step["name"] for step in steps] == [
        "Set up job",
        "Run actions/checkout@v4",
        "Install Ansible",
        "Write the inventory",
        "Run playbook",
        "Complete job",
    ]
    assert all(step["started_at"] <= step["completed_at"] for step in steps)


class RecordingClock(Clock):
    """Takes no time, and knows what it was asked for."""

    slept: ClassVar[list[float]] = []

    async def sleep(self, simulated: float) -> None:
        self.slept.append(simulated)
        await asyncio.sleep(0)


async def test_the_same_seed_takes_the_same_times() -> None:
    taken = []
    for seed in ("one", "one", "two"):
        RecordingClock.slept.clear()
        repository = Repository("a/b", number=0, clock=RecordingClock(), seed=seed)
        infrastructure(repository.graph)
        repository.read_workflows()
        await repository.ended(repository.dispatch("deploy-dev.yml", "main"))
        taken.append(sorted(RecordingClock.slept))
    assert taken[0] == taken[1] != taken[2]


async def test_a_failing_job_cancels_its_siblings(client: Client, repository: Repository) -> None:
    repository.fail_next(
        "deploy-staging.yml", job="cron", step="Run playbook", log=["fatal: [cron-1]: FAILED!"], exit_code=2
    )
    for sibling in ("backend", "taskrunner", "sftp"):
        repository.slow_next("deploy-staging.yml", job=sibling, times_slower=100)
    run_id = await client.dispatch("deploy-staging.yml")
    run = await client.ended(run_id)
    jobs = await client.jobs(run_id)
    assert run["conclusion"] == "failure"
    assert [jobs[name]["conclusion"] for name in DEPLOYS] == ["cancelled", "failure", "cancelled", "cancelled"]
    assert [step["conclusion"] for step in jobs["deploy (cron)"]["steps"]][-2:] == ["failure", "success"]
    log = await log_of(client, jobs["deploy (cron)"]["id"])
    assert "fatal: [cron-1]: FAILED!" in log
    assert "##[error]Process completed with exit code 2." in log
    assert "##[error]The operation was canceled." in await log_of(client, jobs["deploy (backend)"]["id"])


async def test_a_script_is_used_once(client: Client, repository: Repository) -> None:
    repository.fail_next("deploy-staging.yml", job="deploy (cron)")
    assert (await client.ended(await client.dispatch("deploy-staging.yml")))["conclusion"] == "failure"
    assert (await client.ended(await client.dispatch("deploy-staging.yml")))["conclusion"] == "success"


async def test_a_job_may_print_what_it_should_not_and_succeed(client: Client, repository: Repository) -> None:
    repository.print_next("deploy-staging.yml", job="sftp", log=["E: Unable to locate package php"])
    run_id = await client.dispatch("deploy-staging.yml")
    assert (await client.ended(run_id))["conclusion"] == "success"
    assert "E: Unable to locate package" in await log_of(client, (await client.jobs(run_id))["deploy (sftp)"]["id"])


async def test_a_slow_job_outlasts_its_siblings(client: Client, repository: Repository) -> None:
    repository.slow_next("deploy-staging.yml", job="sftp", times_slower=1_000)
    run_id = await client.dispatch("deploy-staging.yml")

    def the_others_are_done(_: object, jobs: dict[str, dict[str, str]]) -> bool:
        return all(jobs[name]["status"] == "completed" for name in DEPLOYS[:3])

    await client.until(run_id, the_others_are_done)
    assert (await client.jobs(run_id))["deploy (sftp)"]["status"] == "in_progress"
    await client.post(f"{RUNS}/{run_id}/cancel")
    assert (await client.ended(run_id))["conclusion"] == "cancelled"


async def test_log_lines_carry_times_and_links_expire(client: Client, stand_in: GitHubStandIn) -> None:
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    job_id = (await client.jobs(run_id))["deploy (backend)"]["id"]
    log = await log_of(client, job_id)
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ", line) for line in log.splitlines())
    link = (await client.get(f"{INFRASTRUCTURE}/actions/jobs/{job_id}/logs")).headers["Location"]
    stand_in.site.expire_links()
    assert (await client.get(link)).status == 403


async def test_no_log_before_the_job_is_over(client: Client, repository: Repository) -> None:
    repository.hang_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda _, jobs: jobs["deploy (cron)"]["status"] == "in_progress")
    job_id = (await client.jobs(run_id))["deploy (cron)"]["id"]
    assert (await client.get(f"{INFRASTRUCTURE}/actions/jobs/{job_id}/logs")).status == 404


async def test_a_run_that_hangs_ends_when_cancelled(client: Client, repository: Repository) -> None:
    repository.hang_next("deploy-dev.yml", job="cron")
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda _, jobs: jobs["deploy (backend)"]["status"] == "completed")
    assert (await client.post(f"{RUNS}/{run_id}/cancel")).status == 202
    run = await client.ended(run_id)
    jobs = await client.jobs(run_id)
    assert (run["conclusion"], jobs["deploy (cron)"]["conclusion"]) == ("cancelled", "cancelled")
    assert jobs["deploy (backend)"]["conclusion"] == "success"
    again = await client.post(f"{RUNS}/{run_id}/cancel")
    assert (again.status, again.json["message"]) == (409, "Cannot cancel a workflow run that is completed.")


async def test_a_job_that_ignores_cancelling_ends_by_force(client: Client, repository: Repository) -> None:
    repository.hang_next("deploy-dev.yml", job="cron", ignores_cancel=True)
    run_id = await client.dispatch("deploy-dev.yml")
    await client.until(run_id, lambda _, jobs: jobs["deploy (backend)"]["status"] == "completed")
    await client.post(f"{RUNS}/{run_id}/cancel")
    await client.until(run_id, lambda _, jobs: jobs["deploy (sftp)"]["status"] == "completed")
    assert (await client.run(run_id))["status"] == "in_progress"
    assert (await client.post(f"{RUNS}/{run_id}/force-cancel")).status == 202
    assert (await client.ended(run_id))["conclusion"] == "cancelled"


@pytest.mark.parametrize("carry_over", ["copy", "keep", "drop"])
async def test_rerunning_failed_jobs_keeps_those_that_succeeded(
    client: Client, repository: Repository, carry_over: Literal["copy", "keep", "drop"]
) -> None:
    repository.carry_over = carry_over
    repository.fail_next("build-images.yml", job="sftp, prod")
    run_id = await client.dispatch("build-images.yml")
    assert (await client.ended(run_id))["conclusion"] == "failure"
    before = await client.jobs(run_id)
    assert (await client.post(f"{RUNS}/{run_id}/rerun-failed-jobs")).status == 201
    assert (await client.post(f"{RUNS}/{run_id}/rerun")).status == 403
    run = await client.ended(run_id)
    after = await client.jobs(run_id)
    assert (run["run_attempt"], run["conclusion"]) == (2, "success")
    for name, job in before.items():
        stored = job["conclusion"] == "success" and name != "notify"
        if carry_over == "drop":
            assert (name not in after) is stored, name
            continue
        assert (after[name]["completed_at"] == job["completed_at"] and stored) or not stored, name
        assert (after[name]["id"] == job["id"]) is (stored and carry_over == "keep"), name
        assert after[name]["run_attempt"] == (1 if stored and carry_over == "keep" else 2)
    executions = await client.get(f"{RUNS}/{run_id}/jobs?filter=all&per_page=100")
    assert executions.json["total_count"] > len(after)


async def test_rerunning_starts_every_job_again(client: Client) -> None:
    run_id = await client.dispatch("deploy-dev.yml")
    await client.ended(run_id)
    before = await client.jobs(run_id)
    refused = await client.post(f"{RUNS}/{run_id}/rerun-failed-jobs")
    assert refused.status == 403
    assert (await client.post(f"{RUNS}/{run_id}/rerun")).status == 201
    assert (await client.run(run_id))["status"] != "completed"
    await client.ended(run_id)
    after = await client.jobs(run_id)
    assert {job["run_attempt"] for job in after.values()} == {2}
    assert {job["id"] for job in after.values()}.isdisjoint(job["id"] for job in before.values())


async def test_jobs_that_need_a_failed_one_are_skipped_but_always_means_always(
    client: Client, repository: Repository
) -> None:
    repository.fail_next("build-images.yml", job="validate (backend)")
    run_id = await client.dispatch("build-images.yml")
    assert (await client.ended(run_id))["conclusion"] == "failure"
    jobs = await client.jobs(run_id)
    assert {name: jobs[name]["conclusion"] for name in ("build", "notify")} == {"build": "skipped", "notify": "success"}
    assert jobs["build"]["steps"] == []


async def test_jobs_show_up_once_what_they_need_is_done(client: Client, repository: Repository) -> None:
    repository.hang_next("build-images.yml", job="validate (cron)")
    run_id = await client.dispatch("build-images.yml")
    await client.until(run_id, lambda _, jobs: jobs["validate (cron)"]["status"] == "in_progress")
    assert len(await client.jobs(run_id)) == 4
    await client.post(f"{RUNS}/{run_id}/cancel")
    await client.ended(run_id)
    complete = await client.dispatch("build-images.yml")
    await client.ended(complete)
    assert len(await client.jobs(complete)) == 4 + 12 + 1


async def log_of(client: Client, job_id: int) -> str:
    answer = await client.get(f"{INFRASTRUCTURE}/actions/jobs/{job_id}/logs")
    assert answer.status == 302
    return (await client.get(answer.headers["Location"], headers={"Authorization": ""})).body.decode()
