"""A bot in a container without privileges: with nested namespaces the wall holds; without them the start refuses, and says what to do."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.attacks import container
from tests.attacks.container import Container
from tests.attacks.other_user import ROOT
from tests.attacks.whole_start import START

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow("starts the real bot in a container"), pytest.mark.needs_bwrap]
LAST = 300  # seconds; ends a test that hangs
CONFIG = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev:
    machines: [backend]
    deploy: {github_actions: {workflow: deploy-dev.yml}}
    isolation: {metadata_service: true}  # a test's machine may have the service
"""
NONE = "children run as the bot's own user, without a wall (operations.isolation: none)"
UNWALLED = {
    "namespaces denied": (Container(namespaces=False), "--security-opt seccomp=", "seccompProfile"),
    "a masked /proc": (Container(whole_proc=False), "--security-opt systempaths=unconfined", "procMount: Unmasked"),
    "root without capabilities": (Container(root=True), "--user", "runAsUser"),
    "root, namespaces denied": (Container(root=True, namespaces=False), "--user", "runAsUser"),
}


@cache
def _missing() -> str | None:
    return container.missing()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that a container's user may enter; pytest's own may be closed."""
    if why := _missing():
        pytest.skip(why)
    path = Path(tempfile.mkdtemp(prefix="container-"))
    yield path
    shutil.rmtree(path)


def run(where: Container, argv: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(home),
        "SIGNALBOX_KEY": secrets.token_hex(32),
        "SLACK_BOT_TOKEN": "xoxb-none",
        "SLACK_SIGNING_SECRET": "none",
        "SLACK_API_URL": "http://127.0.0.1:9",
        "GITHUB_API_URL": "http://127.0.0.1:9",
        "GITHUB_TOKEN": "none",
        "PORT": "0",
    }
    command = where.command([sys.executable, *argv])
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=LAST, check=False)


def bot(where: Container, command: str, directory: Path, isolation: str = "wall") -> subprocess.CompletedProcess[str]:
    """The answer of this command of the bot in the container; `serve` is stopped when it is ready."""
    file = directory / "signalbox.yaml"
    file.write_text(f"{CONFIG}operations: {{directory: {directory / 'var'}, isolation: {isolation}}}\n")
    (directory / "var").mkdir(mode=0o700, exist_ok=True)
    return run(where, ["-c", START, command, "--config", str(file)], directory)


@pytest.mark.parametrize("name", UNWALLED)
def test_without_nested_namespaces_the_start_refuses_and_says_what_to_do(name: str, directory: Path) -> None:
    where, docker, kubernetes = UNWALLED[name]
    answer = bot(where, "serve", directory)
    assert answer.returncode == 1, answer.stderr
    assert "ready as" not in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "no wall can be built around children here" in answer.stderr
    for remedy in (docker, kubernetes, "operations.isolation: none"):
        assert remedy in answer.stderr


@pytest.mark.parametrize("name", ["namespaces denied", "root, namespaces denied"])
def test_with_isolation_none_the_bot_starts_there_and_says_so(name: str, directory: Path) -> None:
    where, _, _ = UNWALLED[name]
    answer = bot(where, "serve", directory, "none")
    assert answer.returncode == 0, answer.stderr
    assert "ready as" in answer.stderr
    assert NONE in answer.stderr
    checked = bot(where, "check", directory, "none")
    assert NONE in checked.stdout


def test_with_nested_namespaces_the_bot_starts_behind_its_wall(directory: Path) -> None:
    answer = bot(Container(), "serve", directory)
    assert answer.returncode == 0, answer.stderr
    assert "children run behind a wall" in answer.stderr
    assert "children run behind a wall" in bot(Container(), "check", directory).stdout


@pytest.mark.needs_terraform
@pytest.mark.parametrize(
    ("file", "attacks", "number"),
    [
        (
            "test_wall.py",
            "provisioner_of_an_apply or playbook_reaches_nothing or opens_no_socket or traces_no_process",
            5,
        ),
        ("test_process.py", "same_user_reads_nothing or nobody_else_may_read", 2),
    ],
    ids=["the wall", "the process"],
)
def test_a_branch_reaches_nothing_in_a_container_with_nested_namespaces(
    file: str, attacks: str, number: int, directory: Path
) -> None:
    argv = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={directory}/tests"]
    result = run(Container(), [*argv, "-k", attacks, str(Path(__file__).with_name(file))], directory)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]
    assert f"{number} passed" in result.stdout
