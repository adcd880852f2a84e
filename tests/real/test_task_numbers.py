"""How many tasks a playbook has: what our plugin counts within Ansible, and what Ansible lists."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runners.ansible import PlaybookJob, run_playbook
from runners.results import Host, Inventory

if TYPE_CHECKING:
    from runners.results import PlaybookResult

pytestmark = pytest.mark.needs_bwrap

ANSIBLE = str(Path(sys.executable).with_name("ansible-playbook"))
HOST = Host("staging-backend", "backend", "i-1", "i-1", "ami-1", "us-west-2a")

PLAYBOOK = """
- import_playbook: other.yml
- name: Tagged
  hosts: all
  gather_facts: false
  vars_files: [tags.yml]
  pre_tasks: [{name: Before, ansible.builtin.debug: {}}]
  roles: [web]
  tasks:
    - block:
        - {name: In a block, ansible.builtin.debug: {}}
        - block: [{ansible.builtin.debug: {msg: without a name}}]
      rescue: [{name: A rescue, ansible.builtin.debug: {}}]
      always: [{name: At last, ansible.builtin.debug: {}}]
    - ansible.builtin.import_tasks: more.yml
    - {name: Its tag is a variable, ansible.builtin.debug: {}, tags: ["{{ chosen }}"]}
    - {name: Never, ansible.builtin.debug: {}, tags: [never]}
    - ansible.builtin.meta: flush_handlers
  handlers: [{name: Handler, ansible.builtin.debug: {}}]
- {hosts: nobody, tasks: [{name: On no host, ansible.builtin.debug: {}}]}
"""
FILES = {
    "deploy.yml": PLAYBOOK,
    "other.yml": "- {hosts: all, gather_facts: false, tasks: [{name: Other, ansible.builtin.debug: {}, tags: [web]}]}",
    "more.yml": "- {name: More, ansible.builtin.debug: {}}\n- {name: And more, ansible.builtin.debug: {}}",
    "tags.yml": "chosen: here",
    "roles/web/tasks/main.yml": "- {name: In a role, ansible.builtin.debug: {}, tags: [web]}",
}


@pytest.mark.parametrize("tags", [(), ("here",), ("web",)])
async def test_as_many_are_counted_as_ansible_lists(tmp_path: Path, tags: tuple[str, ...]) -> None:
    project = tmp_path / "provisioners"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    argv = [ANSIBLE, "deploy.yml", "--list-tasks", "-i", "a,", *[f"--tags={tag}" for tag in tags]]
    listing = await asyncio.create_subprocess_exec(*argv, cwd=project, stdout=asyncio.subprocess.PIPE)
    listed = re.findall(r"^ {6}(\S.*)\tTAGS: ", (await listing.communicate())[0].decode(), re.MULTILINE)
    job = PlaybookJob(
        project=project,
        playbook="deploy.yml",
        inventory=Inventory("staging", (HOST,), "deployer", 22, "local"),
        limit=None,
        extra_vars={},
        secret_vars={},
        private_key=None,
        scratch=tmp_path / "scratch",
        tags=tags,
    )
    totals: list[int] = []

    async def report(result: PlaybookResult) -> None:
        totals.append(result.task_total)

    await run_playbook(job, on_progress=report, timeout=120)
    assert {total for total in totals if total} == {len(listed)}, listed
