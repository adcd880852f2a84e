"""What each host got of a playbook, run by real Ansible: by examples, and by playbooks that Hypothesis makes."""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from runners.ansible import PlaybookJob, run_playbook
from runners.errors import NotFoundError
from runners.processes.wall import WALL
from runners.results import Host, Inventory, PlaybookResult, State
from tests.real.generated_playbooks import HOSTS, WITNESS, Play, Witnessed, playbooks

pytestmark = pytest.mark.needs_bwrap

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
WORDS = {
    State.SUCCEEDED: "done",
    State.FAILED: "failed",
    State.UNREACHABLE: "unreachable",
    State.NOT_REACHED: "not reached",
    State.SKIPPED: "nothing to do",
}
NAMED = {
    "all": [*HOSTS],
    "all:!dead": ["web1", "web2", "web3"],
    "web": ["web1", "web2", "web3"],
    "web[0]": ["web1"],
    "web[1:]": ["web2", "web3"],
    "web1:dead": ["web1", "dead"],
    "nobody": [],
}
DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


def inventory() -> Inventory:
    hosts = [Host(name, name.rstrip("123"), f"i-{name}", name, "ami-1", "us-west-2a") for name in HOSTS]
    return Inventory("staging", tuple(hosts), "deployer", 22, "local")


def run(directory: Path, text: str) -> PlaybookResult:
    project = directory / "provisioners"
    for folder, name, content in (
        (".", "deploy.yml", text),
        ("host_vars", "dead.yml", yaml.safe_dump(DEAD)),
        ("callback_plugins", "witness.py", WITNESS % (directory / "seen")),
    ):
        (project / folder).mkdir(parents=True, exist_ok=True)
        (project / folder / name).write_text(content, encoding="utf-8")

    async def ignore(_: PlaybookResult) -> None:
        pass

    job = PlaybookJob(project, "deploy.yml", inventory(), None, {}, {}, None, directory / "scratch")
    job = replace(job, isolation=replace(WALL, writable=(directory,)))  # the witness writes there
    return asyncio.run(run_playbook(job, on_progress=ignore, timeout=600))


def words(result: PlaybookResult) -> dict[str, str]:
    return {host.host: WORDS.get(host.state, str(host.state)) for host in result.hosts}


@pytest.mark.slow("Ansible takes seconds for each playbook")
@settings(
    max_examples=100 if NIGHTLY else 4, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(plays=playbooks())
def test_each_host_ends_as_what_it_got(plays: list[Play]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        text = yaml.safe_dump([play.yaml() for play in plays], sort_keys=False)
        witnessed = Witnessed(plays, directory / "seen", NAMED)
        try:
            result = run(directory, text)
        except NotFoundError:  # no play names any host
            assert not any(NAMED[play.hosts] for play in plays)
            return
        witnessed.read()
        assert words(result) == {host: witnessed.outcome(host) for host in HOSTS}, text
        well = set(words(result).values()) <= {"done", "nothing to do"}
        assert well is (result.state is State.SUCCEEDED), text


OK = "{name: OK, ansible.builtin.debug: {msg: ok}}"
LAST = "{name: Last, ansible.builtin.debug: {msg: last}}"
BREAK = "{name: Break, ansible.builtin.fail: {msg: broken}, when: inventory_hostname == 'web1'"
RESTART = "{name: Restart, ansible.builtin.debug: {}}"
CONFIGURE = "{name: Configure, ansible.builtin.debug: {}, changed_when: true, notify: Restart}"
EXAMPLES: dict[str, tuple[str, list[str], list[str | None]]] = {
    "a task that runs once fails": (
        f"hosts: web, tasks: [{OK}, {{name: Break, ansible.builtin.fail: {{}}, run_once: true}}, {LAST}]",
        ["failed", "not reached", "not reached", "nothing to do"],
        [None, "Last", "Last", None],
    ),
    "the first host of a rolling deploy fails": (
        f"hosts: web, serial: 1, tasks: [{OK}, {BREAK}}}, {LAST}]",
        ["failed", "not reached", "not reached", "nothing to do"],
        ["Break", None, None, None],
    ),
    "an error is fatal for all": (
        f"hosts: web, any_errors_fatal: true, tasks: [{BREAK}}}, {LAST}]",
        ["failed", "not reached", "not reached", "nothing to do"],
        ["Break", "Last", "Last", None],
    ),
    "an error is fatal for all, at the last task": (
        f"hosts: web, any_errors_fatal: true, tasks: [{OK}, {BREAK}}}]",
        ["failed", "done", "done", "nothing to do"],
        ["Break", None, None, None],
    ),
    "an error is fatal for all, and handlers wait": (
        f"hosts: web, any_errors_fatal: true, handlers: [{RESTART}], tasks: [{CONFIGURE}, {BREAK}}}]",
        ["failed", "not reached", "not reached", "nothing to do"],
        ["Break", "Restart", "Restart", None],
    ),
    "a host is ended while a handler waits": (
        f"hosts: web, handlers: [{RESTART}], tasks: [{CONFIGURE}, {{meta: end_host, when: inventory_hostname == 'web1'}}]",
        ["not reached", "done", "done", "nothing to do"],
        ["Restart", None, None, None],
    ),
    "an error is fatal for all, and handlers are forced": (
        f"hosts: web, any_errors_fatal: true, force_handlers: true, handlers: [{RESTART}], tasks: [{CONFIGURE}, {BREAK}}}]",
        ["failed", "done", "done", "nothing to do"],
        ["Break", None, None, None],
    ),
    "a host is dead, and that is ignored": (
        "hosts: all, ignore_unreachable: true, tasks: [{name: Copy, ansible.builtin.ping: {}}, " + LAST + "]",
        ["done", "done", "done", "unreachable"],
        [None, None, None, "Copy"],
    ),
    "failures are ignored and rescued": (
        f"hosts: web, tasks: [{BREAK}, ignore_errors: true}}, {{block: [{BREAK}}}], rescue: [{OK}]}}, {LAST}]",
        ["done", "done", "done", "nothing to do"],
        [None, None, None, None],
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_host_is_done_only_if_it_got_everything(name: str, tmp_path: Path) -> None:
    play, expected, tasks = EXAMPLES[name]
    local = "- {hosts: localhost, gather_facts: false, tasks: [" + OK + "]}"  # which is no host of the inventory
    result = run(tmp_path, f"{local}\n- {{gather_facts: false, {play}}}\n")
    assert words(result) == dict(zip(HOSTS, expected, strict=True))
    stood = [None if host.state is State.FAILED and tasks[0] is None else host.current_task for host in result.hosts]
    assert stood == tasks
    if "rescued" in name:
        assert [(host.ignored, host.rescued) for host in result.hosts] == [(1, 1), (0, 0), (0, 0), (0, 0)]
        assert [failure.task for failure in result.tolerated] == ["Break", "Break"]
        assert result.state is State.SUCCEEDED


def test_the_text_of_a_huge_result_is_there_and_async_works_on_this_machine(tmp_path: Path) -> None:
    text = """
- hosts: web1
  gather_facts: false
  tasks:
    - {name: Start, ansible.builtin.command: sleep 0.1, async: 30, poll: 0, register: job}
    - name: Wait
      ansible.builtin.async_status: {jid: "{{ job.ansible_job_id }}"}
      register: status
      until: status.finished
      delay: 1
    - {name: Delegated, ansible.builtin.command: sleep 0.1, async: 30, poll: 1, delegate_to: localhost}
    - {name: Huge, ansible.builtin.command: sh -c 'head -c 900000 /dev/zero | tr "\\\\0" x; echo the reason >&2; exit 3'}
"""
    result = run(tmp_path, text)
    assert [(failure.task, failure.output) for failure in result.failures] == [
        ("Huge", "non-zero return code (exit code 3)\nthe reason")
    ]


def test_an_error_of_ansible_in_the_middle_is_a_failure_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "provisioners").mkdir()
    (tmp_path / "provisioners" / "broken.yml").write_text("- {name: Broken, no_such_module: {}}", encoding="utf-8")
    result = run(
        tmp_path,
        f"- {{hosts: web, serial: 2, gather_facts: false, tasks: [{OK}, {{include_tasks: broken.yml}}, {LAST}]}}\n",
    )
    assert words(result) == {"web1": "unknown", "web2": "unknown", "web3": "not reached", "dead": "unknown"}
    assert (result.state, result.finished) == (State.FAILED, True)
    assert result.uncertainty.startswith("Ansible stopped: couldn't resolve module/action 'no_such_module'")


def test_an_include_that_fails_gives_its_reason(tmp_path: Path) -> None:
    result = run(tmp_path, f"- {{hosts: web1, gather_facts: false, tasks: [{OK}, {{include_tasks: missing.yml}}]}}\n")
    (failure,) = result.failures
    assert failure.output.startswith("Could not find or access 'missing.yml'")


def test_a_playbook_whose_tasks_never_run_is_refused(tmp_path: Path) -> None:
    never = "{name: Never, ansible.builtin.debug: {}, tags: never}"
    with pytest.raises(NotFoundError, match="the plays have no task that runs"):
        run(tmp_path, f"- {{hosts: web, gather_facts: false, tasks: [{never}]}}\n")


def test_without_the_report_nothing_is_taken_for_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.ansible.files.CALLBACK", tmp_path / "nothing")
    result = run(tmp_path, f"- {{hosts: web, gather_facts: false, tasks: [{OK}]}}\n")
    assert words(result) == dict.fromkeys(HOSTS, "unknown")
    assert result.state is State.FAILED
    assert result.uncertainty
