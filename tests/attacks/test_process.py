"""Programs of the bot's own user try to read the bot: its environment, its memory, its files."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.seals import new_key
from tests.attacks.other_user import ROOT, as_plain_user, give_to_plain_user, plain_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc and prctl are Linux's")
CONFIG = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  dev:
    machines: [backend]
    deploy: {ansible: {directory: p, playbook: d.yml, user: u, secret_vars: {key: DEV_SECRET}}}
    isolation: {metadata_service: true}  # a test's machine may have the service
"""
SECRETS = {
    "SIGNALBOX_KEY": new_key(),
    "SLACK_BOT_TOKEN": "xoxb-planted-token",
    "SLACK_SIGNING_SECRET": "planted-signing-secret",
    "GITHUB_TOKEN": "planted-github-token",
    "AWS_ACCESS_KEY_ID": "planted-access-key",
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret",
    "DEV_SECRET": "planted-dev-secret",
    "NAMED_BY_NOBODY": "planted-unnamed-secret",
}
LAST = 60  # seconds; ends a test that hangs
ATTACK = """
import ctypes, json, os, sys
pid, libc, result = int(sys.argv[1]), ctypes.CDLL(None, use_errno=True), {}

def attempt(name, act):
    try:
        result[name] = act()
    except OSError as error:
        result[name] = type(error).__name__

def ptrace():
    if libc.ptrace(16, pid, None, None):  # PTRACE_ATTACH
        raise PermissionError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0x40000000)  # __WALL
    libc.ptrace(17, pid, None, None)
    return "attached"

def first_descriptor():
    return [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")][0]

attempt("environ", lambda: open(f"/proc/{pid}/environ", "rb").read().decode())
attempt("memory", lambda: open(f"/proc/{pid}/mem", "rb") and "opened")
attempt("maps", lambda: open(f"/proc/{pid}/maps").read() and "read")
attempt("descriptors", first_descriptor)
attempt("directory", lambda: os.listdir(f"/proc/{pid}/cwd/") and "listed")
attempt("ptrace", ptrace)
json.dump(result, sys.stdout)
"""


@contextmanager
def own_directory() -> Iterator[Path]:
    """A directory with a configuration, outside of pytest's own, which only root may enter."""
    path = Path(tempfile.mkdtemp(prefix="signalbox-attack-"))
    (path / "signalbox.yaml").write_text(CONFIG)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def directory() -> Iterator[Path]:
    with own_directory() as path:
        yield path


def environment(directory: Path, secrets: Mapping[str, str] = SECRETS) -> dict[str, str]:
    addresses = {"SLACK_API_URL": "http://127.0.0.1:9", "GITHUB_API_URL": "http://127.0.0.1:9", "PORT": "0"}
    ours = {"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**ours, **addresses, **secrets}


def serve(directory: Path) -> list[str]:
    return [sys.executable, "-m", "bot", "serve", "--config", str(directory / "signalbox.yaml")]


@contextmanager
def bot(directory: Path, environ: Mapping[str, str], *, umask: int = 0o022) -> Iterator[int]:
    """A bot of the plain user that is ready; its process id."""
    give_to_plain_user(directory)
    log = directory / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            as_plain_user(serve(directory)), cwd=ROOT, env=dict(environ), stdout=output, stderr=output, umask=umask
        )
    try:
        end = time.monotonic() + LAST
        while "ready as serve" not in log.read_text():
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        yield running.pid
    finally:
        running.kill()
        running.wait()


def attack(pid: int) -> dict[str, str]:
    argv = as_plain_user([sys.executable, "-I", "-c", ATTACK, str(pid)])
    done = subprocess.run(argv, capture_output=True, check=True, timeout=LAST)
    result: dict[str, str] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def victim() -> Iterator[tuple[int, Path]]:
    """A bot that was started with a umask that keeps nothing from anybody; its process id and its directory."""
    with own_directory() as path, bot(path, environment(path), umask=0o000) as pid:
        yield pid, path


def test_a_program_of_the_same_user_reads_nothing_of_the_bot(victim: tuple[int, Path]) -> None:
    pid, _ = victim
    assert Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0] == str(plain_user())
    assert set(attack(pid).values()) == {"PermissionError"}


def test_the_same_program_reads_another_process_of_that_user(directory: Path) -> None:
    give_to_plain_user(directory)
    asleep = [sys.executable, "-I", "-c", "import time; print('asleep', flush=True); time.sleep(600)"]
    with subprocess.Popen(as_plain_user(asleep), env=environment(directory), stdout=subprocess.PIPE) as victim:
        assert victim.stdout
        assert victim.stdout.readline() == b"asleep\n"
        read = attack(victim.pid)
        victim.kill()
    assert all(value in read["environ"] for value in SECRETS.values()), "what the bot has to prevent"
    assert read["memory"] == "opened"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads /proc of a process that is not dumpable")
def test_even_root_finds_no_variable_in_the_initial_environment_and_no_file_that_holds_them(
    victim: tuple[int, Path],
) -> None:
    pid, _ = victim
    initial = Path(f"/proc/{pid}/environ").read_text()
    assert not [value for value in SECRETS.values() if value in initial]
    assert not [path for entry in Path(f"/proc/{pid}/fd").iterdir() if "memfd" in (path := str(entry.readlink()))]
    assert "Max core file size        0                    0" in Path(f"/proc/{pid}/limits").read_text()


def test_whatever_the_umask_was_nobody_else_may_read_what_the_bot_creates(victim: tuple[int, Path]) -> None:
    _, directory = victim
    created = [directory / "var", *(directory / "var").rglob("*")]
    assert {"serve.lock", "signalbox.sqlite", "signalbox.sqlite-wal"} <= {path.name for path in created}
    assert {stat.filemode(path.lstat().st_mode) for path in created} == {"drwx------", "-rw-------"}


def test_secrets_come_from_files_too(directory: Path) -> None:
    (directory / "credentials").mkdir()
    from_files: dict[str, str] = {}
    for name, value in SECRETS.items():
        where = directory / ("credentials" if "SLACK" in name else ".") / name
        where.write_text(f"{value}\n")
        where.chmod(0o600)
        from_files |= {} if "SLACK" in name else {f"{name}_FILE": str(where)}
    environ = environment(directory, {**from_files, "CREDENTIALS_DIRECTORY": str(directory / "credentials")})
    with bot(directory, environ) as pid:
        assert set(attack(pid).values()) == {"PermissionError"}
        assert "not set" not in (directory / "log").read_text()


def refusal(directory: Path, environ: Mapping[str, str]) -> str:
    argv = as_plain_user(serve(directory))
    done = subprocess.run(argv, cwd=ROOT, env=dict(environ), capture_output=True, text=True, timeout=LAST, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.slow("it starts the bot four times, as people do")
def test_files_that_others_may_change_are_refused_until_the_displayed_commands_are_typed(directory: Path) -> None:
    (directory / "var").mkdir()
    (directory / "var").chmod(0o777)
    for name, mode in (("signalbox.yaml", 0o666), ("var/signalbox.sqlite", 0o644), ("var/signalbox.sqlite-wal", 0o606)):
        (directory / name).touch()
        (directory / name).chmod(mode)
    give_to_plain_user(directory)
    typed = []
    for _ in range(3):
        lines = refusal(directory, environment(directory)).splitlines()
        commands = [line.rpartition("type: ")[2] for line in lines if "type: " in line]  # others are of the log
        for command in commands:
            subprocess.run(command.split(), check=True)
        typed += [command.replace(f"{directory}/", "") for command in commands]
    assert typed == [
        "chmod o-w signalbox.yaml",
        "chmod 700 var",
        "chmod 600 var/signalbox.sqlite",
        "chmod 600 var/signalbox.sqlite-wal",
    ]
    with bot(directory, environment(directory)):
        pass
