"""The probe of the wall, and the paths that a configuration may grant."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.errors import ProgramMissingError, RunnerError
from runners.processes import grants, probe, wall
from runners.processes.wall import WALL, Isolation


@pytest.mark.needs_bwrap
async def test_the_wall_is_proved_by_a_child_and_a_machine_without_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "wall" in await probe.prove(WALL, tmp_path)
    assert "without a wall" in await probe.prove(Isolation(wall=False), tmp_path)
    broken = tmp_path / "bin" / "bwrap"
    broken.parent.mkdir()
    messages = {
        "bwrap: No permissions to create new namespace": "user namespaces",
        "bwrap: setting up uid map: Permission denied": "apparmor_restrict_unprivileged_userns",
        "bwrap: Can't mount proc on /newroot/proc: Operation not permitted": "systempaths=unconfined",
        "bwrap: something else": "by hand",
    }
    monkeypatch.setattr(wall, "PROGRAM", str(broken))
    with pytest.raises(ProgramMissingError, match="no program bwrap") as missing:
        await probe.prove(WALL, tmp_path)
    assert "Install bubblewrap" in str(missing.value.remedy)
    for line, remedy in messages.items():
        broken.write_text(f'#!/bin/sh\necho "{line}" >&2\nexit 1\n')
        broken.chmod(0o755)
        with pytest.raises(RunnerError, match="no wall can be built") as error:
            await probe.prove(WALL, tmp_path)
        assert remedy in str(error.value.remedy)
        assert "operations.isolation: none" in str(error.value.remedy)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/proc",
        "/proc/self/root",
        "/root",
        "/etc/ssh",
        "/run/docker.sock",
        "/usr/share",
        "relative",
        "/home/x/.ssh",
    ],
)
def test_the_systems_own_paths_are_not_granted(path: str) -> None:
    assert grants.fault(Path(path), ())


def test_the_bots_own_paths_are_not_granted_by_any_way_to_them(tmp_path: Path) -> None:
    own = tmp_path / "bot" / "var"
    own.mkdir(parents=True)
    (tmp_path / "link").symlink_to(own)
    for path in (own, own / "7", tmp_path / "bot", tmp_path, tmp_path / "link", tmp_path / "bot" / ".." / "bot"):
        assert grants.fault(path, (own,)), path
    assert grants.fault(tmp_path / "states", (own,)) is None
