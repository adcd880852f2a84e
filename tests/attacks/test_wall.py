"""A branch whose Terraform, playbooks and collections attack the bot: its environment, its files, its processes, its records.

Each attack runs in the real program as a pushed branch would have it, and prints what it could do; the test wants nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from runners import terraform
from runners.ansible import PlaybookJob, log_of, run_playbook
from runners.processes import child
from runners.processes.wall import WALL, Isolation
from runners.results import Host, Inventory, State
from runners.terraform import Workspace, program as terraform_program
from tests.attacks.other_user import ROOT, as_plain_user, give_to_plain_user

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.needs_bwrap, pytest.mark.slow("starts real Terraform and Ansible")]
SECRET = "canary-5f0c1e-of-the-bot"
MARK = "1234.5678"  # of a daemon, in its command line
HARM = re.compile(r"(ENVIRON|READ|LINK|DOTS|WROTE|MOVED|KILL|ROOT|IS|CAPABLE|NAMESPACE|MOUNT|WRITE|NSENTER|SU)( |$)")
BOT_MARK = "sleep[(]600"  # matches the command line of the bot, and not that of a grep for it

# What a branch tries, without harm to a machine where it succeeds; every line that it prints is something it should not have been able to do.
ATTACK = r"""
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep "^SLACK_BOT_TOKEN" | sed 's/^/ENVIRON /'
for file in "$BOT"/var/signalbox.sqlite "$BOT"/var/operations/8/code "$BOT"/signalbox.yaml /etc/shadow /root/.ssh /root/.aws \
    /home/*/.ssh ~root/.bash_history /run/docker.sock /var/run/docker.sock /run/systemd/private /run/dbus/system_bus_socket \
    /var/lib/postgresql /run/postgresql /etc/ssh/ssh_host_ed25519_key /etc/sudoers /sys/fs/cgroup /dev/mem /dev/sda /dev/vda; do
    if ls "$file" >/dev/null 2>&1; then echo "READ $file"; fi
done
ln -s "$BOT"/var/signalbox.sqlite link; if cat link >/dev/null 2>&1; then echo "LINK"; fi
if cat ../../../signalbox.sqlite >/dev/null 2>&1; then echo DOTS; fi
for file in "$SCRATCH"/apply/exit "$SCRATCH"/ansible/run/exit "$SCRATCH"/ansible/result.json "$SCRATCH"/sensitive.json \
    "$BOT"/forged; do
    echo forged 2>/dev/null > "$file"
done 2>/dev/null
for directory in /usr/bin /usr/lib /etc/cron.d /etc; do test -w "$directory" && echo "WRITE $directory"; done
if grep -q "$BOT_MARK" "/proc/$BOT_PID/cmdline" 2>/dev/null; then  # else another process of the attack has this number
    kill -0 "$BOT_PID" 2>/dev/null && echo "KILL $BOT_PID"
    test -e "/proc/$BOT_PID/root/etc" && echo ROOT
fi
test "$(id -u)" = 0 && echo "IS ROOT"
grep -q 'CapEff:\s*0000000000000000' /proc/self/status || echo CAPABLE
unshare -Ur true 2>/dev/null && echo NAMESPACE
mkdir -p mounted && mount -t tmpfs none mounted 2>/dev/null && echo MOUNT && umount mounted
nsenter -t 1 -a true 2>/dev/null && echo NSENTER
su -c true root </dev/null >/dev/null 2>&1 && echo SU
setsid sh -c "exec sleep $MARK" >/dev/null 2>&1 </dev/null &
echo attacked
"""


@dataclass(frozen=True)
class Bot:
    """A bot's directory with a database, another operation and a configuration; and a process with secrets in its environment."""

    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def scratch(self) -> Path:
        """The directory of the operation that runs the branch."""
        return self.directory / "var" / "operations" / "7"

    @property
    def code(self) -> Path:
        """The branch."""
        return self.scratch / "code" / "repository"

    @property
    def isolation(self) -> Isolation:
        """As the bot has it."""
        return replace(WALL, hidden=(self.directory / "var",))

    def attack(self) -> str:
        """The script of the branch, as a shell has it."""
        values = {
            "BOT": self.directory,
            "SCRATCH": self.scratch,
            "BOT_PID": self.process.pid,
            "MARK": MARK,
            "BOT_MARK": BOT_MARK,
        }
        settings = "".join(f"export {name}='{value}'\n" for name, value in values.items())
        return f"{settings}{ATTACK}"


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    directory = tmp_path / "bot"
    (directory / "var" / "operations" / "8" / "code").mkdir(parents=True)
    (directory / "signalbox.yaml").write_text("slack: {}")
    with sqlite3.connect(directory / "var" / "signalbox.sqlite") as database:
        database.execute("CREATE TABLE votes (person TEXT)")
    waits = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen(waits, env={"SLACK_BOT_TOKEN": SECRET})
    made = Bot(directory, process)
    made.code.mkdir(parents=True)
    yield made
    process.kill()
    process.wait()


def harm(output: str) -> list[str]:
    """What the attack could do, by the lines that it printed."""
    lines = [line.strip().strip('",') for line in output.replace("\\n", "\n").splitlines()]
    return [line for line in lines if HARM.match(line)]


def forged(bot: Bot) -> list[str]:
    """The files outside of the operation's own code, HOME and data that the attack has really changed."""
    own = [bot.scratch / name for name in ("code", "home", "data", "ansible/data", "ansible/home")]
    files = [
        path
        for path in bot.directory.rglob("*")
        if path.is_file() and not any(path.is_relative_to(each) for each in own)
    ]
    return [
        str(path) for path in files if path.name == "forged" or path.read_bytes()[:7] == b"forged\n" if path.exists()
    ]


def daemons() -> list[int]:
    """The daemons that an attack left."""
    return [process.pid for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", MARK]]


async def no_daemon() -> bool:
    """Whether, after at most five seconds, no daemon is left."""
    for _ in range(100):
        if not daemons():
            return True
        await asyncio.sleep(0.05)
    return False


async def workspace(bot: Bot, code: str) -> Workspace:
    (bot.code / "attack.sh").write_text(bot.attack())
    (bot.code / "main.tf").write_text(textwrap.dedent(code))
    program = await terraform.find_program(None, os.environ["PATH"])
    env = {"PATH": os.environ["PATH"]}
    return Workspace(program, bot.code, bot.scratch, env, isolation=bot.isolation)


IN_APPLY = """
    resource "terraform_data" "attack" {
      provisioner "local-exec" { command = "sh ${path.module}/attack.sh > ${path.module}/harm.txt 2>/dev/null" }
    }
    """


@pytest.mark.needs_terraform
async def test_a_provisioner_of_an_apply_reaches_nothing(bot: Bot) -> None:
    made = await workspace(bot, IN_APPLY)
    await terraform.init(made, timeout=60)
    plan = await terraform.plan(made, variables={}, timeout=60)

    async def ignore(_: object) -> None:
        """Ignore the progress."""

    file = made.scratch / terraform.PLAN_FILE
    result = await terraform.apply(made, file, plan.summary.digest, on_progress=ignore, timeout=60)
    output = (bot.code / "harm.txt").read_text()
    assert result.succeeded
    assert "attacked" in output
    assert harm(output) == []
    assert forged(bot) == []
    assert await no_daemon()


@pytest.mark.needs_terraform
async def test_the_program_that_a_plan_runs_cannot_change_what_the_bot_records(bot: Bot) -> None:
    """Terraform itself stands for a provider here: whatever a plan starts has its rights."""
    program = bot.code / "terraform"
    program.write_text(f"#!/bin/sh\nsh {bot.code}/attack.sh\n")
    program.chmod(0o755)
    made = await workspace(bot, "")
    made = replace(made, program=replace(made.program, path=str(program)))
    terraform_output = await _run(made)
    assert "attacked" in terraform_output
    assert harm(terraform_output) == []
    assert forged(bot) == []
    assert await no_daemon()


async def _run(made: Workspace) -> str:
    terraform_program.prepare(made, "planning")
    return (await terraform_program.run(made, ["plan"], timeout=60, doing="planning")).stdout


@pytest.mark.parametrize("check", [False, True])
async def test_a_playbook_reaches_nothing_in_a_deploy_or_a_check(bot: Bot, check: bool) -> None:
    (bot.code / "attack.sh").write_text(bot.attack())
    playbook = [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {
                    "name": "Attack",
                    "ansible.builtin.command": f"sh {bot.code}/attack.sh",
                    "check_mode": False,
                    "delegate_to": "localhost",
                    "register": "attack",
                },
                {"name": "Show", "ansible.builtin.debug": {"msg": "{{ attack.stdout_lines }}"}},
            ],
        }
    ]
    (bot.code / "deploy.yml").write_text(json.dumps(playbook))
    hosts = (Host("staging-web", "web", "i-1", "127.0.0.1", "ami-1", "a"),)
    inventory = Inventory("staging", hosts, "deployer", 22, "local")
    job = PlaybookJob(
        bot.code, "deploy.yml", inventory, None, {}, {}, None, bot.scratch, check=check, isolation=bot.isolation
    )

    async def ignore(_: object) -> None:
        """Ignore the progress."""

    result = await run_playbook(job, on_progress=ignore, timeout=120)
    output = log_of(bot.scratch).read_text()
    assert result.state is State.SUCCEEDED
    assert "attacked" in output
    assert harm(output) == []
    assert forged(bot) == []
    assert await no_daemon()


async def test_a_child_opens_no_socket_of_the_machine(bot: Bot, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    work = bot.scratch / "home"
    work.mkdir(parents=True)
    code = f"import socket; socket.socket(socket.AF_UNIX).connect({path!r})"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        Path(path).chmod(0o777)
        env, room = child.child_environment(work), bot.isolation.room(writable=[work])
        argv = [sys.executable, "-c", code]
        answer = await child.run(argv, cwd=work, env=env, timeout=30, doing="attacking", room=room)
    assert "FileNotFoundError" in answer.stderr


async def test_a_child_traces_no_process_and_gains_nothing_by_a_setuid_program(bot: Bot) -> None:
    work = bot.scratch / "home"
    work.mkdir(parents=True)
    shutil.copy("/usr/bin/id", work / "id")
    env, room = child.child_environment(work), bot.isolation.room(writable=[work])
    (work / "id").chmod(0o4755)  # the bot's user owns it; inside another user runs it
    trace = f"import ctypes; print(ctypes.CDLL(None).ptrace(16, {bot.process.pid}, 0, 0))"
    script = f"./id -u; find / -perm -4000 -type f 2>/dev/null | head -3 | while read -r name; do $name </dev/null; done; {sys.executable} -c '{trace}'"
    answer = await child.run(["sh", "-c", script], cwd=work, env=env, timeout=30, doing="attacking", room=room)
    assert "0" not in answer.stdout.splitlines()
    assert answer.stdout.splitlines()[-1] == "-1"


@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user runs all the other tests")
@pytest.mark.parametrize("attack", ["provisioner_of_an_apply", "playbook_reaches_nothing"])
def test_the_wall_holds_for_a_bot_of_a_plain_user_as_well(attack: str) -> None:
    with tempfile.TemporaryDirectory(prefix="plain-") as home:  # pytest's own directory is closed for others
        give_to_plain_user(Path(home))
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        argv += [f"--basetemp={home}/tests", "-k", attack, __file__]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {"HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": home}
        command = as_plain_user(argv)
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]
    assert "passed" in result.stdout
