"""What the stand-in cannot play, and what GitHub refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.github.refusals import RefusedError
from sandbox.github.workflow_file import FOLDER
from tests.unit.sandbox.github.playing import HEAD, ends, log_of, play

if TYPE_CHECKING:
    from sandbox.github import GitHubStandIn, Repository
    from tests.unit.sandbox.github.client import Client


@pytest.fixture
def repository(stand_in: GitHubStandIn) -> Repository:
    return stand_in.repository("PermanentOrg/application")


UNPLAYABLE = {
    "services: {db: {image: postgres}}, steps: [{run: x}]": "services in containers",
    "container: node:20, steps: [{run: x}]": "a job in a container",
    "steps: [{uses: 'docker://alpine:3'}]": "the Docker container action docker://alpine:3",
    "steps: [{uses: someone/something@v1}]": "the action someone/something@v1, which the sandbox does not know",
    "steps: [{uses: ./here}]": "./here: Can't find 'action.yml', 'action.yaml' or 'Dockerfile' there",
    "steps: [{uses: ./js}]": "the JavaScript (node20) action ./js",
    "steps: [{uses: ./docker}]": "the Docker container action ./docker",
    "steps: [{uses: ./file}]": "the Docker container action ./file",
    "steps: [{uses: ./round}]": "the action ./round, which uses itself",
    "steps: [{uses: ./broken}]": "broken/action.yml: no mapping",
    "steps: [{run: x, if: \"hashFiles('a') != ''\"}]": "hashFiles() reads the files of a runner",
    "steps: [{name: \"${{ fromJSON('') }}\", run: x}]": "Error parsing fromJson",
}
ACTIONS = {
    "js/action.yml": "runs: {using: node20, main: index.js}",
    "docker/action.yml": "runs: {using: docker, image: Dockerfile}",
    "file/Dockerfile": "FROM scratch",
    "round/action.yml": "runs: {using: composite, steps: [{uses: ./round}]}",
    "broken/action.yml": "- a",
}


@pytest.mark.parametrize(("job", "reason"), UNPLAYABLE.items())
async def test_what_cannot_be_played_fails_by_name_and_hangs_nothing(
    repository: Repository, job: str, reason: str
) -> None:
    run = await play(
        repository, f"  a: {{runs-on: x, {job}}}\n  b: {{needs: a, runs-on: x, steps: [{{run: x}}]}}", ACTIONS
    )
    assert ends(run) == {"a": "failure", "b": "skipped"}
    assert reason in log_of(run, "a")


async def test_an_action_that_is_not_known_can_be_made_known(repository: Repository) -> None:
    repository.settings.actions.add("Someone/something")
    run = await play(repository, "  a: {runs-on: x, steps: [{uses: someone/something/deep@v1}]}")
    assert run.conclusion == "success"


async def test_a_workflow_of_another_repository_is_refused_by_name(repository: Repository) -> None:
    run = await play(repository, "  a: {uses: someone/shared/.github/workflows/x.yml@v1, secrets: inherit}")
    assert ends(run) == {"a": "failure"}
    assert "the workflow someone/shared/.github/workflows/x.yml@v1 of another repository" in log_of(run, "a")


async def test_a_file_that_github_refuses_is_put_in_and_cannot_be_run(repository: Repository, client: Client) -> None:
    repository.runs_on_push = True
    path = f"{FOLDER}broken.yml"
    repository.commit(
        "main", {path: f"{HEAD}jobs: {{a: {{runs-on: x, steps: [{{run: '${{{{ nope.a }}}}'}}]}}}}"}, "Break it"
    )
    assert "Unrecognized named-value: 'nope'" in repository.registry.problems[path]
    registered = repository.workflow("broken.yml")
    assert registered is not None
    assert registered.name == path
    (run,) = [run for run in repository.runs.values() if run.workflow is registered]
    await repository.ended(run)
    assert (run.conclusion, run.jobs) == ("failure", [])
    assert "Invalid workflow file" in run.problems[0]
    answer = await client.get(f"/repos/PermanentOrg/application/actions/runs/{run.run_id}")
    assert (answer.json["conclusion"], answer.json["name"]) == ("failure", path)
    with pytest.raises(RefusedError, match=r"Invalid Argument - failed to parse workflow: .*'nope'"):
        repository.dispatch("broken.yml", "main")
    repository.runs_on_push = False
    repository.commit("main", {path: "a: ["}, "Break it wholly")
    with pytest.raises(RefusedError, match="does not have 'workflow_dispatch' trigger"):
        repository.dispatch("broken.yml", "main")
