"""The unit of docs/deployment under a real systemd: its score, the bot in it, and a sandboxed child in it."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.seals import new_key
from bot.settings import FROM_FILES
from tests.real.systemd_support import machine, unit

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "docs/deployment/signalbox.service").read_text()
CONFIG = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments: {dev: {deploy: {github_actions: {workflow: d.yml}}}}
operations: {directory: %s}
"""
# As bubblewrap is used for children: own namespaces without privileges, a new /proc, no user namespaces further in.
# What it prints: its user, and the four processes that it sees.
CHILD = (
    "bwrap --die-with-parent --unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try"
    " --disable-userns --uid 1000 --gid 1000 --cap-drop ALL --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib"
    " --symlink usr/lib64 /lib64 --dev /dev --proc /proc --tmpfs /tmp sh -c 'id -u; ls /proc | grep -c ^[0-9]'"
)
USER = "daemon"  # nobody is what PrivateUsers= makes of all others
SECRETS = {"SIGNALBOX_KEY": new_key(), "SLACK_BOT_TOKEN": "xoxb-planted", "SLACK_SIGNING_SECRET": "planted-signing"}


@pytest.mark.needs_systemd
def test_the_unit_is_exposed_by_two_points_at_most(tmp_path: Path) -> None:
    (tmp_path / "signalbox.service").write_text(UNIT)
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / "signalbox.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


def test_the_unit_has_a_credential_for_every_secret() -> None:
    lines = re.findall(r"^#?LoadCredential=(\w+):/etc/signalbox/secrets/(\w+)$", UNIT, flags=re.MULTILINE)
    assert {name for name, _ in lines} == {*FROM_FILES} - {"AWS_SESSION_TOKEN"}, "sessions end, files do not"
    assert all(name == file for name, file in lines)


def hardened(directory: Path, start: str) -> str:
    """The service of the unit with another program, as a plain user, in a directory of the test."""
    _, _, service = UNIT.partition("[Service]\n")
    service = service.partition("[Install]")[0]
    own = r"User=|WorkingDirectory=|ExecStart=|StateDirectory|EnvironmentFile=|LoadCredential=|Restart="
    rest = [line for line in service.splitlines() if not re.match(own, line)]
    secrets = [f"LoadCredential={name}:{directory / name}" for name in SECRETS]
    settings = [
        f"User={USER}",
        f"WorkingDirectory={ROOT}",
        f"BindReadOnlyPaths={directory}",
        f"BindPaths={directory}/state",
        "Environment=PORT=0",
    ]
    settings += ["Environment=SLACK_API_URL=http://127.0.0.1:9 PYTHONDONTWRITEBYTECODE=1"]
    settings += [f"StandardOutput=append:{directory}/output", f"StandardError=append:{directory}/output"]
    # The interpreter and the project may be in a home directory, which the unit hides.
    settings += [f"BindReadOnlyPaths={path}" for path in dict.fromkeys([sys.base_prefix, sys.prefix, str(ROOT)])]
    return unit(start, *rest, *secrets, *settings)


@pytest.mark.needs_systemd
@pytest.mark.needs_sshd
@pytest.mark.slow("it boots a systemd, and in it the bot")
async def test_the_bot_starts_in_the_unit_and_a_sandboxed_child_too(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    if not shutil.which("bwrap"):
        pytest.skip("install bubblewrap")
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(f"{value}\n")
        (tmp_path / name).chmod(0o400)
    outer = tmp_path
    while outer != Path("/tmp"):  # a plain user has to reach it
        outer.chmod(0o755)
        outer = outer.parent
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.chown(tmp_path / "state", USER)
    (tmp_path / "signalbox.yaml").write_text(CONFIG % (tmp_path / "state"))
    serve = f"{sys.executable} -m bot serve --config {tmp_path}/signalbox.yaml"
    services = {"signalbox": hardened(tmp_path, serve), "child": hardened(tmp_path, CHILD)}
    output = tmp_path / "output"
    async with machine(tmp_path, unused_tcp_port_factory(), services):
        async with asyncio.timeout(40):
            while not (
                output.exists() and "ready as serve" in output.read_text() and "1000\n4\n" in output.read_text()
            ):
                assert not output.exists() or "rror" not in output.read_text(), output.read_text()
                await asyncio.sleep(0.1)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "state").iterdir()} == {0o600}
