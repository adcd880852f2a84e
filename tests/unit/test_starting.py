"""Programs are started in one place, and those that start without a wall are listed here with their reasons."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ITSELF = ROOT / "bot" / "process" / "clean_environment.py"  # the bot starts itself again
PLACE = ROOT / "runners" / "processes"
STARTERS = {
    "create_subprocess_exec",
    "create_subprocess_shell",
    "fork",
    "forkpty",
    "popen",
    "posix_spawn",
    "posix_spawnp",
    "system",
}
MODULES = {"ansible_runner", "multiprocessing", "pexpect", "pty", "subprocess"}
# Beside that place: what they start is the bot's own, or a program of the system, and runs no code of a branch.
BESIDE = {
    "bot/children/following.py": "the keeper of a child",
    "bot/children/keeper.py": "the supervisor, which starts its program in a room",
    "bot/proposal/repository.py": "git, for who sets it up, with nothing that the clone configures",
    "runners/removal.py": "rm",
}
# What runs no code of a branch.
OUTSIDE = {
    "bot/check/programs.py": "prints a version, in an empty directory",
    "runners/processes/detached.py": "the supervisor, which starts its program in a room",
    "runners/ssh/route.py": "ssh, to a bastion or hosts of the configuration",
    "runners/ssh/host_keys.py": "ssh-keyscan",
    "runners/ssh/known_hosts.py": "ssh-keygen, which reads a file",
    "runners/ssh/remote.py": "ssh, or a script of the configuration",
    "runners/terraform/finding.py": "prints a version, in an empty directory",
}


def sources() -> list[Path]:
    """The modules of the bot."""
    return [path for folder in ("bot", "handlers", "runners") for path in sorted((ROOT / folder).rglob("*.py"))]


def starts(text: str) -> list[str]:
    """What in a module starts a program, or could."""
    named: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            named += [node.module] if node.module.split(".")[0] in MODULES else []
            named += [alias.name for alias in node.names if _is_starter(alias.name)]
        elif isinstance(node, ast.Attribute) and _is_starter(node.attr):
            named.append(node.attr)
    return named


def _is_starter(name: str) -> bool:
    return name in STARTERS or re.fullmatch(r"(exec|spawn)[lv]p?e?", name) is not None


def test_only_one_package_starts_programs() -> None:
    beyond = {
        path.relative_to(ROOT).as_posix(): named
        for path in sources()
        if not path.is_relative_to(PLACE) and path != ITSELF and (named := starts(path.read_text("utf-8")))
    }
    assert beyond.keys() == BESIDE.keys(), beyond


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess",
        "from subprocess import run",
        "import os\nos.system('x')",
        "import os\nos.execv('x', [])",
        "from os import posix_spawn",
        "import asyncio\nasyncio.create_subprocess_shell('x')",
        "from asyncio.subprocess import create_subprocess_exec",
        "import ansible_runner",
        "from asyncio import create_subprocess_exec as start",
    ],
)
def test_a_start_elsewhere_would_be_noticed(text: str) -> None:
    assert starts(text)


def test_programs_without_a_wall_are_listed() -> None:
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if re.search(r"wall(\.| import .*\b)OUTSIDE\b", path.read_text("utf-8"))
    }
    assert naming == set(OUTSIDE)
