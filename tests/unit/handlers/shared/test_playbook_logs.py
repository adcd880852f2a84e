"""The logs of playbooks: read when all ended well, judged as those of workflows, displayed beside the hosts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.redaction import Redactor
from handlers.shared.ansible import log_judgement, outcome_views, playbooks
from handlers.shared.ansible.outcome_views import RolloutEnd
from handlers.shared.ansible.views import Frame, RolloutState
from handlers.shared.log_judgement import NO_FINDINGS
from runners.results import HostResult, PlaybookResult, State
from tests.unit.bot.drawn import read
from tests.unit.bot.plans import COMMIT, HEAD

if TYPE_CHECKING:
    from pathlib import Path

    from handlers.shared.ansible.rollout import Rollout

SUSPECT = (
    'TASK [php : Configure] ***\nchanged: [web] => {"rc": 0, "stderr": "a.sh: line 4: composer: command not found"}\n'
)
LOGS = {"backend": SUSPECT, "cron": "ok: [cron]\n", "sftp": ""}


def rollout(
    tmp_path: Path, *, succeeded: bool = True, check: bool = False, patched: bool = True
) -> tuple[Rollout, list[str]]:
    steps: list[str] = []

    async def step(name: str, function: Any) -> Any:
        steps.append(name)
        return await function()

    async def audit(action: str, **detail: str) -> None:
        steps.append(f"{action} {detail['what']}: {detail['why']}")

    async def is_patched(_: str) -> bool:
        return patched

    services = SimpleNamespace(
        engine=SimpleNamespace(patched=is_patched), config=SimpleNamespace(images=None), redact=Redactor()
    )
    operation = SimpleNamespace(services=services, step=step, audit=audit, scratch=tmp_path, number=7)
    work = SimpleNamespace(scope=SimpleNamespace(check=check))
    made = SimpleNamespace(operation=operation, work=work, results=dict.fromkeys(LOGS), succeeded=succeeded)
    return cast("Rollout", made), steps


@pytest.fixture(autouse=True)
def logs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def log_text(_: object, role: str) -> str:
        return LOGS[role]

    monkeypatch.setattr(playbooks, "log_text", log_text)


async def test_a_playbook_that_lied_is_suspect_and_the_audit_log_says_so(tmp_path: Path) -> None:
    made, steps = rollout(tmp_path)
    judged = await log_judgement.judge(made, None)
    assert [each.name for each in judged.suspects] == ["backend"]
    assert judged.unread == ("sftp",)
    assert steps[:3] == [f"judge log of {role}" for role in LOGS]
    assert steps[-1] == "suspect backend: shell: command not found"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "the copy of the log is left"


async def test_nothing_is_read_of_what_did_not_end_well_of_a_check_and_by_an_older_version(tmp_path: Path) -> None:
    for how in ({"succeeded": False}, {"check": True}, {"patched": False}):
        made, steps = rollout(tmp_path, **how)
        assert await log_judgement.judge(made, None) == NO_FINDINGS
        assert not steps
    made, steps = rollout(tmp_path)
    assert await log_judgement.judge(made, "U0ANA") == NO_FINDINGS
    assert not steps


async def test_the_message_has_the_telling_line_and_stays_done_on_its_hosts(tmp_path: Path) -> None:
    made, _ = rollout(tmp_path)
    judged = await log_judgement.judge(made, None)
    drawn: list[str] = []

    def draw(status: str, news: str, details: Any, buttons: Any) -> Any:
        from bot.slack.blocks import kit  # noqa: PLC0415

        drawn.append(status)
        return kit.message(news, [kit.section(news), *details, *buttons])

    frame = Frame(
        HEAD, COMMIT, None, draw, "deploying", "is deploying", "deployed it to", "", "", "not deployed", "/deploy x"
    )
    result = PlaybookResult("deploy-web.yml", State.SUCCEEDED, (HostResult("web", State.SUCCEEDED),))
    message = outcome_views.ended(
        frame, RolloutState((result,), 1.0), RolloutEnd(judged=judged, suspect="Check the machines.")
    )
    text = read(message)
    assert drawn == ["attention"]
    assert "deployed it to 1 host, but its log shows signs of failure" in text
    assert "backend succeeded, but its log has (line 2" in text
    assert "composer: command not found" in text
    assert "Check the machines. *Details* has all findings." in text
