"""The benchmark's parts work; how fast anything is, is no test's matter."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from runners.logs.failure_patterns import FailurePattern
from runners.logs.scan import scan
from sandbox.slack import SlackSettings, SlackStandIn
from tests.bench import build_log, github_calls, log_scan, many_hosts
from tests.bench.__main__ import MEASUREMENTS, main
from tests.bench.bare_app import application
from tests.bench.figures import Figure, of_runs, table
from tests.bench.posts import command, rate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TOKEN, SECRET = "xoxb-1-bench", "signing-secret-of-the-bench"


@asynccontextmanager
async def bare_app() -> AsyncIterator[str]:
    slack = SlackStandIn(SlackSettings(TOKEN, SECRET, app_token=None, request_url=None))
    await slack.start()
    client = AsyncWebClient(token=TOKEN, base_url=f"{slack.url}/api/")
    try:
        async with TestServer(application(client, SECRET)) as server:
            yield str(server.make_url("/slack/events"))
    finally:
        await slack.stop()


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), ("another", 401)])
async def test_the_bare_app_takes_what_slack_signed_and_nothing_else(secret: str, status: int) -> None:
    posts = [command("/infra help", trigger=f"trigger-{n}", secret=secret) for n in range(5)]
    async with bare_app() as url:
        per_second, answers = await rate(url, posts, at_once=2)
    assert per_second > 0
    assert [answer.status for answer in answers] == [status] * 5


@pytest.mark.parametrize(
    ("figure", "holds", "verdict"),
    [
        (Figure("ratio", 0.6, "", 0.6, more_is_better=True), True, "pass"),
        (Figure("ratio", 0.59, "", 0.6, more_is_better=True), False, "FAIL"),
        (Figure("lost", 0, "", 0), True, "pass"),
        (Figure("lost", 1, "", 0), False, "FAIL"),
        (Figure("told", 7, " %"), True, ""),
    ],
)
def test_a_figure_knows_whether_it_keeps_its_limit(figure: Figure, holds: bool, verdict: str) -> None:
    assert (figure.holds, figure.verdict) == (holds, verdict)


def test_of_several_runs_the_slowest_counts() -> None:
    figure = of_runs("start", [1.0, 3.5, 2.0], limit=3.0)
    assert not figure.holds
    assert "median 2.00 s of 3 runs" in figure.detail


def test_the_table_shows_each_figure_beside_its_target() -> None:
    lines = table([Figure("ratio", 0.876, "", 0.6, more_is_better=True, detail="of 8 rounds")]).splitlines()
    assert lines[1].split() == ["ratio", "0.88", "at", "least", "0.60", "pass", "of", "8", "rounds"]


async def test_every_line_of_the_generated_log_that_shows_a_failure_is_found(tmp_path: Path) -> None:
    log = tmp_path / "log"
    failed = build_log.write(log, 300_000, failed_in=50)
    reading = await scan(log, log_scan.PATTERNS)
    assert failed > 20
    assert (reading.matches, reading.bytes) == (failed, log.stat().st_size)


def test_grep_is_asked_for_the_same_as_we_look_for() -> None:
    pattern = FailurePattern("a", r"^(?:[EW]: )?no [\w./]+\d", "a")
    assert log_scan.for_grep(pattern) == "^[^ ]* (==> [^ ]+: |    [^ ]+: )?([EW]: )?no [[:alnum:]_./]+[0-9]"
    assert [item.pattern for item in log_scan.PATTERNS if "(?" in log_scan.for_grep(item)] == []


async def _misses(*, quick: bool) -> list[Figure]:
    return [Figure("lost", 1 if quick else 0, "", 0)]


@pytest.mark.parametrize(("arguments", "code"), [(["--quick"], 1), ([], 0)])
def test_a_missed_target_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    monkeypatch.setitem(MEASUREMENTS, "burst", _misses)
    assert main(["--only", "burst", *arguments]) == code
    assert ("FAIL" in capsys.readouterr().out) == bool(code)


async def test_the_calls_to_github_are_counted_and_keep_their_limits() -> None:
    figures = await github_calls.measure(quick=True)
    assert {figure.limit for figure in figures} == {30.0, 8.0, 5_000.0, None}
    assert all(figure.value > 0 for figure in figures)
    assert all(figure.holds for figure in figures)


async def test_every_event_of_a_deploy_to_many_hosts_is_read() -> None:
    held, updates = await many_hosts.measure(quick=True)
    assert "1,000 events" in held.detail
    assert updates.holds
