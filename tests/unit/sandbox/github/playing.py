"""Puts workflows into a repository of the stand-in and runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.workflow_file import FOLDER

if TYPE_CHECKING:
    from sandbox.github import Repository
    from sandbox.github.runs import Run

HEAD = "name: Try\non: {workflow_dispatch: {inputs: {env: {default: dev}, dry: {type: boolean}}}}\n"
STEPS = "runs-on: ubuntu-latest\n    steps: [{uses: actions/checkout@v4}, {name: Go, run: echo}]\n"


async def play(repository: Repository, jobs: str, files: dict[str, str] | None = None, **inputs: str) -> Run:
    """Run a workflow of these jobs on main until it has ended."""
    workflow = {f"{FOLDER}try.yml": f"{HEAD}jobs:\n{jobs}"}
    repository.commit("main", {**workflow, **(files or {})}, "Try something")
    run = repository.dispatch("try.yml", "main", inputs)
    await repository.ended(run)
    return run


def ends(run: Run) -> dict[str, str | None]:
    """The conclusion of each job, by its name."""
    return {job.name: job.conclusion for job in run.latest_jobs}


def log_of(run: Run, job: str) -> str:
    """The log of a job."""
    return "\n".join(text for each in run.latest_jobs if each.name == job for _, text in each.log)
