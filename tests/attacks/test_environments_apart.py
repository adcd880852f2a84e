"""Code of one environment that looks for the others' machines and states, in the sandbox's own configuration."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.config import read
from bot.config.isolation import isolations
from runners.processes import child
from runners.processes.wall import SYSTEM_PATH
from runners.terraform.program import Program, Workspace
from runners.terraform.room import room_of
from sandbox.world import ENVIRONMENTS, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runners.processes.wall import Room

pytestmark = [pytest.mark.needs_bwrap, pytest.mark.slow("starts bubblewrap")]
# What it finds below the sandbox's directory, and where it can write.
ATTACK = """find "$FILES" -name own | sort
for each in dev staging prod; do
  for place in machines state; do
    (echo taken > "$FILES/$place/$each/own") 2>/dev/null && echo "wrote $place/$each"
    (echo taken > "$FILES/$place/$each/new") 2>/dev/null && echo "made $place/$each"
  done
done
true
"""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
async def test_code_reaches_the_machines_and_the_state_of_its_own_environment_alone(
    tmp_path: Path, environment: str
) -> None:
    files = tmp_path / "files"
    places = [f"{place}/{each}" for place in ("machines", "state") for each in ENVIRONMENTS]
    for place in places:
        (files / place).mkdir(parents=True)
        (files / place / "own").write_text("whole")
    config = read(TEMPLATE.read_text().replace("{files}", str(files)))
    settings = config.environments[environment].terraform
    assert settings
    isolation = isolations(config, files / "var", files / "signalbox.yaml")[environment]
    code, scratch = files / "var" / "7" / "code", files / "var" / "7"
    code.mkdir(parents=True)
    env = child.child_environment(scratch / "home") | {"FILES": str(files), "PATH": SYSTEM_PATH}
    program = Program("/bin/sh", "terraform", "1.11.4")
    workspace = Workspace(
        program, code, scratch, env, backend_config=settings.backend_config, isolation=replace(isolation, readable=())
    )
    workspace.home.mkdir(exist_ok=True)
    workspace.data.mkdir()
    argv = ["sh", "-c", ATTACK]
    answer = await child.run(argv, cwd=code, env=env, timeout=60, doing="attacking", room=room_of(workspace))
    own = [f"machines/{environment}", f"state/{environment}"]
    visible = [f"{files}/{place}/own" for place in own]
    assert answer.stdout.splitlines() == [*visible, *(f"{did} {place}" for place in own for did in ("wrote", "made"))]
    for place in places:
        assert (files / place / "own").read_text() == ("taken\n" if place in own else "whole")
        assert (files / place / "new").exists() == (place in own)
    if os.geteuid() == 0:  # what is handed to the children's user stays with its environment
        owners = {place: (files / place).stat().st_uid for place in places}
        assert {place for place, owner in owners.items() if owner} == set(own)


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user's children all have the bot's own number")
async def test_children_of_each_environment_have_a_user_of_their_own(tmp_path: Path) -> None:
    config = read(TEMPLATE.read_text().replace("{files}", str(tmp_path)))
    cache = tmp_path / "cache"
    users: list[str] = []
    for place in ("machines", "state"):
        for each in ENVIRONMENTS:
            (tmp_path / place / each).mkdir(parents=True)
    cache.mkdir(mode=0o700)
    for number, isolation in enumerate(isolations(config, tmp_path / "var", tmp_path / "x.yaml").values()):
        for metadata in (False, True):
            work = tmp_path / f"{number}-{metadata}"
            work.mkdir(mode=0o700)
            own = replace(isolation, readable=(), writable=(), metadata_service=metadata)
            env = child.child_environment(work)
            # The cache is one that a child of another user filled, as before an update.
            filling, reading = own.room(writable=[work, cache]), own.room(writable=[work], shared=[cache])
            script = f"cat {cache}/* >&2 && id -u"
            if not users:
                await _shell(f"echo kept > {cache}/file", work, env, filling)
            users.append(await _shell(script, work, env, reading))
    assert len(set(users)) == len(users) == 2 * len(ENVIRONMENTS)


async def _shell(script: str, work: Path, env: Mapping[str, str], room: Room) -> str:
    answer = await child.run(["sh", "-c", script], cwd=work, env=env, timeout=60, doing="attacking", room=room)
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout
