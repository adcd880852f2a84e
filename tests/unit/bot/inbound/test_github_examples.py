"""GitHub's own examples of webhooks, as Octokit publishes them, delivered one after the other."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from bot.inbound.github_webhooks import Webhooks
from bot.inbound.reception import Reception
from runners.github.runs.events import run_event_of
from runners.results import State
from tests.npm_package import NpmPackage
from tests.unit.bot.inbound.test_github_webhooks import SECRET, Receiver, signed, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.github.runs.events import RunEvent

pytestmark = pytest.mark.needs_npm
EXAMPLES = NpmPackage(
    "@octokit/webhooks-examples",
    "7.6.1",
    "sha512-De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
)


@pytest.fixture(scope="module")
def examples() -> list[tuple[str, dict[str, Any]]]:
    """Every example of github.com and of the Enterprise servers, with the event that it is of."""
    with tarfile.open(EXAMPLES.archive()) as archive:
        return list(_read(archive))


def _read(archive: tarfile.TarFile) -> Iterator[tuple[str, dict[str, Any]]]:
    for member in archive.getmembers():
        file = archive.extractfile(member)
        if member.name.endswith("/index.json") and file:
            for event in json.load(file):
                yield from ((event["name"], payload) for payload in event["examples"])


async def test_every_example_is_taken(examples: list[tuple[str, dict[str, Any]]]) -> None:
    assert len(examples) > 500
    assert {"workflow_run", "workflow_job", "ping", "push"} <= {event for event, _ in examples}
    async with started(Receiver()) as receiver:
        for event, payload in examples:
            body = json.dumps(payload).encode()
            status, rendered = await receiver.deliver(None, event=event, body=body)
            assert status == (200 if event == "ping" else 202), f"{event}: {rendered}"
        assert not receiver.heard  # none is about our repository


def test_runs_and_jobs_are_told_to_those_whose_they_are(examples: list[tuple[str, dict[str, Any]]]) -> None:
    ours = [(event, payload) for event, payload in examples if event in ("workflow_run", "workflow_job")]
    assert len(ours) >= 13
    for event, payload in ours:
        heard: list[RunEvent] = []
        repository = payload["repository"]["full_name"].upper()
        Webhooks([repository], SECRET, [heard.append], Reception())._take(event, "", payload)
        (news,) = heard
        thing = payload[event]
        assert news.run_id == (thing["id"] if event == "workflow_run" else thing["run_id"])
        assert news.repository == repository
        assert news.attempt >= 1
        if event == "workflow_job":
            assert news.job
            assert (news.job.job_id, news.job.name) == (thing["id"], thing["name"])
            assert news.job.state.ended == (thing["status"] == "completed")


def test_states_and_steps_are_read_as_github_writes_them(examples: list[tuple[str, dict[str, Any]]]) -> None:
    jobs = [
        news.job
        for event, payload in examples
        if event == "workflow_job" and (news := run_event_of(event, payload)) and news.job
    ]
    assert {job.state for job in jobs} == {State.WAITING, State.RUNNING, State.SUCCEEDED, State.FAILED}
    failed = next(job for job in jobs if job.state is State.FAILED)
    assert failed.started_at
    assert failed.ended_at


async def test_an_example_that_was_tampered_with_is_refused(examples: list[tuple[str, dict[str, Any]]]) -> None:
    payload = next(payload for event, payload in examples if event == "workflow_run")
    body = json.dumps(payload).encode()
    async with started(Receiver()) as receiver:
        wrong = {"X-Hub-Signature-256": signed(body.replace(b"completed", b"requested", 1))}
        status, _ = await receiver.deliver(None, event="workflow_run", body=body + b" ", **wrong)
        assert status == 401
