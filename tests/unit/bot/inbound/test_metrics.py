"""/metrics: valid by promtool's rules, sums that are right for several processes, and no name where everybody reads."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import AsyncMock

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import DatabaseAwayError
from bot.inbound import metrics, server
from bot.operations import attendance, periodic
from bot.operations.attendance import Attendance
from bot.operations.registry import PeriodicTask
from bot.slack import web_api
from bot.store import endings
from bot.store.approvals import ApprovalRequest, Approvals
from bot.store.operations import Operations, Request, Status
from bot.store.outbox import Outbox
from runners.http import counts
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.process.health import Health
    from bot.services import Services
    from bot.store.database import Store

TYPES = {"counter": "_total", "histogram": ""}
# prometheus.io/docs/practices/naming: base units, and the abbreviations and units that promtool refuses.
NOT_BASE = re.compile(r"_(milliseconds|minutes|hours|days|kilobytes|megabytes|percent|ms|min|sec|secs)(_|$)")


class Process:
    """One process on the database: what it counts in memory is its own."""

    def __init__(self, store: Store, clock: Any = time.time) -> None:
        self.operations = Operations(store, clock)
        self.services = cast(
            "Services",
            SimpleNamespace(
                operations=self.operations,
                outbox=Outbox(store, clock),
                clock=clock,
                config=SimpleNamespace(environments={"prod": None, "secret-lab": None}),
            ),
        )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _attendance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendance, "read", AsyncMock(return_value=Attendance((), {}, None)))


async def text_of(process: Process, health: Health, *, private: bool = False) -> str:
    application = server.make()
    server.add_metrics(application, process.services, health, private=private)
    async with TestClient(TestServer(application)) as client:
        answer = await client.get("/metrics")
        assert answer.status == 200
        return await answer.text()


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def queued(process: Process, key: str, environment: str) -> int:
    return await process.operations.create(Request(key, "deploy", environment, "U0ANA", "Deploy", "C0", {}))


def lint(text: str) -> list[str]:
    """The rules of `promtool check metrics` that our metrics could break."""
    faults = []
    for family in text_string_to_metric_families(text):
        if family.name.startswith("process_"):  # the library's own
            continue
        name = family.name + ("_total" if family.type == "counter" else "")
        if not re.fullmatch(r"signalbox_[a-z0-9]+(_[a-z0-9]+)*", name):
            faults.append(f"{name}: not in snake case, or without the prefix")
        if not family.documentation:
            faults.append(f"{name}: no help text")
        if family.type != "counter" and name.endswith("_total"):
            faults.append(f"{name}: non-counter with _total")
        if family.type not in ("histogram", "summary") and name.endswith(("_count", "_sum", "_bucket")):
            faults.append(f"{name}: a name of histograms")
        if NOT_BASE.search(name) or family.type in name.split("_"):
            faults.append(f"{name}: no base unit, or its type in the name")
        labels = {label for sample in family.samples for label in sample.labels}
        faults += [f"{name}: label {each}" for each in labels if not re.fullmatch(r"[a-z_]+", each)]
    return faults


async def everything_counted(process: Process) -> None:
    number = await queued(process, "k", "prod")
    await process.operations.set_status(number, Status.FAILED)
    counts.answered("GitHub", 200, {"X-RateLimit-Remaining": "4999", "X-RateLimit-Limit": "5000"})
    counts.unanswered("HCP Terraform")
    web_api.CALLS.labels("chat.update", "ok").inc()
    web_api.LIMITED.labels("chat.update").inc()
    periodic.DUE.labels("drift").set(1)
    metrics.ACKNOWLEDGED.observe(0.1)


async def test_every_metric_follows_the_rules_of_names(store: Store, health: Health) -> None:
    process = Process(store)
    await everything_counted(process)
    health.report("slack", "Slack does not answer")
    text = await text_of(process, health, private=True)
    assert lint(text) == []
    assert lint("# TYPE signalbox_wait_minutes gauge\nsignalbox_wait_minutes 1\n") != []
    assert values(text)["signalbox_problem", (("source", "slack"),)] == 1


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
async def test_promtool_finds_nothing(store: Store, health: Health) -> None:
    process = Process(store)
    await everything_counted(process)
    text = await text_of(process, health, private=True)
    done = subprocess.run(  # noqa: ASYNC221  -- a test
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


async def test_what_ended_is_counted_once_by_the_process_that_ended_it(store: Store, health: Health) -> None:
    first, second = Process(store), Process(store)
    name = "signalbox_operations_ended_total", (("kind", "deploy"), ("outcome", "cancelled"))
    before = values(await text_of(first, health)).get(name, 0)
    number, other = await queued(first, "a", "prod"), await queued(first, "b", "prod")
    assert await first.operations.cancel_queued(number, "U0ANA")
    assert not await second.operations.cancel_queued(number, "U0LEE")
    await second.operations.set_status(number, Status.CANCELLED)
    await second.operations.set_status(other, Status.RUNNING)
    assert values(await text_of(first, health))[name] == before + 1


async def test_durations_are_those_from_the_request_to_the_end(store: Store, health: Health) -> None:
    now = [1_000.0]
    process = Process(store, lambda: now[0])
    before = endings.DURATION.labels("deploy")._sum.get()
    number = await queued(process, "a", "prod")
    now[0] += 90
    await process.operations.set_status(number, Status.SUCCEEDED)
    assert endings.DURATION.labels("deploy")._sum.get() - before == 90


async def test_names_of_environments_are_at_the_private_address_alone(store: Store, health: Health) -> None:
    process = Process(store)
    await queued(process, "a", "secret-lab")
    await queued(process, "b", "secret-lab/unit network:vpc")
    public, private = await text_of(process, health), await text_of(process, health, private=True)
    assert "secret-lab" not in public
    assert values(public)["signalbox_queued_operations", ()] == 2
    assert values(private)["signalbox_queue_length", (("environment", "prod"),)] == 0
    assert sum(value for (name, _), value in values(private).items() if name == "signalbox_queue_length") == 2


async def test_approvals_that_wait_are_counted_with_the_age_of_the_oldest(store: Store, health: Health) -> None:
    now = [1_000.0]
    process = Process(store, lambda: now[0])
    number = await queued(process, "a", "prod")
    await process.operations.set_status(number, Status.RUNNING)
    request = ApprovalRequest(number, "prod", "binding", "U0ANA", "C0", "1.0", required=1, expires_after=9_000.0)
    await Approvals(store, lambda: now[0]).create(request)
    now[0] += 120
    text = values(await text_of(process, health))
    assert (text["signalbox_waiting_approvals", ()], text["signalbox_oldest_approval_seconds", ()]) == (1, 120)
    await process.operations.set_status(number, Status.EXPIRED)
    assert values(await text_of(process, health))["signalbox_waiting_approvals", ()] == 0


async def test_without_its_database_it_answers_with_what_the_process_counted(
    store: Store, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(store)
    await everything_counted(process)
    monkeypatch.setattr(process.operations, "counts", AsyncMock(side_effect=DatabaseAwayError("away")))
    text = values(await text_of(process, health))
    assert text["signalbox_database_up", ()] == 0
    assert ("signalbox_operations", (("status", "failed"),)) not in text
    assert any(name == "signalbox_api_calls_total" for name, _ in text)


@pytest.mark.parametrize(
    ("status", "headers", "result"),
    [
        (200, {}, "ok"),
        (304, {}, "ok"),
        (404, {}, "refused"),
        (429, {}, "limited"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Limit": "60"}, "limited"),
        (403, {}, "refused"),
    ],
)
def test_answers_are_counted_by_result(status: int, headers: Mapping[str, str], result: str) -> None:
    counter = counts.CALLS.labels("github", result)
    before = counter._value.get()
    counts.answered("GitHub", status, headers)
    assert counter._value.get() == before + 1


@given(
    st.dictionaries(st.sampled_from(["X-RateLimit-Remaining", "x-ratelimit-limit", "X-RateLimit-Resource"]), st.text())
)
def test_no_answer_adds_a_label_of_its_own(headers: dict[str, str]) -> None:
    counts.answered("GitHub", 200, headers)
    (family,) = counts.REMAINING.collect()
    assert {sample.labels["resource"] for sample in family.samples} <= counts.RESOURCES | {"other"}


async def test_a_task_that_is_late_shows_since_when(store: Store) -> None:
    async def run(*_: object) -> None:
        raise AssertionError

    task = PeriodicTask("tidy", lambda _: {}, run)
    services = cast("Services", SimpleNamespace(clock=lambda: 500.0))
    for target, due in (("prod", 300.0), ("dev", 200.0), ("dev", 400.0)):
        repeated = periodic._Repeated(services, cast("Any", None), task, target, timedelta(minutes=1))
        repeated._note(due)
    assert periodic.DUE.labels("tidy")._value.get() == 300


RULES = Path(__file__).parents[4] / "docs" / "how-to" / "signalbox.rules.yml"


async def test_the_rules_name_metrics_and_labels_that_there_are(store: Store, health: Health) -> None:
    process = Process(store)
    await everything_counted(process)
    health.report("slack", "Slack does not answer")
    there = {name for name, _ in values(await text_of(process, health, private=True))}
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    named = {name for rule in rules for name in re.findall(r"signalbox_[a-z_]+", rule["expr"])}
    assert named - there == set()
    documented = (RULES.parent / "metrics.md").read_text()
    assert [name for name in there if not any(form in documented for form in forms(name))] == []


def forms(name: str) -> list[str]:
    """A metric's name without the endings that the library adds."""
    return [
        f"`{name}`",
        f"`{re.sub('_(bucket|sum|count|created)$', '', name)}`",
        *(["`process_*`"] if name.startswith("process_") else []),
        f"`{name.removesuffix('_created')}_total`",
    ]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
