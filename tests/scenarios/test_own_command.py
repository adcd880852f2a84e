"""`python -m sandbox --repository DIR` as a user types it: the page answers, the deploy runs, nothing of theirs and no network is inside."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from aiohttp import ClientSession

from sandbox.bot_process import PROJECT
from sandbox.trial import REFUSED
from sandbox.waiting import within
from tests.scenarios.styles import ROOT, directory_of

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.needs_bwrap, pytest.mark.slow("starts the whole sandbox as a child")]
PAGE = re.compile(r"The chat page, for your browser: (http://127\.0\.0\.1:\d+)/")
CREDENTIALS = {
    "AWS_PROFILE": "the-users-profile",
    "AWS_SECRET_ACCESS_KEY": "the-users-key",
    "GITHUB_TOKEN": "the-users-token",
    "SSH_AUTH_SOCK": "/the-users-agent",
    "ANSIBLE_VAULT_PASSWORD": "the-users-vault",
}


async def command(*arguments: str, environment: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """The command in a shell with the user's credentials."""
    argv = (sys.executable, "-m", "sandbox", *arguments)
    variables = {**os.environ, **CREDENTIALS, **(environment or {}), "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(*argv, cwd=PROJECT, env=variables, stdout=PIPE, stderr=STDOUT)


class Sandbox:
    """The command while it runs; `text` is what it has printed."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.text = ""

    async def page(self) -> str:
        """The address of the chat page."""
        assert self.child.stdout
        while not (match := PAGE.search(self.text)):
            part = await self.child.stdout.read(65_536)
            assert part, f"it ended with:\n{self.text}"
            self.text += part.decode(errors="replace")
        return match[1]

    def bot(self) -> psutil.Process:
        """The bot inside."""
        inside = psutil.Process(self.child.pid).children(recursive=True)
        [bot] = [each for each in inside if each.cmdline()[1:4] == ["-m", "bot", "serve"]]
        return bot

    async def close(self) -> str:
        """Ctrl+C; what it printed."""
        children = psutil.Process(self.child.pid).children(recursive=True)
        self.child.terminate()
        rest, _ = await within(60, self.child.communicate())
        assert self.child.returncode == 0
        psutil.wait_procs(children, timeout=10)
        assert not [child for child in children if child.is_running()]
        return self.text + rest.decode(errors="replace")


async def page_json(session: ClientSession, url: str, body: dict[str, str] | None = None) -> Any:
    request = session.get(url) if body is None else session.post(url, json=body)
    async with request as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def deployed(page: str, channel: str, text: str) -> None:
    """Somebody types it on the page, and the deploy ends."""
    async with ClientSession() as session:
        async with session.get(f"{page}/") as answer:
            assert "<html" in await answer.text()
        workspace = await page_json(session, f"{page}/page/api/workspace")
        ana = next(each["id"] for each in workspace["people"] if each["name"] == "ana")
        there = next(each["id"] for each in workspace["channels"] if each["name"] == channel)
        reply = await page_json(session, f"{page}/page/api/say", {"as": ana, "channel": there, "text": text})
        assert reply == {"ok": True}
        async with asyncio.timeout(240):
            url = f"{page}/page/api/channels/{there}/messages?as={ana}"
            while "deployed" not in str(await page_json(session, url)):  # noqa: ASYNC110  -- another process does it
                await asyncio.sleep(0.3)


def without_network(bot: psutil.Process) -> None:
    """The bot has loopback alone, and none of the user's variables."""
    assert Path(f"/proc/{bot.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    devices = Path(f"/proc/{bot.pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]
    environment = bot.environ()
    assert not [name for name, value in environment.items() if "the-users" in value]
    assert environment["HOME"].endswith("/home")
    assert environment["HOME"] != os.environ.get("HOME")


async def test_a_plain_directory(tmp_path: Path) -> None:
    directory = tmp_path / "checkout"
    shutil.copytree(directory_of("reusable-workflows"), directory)
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    sandbox = Sandbox(await command("--repository", str(directory), "--port", "0"))
    page = await within(120, sandbox.page())
    without_network(sandbox.bot())
    await deployed(page, "platform", "/deploy staging")
    printed = await sandbox.close()
    assert "harbourline/checkout is" in printed
    assert "Traceback" not in printed
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


def commit_all(directory: Path) -> None:
    git = ["git", "-C", str(directory), "-c", "user.name=x", "-c", "user.email=x@y.example"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
        subprocess.run([*git, *arguments], check=True)


async def test_a_git_repository_with_changes_that_nobody_committed_and_a_second_repository(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "services", tmp_path / "services")
    infra, api = tmp_path / "services" / "infra", tmp_path / "services" / "api"
    commit_all(infra)
    mailer = infra / ".github/workflows/deploy-mailer.yml"
    mailer.rename(mailer.with_name("send-mail.yml"))
    config = infra / "signalbox.yaml"
    config.write_text(config.read_text().replace("deploy-mailer.yml", "send-mail.yml"))
    sandbox = Sandbox(await command("--repository", str(infra), "--port", "0", "--other", f"lanternworks/api={api}"))
    page = await within(120, sandbox.page())
    await deployed(page, "releases", "/deploy prod mailer")
    printed = await sandbox.close()
    assert "Empty here, since only your directory is read: lanternworks/web." in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--repository", "{empty}"), "has no signalbox.yaml. This is a beginning:"),
        (("--repository", "{empty}/nothing"), "is no directory"),
        (("--repository", "{services}", "--other", "lanternworks/web"), "write OWNER/NAME=DIR"),
        (
            ("--repository", "{services}", "--other", "lanternworks/wbe={empty}"),
            "does not name the repository lanternworks/wbe",
        ),
    ],
)
async def test_what_is_missing_is_said_in_words(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/deploy.yml").write_text(
        "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: y}]}}"
    )
    places = {"empty": tmp_path, "services": directory_of("services")}
    child = await command(*(each.format(**places) for each in arguments))
    printed, _ = await within(60, child.communicate())
    assert words in printed.decode()
    assert child.returncode == REFUSED
    assert "Traceback" not in printed.decode()
