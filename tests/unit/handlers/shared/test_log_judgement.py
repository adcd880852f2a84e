"""What the logs of a run that ended well showed: which jobs are suspect, what is too weak, and how it is displayed."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.operations.registry import Click
from bot.slack.blocks import kit, modals
from bot.store.operations import Request
from handlers.operation import log_details
from handlers.shared import log_judgement, log_judgement_views as views
from handlers.shared.log_judgement import NO_FINDINGS, JudgedLogs, judgement_of
from handlers.shared.log_reading import ReadLog
from runners.results import Job, LogFinding, LogReading, State, WorkflowRun
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import buttons, read

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from tests.unit.handlers.conftest import Desk

STRONG = LogFinding("shell: command not found", 41, "configure.sh: line 41: composer: command not found", step="Deploy")
WEAK = LogFinding("shell: no such file", 7, "rm: cannot remove 'x': No such file or directory", weight=1)
SUSPECT = ReadLog(LogReading(lines=90, findings=(WEAK, STRONG), tail=("the end",)))
HARMLESS = ReadLog(LogReading(lines=90, findings=(WEAK,)))
CLEAN, NONE = ReadLog(LogReading(lines=9)), ReadLog(None, "log expired")


def job(name: str, state: State = State.SUCCEEDED, number: int = 1) -> Job:
    return Job(number, name, state, f"https://github.com/o/r/job/{number}")


def judged(**logs: ReadLog) -> JudgedLogs:
    return judgement_of([(job(name), log) for name, log in logs.items()])


def test_strong_findings_make_a_job_suspect_and_weak_ones_are_counted() -> None:
    result = judged(backend=SUSPECT, cron=HARMLESS, sftp=CLEAN, worker=NONE)
    assert [each.name for each in result.suspects] == ["backend"]
    assert [each.name for each in result.weak] == ["cron"]
    assert (result.weak_findings, result.unread) == (1, ("worker",))
    assert "the end" not in repr(result), "only findings are stored"


def test_a_log_that_was_not_read_to_its_end_makes_its_job_suspect() -> None:
    result = judged(backend=ReadLog(LogReading(truncated=True)))
    assert [each.name for each in result.suspects] == ["backend"]
    assert "was not read to its end" in read(kit.message("x", views.blocks(result, 7, "Check it.")))


def test_a_suspect_job_has_the_telling_line_and_what_to_do_now() -> None:
    result = judged(backend=SUSPECT, cron=HARMLESS)
    message = kit.message("x", views.blocks(result, 7, "Check the machines."))
    rendered = read(message)
    assert views.news(result) == ", but its log shows signs of failure"
    assert "backend succeeded, but its log has (line 41, under `Deploy`) *shell: command not found*" in rendered
    assert "composer: command not found" in rendered
    assert "cannot remove" not in rendered, "the strongest finding is the telling one"
    assert "Check the machines." in rendered
    assert "1 weak finding in the log of cron, below the threshold" in rendered
    assert buttons(message) == [views.DETAILS]


def test_weak_findings_alone_are_small_print() -> None:
    result = judged(backend=HARMLESS)
    message = kit.message("x", views.blocks(result, 7, "Check the machines."))
    assert views.news(result) == ""
    assert [block["type"] for block in message.blocks] == ["context", "actions"]
    assert "Check" not in read(message)


def test_clean_logs_add_nothing_and_an_unread_one_is_named() -> None:
    assert views.blocks(judged(backend=CLEAN), 7, "x") == []
    (line,) = views.blocks(judged(backend=NONE), 7, "x")
    assert "The log of backend could not be read, so it was not checked" in read(kit.message("x", [line]))


def test_all_findings_fit_a_modal_whatever_they_are() -> None:
    many = LogReading(findings=tuple(LogFinding(f"p{n}", n, "<!channel> " + "x" * 900) for n in range(20)))
    result = judgement_of([(job(f"job {n}"), ReadLog(many)) for n in range(30)])
    message = views.details(result)
    check_view(modals.notice(views.DETAILS_TITLE, message), "modal")
    assert "<!channel>" not in str(message.blocks)
    assert "There is more than fits" in read(message)


class Steps:
    """An operation whose steps are simply done."""

    def __init__(self, *, patched: bool = True) -> None:
        async def is_patched(_: str) -> bool:
            return patched

        self.services, self.number = SimpleNamespace(engine=SimpleNamespace(patched=is_patched)), 7
        self.steps: list[str] = []
        self.trail: list[tuple[str, dict[str, str]]] = []

    async def step(self, name: str, function: Any) -> Any:
        self.steps.append(name)
        return await function()

    async def audit(self, action: str, **detail: str) -> None:
        self.trail.append((action, detail))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> WorkflowRun:
    logs = {"backend": SUSPECT, "cron": HARMLESS}

    async def read_of(_: Operation, each: Job) -> ReadLog:
        return logs[each.name]

    monkeypatch.setattr(log_judgement, "_read", read_of)
    jobs = (job("backend", number=1), job("cron", number=2), job("skipped", State.SKIPPED, 3))
    now = datetime.now(UTC)
    return WorkflowRun("o/r", 5, 3, 1, "Deploy", "a" * 40, State.SUCCEEDED, "https://github.com/o/r", now, jobs)


async def test_each_job_that_ended_well_is_judged_once_and_a_suspect_one_is_in_the_audit_log(run: WorkflowRun) -> None:
    operation = Steps()
    result = await log_judgement.judge_run(cast("Operation", operation), run)
    assert operation.steps == ["judge log of job 1", "judge log of job 2", "judged logs"]
    assert [each.name for each in result.suspects] == ["backend"]
    assert operation.trail == [("suspect", {"what": "backend", "why": "shell: no such file, shell: command not found"})]


async def test_an_operation_of_before_reads_no_logs(run: WorkflowRun) -> None:
    operation = Steps(patched=False)
    assert await log_judgement.judge_run(cast("Operation", operation), run) == NO_FINDINGS
    assert operation.steps == []


@pytest.mark.parametrize("stored", [True, False])
async def test_the_button_shows_all_findings_while_they_are_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    number = await desk.operations.create(Request("k", "deploy", "dev", "U0ANA", "Deploy", "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", "1.0")

    async def result(asked: int, step: str, _: type) -> JudgedLogs | None:
        return judged(backend=SUSPECT) if stored and (asked, step) == (number, "judged logs") else None

    monkeypatch.setattr(desk.engine, "result", result, raising=False)
    click = Click("U0ANA", "C0DEV", "1.0", views.DETAILS, str(number), "1.2", "")
    await log_details.show(desk.services, click)
    assert ("backend" in desk.chat.notices[-1]) is stored
    assert ("no longer stored" in desk.chat.notices[-1]) is not stored
