"""A Python that is reached through a link in somebody's home shows children the link alone, and nothing beside it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from runners.processes import child, interpreter
from runners.processes.wall import WALL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs_bwrap


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with a secret, and with links to this Python, of which the first is the bot's."""
    home = tmp_path / "home"
    for name in ("bin", ".local/bin"):
        (home / name).mkdir(parents=True)
    (home / ".env").write_text("a secret")
    (home / ".local/bin/python3").symlink_to(sys.executable)
    (home / "bin/python3").symlink_to("../.local/bin/python3")
    monkeypatch.setattr(sys, "executable", str(home / "bin/python3"))
    interpreter.directories.cache_clear()
    yield home
    interpreter.directories.cache_clear()


async def test_only_the_links_are_shown(home: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    script = f"import pathlib, json; print(sorted(map(str, pathlib.Path({str(home)!r}).rglob('*'))))"
    argv, env = [sys.executable, "-I", "-S", "-c", script], child.child_environment(work)
    answer = await child.run(argv, cwd=work, env=env, timeout=30, doing="attacking", room=WALL.room(writable=[work]))
    assert answer.exit_code == 0, answer.stderr
    links = [".local", ".local/bin", ".local/bin/python3", "bin", "bin/python3"]
    assert answer.stdout.strip() == str([str(home / name) for name in links])
