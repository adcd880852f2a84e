"""Who has no rights presses each button that there is: one entry in the audit log, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bot.config import read
from bot.inbound.app import find_handlers
from bot.operations.emergencies import OF, REVIEW_KIND
from bot.operations.registry import Click
from bot.slack.blocks import markup
from bot.slack.blocks.preferences import ENDED, QUIET, TURN
from bot.store.audit_table import audit
from bot.store.closures import Closure, ClosureKind
from bot.store.database import metadata
from bot.store.images import FollowedRun
from bot.store.operations import Request, Status
from handlers.builders.alert_views import MINE, SNOOZES, TERMINATE
from handlers.deploy.ansible import rollout_end
from handlers.deploy.checks import REFUSED
from handlers.plan.state_lock import ORPHANED_LOCK
from runners.results import Job, LogFinding, State
from tests.unit.handlers.conftest import WATCHED, refusal_of

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

STRANGER = "U0GUS"
CONFIG = read(
    WATCHED.replace("    machines: [backend]\n", "    machines: [backend]\n    daemons: {backend: [queue]}\n")
    + "operations: {tidy: {workflow: tidy.yml, environment: staging, description: Tidy up}}\n"
)
LINKS = ("open-ahead",)  # Slack opens their address; the click itself does nothing
BUTTONS = {button.action_id: button for button in find_handlers().buttons if button.action_id not in LINKS}
SHA = "c" * 40
NUMBER = "1"
VALUES = {"restart-daemon": "staging backend queue", "rerun-failed": f"{NUMBER}:1", "plan-images": f"{NUMBER}:staging",
    "deploy-listed": "staging", "plan-listed": "staging all", "run-open": "tidy", "build-open": "",
    "start-later": "/deploy staging later", "declare-emergency": "/deploy staging",
    "open-closure": "freeze staging", "give-command": "/deploy staging"}  # fmt: skip
WITHOUT_OPERATION = {
    "remove-orphans",
    "clean-up-images",
    "dismiss-sign",
    "restart-daemon",
    "deploy-listed",
    "plan-listed",
    "run-open",
    "build-open",
    "start-later",
    "declare-emergency",
    "open-closure",
    "history-older",
    "give-command",
    TURN,
    ENDED,
    QUIET,
}
AS_TYPED = ("give-command",)  # the same as a typed command
KINDS = {"emergency-seen": (REVIEW_KIND, {OF: NUMBER})}
ENVIRONMENTS = {
    "history-older": "",
    **dict.fromkeys((TURN, ENDED, QUIET), ""),
    **dict.fromkeys((TERMINATE, *SNOOZES, MINE, "remove-orphans"), "stuck builders"),
    **dict.fromkeys(("dismiss-sign", "rerun-failed", "build-open"), "image builds"),
    **dict.fromkeys(("choose-images", "undo-clean-up", "clean-up-images"), "old images"),
}
STATUSES = {
    "rerun-failed": Status.FAILED,
    "approve": Status.APPROVAL,
    "reject": Status.APPROVAL,
    "revoke-approval": Status.APPROVAL,
    "approve-later": Status.APPROVAL,
}


async def _arrange(desk: Desk, action: str) -> str:
    """An operation on whose message each button does what it does; returns the button's value."""
    environment = ENVIRONMENTS.get(action, "staging") or "staging"
    kind, arguments = KINDS.get(action, ("deploy", {"ref": "main"}))
    request = Request("key", kind, environment, "U0ANA", "Deploy it", "C0STAGING", arguments)
    number = await desk.operations.create(request)
    if action == "open-closure":
        await desk.services.closures.close(
            Closure(ClosureKind.FREEZE, "staging", "U0LEE", "why", desk.now, None), _nothing
        )
    await desk.operations.set_message(number, "C0STAGING", "1.0")
    await desk.operations.set_status(number, STATUSES.get(action, Status.RUNNING))
    await desk.services.run_claims.claim(number, 10)
    for what in (REFUSED, rollout_end.COMMIT, rollout_end.RETRY, ORPHANED_LOCK):
        await desk.services.annotations.add(number, what, SHA)
    if STATUSES.get(action) is Status.APPROVAL:
        return (await desk.asked()).id
    if action == "dismiss-sign":
        group, job = (
            CONFIG.image_group("backend", "staging"),
            Job(7, "build", State.SUCCEEDED, "https://github.com/o/r/job/7"),
        )
        (suspicion,) = await desk.services.images.add_warnings(
            FollowedRun(number, 10), job, group, [LogFinding("apt", 12, "E: no foo")]
        )
        return suspicion.id
    return VALUES.get(action, NUMBER)


def _nothing(_: sa.Connection) -> None:
    """Beside the closure nothing is written."""


async def _contents(desk: Desk) -> dict[str, list[Any]]:
    """Every row of every table but the audit log."""

    def everything(connection: sa.Connection) -> dict[str, list[Any]]:
        others = [table for table in metadata.sorted_tables if table is not audit]
        return {table.name: list(connection.execute(sa.select(table)).all()) for table in others}

    return await desk.store.run(everything)


@pytest.mark.parametrize("action", BUTTONS)
async def test_a_refused_click_is_recorded_once_and_changes_nothing(desk: Desk, action: str) -> None:
    desk.config = CONFIG
    value = await _arrange(desk, action)
    before = await _contents(desk)
    click = Click(STRANGER, "C0STAGING", "1.0", action, value, "1.2", "", find_handlers())
    refusal = await refusal_of(desk, BUTTONS[action].handle(desk.services, click))
    (line,) = await desk.audit.read(newest=99)
    assert (line.entry.actor, line.entry.action) == (STRANGER, "refused" if action in AS_TYPED else "click refused")
    assert line.entry.operation == (None if action in WITHOUT_OPERATION else 1)
    assert line.entry.environment == ENVIRONMENTS.get(action, "staging")
    assert markup.plain(str(line.entry.detail["why"])) in markup.plain(refusal)
    assert line.entry.detail["what"]
    assert await _contents(desk) == before
    assert (desk.engine.begun, desk.engine.woken) == ([], [])
    assert (desk.chat.views, desk.chat.says, desk.chat.told, desk.chat.homes) == ([], {}, [], {})
