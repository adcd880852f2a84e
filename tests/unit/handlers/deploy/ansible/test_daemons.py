"""Daemons as configured, and who may restart one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.config import read
from bot.errors import Denied, UserError
from bot.operations.registry import Click
from bot.store.operations import Request, Status
from handlers.deploy.ansible import daemons as ansible_daemons
from handlers.deploy.ansible.daemons import configured, request_restart, timeouts, topic
from runners.daemons import Daemon, Timeouts
from runners.results import Inventory
from tests.unit.bot.drawn import read as read_message
from tests.unit.handlers.conftest import FILE, Desk, typed

if TYPE_CHECKING:
    from bot.operations.operation import Operation

WITH = FILE.replace(
    "    terraform: {directory: instances/staging,",
    """    daemons: {backend: [queue, "mail.d"]}
    daemon_checks:
      settle: 5s
      without_systemd:
        queue: {command: "php .*{daemon}", pid_file: "/run/{daemon}.pid"}
        "*": {command: "^{daemon}$", start: "/etc/init.d/{daemon} start"}
    terraform: {directory: instances/staging,""",
)


def click(user: str, value: str = "staging backend queue") -> Click:
    return Click(user, "C0STAGING", "1.0", "restart-daemon", value, "1.2.trigger", "")


@pytest.fixture
def staffed(desk: Desk) -> Desk:
    desk.config = read(WITH, "signalbox.yaml")
    return desk


def test_texts_are_filled_in_and_the_star_stands_for_all_others(staffed: Desk) -> None:
    staging = staffed.config.environments["staging"]
    assert configured(staging) == {
        "backend": (
            Daemon("queue", command="php .*queue", pid_file="/run/queue.pid"),
            Daemon("mail.d", command=r"^mail\.d$", start="/etc/init.d/mail.d start"),
        )
    }
    assert timeouts(staging) == Timeouts(pause=5.0, stop=30.0)


async def test_two_presses_at_once_are_one_restart(staffed: Desk) -> None:
    for _ in range(2):
        await request_restart(staffed.services, click("U0LEE"))
    first, second = staffed.engine.begun
    assert first.key == second.key
    assert (first.kind, first.environment, first.title) == (
        "restart",
        "staging",
        "Restart queue on backend of staging",
    )
    assert first.arguments == {"machine": "backend", "daemon": "queue"}


async def test_a_daemon_that_is_being_restarted_is_not_restarted_a_second_time(staffed: Desk) -> None:
    await request_restart(staffed.services, click("U0LEE"))
    number = await staffed.operations.create(staffed.engine.begun[0])
    with pytest.raises(UserError, match=rf"queue on backend of staging is being restarted already, #{number}\."):
        await request_restart(staffed.services, click("U0MAX"))
    await request_restart(staffed.services, click("U0MAX", "staging backend mail.d"))
    await staffed.operations.set_status(number, Status.SUCCEEDED)
    await request_restart(staffed.services, click("U0MAX"))
    assert len({request.key for request in staffed.engine.begun}) == 3, "another daemon, and the same one afterwards"


async def test_who_restarts_is_told_what_it_waits_for(staffed: Desk) -> None:
    assert await request_restart(staffed.services, click("U0LEE")) is None
    request = Request("k", "deploy", "staging", "U0ANA", "Deploy main", "C0STAGING", {})
    number = await staffed.operations.create(request)
    await staffed.operations.set_status(number, Status.RUNNING, "waits for approval")
    answer = await request_restart(staffed.services, click("U0LEE"))
    assert answer is not None
    assert "queue is not restarted yet" in read_message(answer)
    assert f"It waits for #{number} (Deploy main), which waits for approval." in read_message(answer)


async def test_whoever_may_not_approve_may_not_restart(staffed: Desk) -> None:
    with pytest.raises(Denied):
        await request_restart(staffed.services, click("U0ANA"))
    assert staffed.engine.begun == []
    assert await staffed.audit_log() == [("U0ANA", "click refused")]


async def test_whoever_may_no_longer_approve_restarts_nothing(staffed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = list[str]()

    async def hosts(*_: object) -> Inventory:
        return Inventory("staging", (), "deployer", 22, "ssh")

    async def check_authorized(what: str) -> None:
        checked.append(what)

    monkeypatch.setattr(ansible_daemons, "find_hosts", hosts)
    monkeypatch.setattr(ansible_daemons, "reach_hosts", None)  # an attempt to reach a host fails
    environment = staffed.config.environments["staging"]
    record = SimpleNamespace(kind="restart", arguments={"machine": "backend", "daemon": "queue"}, requester="U0GUS")
    operation = SimpleNamespace(
        services=staffed.services, environment=environment, target=environment, record=record,
        check_authorized=check_authorized,
    )  # fmt: skip
    with pytest.raises(Denied, match="You may not approve for staging"):
        await ansible_daemons._restart(cast("Operation", operation))
    assert checked == ["restart"]


@pytest.mark.parametrize("value", ["", "staging", "staging backend", "staging backend other", "moon backend queue"])
async def test_a_button_for_what_is_not_configured_does_nothing(staffed: Desk, value: str) -> None:
    with pytest.raises(UserError, match="no such daemon"):
        await request_restart(staffed.services, click("U0LEE", value))


@pytest.mark.parametrize(
    ("words", "answer"), [([], "Which environment?"), (["dev"], "names no daemons"), (["satging"], "did you mean")]
)
async def test_the_topic_says_what_is_missing(staffed: Desk, words: list[str], answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        await topic(staffed.services, typed("daemons"), words)
