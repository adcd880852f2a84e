"""The library that the bot uses, against the stand-in."""

from __future__ import annotations

import asyncio
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import github
import pytest
from github.GithubException import GithubException
from github.WorkflowRun import WorkflowRun

from tests.unit.sandbox.github.client import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from github.Repository import Repository as Remote

    from sandbox.github import GitHubStandIn
    from tests.unit.sandbox.github.client import Client


@pytest.fixture
async def remote(stand_in: GitHubStandIn) -> AsyncIterator[Remote]:
    client = github.Github(
        base_url=stand_in.url,
        auth=github.Auth.Token(TOKEN),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )
    yield await asyncio.to_thread(client.get_repo, "PermanentOrg/infrastructure")
    client.close()


async def test_commits_branches_and_comparisons(remote: Remote, stand_in: GitHubStandIn) -> None:
    def look() -> None:
        commit = remote.get_commit("main")
        graph = stand_in.repository("PermanentOrg/infrastructure").graph
        assert commit.sha == remote.get_git_ref("heads/main").object.sha == graph.branches["main"]
        assert remote.get_commit(commit.sha[:7]).sha == commit.sha
        assert commit.commit.author.name == "Lee Park"
        assert commit.html_url == f"{stand_in.url}/PermanentOrg/infrastructure/commit/{commit.sha}"
        assert [branch.name for branch in remote.get_branches()] == ["build-some", "dev", "main", "staging"]
        assert remote.get_branch("dev").commit.sha == graph.branches["dev"]
        assert remote.get_commits().totalCount == 8
        ahead = remote.compare("staging", "dev")
        assert (ahead.status, ahead.ahead_by, len(list(ahead.commits))) == ("ahead", 2, 2)
        behind = remote.compare("dev", "staging")
        assert (behind.status, behind.behind_by, behind.ahead_by) == ("behind", 2, 0)
        text = remote.get_contents("instances/dev/main.tf", ref="dev")
        assert not isinstance(text, list)
        assert b"t3.large" in text.decoded_content
        inside = remote.get_contents("instances")
        assert isinstance(inside, list)
        assert [item.name for item in inside] == ["dev", "modules", "production", "staging"]

    await asyncio.to_thread(look)


async def test_a_run_from_dispatch_to_its_jobs(remote: Remote, client: Client) -> None:
    def begin() -> int:
        workflow = remote.get_workflow("deploy-staging.yml")
        run = workflow.create_dispatch("main", throw=True, return_run_details=True)
        assert isinstance(run, WorkflowRun)
        return run.id

    def look(run_id: int) -> None:
        run = remote.get_workflow_run(run_id)
        assert (run.status, run.conclusion, run.run_attempt) == ("completed", "success", 1)
        assert next(job.name for job in run.jobs()) == "deploy (backend)"
        assert remote.get_workflow("deploy-staging.yml").get_runs()[0].id == run_id
        assert run.rerun()
        assert run.cancel()

    run_id = await asyncio.to_thread(begin)
    await client.ended(run_id)
    await asyncio.to_thread(look, run_id)
    assert (await client.ended(run_id))["conclusion"] == "cancelled"


async def test_refusals_come_as_its_exceptions(remote: Remote) -> None:
    def refused() -> GithubException:
        with pytest.raises(GithubException) as caught:
            remote.get_workflow("deploy-staging.yml").create_dispatch("nothing", throw=True)
        return caught.value

    error = await asyncio.to_thread(refused)
    assert (error.status, error.message) == (422, "No ref found for: nothing")


async def test_archives_hold_the_commit_under_one_directory(
    remote: Remote, client: Client, stand_in: GitHubStandIn
) -> None:
    commit = stand_in.repository("PermanentOrg/infrastructure").graph.resolve("staging")
    top = f"PermanentOrg-infrastructure-{commit.short}"
    tarball = await client.get(await asyncio.to_thread(remote.get_archive_link, "tarball", commit.sha))
    with tarfile.open(fileobj=io.BytesIO(tarball.body)) as archive:
        files = {member.name: member.mode for member in archive.getmembers() if member.isfile()}
        assert archive.pax_headers["comment"] == commit.sha
        assert set(files) == {f"{top}/{path}" for path in commit.files}
        assert files[f"{top}/bin/notify.sh"] & 0o111
        assert not files[f"{top}/README.md"] & 0o111
    zipball = await client.get(await asyncio.to_thread(remote.get_archive_link, "zipball", "staging"))
    with zipfile.ZipFile(io.BytesIO(zipball.body)) as packed:
        assert packed.read(f"{top}/README.md") == commit.files["README.md"]


async def test_the_same_commit_makes_the_same_archive(client: Client) -> None:
    path = "/repos/PermanentOrg/infrastructure/tarball/main"
    links = [(await client.get(path)).headers["Location"] for _ in range(2)]
    assert links[0] != links[1]
    assert (await client.get(links[0])).body == (await client.get(links[1])).body
