"""Every answer against GitHub's published schemas."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from sandbox.github.shapes import actions as shapes_actions
from tests.unit.sandbox.github.client import APPLICATION, INFRASTRUCTURE, Client
from tests.unit.sandbox.github.schemas import all_fit, fits

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository
    from sandbox.github.runs import Job, Run

R = INFRASTRUCTURE


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/user", "PublicUser"),
        ("/rate_limit", "RateLimitOverview"),
        (R, "FullRepository"),
        (f"{R}/commits/main", "Commit"),
        (f"{R}/git/ref/heads/main", "GitRef"),
        (f"{R}/branches/staging", "BranchWithProtection"),
        (f"{R}/compare/staging...dev", "CommitComparison"),
        (f"{APPLICATION}/compare/dev...main", "CommitComparison"),
        (f"{R}/contents/README.md", "ContentFile"),
        (f"{R}/git/trees/main", "GitTree"),
        (f"{R}/git/trees/main?recursive=1", "GitTree"),
        (f"{R}/actions/workflows", "ReposOwnerRepoActionsWorkflowsGetResponse200"),
        (f"{R}/actions/workflows/build-images.yml", "Workflow"),
        (f"{R}/actions/runs", "ReposOwnerRepoActionsRunsGetResponse200"),
        (f"{R}/nothing", "BasicError"),
    ],
)
async def test_answers_fit_the_published_schema(client: Client, path: str, model: str) -> None:
    fits(model, (await client.get(path)).json)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (f"{R}/commits", "Commit"),
        (f"{R}/branches", "ShortBranch"),
        (f"{R}/git/matching-refs/heads/", "GitRef"),
        (f"{R}/branches?protected=false&per_page=2", "ShortBranch"),
        (f"{R}/tags", "Tag"),
        (f"{R}/contents/instances?ref=dev", "ContentDirectoryItems"),
        (f"{R}/contents/", "ContentDirectoryItems"),
    ],
)
async def test_lists_fit_the_published_schema(client: Client, path: str, model: str) -> None:
    all_fit(model, (await client.get(path)).json)


async def test_trees_list_each_file_and_blobs_have_its_content(client: Client, stand_in: GitHubStandIn) -> None:
    files = stand_in.repository("PermanentOrg/infrastructure").graph.resolve("main").files
    listed = (await client.get(f"{R}/git/trees/main?recursive=1")).json["tree"]
    blobs = {entry["path"]: entry["sha"] for entry in listed if entry["type"] == "blob"}
    assert blobs.keys() == files.keys()
    blob = (await client.get(f"{R}/git/blobs/{blobs['README.md']}")).json
    fits("Blob", blob)
    assert base64.b64decode(blob["content"]) == files["README.md"]
    flat = (await client.get(f"{R}/git/trees/main")).json["tree"]
    assert {entry["path"] for entry in flat} == {path.partition("/")[0] for path in files}


async def test_what_says_whose_a_commit_is_fits(client: Client, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository("PermanentOrg/infrastructure")
    pushed = repository.commit("feature", {"a.txt": "a"}, "Add a")
    pull = repository.pulls.open("feature", "main", title="Add a")
    pull.review("max-weber", "CHANGES_REQUESTED")
    repository.graph.tag("v1", "feature", "The first")
    all_fit("PullRequestSimple", (await client.get(f"{R}/commits/{pushed.sha}/pulls")).json)
    all_fit("PullRequestReview", (await client.get(f"{R}/pulls/1/reviews")).json)
    activities = (await client.get(f"{R}/activity?ref=refs/heads/feature")).json
    all_fit("Activity", activities)
    assert (activities[0]["after"], activities[0]["actor"]["login"]) == (pushed.sha, "lee-park")
    fits("RepositoryCollaboratorPermission", (await client.get(f"{R}/collaborators/max-weber/permission")).json)
    reference = (await client.get(f"{R}/git/ref/tags/v1")).json
    fits("GitRef", reference)
    fits("GitTag", (await client.get(f"{R}/git/tags/{reference['object']['sha']}")).json)
    assert (await client.get(f"{R}/commits/{'0' * 40}/pulls")).status == 422


async def test_runs_and_jobs_fit_at_every_change(stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository("PermanentOrg/infrastructure")
    observed = set()

    def changed(_: Repository, run: Run, job: Job | None) -> None:
        fits("WorkflowRun", shapes_actions.run(stand_in.url, repository, run))
        if job is not None:
            fits("Job", shapes_actions.job(stand_in.url, repository, run, job))
            observed.add((job.status, job.conclusion))

    repository.listeners.append(changed)
    repository.fail_next("build-images.yml", job="validate (cron)")
    repository.slow_next("build-images.yml", job="validate (sftp)", times_slower=100)
    await repository.ended(repository.dispatch("build-images.yml", "main"))
    endings = {"failure", "cancelled", "skipped", "success"}
    assert observed == {("queued", None), ("in_progress", None), *(("completed", ending) for ending in endings)}


async def test_listings_and_dispatches_fit(client: Client) -> None:
    path = f"{R}/actions/workflows/deploy-dev.yml/dispatches"
    dispatched = await client.post(path, {"ref": "main", "return_run_details": True})
    fits("WorkflowDispatchResponse", dispatched.json)
    run_id = dispatched.json["workflow_run_id"]
    await client.ended(run_id)
    fits("ReposOwnerRepoActionsRunsGetResponse200", (await client.get(f"{R}/actions/runs")).json)
    jobs = (await client.get(f"{R}/actions/runs/{run_id}/jobs")).json
    fits("ReposOwnerRepoActionsRunsRunIdJobsGetResponse200", jobs)
    fits("Job", (await client.get(f"{R}/actions/jobs/{jobs['jobs'][0]['id']}")).json)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/repos/PermanentOrg/nothing", 404, "Not Found"),
        (f"{R}/commits/nothing", 422, "No commit found for SHA: nothing"),
        (f"{R}/git/ref/heads/nothing", 404, "Not Found"),
        (f"{R}/branches/nothing", 404, "Branch not found"),
        (f"{R}/compare/main...nothing", 404, "Not Found"),
        (f"{R}/compare/main", 404, "Not Found"),
        (f"{R}/contents/nothing", 404, "Not Found"),
        (f"{R}/contents/README.md?ref=nothing", 404, "No commit found for the ref nothing"),
        (f"{R}/git/trees/nothing", 404, "Not Found"),
        (f"{R}/git/blobs/{'0' * 40}", 404, "Not Found"),
        (f"{R}/tarball/nothing", 404, "Not Found"),
        (f"{R}/actions/workflows/nothing.yml", 404, "Not Found"),
        (f"{R}/actions/runs/1", 404, "Not Found"),
        (f"{R}/actions/runs/x", 404, "Not Found"),
        (f"{R}/actions/jobs/1/logs", 404, "Not Found"),
        ("/repos/../../etc/passwd", 404, "Not Found"),
        (f"{R}/actions/runs?created=yesterday", 422, "Invalid date: yesterday"),
    ],
)
async def test_errors_have_githubs_shape(client: Client, path: str, status: int, message: str) -> None:
    answer = await client.get(path)
    assert answer.status == status
    assert answer.json == {
        "message": message,
        "documentation_url": answer.json["documentation_url"],
        "status": str(status),
    }
    fits("BasicError", answer.json)


async def test_lists_are_paged_with_links(client: Client) -> None:
    first = await client.get(f"{R}/commits?per_page=3")
    assert [len(first.json), 'rel="next"' in first.headers["Link"]] == [3, True]
    last = await client.get(f"{R}/commits?per_page=3&page=3")
    assert [len(last.json), 'rel="next"' in last.headers["Link"]] == [2, False]
    assert "Link" not in (await client.get(f"{R}/commits?per_page=100")).headers
