"""A bot that the tests fork is what `python -m bot` would be: a process, session and environment of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.world import Options, World
from tests.forked_bot import fork_server

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.bot_process import Launch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the tests start each bot as people do")
BOT = (sys.executable, "-m", "bot")


async def test_it_has_its_arguments_and_output_and_reports_its_exit_status(forked: Launch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    manifest = await forked((*BOT, "manifest", "--url", "https://box.example"), {}, log)
    assert await manifest.wait() == 0
    assert log.read_text().startswith("before\n")
    assert "https://box.example/slack/events" in log.read_text()
    config = tmp_path / "signalbox.yaml"
    missing = await forked((*BOT, "serve", "--config", str(config)), {}, log)
    assert await missing.wait() == 2
    assert str(config) in log.read_text()


async def test_it_has_no_environment_but_its_own(forked: Launch, tmp_path: Path) -> None:
    log, secret = tmp_path / "log", "xoxb-100200300-of-this-test-alone"
    audit = (*BOT, "audit", "verify", "--config", "signalbox.example.yaml")
    there = await forked(audit, {"DATABASE_URL": f"sqlite:///{tmp_path}/{secret}.sqlite"}, log)
    assert await there.wait() == 1
    assert secret in log.read_text()
    log.unlink()
    removed = await forked((*BOT, "serve", "--config", "signalbox.example.yaml"), {}, log)
    assert await removed.wait() == 2
    assert "SLACK_BOT_TOKEN" in log.read_text()


async def test_it_leads_a_session_and_ends_by_signals_and_with_whoever_started_it(forked: Launch) -> None:
    async with World(Options(without_aws=True), forked) as world:
        assert os.getsid(world.bot.pid) == world.bot.pid
        child = world.bot._child
        assert child
        await world.bot.kill()
        assert child.returncode == -signal.SIGKILL
        with fork_server() as of_its_own:
            world.bot._launch = of_its_own
            await world.bot.start()
            orphan = psutil.Process(world.bot.pid)
        await world.bot.wait_until_dead()
        assert await asyncio.to_thread(psutil.wait_procs, [orphan], 10) == ([orphan], [])
