"""Ansible's events for 500 hosts and 100 tasks, read while the event loop has other work, and rendered."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bot.redaction import Redactor
from bot.slack.blocks.common import Head
from bot.slack.client import UPDATE_INTERVAL
from handlers.deploy.ansible.views import frame
from handlers.deploy.views import Release
from handlers.shared.ansible import views
from runners.ansible import PlaybookJob, places_of
from runners.ansible.following import Following
from runners.processes.detached import Detached
from runners.results import Commit, Host, Inventory
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.results import PlaybookResult

ANSWER = 1.0  # seconds: commands are answered within this, so the event loop may be blocked no longer
LOOKS = 0.01  # seconds between checks of the loop
TIER = 50  # updates a minute that Slack takes
HEAD = Head(1, "Deploy main to staging", "staging", "U0ANA")
OUT = Release(Commit("o/r", "a" * 40, "main", "Many hosts", "Lee", "https://github.com/o/r/commit/1"), "`b`", "Ansible")
RESULT = {"changed": True, "stdout": "x" * 400, "stderr": "", "rc": 0, "cmd": ["true"], "_ansible_no_log": False}


async def measure(*, quick: bool) -> list[Figure]:
    """Follow such a run from a complete file, which is faster than Ansible writes it."""
    hosts, tasks = (50, 10) if quick else (500, 100)
    with tempfile.TemporaryDirectory(prefix="many-hosts-") as place:
        job = _job(Path(place), hosts)
        run = places_of(job.scratch).run
        run.mkdir(mode=0o700, parents=True)
        (run / "output").write_text("".join(f"{line}\n" for line in _events(hosts, tasks)))
        size = (run / "output").stat().st_size
        (run / "exit").write_text("0\n")
        return await _followed(job, hosts * tasks, size)


async def _followed(job: PlaybookJob, expected: int, size: int) -> list[Figure]:
    redact, drawn = Redactor(["a-secret-that-is-nowhere"]), 0

    async def heard(result: PlaybookResult) -> None:
        nonlocal drawn
        views.progress(frame(HEAD, OUT, None), views.RolloutState((redact.within(result),), time.time()))
        drawn += 1

    held: list[float] = [0.0]
    watching = asyncio.create_task(_watch_the_loop(held))
    began = time.perf_counter()
    result = await Following(job, places_of(job.scratch), Detached(places_of(job.scratch).run)).to_the_end(
        heard, timeout=600
    )
    seconds = time.perf_counter() - began
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    if sum(host.ok for host in result.hosts) != expected:
        raise RuntimeError("not every event was read")
    detail = (
        f"{2 * expected:,} events, {size / 1e6:.0f} MB, in {seconds:.1f} s; the board drawn {drawn} times meanwhile"
    )
    return [
        Figure("the loop held by a deploy to many hosts, longest", max(held), " s", ANSWER, detail=detail),
        Figure("updates of its message a minute, at most", 60 / UPDATE_INTERVAL, "", TIER),
    ]


async def _watch_the_loop(held: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(LOOKS)
        held.append(time.perf_counter() - before - LOOKS)


def _job(place: Path, hosts: int) -> PlaybookJob:
    its = tuple(Host(f"web-{number}", "web", f"i-{number}", "10.0.0.1", "ami-1", "a") for number in range(hosts))
    (place / "project").mkdir()
    return PlaybookJob(
        project=place / "project",
        playbook="deploy.yml",
        inventory=Inventory("staging", its, "deployer", 22, "ssh"),
        limit=None,
        extra_vars={},
        secret_vars={"database_url": "mysql://a-secret-that-is-nowhere"},
        private_key=None,
        scratch=place / "scratch",
    )


def _events(hosts: int, tasks: int) -> Iterator[str]:
    def event(kind: str, stdout: str = "", **data: object) -> str:
        message = {
            "uuid": "u" * 36,
            "counter": 1,
            "created": "2026-03-02T10:00:00+00:00",
            "event": kind,
            "stdout": stdout,
        }
        return json.dumps({**message, "event_data": data})

    names = [f"web-{number}" for number in range(hosts)]
    for task in range(tasks):
        about = {"task": f"Task {task}", "task_uuid": f"task-{task}", "task_path": "/project/deploy.yml:9"}
        yield event("playbook_on_task_start", f"\nTASK [Task {task}] ***", **about)
        for name in names:
            yield event("runner_on_start", host=name, **about)
            yield event("runner_on_ok", f"changed: [{name}]", host=name, res=RESULT, **about)
    numbers = {"processed": dict.fromkeys(names, 1), "ok": dict.fromkeys(names, tasks)}
    yield event("playbook_on_stats", "\nPLAY RECAP ***", **numbers)
