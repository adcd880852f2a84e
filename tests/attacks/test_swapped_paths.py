"""A child that replaces what the next child of its operation gets by a link into the machine's own files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from runners.processes import child
from runners.processes.wall import WALL
from tests.attacks.other_user import ROOT, as_plain_user, give_to_plain_user

pytestmark = [pytest.mark.needs_bwrap, pytest.mark.slow("starts bubblewrap")]
SECRET = "canary-of-another-operation"
# Each target exists on the machine and behind the wall, so that a mount of the first on the second succeeds.
TARGETS = ("/proc", "/tmp", "/dev", "/etc", "bot/var", "bot/var/operations")
LOOK = textwrap.dedent(
    """
    cat secret operations/8/secret 8/secret 2>/dev/null
    for place in "$PLACES"/*; do cat "$place/secret" "$place/operations/8/secret" 2>/dev/null; done
    tr '\\0' '\\n' < /proc/$WAITING/environ 2>/dev/null
    grep -rs -- canary /etc/shadow
    test -e /proc/$WAITING/status && echo canary-process
    test -e /dev/mem && echo canary-device
    echo looked
    """
)


@pytest.mark.parametrize("as_what", ["shared", "given", "writable", "readable"])
@pytest.mark.parametrize("target", TARGETS)
async def test_a_link_in_place_of_what_a_child_gets_leads_nowhere(tmp_path: Path, target: str, as_what: str) -> None:
    operation, code, waiting = _operation(tmp_path)
    try:
        swapped = code / "vars" / "prod.tfvars"
        swapped.parent.mkdir()
        swapped.symlink_to(target if target.startswith("/") else tmp_path / target)
        isolation = replace(WALL, readable=(swapped,) if as_what == "readable" else ())
        home = operation / "home"
        rooms = {"writable": [code, home]}
        if as_what != "readable":
            rooms[as_what] = [*rooms.get(as_what, []), swapped]
        env = child.child_environment(home) | {"WAITING": str(waiting.pid), "PLACES": str(code / "vars")}
        argv = ["sh", "-c", LOOK]
        room = isolation.room(**rooms)
        answer = await child.run(argv, cwd=code, env=env, timeout=30, doing="attacking", room=room)
    finally:
        waiting.kill()
        waiting.wait()
    assert answer.stdout.splitlines() == ["looked"], answer.stderr


def _operation(directory: Path) -> tuple[Path, Path, subprocess.Popen[bytes]]:
    """An operation and its code, beside another operation with a secret and a process of the bot's user."""
    operation, other = (directory / "bot" / "var" / "operations" / number for number in ("7", "8"))
    code = operation / "code" / "repository"
    code.mkdir(parents=True)
    other.mkdir(parents=True)
    (other / "secret").write_text(f"{SECRET}\n")
    (directory / "bot" / "var" / "secret").write_text(f"{SECRET}\n")
    waits = [sys.executable, "-c", "import time; time.sleep(600)"]
    return operation, code, subprocess.Popen(waits, env={"TOKEN": SECRET})


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user runs all the other tests")
def test_the_links_lead_nowhere_for_a_bot_of_a_plain_user_as_well() -> None:
    with tempfile.TemporaryDirectory(prefix="plain-") as home:  # pytest's own directory is closed for others
        give_to_plain_user(Path(home))
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        argv += [f"--basetemp={home}/tests", "-k", "leads_nowhere and (proc or operations)", __file__]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {"HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": home}
        command = as_plain_user(argv)
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]
    assert "passed" in result.stdout
