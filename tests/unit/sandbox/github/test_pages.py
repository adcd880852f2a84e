from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.sandbox.github.client import INFRASTRUCTURE, Client

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn

EVERYONE = {"Authorization": ""}


async def test_the_links_of_a_run_lead_to_a_page_with_its_logs(client: Client, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository("PermanentOrg/infrastructure")
    repository.fail_next("deploy-dev.yml", job="cron", log=["<script>alert(1)</script>"])
    run_id = await client.dispatch("deploy-dev.yml")
    run = await client.ended(run_id)
    page = (await client.get(run["html_url"], headers=EVERYONE)).body.decode()
    assert "Deploy to dev" in page
    assert "deploy (sftp)" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    job = (await client.jobs(run_id))["deploy (cron)"]
    of_one_job = (await client.get(job["html_url"], headers=EVERYONE)).body.decode()
    assert "deploy (cron)" in of_one_job
    assert "deploy (sftp)" not in of_one_job


async def test_the_links_of_a_commit_and_a_comparison_lead_to_patches(client: Client) -> None:
    for path in (f"{INFRASTRUCTURE}/commits/dev", f"{INFRASTRUCTURE}/compare/main...dev"):
        link = (await client.get(path)).json["html_url"]
        page = await client.get(link, headers=EVERYONE)
        assert page.status == 200
        assert "t3.large" in page.body.decode()


async def test_a_page_that_is_not_there_is_404(client: Client) -> None:
    for path in (
        "/PermanentOrg/infrastructure/actions/runs/1",
        "/PermanentOrg/nothing/commit/main",
        "/PermanentOrg/infrastructure/commit/x",
    ):
        assert (await client.get(path, headers=EVERYONE)).status == 404
