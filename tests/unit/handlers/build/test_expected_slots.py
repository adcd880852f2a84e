"""The slots of the matrix that will have a job, by the workflow's file and the request."""

from __future__ import annotations

import pytest

from handlers.build.command import BuildRequest, expected_slots
from runners.github.runs.workflow_file import WorkflowFile
from tests.unit.handlers.build.followed import (
    CONFIG,
)


@pytest.mark.parametrize(
    ("jobs", "wanted", "places"),
    [
        (
            ("build (cron, dev)", "build (backend, prod)", "validate (cron)"),
            None,
            {("cron", "dev"), ("backend", "prod")},
        ),
        (("build (cron, dev)", "build (backend, prod)"), BuildRequest(("cron",), (), "main"), {("cron", "dev")}),
        ((), BuildRequest((), ("dev",), "main"), {("backend", "dev"), ("cron", "dev")}),
        ((), BuildRequest(("backend",), (), "main"), {("backend", "dev"), ("backend", "prod")}),
        ((), BuildRequest((), (), "main"), set()),
        ((), None, set()),
    ],
)
def test_what_is_expected_comes_from_the_file_or_the_words(
    jobs: tuple[str, ...], wanted: BuildRequest | None, places: set[tuple[str, str]]
) -> None:
    file = WorkflowFile("Build", dispatchable=True, jobs=jobs)
    assert expected_slots(CONFIG, file, wanted) == places
