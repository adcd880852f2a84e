"""Which checks of a commit count, and how they stand, against GitHub's stand-in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runners.errors import AccessDeniedError, UnavailableError
from runners.github import checks
from runners.github.api.reads import CachedReads
from runners.results import Rule, State
from sandbox.github import GitHubError
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from runners.github import GitHub
    from runners.results import Checks
    from sandbox.github import GitHubStandIn, Repository

APPLICATION = "PermanentOrg/application"
INFRASTRUCTURE = "PermanentOrg/infrastructure"


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository(APPLICATION)


async def of(github: GitHub, repository: Repository, branch: str | None = "staging", *names: str) -> Checks:
    sha = repository.graph.resolve("dev").sha
    return await checks.checks_of(CachedReads(github), repository.full_name, sha, branch=branch, names=names)


def states(result: Checks) -> dict[str, State]:
    return {check.name: check.state for check in result.checks}


async def test_without_any_checks_all_is_well(github: GitHub, repository: Repository) -> None:
    result = await of(github, repository)
    assert (result.rule, result.checks, result.green) == (Rule.ANY, (), True)


@pytest.mark.parametrize("ruleset", [False, True])
async def test_those_that_the_branch_requires_count_and_no_others(
    github: GitHub, repository: Repository, ruleset: bool
) -> None:
    repository.protect("staging", required=["lint", "unit", "e2e", "deploys/preview"], ruleset=ruleset)
    repository.checks.check("dev", "lint")
    repository.checks.check("dev", "unit", None)
    repository.checks.check("dev", "nobody needs this", "failure")
    repository.checks.status("dev", "deploys/preview", "failure")
    result = await of(github, repository)
    assert result.rule is Rule.REQUIRED
    assert states(result) == {
        "deploys/preview": State.FAILED,
        "unit": State.RUNNING,
        "e2e": State.WAITING,
        "lint": State.SUCCEEDED,
    }
    assert [check.name for check in result.checks][:2] == ["deploys/preview", "unit"], "the worst comes first"
    assert not result.green


async def test_all_that_is_required_is_green(github: GitHub, repository: Repository) -> None:
    repository.protect("staging", required=["lint", "skips"])
    repository.checks.check("dev", "lint", "neutral")
    repository.checks.check("dev", "skips", "skipped")
    repository.checks.status("dev", "other", "pending")
    assert (await of(github, repository)).green


@pytest.mark.parametrize(
    "conclusion", ["failure", "cancelled", "timed_out", "action_required", "startup_failure", "stale"]
)
async def test_whatever_did_not_end_well_has_failed(github: GitHub, repository: Repository, conclusion: str) -> None:
    repository.checks.check("dev", "lint", conclusion)  # type: ignore[arg-type]
    assert states(await of(github, repository)) == {"lint": State.FAILED}


@pytest.mark.parametrize(
    ("state", "read"),
    [
        ("success", State.SUCCEEDED),
        ("pending", State.RUNNING),
        ("failure", State.FAILED),
        ("error", State.FAILED),
    ],
)
async def test_a_status_is_a_check_too(github: GitHub, repository: Repository, state: str, read: State) -> None:
    repository.checks.status("dev", "ci/one", "failure")
    repository.checks.status("dev", "ci/one", state)  # type: ignore[arg-type]
    assert states(await of(github, repository)) == {"ci/one": read}


async def test_those_that_are_named_count_in_spite_of_the_branch(github: GitHub, repository: Repository) -> None:
    repository.protect("staging", required=["lint"])
    repository.checks.check("dev", "unit")
    result = await of(github, repository, "staging", "unit", "e2e")
    assert (result.rule, states(result)) == (Rule.NAMED, {"e2e": State.WAITING, "unit": State.SUCCEEDED})


REPORTS = st.lists(
    st.tuples(st.sampled_from(["lint", "unit"]), st.sampled_from(["github-actions", "circleci"]), st.integers(1, 3),
              st.sampled_from(["success", "failure", None])),
    max_size=12,
)  # fmt: skip
MEANS = {"success": State.SUCCEEDED, "failure": State.FAILED, None: State.RUNNING}


@given(REPORTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_of_each_name_and_app_the_newest_report_counts_in_whichever_suite(
    github: GitHub, repository: Repository, reports: list[tuple[str, str, int, Any]]
) -> None:
    sha = repository.commit("dev", {"x": "y"}, "Another commit").sha
    expected: dict[tuple[str, str], State] = {}
    for name, app, suite, conclusion in reports:
        repository.checks.check(sha, name, conclusion, app=app, suite=suite)
        expected[name, app] = MEANS[conclusion]
    result = await of(github, repository, None)
    assert {(check.name, check.state) for check in result.checks} == {
        (name, state) for (name, _), state in expected.items()
    }


async def test_a_check_that_failed_once_and_passed_later_does_not_block_for_good(
    github: GitHub, repository: Repository
) -> None:
    repository.protect("staging", required=["lint"])
    repository.checks.check("dev", "lint", "failure", suite=7)
    assert not (await of(github, repository)).green
    repository.checks.check("dev", "lint", "success", suite=8)
    assert (await of(github, repository)).green


@pytest.mark.parametrize("ruleset", [False, True])
async def test_a_check_counts_only_of_the_app_that_has_to_report_it(
    github: GitHub, repository: Repository, ruleset: bool
) -> None:
    repository.protect("staging", required=["lint", "any"], sources={"lint": "circleci"}, ruleset=ruleset)
    repository.checks.check("dev", "lint", app="somebody-else")
    repository.checks.check("dev", "any", app="somebody-else")
    repository.checks.status("dev", "lint", "success", by="lee-park")
    assert states(await of(github, repository)) == {"lint": State.WAITING, "any": State.SUCCEEDED}
    repository.checks.check("dev", "lint", "failure", app="circleci")
    assert states(await of(github, repository)) == {"lint": State.FAILED, "any": State.SUCCEEDED}
    repository.checks.check("dev", "lint", app="circleci")
    assert (await of(github, repository)).green


async def test_a_status_of_an_app_counts_where_an_app_is_required(github: GitHub, repository: Repository) -> None:
    repository.protect("staging", required=["ci/one"], sources={"ci/one": "circleci"})
    repository.checks.status("dev", "ci/one", "success", by="circleci[bot]")
    assert (await of(github, repository)).green


@pytest.mark.parametrize("branch", [None, "no-such-branch", "v1/../../x?"])
async def test_a_tag_requires_nothing(github: GitHub, repository: Repository, branch: str | None) -> None:
    repository.checks.check("dev", "lint", "failure")
    result = await of(github, repository, branch)
    assert (result.rule, result.green) == (Rule.ANY, False)


async def test_hundreds_are_read(github: GitHub, repository: Repository) -> None:
    for number in range(230):
        repository.checks.check("dev", f"shard {number}", "failure" if number == 229 else "success")
    result = await of(github, repository)
    assert (len(result.checks), [check.name for check in result.failed]) == (230, ["shard 229"])


async def test_a_deploy_that_failed_at_the_commit_does_not_forbid_the_next_one(
    github: GitHub, stand_in: GitHubStandIn
) -> None:
    repository = stand_in.repository(INFRASTRUCTURE)
    repository.fail_next("deploy-dev.yml", job="cron", step="Run playbook", log=["fatal: no"])
    run = repository.dispatch("deploy-dev.yml", "main")
    await repository.ended(run)
    await asyncio.sleep(0.4)  # until GitHub's list has it
    sha = repository.graph.resolve("main").sha
    result = await checks.checks_of(CachedReads(github), INFRASTRUCTURE, sha, branch="main")
    assert result.checks == ()
    named = await checks.checks_of(CachedReads(github), INFRASTRUCTURE, sha, branch="main", names=["deploy (cron)"])
    assert states(named) == {"deploy (cron)": State.FAILED}


async def test_without_the_permission_the_remedy_names_it(github: GitHub, stand_in: GitHubStandIn) -> None:
    def refuse() -> None:
        raise GitHubError(403, "Resource not accessible by personal access token")

    stand_in.on_request.append(Fault("GET", "/check-runs", refuse, times=9))
    with pytest.raises(AccessDeniedError) as caught:
        await of(github, stand_in.repository(APPLICATION))
    assert "Checks: read" in caught.value.remedy
    assert "Commit statuses: read" in caught.value.remedy


async def test_silence_is_no_green(github: GitHub, stand_in: GitHubStandIn) -> None:
    def fail() -> None:
        raise GitHubError(502, "Bad Gateway")

    stand_in.on_request.append(Fault("GET", "/check-runs", fail, times=9))
    with pytest.raises(UnavailableError):
        await of(github, stand_in.repository(APPLICATION))


async def test_looking_again_costs_nothing_while_nothing_changes(
    github: GitHub, stand_in: GitHubStandIn, repository: Repository
) -> None:
    repository.checks.check("dev", "lint", None)
    reads, sha = CachedReads(github), repository.graph.resolve("dev").sha
    first = await checks.checks_of(reads, APPLICATION, sha, branch="staging")
    before = len(stand_in.requests)
    assert await checks.checks_of(reads, APPLICATION, sha, branch="staging") == first
    again = list(stand_in.requests)[before:]
    assert again
    assert {item.status for item in again} == {304}
