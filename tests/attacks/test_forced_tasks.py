"""A check reports the tasks that ran in spite of check mode: real Ansible, against traces that the tasks leave themselves."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from runners.ansible import PlaybookJob, run_playbook, stored_result
from runners.processes.wall import WALL
from runners.results import ForcedTasks, Host, Inventory, PlaybookResult

pytestmark = pytest.mark.needs_bwrap

HOSTS = ("web1", "web2")
OPTIONS = {
    "run_once": True,
    "delegate_to": "localhost",
    "changed_when": False,
    "when": "inventory_hostname == 'web1'",
    "ignore_errors": True,
    "failed_when": "inventory_hostname == 'web2'",
}


def checked(directory: Path, plays: list[dict[str, Any]], files: dict[str, str] | None = None) -> PlaybookResult:
    """The result of a check by real Ansible; the hosts are this machine."""
    project = directory / "provisioners"
    project.mkdir()
    (directory / "marks").mkdir()
    for name, content in {"deploy.yml": yaml.safe_dump(plays, sort_keys=False), **(files or {})}.items():
        (project / name).write_text(content)
    hosts = tuple(Host(name, "web", f"i-{name}", name, "ami-1", "us-west-2a") for name in HOSTS)
    inventory = Inventory("staging", hosts, "deployer", 22, "local")
    scratch = directory / "scratch"
    isolation = replace(WALL, writable=(directory / "marks",))  # the tasks leave their traces there
    job = PlaybookJob(project, "deploy.yml", inventory, None, {}, {}, None, scratch, check=True, isolation=isolation)

    async def ignore(_: PlaybookResult) -> None:
        """Progress is of no interest."""

    result = asyncio.run(run_playbook(job, on_progress=ignore, timeout=600))
    assert asyncio.run(stored_result(scratch)) == result, "it is the same after a restart"
    return result


def traces(directory: Path) -> list[str]:
    """A line for each task and host that ran, by the tasks themselves."""
    trace = directory / "marks" / "trace"
    return trace.read_text().splitlines() if trace.exists() else []


def leaving(directory: Path, name: str, kind: str, **options: object) -> dict[str, Any]:
    """A task that leaves a trace if it runs."""
    text = f"echo {name} >> {directory}/marks/trace"
    body = {"shell": text, "command": {"argv": ["sh", "-c", text]}, "raw": text}[kind]
    return {"name": name, f"ansible.builtin.{kind}": body, **options}


def play(*tasks: dict[str, Any], **options: object) -> dict[str, Any]:
    return {"name": "A play", "hosts": "all", "gather_facts": False, "tasks": list(tasks), **options}


@pytest.mark.slow("Ansible takes seconds for each playbook")
@settings(max_examples=4, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_ran_is_what_is_counted(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory, numbers = Path(name), count(1)

        def task() -> dict[str, Any]:
            options: dict[str, Any] = {}
            if (mode := data.draw(st.sampled_from([None, None, True, False, False]))) is not None:
                options["check_mode"] = mode
            options |= {key: value for key, value in OPTIONS.items() if data.draw(st.integers(0, 3)) == 0}
            kind = data.draw(st.sampled_from(["shell", "command", "raw"]))
            return leaving(directory, f"task-{next(numbers)}", kind, **options)

        def block() -> dict[str, Any]:
            parts = {"block": [task()], "rescue": [task()], "always": [task()]}
            forced = {"check_mode": False} if data.draw(st.booleans()) else {}
            return {"name": "A block", **parts, **forced}

        tasks = [data.draw(st.sampled_from([task, task, block]))() for _ in range(data.draw(st.integers(1, 4)))]
        strategy = {"strategy": "free"} if data.draw(st.integers(0, 3)) == 0 else {}
        options = {"check_mode": False} if data.draw(st.integers(0, 4)) == 0 else {}
        result = checked(directory, [play(*tasks, **strategy, **options)])
        ran = traces(directory)
        assert (result.forced.runs, result.forced.tasks) == (len(ran), len(set(ran))), yaml.safe_dump(tasks)
        assert result.forced.complete


@pytest.mark.slow("Ansible takes seconds for each playbook")
def test_handlers_includes_roles_and_hosts_beside_the_inventory_count(tmp_path: Path) -> None:
    forced = leaving(tmp_path, "included", "shell", check_mode=False)
    notifying = leaving(tmp_path, "notifying", "shell", check_mode=False, notify="handler")
    plays = [
        play(
            notifying,
            {"name": "Include", "ansible.builtin.include_tasks": "more.yml"},
            {"name": "Force", "ansible.builtin.include_tasks": {"file": "more.yml", "apply": {"check_mode": False}}},
            {
                "name": "Loop",
                "ansible.builtin.shell": f"echo loop >> {tmp_path}/marks/trace",
                "loop": [1, 2],
                "check_mode": False,
            },
            {"name": "Fact", "ansible.builtin.set_fact": {"real": False}},
            leaving(tmp_path, "template", "shell", check_mode="{{ real }}"),
            handlers=[leaving(tmp_path, "handler", "shell", check_mode=False)],
        ),
        {**play(leaving(tmp_path, "local", "shell", check_mode=False)), "hosts": "localhost", "connection": "local"},
    ]
    result = checked(tmp_path, plays, {"more.yml": yaml.safe_dump([forced])})
    ran = sorted(traces(tmp_path))
    assert ran == sorted(["notifying", "included", "included", "loop", "loop", "template", "handler"] * 2 + ["local"])
    loops = len(HOSTS)  # a loop of two is one run on each host
    assert (result.forced.runs, result.forced.changed) == (len(ran) - loops, len(ran) - loops)
    assert result.forced.complete
    assert any(name.startswith("notifying (deploy.yml:") for name in result.forced.names)


def test_a_check_that_is_only_a_check_counts_nothing(tmp_path: Path) -> None:
    plays = [play(leaving(tmp_path, "shell", "shell"), leaving(tmp_path, "raw", "raw", check_mode=True))]
    result = checked(tmp_path, plays)
    assert traces(tmp_path) == []
    assert result.forced == ForcedTasks(complete=True)
