"""An operation's directory goes with all that is in it, and never anything else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError
from runners.processes import supervise
from runners.processes.child import child_environment
from runners.processes.detached import Detached
from runners.processes.scratch import wipe
from runners.processes.wall import OUTSIDE

if TYPE_CHECKING:
    from pathlib import Path

WAITS = "import time; time.sleep(60)"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    directory = tmp_path / "7"
    directory.mkdir(mode=0o700)
    return directory


async def test_it_goes_with_all_that_is_in_it_and_what_links_lead_to_stays(scratch: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (scratch / "code" / "deep").mkdir(parents=True)
    (scratch / "code" / "deep" / "claim").touch()  # the code's own, and nothing that was started
    (scratch / "link").symlink_to(outside)
    await wipe(scratch)
    assert not scratch.exists()
    assert (outside / "kept").exists()
    await wipe(scratch)


@pytest.mark.parametrize("place", ["apply", "playbook-backend/ansible/run"])
async def test_it_stays_while_what_was_started_in_it_runs(scratch: Path, place: str) -> None:
    env = child_environment(scratch)
    job = await Detached.start(scratch / place, [sys.executable, "-c", WAITS], cwd=scratch, env=env, room=OUTSIDE)
    with pytest.raises(RunnerError, match="still runs"):
        await wipe(scratch)
    await job.cancel(grace=5)
    await wipe(scratch)
    assert not scratch.exists()


@pytest.mark.parametrize("place", ["code/repository", "data", "home", "playbook-backend/ansible/data", "code/apply"])
async def test_files_of_the_code_or_of_a_child_do_not_keep_it(scratch: Path, place: str) -> None:
    forged = scratch / place
    forged.mkdir(parents=True)
    for name, text in {"claim": "", "output": "", "pid": f"1 {supervise.started_at(1)}"}.items():
        (forged / name).write_text(text)
    await wipe(scratch)
    assert not scratch.exists()


async def test_a_link_a_file_and_what_others_may_write_to_stay(scratch: Path, tmp_path: Path) -> None:
    link, file = tmp_path / "8", tmp_path / "9"
    link.symlink_to(scratch)
    file.touch(mode=0o600)
    scratch.chmod(0o777)
    for other in (link, file, scratch):
        with pytest.raises(RunnerError, match="no directory that only the bot writes to"):
            await wipe(other)
    assert scratch.exists()


async def test_what_the_system_keeps_is_said(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("runners.processes.scratch.remove_tree", refuse)
    with pytest.raises(RunnerError, match="they cannot be removed: Permission denied"):
        await wipe(scratch)
