"""The workflows of a repository: registered from the default branch, also those whose files GitHub refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.refusals import RefusedError
from sandbox.github.runs import Workflow
from sandbox.github.workflow_file import FOLDER, UnreadableFileError, WorkflowFileError, parse
from sandbox.github.workflow_model import WorkflowFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sandbox.github.commits import Commit


class Registry:
    """`workflows` are by path; `problems` are what GitHub refuses in the files of the default branch, by path."""

    def __init__(self, repository_id: int) -> None:
        self._first_id = repository_id % 1_000_000 * 1_000 + 70_000_000
        self.workflows: dict[str, Workflow] = {}
        self.problems: dict[str, str] = {}

    def read(self, tip: Commit) -> None:
        """Register the workflows of the default branch's newest commit, as GitHub does after a push."""
        self.problems.clear()
        for path, workflow in self.workflows.items():
            if path not in tip.files:
                workflow.state = "deleted"
        for path, file in files_of(tip):
            if isinstance(file, WorkflowFileError):
                self.problems[path] = str(file)
            self.register(path, path if isinstance(file, WorkflowFileError) else file.name, tip.at)
            if self.workflows[path].state == "deleted":
                self.workflows[path].state = "active"

    def register(self, path: str, name: str, at: datetime) -> Workflow:
        """The workflow at this path, under its present name."""
        if path not in self.workflows:
            self.workflows[path] = Workflow(self._first_id + len(self.workflows), path, name, at)
        self.workflows[path].name = name
        return self.workflows[path]

    def find(self, id_or_file: str) -> Workflow | None:
        """The workflow with this number, or with this file name on the default branch."""
        matching = (
            workflow
            for workflow in self.workflows.values()
            if id_or_file == str(workflow.workflow_id)
            or (id_or_file == workflow.filename and workflow.state != "deleted")
        )
        return next(matching, None)


def files_of(commit: Commit) -> Iterator[tuple[str, WorkflowFile | WorkflowFileError]]:
    """The workflow files of a commit, or why GitHub refuses one."""
    for path in sorted(path for path in commit.files if is_workflow(path)):
        try:
            yield path, parse(path, commit.files[path].decode(errors="replace"))
        except WorkflowFileError as error:
            yield path, error


def is_workflow(path: str) -> bool:
    """Whether GitHub takes the file for a workflow."""
    name = path.removeprefix(FOLDER)
    return name != path and "/" not in name and name.endswith((".yml", ".yaml"))


def dispatched_file(workflow: Workflow, commit: Commit) -> WorkflowFile:
    """The workflow's file at a commit. Raises RefusedError, in GitHub's words, where it cannot be dispatched."""
    no_trigger = RefusedError("Workflow does not have 'workflow_dispatch' trigger")
    text = commit.files.get(workflow.path)
    if text is None:
        raise no_trigger
    try:
        file = parse(workflow.path, text.decode(errors="replace"))
    except UnreadableFileError as error:
        raise no_trigger from error
    except WorkflowFileError as error:
        raise RefusedError(f"Invalid Argument - failed to parse workflow: {error}") from error
    if file.inputs is None:
        raise no_trigger
    return file


def refused_file(path: str) -> WorkflowFile:
    """What GitHub shows of a file that it refuses: a run without jobs under the file's path."""
    return WorkflowFile(path, path, None, {}, None, None, {}, ())
