"""Real Ansible, through ansible-runner, on this machine and over real OpenSSH servers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import getpass
import json
import os
import pickle
import signal
import stat
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from runners.ansible import PlaybookJob, cancel_playbook, log_of, resume_playbook, run_playbook, stored_result
from runners.ansible.events import NEVER_DISPLAYED
from runners.ansible.logfile import read_log
from runners.errors import AccessDeniedError, NotFoundError, ProgramMissingError, RunnerError, TimedOutError
from runners.processes import stragglers
from runners.processes.wall import WALL
from runners.results import Host, Inventory, PlaybookResult, State
from runners.ssh import host_keys
from tests.real.ssh_support import Server, make_key, running_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.needs_bwrap

SECRET = "s3cr{{et-canary-4711"


def inventory(*names: str) -> Inventory:
    hosts = tuple(Host(f"staging-{name}", name, f"i-{name}", f"i-{name}", "ami-1", "us-west-2a") for name in names)
    return Inventory("staging", hosts, "deployer", 22222, "local")


class Playbooks:
    """A project of playbooks, and jobs that run them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.project = directory / "provisioners"
        self.project.mkdir()
        self.scratch = directory / "scratch"
        self.seen: list[PlaybookResult] = []

    def write(self, name: str, text: str) -> None:
        (self.project / name).write_text(textwrap.dedent(text), encoding="utf-8")

    def job(self, playbook: str = "deploy.yml", **changes: object) -> PlaybookJob:
        given: dict[str, object] = {
            "project": self.project,
            "playbook": playbook,
            "inventory": inventory("backend"),
            "limit": None,
            "extra_vars": {"perm_env": "staging", "run_migrations": True},
            "secret_vars": {"database_url": SECRET},
            "private_key": None,
            "scratch": self.scratch,
            "isolation": replace(WALL, writable=(self.directory,)),  # the playbooks leave their marks there
        }
        return PlaybookJob(**{**given, **changes})  # type: ignore[arg-type]

    async def heard(self, result: PlaybookResult) -> None:
        self.seen.append(result)

    async def run(self, job: PlaybookJob | None = None, timeout: float = 120) -> PlaybookResult:
        return await run_playbook(job or self.job(), on_progress=self.heard, timeout=timeout)

    async def resume(self, job: PlaybookJob | None = None, timeout: float = 120) -> PlaybookResult | None:
        return await resume_playbook(job or self.job(), on_progress=self.heard, timeout=timeout)

    def text_on_disk(self) -> str:
        """All that the scratch directory holds."""
        files = [path for path in self.scratch.rglob("*") if path.is_file()]
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


@pytest.fixture
def playbooks(tmp_path: Path) -> Playbooks:
    return Playbooks(tmp_path)


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.05)


HELLO = """
    - hosts: all
      gather_facts: false
      tasks:
        - name: Ask for the environment
          ansible.builtin.debug: {msg: "{{ perm_env }}"}
        - name: Write a file
          ansible.builtin.copy:
            dest: "%s/written-{{ inventory_hostname }}"
            content: "{{ database_url }} {{ run_migrations | type_debug }}"
            mode: "0600"
    """


async def test_a_playbook_reaches_every_host_with_its_variables_as_data(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    result = await playbooks.run(playbooks.job(inventory=inventory("backend", "cron")))
    assert result.state is State.SUCCEEDED
    assert result.finished
    assert [(host.host, host.state, host.ok, host.changed) for host in result.hosts] == [
        ("staging-backend", State.SUCCEEDED, 2, 1),
        ("staging-cron", State.SUCCEEDED, 2, 1),
    ]
    assert (tmp_path / "written-staging-cron").read_text() == f"{SECRET} bool"


async def test_progress_tells_the_current_task_while_it_runs(playbooks: Playbooks) -> None:
    playbooks.write(
        "deploy.yml",
        """
        - hosts: backend
          gather_facts: false
          tasks:
            - {name: Take a while, ansible.builtin.command: sleep 1.5}
        """,
    )
    await playbooks.run()
    assert "Take a while" in {host.current_task for result in playbooks.seen for host in result.hosts}
    assert playbooks.seen[-1].state is State.RUNNING


FAILING = """
    - hosts: all
      gather_facts: false
      tasks:
        - name: Not so bad
          ansible.builtin.command: /bin/false
          ignore_errors: true
        - name: Rescued
          block:
            - {name: Break, ansible.builtin.command: /bin/false}
          rescue:
            - {name: Mend, ansible.builtin.debug: {msg: mended}}
        - name: Migrate the database
          ansible.builtin.command: sh -c 'echo trying; echo "cannot connect to {{ database_url }}" >&2; exit 3'
        - {name: Never, ansible.builtin.debug: {msg: never}}
    """


async def test_a_failed_task_is_told_with_its_place_and_words_and_no_secret(playbooks: Playbooks) -> None:
    playbooks.write("deploy.yml", FAILING)
    result = await playbooks.run()
    assert result.state is State.FAILED
    assert result.finished
    (failure,) = result.failures
    assert (failure.host, failure.task, failure.path) == ("staging-backend", "Migrate the database", "deploy.yml:13")
    assert "cannot connect to ***" in failure.output
    assert "exit code 3" in failure.output
    assert SECRET not in repr((result, playbooks.seen))
    assert result.hosts[0].failed == 1


async def test_no_log_is_respected(playbooks: Playbooks) -> None:
    playbooks.write(
        "deploy.yml",
        """
        - hosts: all
          gather_facts: false
          tasks:
            - name: Hidden
              ansible.builtin.command: sh -c 'echo unmaskable-words; exit 1'
              no_log: true
        """,
    )
    result = await playbooks.run()
    assert "hidden by no_log" in result.failures[0].output
    assert "unmaskable-words" not in repr(result)


async def test_an_unreachable_host_is_not_a_failed_one(playbooks: Playbooks) -> None:
    playbooks.write("deploy.yml", "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: }]}")
    closed = Host("staging-backend", "backend", "i-1", "127.0.0.1", "ami-1", "us-west-2a")
    job = playbooks.job(inventory=Inventory("staging", (closed,), "deployer", 1, "ssh"))
    result = await playbooks.run(job)
    assert result.state is State.FAILED
    (host,) = result.hosts
    assert (host.state, host.unreachable, host.failed) == (State.UNREACHABLE, 1, 0)
    assert "Connection refused" in result.failures[0].output


async def test_nothing_secret_outlives_a_run_nor_shows_in_arguments(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write(
        "deploy.yml",
        """
        - hosts: all
          gather_facts: false
          tasks:
            - {name: Wait, ansible.builtin.command: sleep 2}
            - {name: Show, ansible.builtin.debug: {msg: "{{ database_url }}"}}
        """,
    )
    running = asyncio.create_task(playbooks.run())
    base = playbooks.scratch / "ansible"
    await until((base / "data" / "artifacts" / "run" / "command").exists)
    await until(lambda: len(stragglers.marked(str(base))) > 3)
    lines = [" ".join(psutil.Process(pid).cmdline()) for pid in stragglers.marked(str(base))]
    environments = [psutil.Process(pid).environ() for pid in stragglers.marked(str(base))]
    assert SECRET not in repr(lines)
    assert SECRET not in repr(environments)
    assert SECRET not in (base / "data" / "artifacts" / "run" / "command").read_text(encoding="utf-8")
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    assert stat.S_IMODE((base / "data" / "env" / "extravars").stat().st_mode) == 0o600
    result = await running
    assert "***" in result.log_tail
    assert sorted(path.name for path in base.iterdir()) == ["log.txt", "result.json"]
    assert SECRET not in playbooks.text_on_disk()


async def test_the_child_sees_nothing_of_our_environment(
    playbooks: Playbooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-canary")
    playbooks.write(
        "deploy.yml",
        f"""
        - hosts: all
          gather_facts: false
          tasks:
            - {{ansible.builtin.shell: "env > {tmp_path}/environment"}}
        """,
    )
    assert (await playbooks.run()).state is State.SUCCEEDED
    message = (tmp_path / "environment").read_text()
    assert "HOME=" in message
    assert "canary" not in message


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("- hosts: all\n  tasks:\n   - x: [\n", RunnerError, "YAML"),
        ("- hosts: all\n  roles: [nobody]\n", RunnerError, "role 'nobody' was not found"),
        ("- {hosts: elsewhere, gather_facts: false, tasks: [{ansible.builtin.ping: }]}", NotFoundError, "no host"),
    ],
)
async def test_a_playbook_that_ansible_refuses_is_an_error(
    playbooks: Playbooks, text: str, kind: type[RunnerError], words: str
) -> None:
    playbooks.write("deploy.yml", text)
    with pytest.raises(kind) as caught:
        await playbooks.run()
    assert words in caught.value.problem
    assert caught.value.log_tail
    assert SECRET not in playbooks.text_on_disk()


async def test_a_limit_that_matches_nothing_is_an_error(playbooks: Playbooks) -> None:
    playbooks.write("deploy.yml", HELLO % "/nowhere")
    with pytest.raises(NotFoundError, match="limit 'cron' names no host") as caught:
        await playbooks.run(playbooks.job(limit="cron"))
    assert "backend" in caught.value.remedy


@pytest.mark.parametrize("playbook", ["missing.yml", "../deploy.yml", "/etc/passwd", "-e"])
async def test_a_missing_playbook_says_where_it_was_looked_for(playbooks: Playbooks, playbook: str) -> None:
    (playbooks.directory / "deploy.yml").write_text("[]", encoding="utf-8")
    with pytest.raises(NotFoundError) as caught:
        await playbooks.run(playbooks.job(playbook))
    assert f"no playbook {playbook} in provisioners/" in caught.value.problem


async def test_no_hosts_at_all_is_an_error(playbooks: Playbooks) -> None:
    playbooks.write("deploy.yml", HELLO % "/nowhere")
    with pytest.raises(NotFoundError, match="no host"):
        await playbooks.run(playbooks.job(inventory=inventory()))


async def test_without_ansible_the_error_says_what_to_install(
    playbooks: Playbooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbooks.write("deploy.yml", HELLO % "/nowhere")
    monkeypatch.setattr("runners.processes.child._SYSTEM_PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ProgramMissingError) as caught:
        await playbooks.run()
    assert "ansible-core" in caught.value.remedy
    assert SECRET not in playbooks.text_on_disk()


@pytest.mark.parametrize(
    ("key", "words"),
    [("garbage", "cannot be read"), ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "cannot be read")],
)
async def test_a_key_that_is_none_is_refused_before_anything_runs(playbooks: Playbooks, key: str, words: str) -> None:
    playbooks.write("deploy.yml", HELLO % "/nowhere")
    with pytest.raises(AccessDeniedError, match=words):
        await playbooks.run(playbooks.job(private_key=key))
    assert not playbooks.text_on_disk()


@pytest.mark.parametrize("pem", [False, True])
async def test_a_key_with_a_passphrase_is_refused(playbooks: Playbooks, tmp_path: Path, pem: bool) -> None:
    playbooks.write("deploy.yml", HELLO % "/nowhere")
    key = make_key(tmp_path / "key", "--pem" if pem else "", passphrase="open sesame")
    with pytest.raises(AccessDeniedError, match="passphrase"):
        await playbooks.run(playbooks.job(private_key=key))


SLEEPING = """
    - hosts: all
      gather_facts: false
      tasks:
        - {name: Begin, ansible.builtin.file: {path: "%s/begun", state: touch, mode: "0600"}}
        - {name: Sleep, ansible.builtin.command: sleep %s}
        - {name: End, ansible.builtin.file: {path: "%s/ended", state: touch, mode: "0600"}}
    """


async def test_a_timeout_ends_everything_and_is_remembered_as_cut_short(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 97, tmp_path))
    with pytest.raises(TimedOutError, match="was ended"):
        await playbooks.run(timeout=6)
    assert stragglers.marked(str(playbooks.scratch / "ansible")) == []
    assert SECRET not in playbooks.text_on_disk()
    result = await playbooks.resume()
    assert result
    assert (result.finished, result.state) == (False, State.UNKNOWN)
    assert await stored_result(playbooks.scratch) == result
    assert await stored_result(tmp_path / "another") is None
    with pytest.raises(RunnerError, match="at most once"):
        await playbooks.run()


async def test_cancelling_ends_everything(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 97, tmp_path))
    running = asyncio.create_task(playbooks.run())
    await until((tmp_path / "begun").exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stragglers.marked(str(playbooks.scratch / "ansible")) == []
    assert not (tmp_path / "ended").exists()


async def test_a_run_that_somebody_cancels_tells_where_it_was_left(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 97, tmp_path))
    running = asyncio.create_task(playbooks.run())
    await until((tmp_path / "begun").exists)
    await until(lambda: any(host.current_task == "Sleep" for observed in playbooks.seen for host in observed.hosts))
    await cancel_playbook(playbooks.scratch)
    result = await running
    assert (result.state, result.finished) == (State.CANCELLED, True)
    (host,) = result.hosts
    assert (host.state, host.current_task, host.task_number, host.ok) == (State.CANCELLED, "Sleep", 2, 1)
    assert stragglers.marked(str(playbooks.scratch / "ansible")) == []
    assert not (tmp_path / "ended").exists()
    assert SECRET not in playbooks.text_on_disk()
    assert await playbooks.resume() == result


async def test_what_is_cancelled_before_it_begins_never_begins(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    await cancel_playbook(playbooks.scratch)
    result = await playbooks.run()
    assert (result.state, result.hosts[0].state) == (State.CANCELLED, State.WAITING)
    assert not list(tmp_path.glob("written-*"))
    assert SECRET not in playbooks.text_on_disk()


async def test_the_tasks_are_counted_and_all_that_was_printed_is_kept(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 3, tmp_path))
    result = await playbooks.run()
    assert result.task_total == 3
    host = result.hosts[0]
    assert host.observed_at - host.started_at >= 3  # type: ignore[operator]
    log = read_log(log_of(playbooks.scratch))
    assert all(piece in log for piece in ("TASK [Begin]", "PLAY RECAP"))


async def test_a_full_disk_is_said_and_nothing_is_begun(playbooks: Playbooks, monkeypatch: pytest.MonkeyPatch) -> None:
    playbooks.write("deploy.yml", HELLO % "/nowhere")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runners.ansible.files.write_secret", full)
    with pytest.raises(RunnerError, match="the disk is full") as caught:
        await playbooks.run()
    assert "Make room" in caught.value.remedy
    assert SECRET not in playbooks.text_on_disk()


async def test_whoever_listens_may_fail_without_harm(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)

    async def broken(_: PlaybookResult) -> None:
        raise ConnectionError("Slack is away")

    result = await run_playbook(playbooks.job(), on_progress=broken, timeout=60)
    assert result.state is State.SUCCEEDED


async def test_whoever_listens_may_be_slow_without_delaying_the_run(
    playbooks: Playbooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.ansible.following.LAST_WORD", 0.2)
    playbooks.write("deploy.yml", HELLO % tmp_path)
    calls = 0

    async def stuck(_: PlaybookResult) -> None:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()

    result = await run_playbook(playbooks.job(), on_progress=stuck, timeout=100)
    assert result.state is State.SUCCEEDED
    assert calls == 1


# A process that runs the job and can be killed, as the bot can.
CALLER = """
import asyncio, pickle, sys
from pathlib import Path
from runners.ansible import run_playbook
async def heard(result): pass
job = pickle.loads(Path(sys.argv[1]).read_bytes())
asyncio.run(run_playbook(job, on_progress=heard, timeout=60))
"""


async def killed_caller(playbooks: Playbooks, job: PlaybookJob, when: Callable[[], object]) -> None:
    handed = playbooks.directory / "job.pickle"
    handed.write_bytes(pickle.dumps(job))
    root = Path(__file__).parents[2]
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", CALLER, str(handed), cwd=root)
    try:
        await until(when)
    finally:
        caller.send_signal(signal.SIGKILL)
        await caller.wait()


async def test_a_run_outlives_its_caller_and_is_found_again(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 4, tmp_path))
    await killed_caller(playbooks, playbooks.job(), (tmp_path / "begun").exists)
    assert not (tmp_path / "ended").exists()
    result = await playbooks.resume()
    assert result
    assert (result.state, result.finished, result.hosts[0].ok) == (State.SUCCEEDED, True, 3)
    assert (tmp_path / "ended").exists()
    assert playbooks.seen
    assert SECRET not in playbooks.text_on_disk()
    assert await playbooks.resume() == result


async def test_a_run_that_ended_while_nobody_watched_is_told(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 1, tmp_path))
    await killed_caller(playbooks, playbooks.job(), (tmp_path / "begun").exists)
    await until((tmp_path / "ended").exists)
    await until(lambda: not stragglers.marked(str(playbooks.scratch / "ansible")))
    result = await playbooks.resume()
    assert result
    assert result.state is State.SUCCEEDED


async def test_a_run_that_was_cut_short_with_its_caller_says_so(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 97, tmp_path))
    await killed_caller(playbooks, playbooks.job(), (tmp_path / "begun").exists)
    for pid in stragglers.marked(str(playbooks.scratch / "ansible")):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    result = await playbooks.resume()
    assert result
    assert (result.finished, result.state) == (False, State.UNKNOWN)
    assert result.hosts[0].state is State.UNKNOWN
    assert not (tmp_path / "ended").exists()


async def test_what_never_started_is_none(playbooks: Playbooks) -> None:
    assert await playbooks.resume() is None


async def test_a_check_changes_nothing(playbooks: Playbooks, tmp_path: Path) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    result = await playbooks.run(playbooks.job(check=True))
    assert result.state is State.SUCCEEDED
    assert not list(tmp_path.glob("written-*"))
    assert [(change.host, change.task) for change in result.changes] == [("staging-backend", "Write a file")]
    log = read_log(log_of(playbooks.scratch))
    assert "+*** bool" in log, "the difference is in the log, without the secret"


@pytest.fixture
async def server(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Server]:
    async with running_servers(tmp_path, unused_tcp_port, ["127.0.0.1"]) as (server,):
        yield server


# What a login finds on PATH is for the tests' machine to say.
PYTHON = {"perm_env": "staging", "run_migrations": True, "ansible_python_interpreter": sys.executable}


def over_ssh(server: Server) -> Inventory:
    host = Host("staging-backend", "backend", "i-1", "127.0.0.1", "ami-1", "us-west-2a")
    return Inventory("staging", (host,), getpass.getuser(), server.port, "ssh")


@pytest.mark.needs_sshd
async def test_over_ssh_with_a_key_that_leaves_no_trace(playbooks: Playbooks, tmp_path: Path, server: Server) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    key = server.user_key.replace("\n", "\\n")
    existing = server.known_hosts
    job = playbooks.job(extra_vars=PYTHON, inventory=over_ssh(server), private_key=key, known_hosts=existing)
    result = await playbooks.run(job)
    assert result.state is State.SUCCEEDED, result.failures
    assert (tmp_path / "written-staging-backend").read_text() == f"{SECRET} bool"
    assert "PRIVATE KEY" not in playbooks.text_on_disk()
    assert "Accepted publickey" in (server.directory / "log").read_text()


@pytest.mark.needs_sshd
async def test_a_server_whose_host_key_changed_is_not_trusted(
    playbooks: Playbooks, tmp_path: Path, server: Server
) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    there = over_ssh(server)
    rendered = await host_keys.scan(there, tmp_path)
    assert host_keys.changed(there.hosts, rendered, rendered) == ()
    given: dict[str, Any] = {"extra_vars": PYTHON, "inventory": there, "private_key": server.user_key}
    existing = host_keys.known_hosts(there, rendered)
    assert (await playbooks.run(playbooks.job(**given, known_hosts=existing))).state is State.SUCCEEDED

    await server.change_key()
    (actual,) = host_keys.changed(there.hosts, rendered, await host_keys.scan(there, tmp_path))
    assert (actual.host, actual.pinned) == ("staging-backend", rendered["i-1"][0].fingerprint)
    assert actual.presented != actual.pinned
    again = playbooks.job(**given, known_hosts=existing, scratch=tmp_path / "second")
    result = await playbooks.run(again)
    assert result.hosts[0].state is State.UNREACHABLE
    assert "Host key verification failed" in result.failures[0].output
    assert NEVER_DISPLAYED not in result.failures[0].output


@pytest.mark.needs_sshd
async def test_a_server_that_was_down_when_its_key_was_asked_for_is_not_trusted_unseen(
    playbooks: Playbooks, tmp_path: Path, server: Server
) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    there = over_ssh(server)
    await server.stop()
    assert await host_keys.scan(there, tmp_path) == {}
    await server.start()
    given: dict[str, Any] = {"extra_vars": PYTHON, "inventory": there, "private_key": server.user_key}
    result = await playbooks.run(playbooks.job(**given, known_hosts=""))
    assert result.hosts[0].state is State.UNREACHABLE
    assert result.failures[0].output.startswith(NEVER_DISPLAYED)
    assert not (tmp_path / "written-staging-backend").exists()

    existing = host_keys.known_hosts(there, await host_keys.scan(there, tmp_path))
    again = playbooks.job(**given, known_hosts=existing, scratch=tmp_path / "second")
    assert (await playbooks.run(again)).state is State.SUCCEEDED


@pytest.mark.needs_sshd
async def test_a_wrong_key_is_unreachable_and_said(playbooks: Playbooks, tmp_path: Path, server: Server) -> None:
    playbooks.write("deploy.yml", HELLO % tmp_path)
    other = make_key(tmp_path / "other_key")
    given: dict[str, Any] = {"inventory": over_ssh(server), "known_hosts": server.known_hosts}
    result = await playbooks.run(playbooks.job(extra_vars=PYTHON, private_key=other, **given))
    assert result.hosts[0].state is State.UNREACHABLE
    assert "Permission denied" in result.failures[0].output


@pytest.mark.needs_sshd
async def test_a_run_over_ssh_outlives_its_caller(playbooks: Playbooks, tmp_path: Path, server: Server) -> None:
    playbooks.write("deploy.yml", SLEEPING % (tmp_path, 3, tmp_path))
    given: dict[str, Any] = {"inventory": over_ssh(server), "known_hosts": server.known_hosts}
    job = playbooks.job(extra_vars=PYTHON, private_key=server.user_key, **given)
    await killed_caller(playbooks, job, (tmp_path / "begun").exists)
    result = await playbooks.resume(job)
    assert result
    assert result.state is State.SUCCEEDED
    assert (tmp_path / "ended").exists()
    assert not (playbooks.scratch / "ansible" / "key").exists()
    assert json.loads((playbooks.scratch / "ansible" / "result.json").read_text())["state"] == "succeeded"
