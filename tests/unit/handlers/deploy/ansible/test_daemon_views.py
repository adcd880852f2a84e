"""Daemons as they are shown: after a deploy, at any time, after a restart."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

from hypothesis import given, strategies as st

from bot.slack.blocks.common import Head
from handlers.deploy.ansible import daemon_views
from runners.results import DaemonObservation
from tests.unit.bot.drawn import hostile, read

HEAD = Head(12, "Restart queue on backend of staging", "staging", "U0ANA")
GOOD = DaemonObservation("staging-backend-1", "backend", "queue", instances=1, age=65.0)
BAD = DaemonObservation("staging-backend-2", "backend", "queue", "it runs 2 times (processes 4, 5)", 2)
MENDED = DaemonObservation(
    "staging-cron", "cron", "clock", instances=1, age=3.0, did="stopped and started because it does not run"
)


def test_all_is_well_in_one_line() -> None:
    (block,) = daemon_views.after_deploy("staging", [GOOD, GOOD])
    assert block["text"]["text"] == ":white_check_mark: *Daemons:* each runs once (2 looked at)"
    assert daemon_views.after_deploy("staging", []) == []


def test_what_is_wrong_and_what_was_put_right_is_told_by_host() -> None:
    (block,) = daemon_views.after_deploy("staging", [GOOD, BAD, MENDED])
    lines = block["text"]["text"].splitlines()
    assert lines[0] == ":x: *Daemons:* 1 of 3 wrong"
    assert lines[1] == "• `staging-backend-2` queue: it runs 2 times (processes 4, 5)"
    assert lines[2].endswith("clock: runs once, for 3 s (stopped and started because it does not run)")
    assert len(lines) == 3


def test_each_daemon_has_a_button_and_those_that_are_wrong_come_first() -> None:
    message = daemon_views.page("staging", [MENDED, GOOD, BAD])
    rendered = read(message)
    assert "Daemons of staging: 1 of 3 wrong" in rendered
    assert rendered.index("*queue* on backend") < rendered.index("*clock* on cron")
    assert [block["accessory"]["action_id"] for block in message.blocks[1:]] == [daemon_views.RESTART] * 2
    assert message.blocks[1]["accessory"]["value"] == "staging backend queue"
    many = [DaemonObservation(f"h-{number}", "web", f"d-{number}") for number in range(60)]
    assert "… and 40 more" in read(daemon_views.page("staging", many))


def test_how_a_restart_went() -> None:
    assert "it runs once on each host, with a new process" in read(daemon_views.restarted(HEAD, [GOOD]))
    rendered = read(daemon_views.restarted(HEAD, [GOOD, BAD]))
    assert ":x:" in rendered
    assert "it does not run correctly on staging-backend-2" in rendered


def test_of_one_that_does_not_stop_it_is_said_what_to_do() -> None:
    stuck = replace(
        BAD, problem="it does not stop: 10 s after TERM 4, 5 still run. It was not started again", stuck=True
    )
    (block,) = daemon_views.after_deploy("staging", [GOOD, stuck])
    now = "*What now:* log in to staging-backend-2, end there what still runs (`kill -KILL`), then press *Restart* in "
    assert block["text"]["text"].splitlines()[-1] == f"{now}`/infra daemons staging`."
    assert "then press *Restart* in `/infra daemons staging`" in read(daemon_views.restarted(HEAD, [stuck]))
    assert "What now" not in read(daemon_views.restarted(HEAD, [BAD]))


@given(st.lists(hostile, min_size=1, max_size=5), st.integers(1, 60))
def test_slack_takes_whatever_is_in_it(pool: list[str], count: int) -> None:
    text = cycle(pool)
    observed = [
        DaemonObservation(next(text), "web", f"d-{number}", next(text), did=next(text)) for number in range(count)
    ]
    read(daemon_views.page("staging", observed))
    assert all(len(block["text"]["text"]) <= 3_000 for block in daemon_views.after_deploy(next(text), observed))
    read(daemon_views.restarted(HEAD, observed))
    read(daemon_views.restarting(HEAD))
