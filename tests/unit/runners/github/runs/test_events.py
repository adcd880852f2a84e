"""Webhook payloads become events of runs."""

from __future__ import annotations

from typing import Any

import pytest

from runners.github.runs.events import RunEvent, run_event_of


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("workflow_run", {}),
        ("workflow_run", {"repository": {"full_name": "a/b"}, "workflow_run": {"id": "x", "status": "queued"}}),
        ("workflow_run", {"repository": [], "workflow_run": {}}),
        ("workflow_job", {"repository": {"full_name": "a/b"}, "workflow_job": {"id": 1}}),
        ("workflow_job", {"repository": {"full_name": "a/b"}, "workflow_job": None}),
    ],
)
def test_what_is_not_of_githubs_shape_is_no_news(event: str, payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=event):
        run_event_of(event, payload)


def test_other_events_are_none_of_ours() -> None:
    assert run_event_of("push", {"anything": 1}) is None


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (".github/workflows/build-images.yml", "build-images.yml"),
        (".github/workflows/build.yml@refs/heads/main", "build.yml"),
        (None, ""),
    ],
)
def test_a_run_names_its_workflows_file(path: str | None, file: str) -> None:
    run = {"id": 7, "status": "completed", "path": path, "run_attempt": 2}
    news = run_event_of("workflow_run", {"repository": {"full_name": "a/b"}, "workflow_run": run})
    assert news == RunEvent("a/b", 7, 2, file, ended=True)
