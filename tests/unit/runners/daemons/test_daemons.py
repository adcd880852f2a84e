"""What a host reports of its daemons, and what is made of it."""

from __future__ import annotations

import subprocess

import pytest

from runners.daemons.snapshot import Daemon, Process, Snapshot, Unit, instances, read, script, stranger, with_children
from runners.daemons.verdict import judge
from runners.results import Host

HOST = Host("staging-backend", "backend", "i-1", "10.0.0.1", "ami-1", "us-west-2a")
QUEUE = Daemon("queue-daemon")
OUTPUT = """
@@ snapshot
@@ unit queue-daemon
LoadState=loaded
ActiveState=active
SubState=running
MainPID=40
NRestarts=2
ControlGroup=/system.slice/queue-daemon.service
@@ pids queue-daemon
40
41

@@ unit upload
LoadState=not-found
ActiveState=inactive
MainPID=0
@@ pids upload
@@ pidfile upload
 50

@@ ps
    1     0  90000 /sbin/init
   40     1   1200 /usr/bin/php artisan queue:work
   41    40   1199 /usr/bin/php worker
   50     1      7 /opt/upload --serve
   51    50      7 [upload] <defunct>
  bad line
@@ snapshot
@@ ps
"""


def process(pid: int, parent: int = 1, age: int = 100, command: str = "/opt/queue-daemon") -> Process:
    return Process(pid, parent, age, command)


def look(*processes: Process, unit: Unit | None = None, pid_file: str | None = None) -> Snapshot:
    units = {"queue-daemon": unit} if unit else {}
    files = {} if pid_file is None else {"queue-daemon": pid_file}
    return Snapshot({process.pid: process for process in processes}, units, files)


def unit(main: int, *pids: int, active: str = "active", sub: str = "running", restarts: int = 0) -> Unit:
    return Unit(active, sub, main, restarts, frozenset(pids))


def problem(*looks: Snapshot, daemon: Daemon = QUEUE, since: float | None = None) -> str:
    return judge(HOST, daemon, looks, pause=10, since=since).problem


def test_the_answer_of_a_host_is_read() -> None:
    first, second = read(OUTPUT)
    assert first.units == {"queue-daemon": Unit("active", "running", 40, 2, frozenset({40, 41}))}
    assert first.pid_files == {"upload": "50"}
    assert sorted(first.processes) == [1, 40, 41, 50]
    assert first.processes[41] == Process(41, 40, 1199, "/usr/bin/php worker")
    assert second.processes == {}
    assert read("Welcome to staging!\n") == []


def test_the_script_is_one_that_a_shell_takes_whatever_the_daemon_is_called() -> None:
    text = script([Daemon("a'b; touch /tmp/never", pid_file="/tmp/$(touch x)")], pause=0)
    answer = subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, check=True, timeout=30)
    looks = read(answer.stdout)
    assert len(looks) == 2
    assert looks[0].processes


def test_one_process_with_its_children_is_one_instance() -> None:
    observed = look(process(5), process(6, 5), process(7, 6, command="worker"))
    assert [instance.pid for instance in instances(observed, QUEUE)] == [5]
    assert with_children(observed, instances(observed, QUEUE)) == [5, 6, 7]
    assert problem(observed, observed) == ""


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("/opt/queue-daemon --fast", True),
        ("python queue-daemon", True),
        ("/opt/queue-daemon2", False),
        ("/opt/my-queue-daemon", False),
        ("vim /etc/queue-daemon.conf", False),
    ],
)
def test_a_daemon_without_a_unit_is_known_by_its_name(command: str, runs: bool) -> None:
    assert bool(instances(look(process(5, command=command)), QUEUE)) is runs


def test_a_daemon_is_known_by_its_configured_command() -> None:
    made = Daemon("queue-daemon", command="artisan queue:work")
    assert instances(look(process(5, command="php artisan queue:work --tries=3")), made)


def test_another_process_of_the_same_command_outside_of_its_unit_is_a_second_instance() -> None:
    observed = look(process(40, command="php q"), process(90, command="php q"), unit=unit(40, 40))
    assert problem(observed, observed) == "it runs 2 times (processes 40, 90)"


def test_what_its_unit_calls_failed_is_said() -> None:
    assert problem(look(), look(unit=unit(0, active="failed", sub="failed"))) == (
        "it does not run: systemd calls it failed (failed)"
    )
    observed = look(process(40), unit=unit(40, 40, active="deactivating", sub="stop-sigterm"))
    assert problem(observed, observed) == "systemd calls it deactivating (stop-sigterm)"


def test_one_that_does_not_stay_is_said() -> None:
    assert "from 5 to 6" in problem(look(process(5)), look(process(6)))
    assert "from none to 6" in problem(look(), look(process(6)))
    before = look(process(40), unit=unit(40, 40, restarts=4))
    now = look(process(40), unit=unit(40, 40, restarts=6))
    assert problem(before, now) == "systemd restarts it again and again (6 times so far)"


@pytest.mark.parametrize(
    ("restarts", "age", "since", "wrong"),
    [(1, 5, 100.0, False), (2, 5, 100.0, True), (2, 5, None, True), (9, 3600, None, False), (2, 100, 90.0, False)],
)
def test_a_loop_slower_than_the_looks_shows_in_what_systemd_counted(
    restarts: int, age: int, since: float | None, *, wrong: bool
) -> None:
    observed = look(process(40, age=age), unit=unit(40, 40, restarts=restarts))
    rendered = f"systemd restarts it again and again ({restarts} times since it was last told to start)"
    assert (judge(HOST, QUEUE, [observed, observed], pause=1, since=since).problem == rendered) is wrong


def test_of_a_unit_without_a_process_it_is_said_what_systemd_calls_it() -> None:
    down = look(unit=unit(0, active="activating", sub="auto-restart"))
    assert problem(down, down) == "it does not run: systemd calls it activating (auto-restart)"


def test_one_from_before_the_deploy_is_said() -> None:
    observed = look(process(5, age=100))
    assert "it was not started again: process 5 has run for 100 s" in problem(observed, observed, since=60.0)
    assert problem(observed, observed, since=99.5) == ""
    assert problem(observed, observed) == ""


def test_its_pid_file_counts_where_there_is_no_unit() -> None:
    made = Daemon("queue-daemon", pid_file="/run/q.pid")
    good, bad = look(process(5), pid_file="5"), look(process(5), pid_file="9")
    assert problem(good, good, daemon=made) == ""
    assert problem(bad, bad, daemon=made) == "its PID file names 9, and it runs as 5"
    with_unit = look(process(5), unit=unit(5, 5), pid_file="9")
    assert problem(with_unit, with_unit, daemon=made) == ""


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("5", ""),
        ("6", ""),
        ("9", "9"),
        ("5 9", "9"),
        ("777", ""),
        ("", ""),
        ("-1", "-1"),
        ("0", "0"),
        ("starting", ""),
    ],
)
def test_a_pid_file_that_names_a_living_process_which_is_not_the_daemon_is_dangerous(written: str, named: str) -> None:
    its, other = (process(5), process(6, 5, command="worker")), process(9, command="/usr/sbin/sshd")
    assert stranger(look(*its, other, pid_file=written), QUEUE) == named
    assert stranger(look(*its, other, unit=unit(5, 5, 6), pid_file=written), QUEUE) == ""


def test_half_an_answer_is_none() -> None:
    assert problem(look(process(5))) == "the host did not answer what was asked of it"


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        (Unit("active", "waiting", 0, 0, frozenset()), ""),
        (Unit("active", "elapsed", 0, 0, frozenset()), "systemd calls it active (elapsed)"),
        (Unit("inactive", "dead", 0, 0, frozenset()), "systemd calls it inactive (dead)"),
        (None, "systemd has no such unit there"),
    ],
)
def test_a_timer_has_no_process_and_is_judged_by_its_state(unit: Unit | None, problem: str) -> None:
    snapshot = Snapshot({}, {"backup.timer": unit} if unit else {})
    observation = judge(HOST, Daemon("backup.timer"), [snapshot, snapshot], pause=1, since=30.0)
    assert observation.problem == problem
