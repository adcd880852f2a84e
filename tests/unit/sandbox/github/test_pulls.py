"""Pull requests as GitHub opens, checks, refuses and merges them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sandbox.github.client import APPLICATION, Client
from tests.unit.sandbox.github.schemas import all_fit, fits

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository

PULLS = f"{APPLICATION}/pulls"
PROMOTION = {"title": "Promote dev to staging", "head": "dev", "base": "staging", "body": "Three commits"}


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/application")


async def opened(client: Client, **more: Any) -> Any:
    answer = await client.post(PULLS, {**PROMOTION, **more})
    assert answer.status == 201, answer.json
    return answer.json


async def looked_at(client: Client, number: int = 1) -> Any:
    """The pull request, once GitHub knows whether it can be merged."""
    for _ in range(200):
        result = (await client.get(f"{PULLS}/{number}")).json
        if result["mergeable"] is not None:
            return result
        await asyncio.sleep(0.01)
    raise AssertionError(result["mergeable_state"])


async def merge(client: Client, **body: Any) -> Any:
    return await client.ask("PUT", f"{PULLS}/1/merge", json=body)


async def test_it_is_opened_listed_and_looked_at(client: Client, repository: Repository) -> None:
    made = await opened(client)
    fits("PullRequest", made)
    assert (made["number"], made["mergeable"], made["user"]["login"]) == (1, None, "signalbox-bot")
    assert (made["head"]["sha"], made["base"]["ref"]) == (repository.graph.branches["dev"], "staging")
    first = (await client.get(f"{PULLS}/1")).json
    assert (first["mergeable"], first["mergeable_state"]) == (None, "unknown")
    result = await looked_at(client)
    fits("PullRequest", result)
    assert (result["mergeable"], result["mergeable_state"], result["commits"], result["merged"]) == (
        True,
        "clean",
        3,
        False,
    )
    commits = await client.get(f"{PULLS}/1/commits")
    all_fit("Commit", commits.json)
    assert [item["commit"]["message"] for item in commits.json][-1] == "Store when a link expires"
    all_fit("DiffEntry", (await client.get(f"{PULLS}/1/files")).json)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("?head=PermanentOrg:dev&base=staging", 1),
        ("?head=PermanentOrg:staging", 0),
        ("?head=dev", 1),
        ("?head=anything", 1),
        ("?base=main", 0),
        ("?state=closed", 0),
        ("?state=all", 1),
    ],
)
async def test_lists_are_filtered_as_github_does(client: Client, query: str, count: int) -> None:
    await opened(client)
    answer = await client.get(f"{PULLS}{query}")
    assert len(answer.json) == count
    if count:
        all_fit("PullRequestSimple", answer.json)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"head": "main", "base": "staging"}, {"code": "custom", "message": "No commits between staging and main"}),
        ({"head": "nothing"}, {"field": "head", "code": "invalid"}),
        ({"base": "nothing"}, {"field": "base", "code": "invalid"}),
        ({"title": " "}, {"field": "title", "code": "missing_field"}),
    ],
)
async def test_what_cannot_be_opened_is_422(client: Client, more: dict[str, str], error: dict[str, str]) -> None:
    answer = await client.post(PULLS, {**PROMOTION, **more})
    assert (answer.status, answer.json["message"]) == (422, "Validation Failed")
    assert answer.json["errors"] == [{"resource": "PullRequest", **error}]
    fits("ValidationError", answer.json)


async def test_there_is_one_open_pull_request_between_two_branches(client: Client) -> None:
    await opened(client)
    answer = await client.post(PULLS, PROMOTION)
    assert answer.status == 422
    assert answer.json["errors"][0]["message"] == "A pull request already exists for PermanentOrg:dev."
    assert (await client.ask("PATCH", f"{PULLS}/1", json={"state": "closed"})).json["state"] == "closed"
    assert (await opened(client))["number"] == 2


async def test_a_body_of_another_form_is_refused(client: Client) -> None:
    without = {key: value for key, value in PROMOTION.items() if key != "base"}
    assert (await client.post(PULLS, without)).json["message"] == 'Invalid request.\n\n"base" wasn\'t supplied.'
    answer = await client.post(PULLS, {**PROMOTION, "labels": []})
    assert answer.json["message"] == 'Invalid request.\n\n"labels" is not a permitted key.'


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
async def test_it_is_merged(client: Client, repository: Repository, method: str, parents: int) -> None:
    await opened(client)
    before, head = repository.graph.branches["staging"], repository.graph.resolve("dev")
    answer = await merge(client, merge_method=method, sha=head.sha)
    assert answer.status == 200
    fits("PullRequestMergeResult", answer.json)
    tip = repository.graph.resolve("staging")
    assert (tip.sha, len(tip.parents), dict(tip.files)) == (answer.json["sha"], parents, dict(head.files))
    assert before in {commit.sha for commit in repository.graph.history(tip.sha)}
    result = (await client.get(f"{PULLS}/1")).json
    assert (result["state"], result["merged"], result["merged_by"]["login"]) == ("closed", True, "signalbox-bot")
    fits("PullRequest", result)
    assert (await client.get(f"{PULLS}/1/merge")).status == 204
    again = await merge(client)
    assert (again.status, again.json["message"]) == (405, "Pull Request is not mergeable")


async def test_a_head_that_moved_is_409_and_a_base_that_moves_405(client: Client, repository: Repository) -> None:
    made = await opened(client)
    repository.commit("dev", {"new": "1"}, "One more")
    answer = await merge(client, sha=made["head"]["sha"])
    assert (answer.status, answer.json["message"]) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    repository.pulls.base_moves = 1
    answer = await merge(client)
    assert (answer.status, answer.json["message"]) == (
        405,
        "Base branch was modified. Review and try the merge again.",
    )
    assert (await merge(client)).status == 200


async def test_a_conflict_is_dirty_and_not_merged(client: Client, repository: Repository) -> None:
    repository.commit("staging", {"src/share.php": "other"}, "Change the same file")
    await opened(client)
    result = await looked_at(client)
    assert (result["mergeable"], result["mergeable_state"]) == (False, "dirty")
    assert (await merge(client)).status == 405


async def test_required_checks_block_until_they_are_good(client: Client, repository: Repository) -> None:
    repository.protect("staging", required=["lint", "tests"], reviews=1)
    made = await opened(client)
    lint = repository.checks.check("dev", "lint", None)
    repository.checks.status("dev", "tests", "failure")
    assert (await looked_at(client))["mergeable_state"] == "blocked"
    answer = await merge(client)
    assert answer.status == 405
    assert answer.json["message"] == (
        'Required status check "lint" is in progress. Required status check "tests" is failing. '
        "At least 1 approving review is required by reviewers with write access."
    )
    lint.complete("skipped")
    repository.checks.status("dev", "tests", "success")
    repository.pulls.by_number[made["number"]].review("max-weber")
    all_fit("PullRequestReview", (await client.get(f"{PULLS}/1/reviews")).json)
    assert (await looked_at(client))["mergeable_state"] == "clean"
    assert (await merge(client)).status == 200


async def test_a_check_that_nobody_requires_makes_it_unstable(client: Client, repository: Repository) -> None:
    await opened(client)
    repository.checks.check("dev", "spelling", "failure")
    assert (await looked_at(client))["mergeable_state"] == "unstable"
    assert (await merge(client)).status == 200


async def test_a_strict_base_wants_its_newest_commit(client: Client, repository: Repository) -> None:
    repository.protect("staging", strict=True)
    repository.commit("staging", {"hotfix": "1"}, "Fix at once")
    await opened(client)
    assert (await looked_at(client))["mergeable_state"] == "behind"
    assert (await merge(client)).status == 405


async def test_a_way_of_merging_may_be_forbidden(client: Client, repository: Repository) -> None:
    repository.pulls.methods = {"squash"}
    await opened(client)
    answer = await merge(client)
    assert (answer.status, answer.json["message"]) == (405, "Merge commits are not allowed on this repository.")
    assert (await merge(client, merge_method="fast")).status == 422


async def test_a_draft_is_not_merged(client: Client) -> None:
    await opened(client, draft=True)
    assert (await looked_at(client))["mergeable_state"] == "draft"
    assert (await merge(client)).status == 405


async def test_what_was_merged_by_hand_counts_as_merged(client: Client, repository: Repository) -> None:
    await opened(client)
    graph, before = repository.graph, repository.graph.branches["staging"]
    graph.branch("staging", "dev")
    repository.pushed("staging", before, "ana-duarte")
    result = (await client.get(f"{PULLS}/1")).json
    assert (result["merged"], result["merged_by"]["login"]) == (True, "ana-duarte")
    assert (await merge(client)).status == 405
