"""What Ansible reads of playbooks before anything runs: the hosts that they reach, and what they lack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners.ansible import preflight
from runners.errors import NotFoundError, RunnerError
from tests.real.test_ansible import Playbooks, inventory, playbooks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_bwrap

__all__ = ["playbooks"]
TASK = "  gather_facts: false\n  tasks: [{ansible.builtin.debug: {msg: hi}}]\n"
STAGING = replace(inventory("backend", "cron"), groups=("web_servers",))


def plays(*hosts: str) -> str:
    return "".join(f"- hosts: {each}\n{TASK}" for each in hosts)


async def reached(playbooks: Playbooks, text: str, *roles: str) -> dict[str, tuple[preflight.Play, ...]]:
    (playbooks.project / "deploy.yml").write_text(text)
    job = playbooks.job(inventory=STAGING)
    read = await preflight.plays_of(job, ["deploy.yml"])
    preflight.check_reached(read["deploy.yml"], "deploy.yml", STAGING, roles or ("backend", "cron"))
    return read


@pytest.mark.parametrize(
    "hosts", ["default", "all", "web_servers", "'{{ perm_env }}'", "backend:cron", "['backend', 'cron']", "'*-*'"]
)
async def test_the_groups_of_the_inventory_are_reached(playbooks: Playbooks, hosts: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    read = await reached(playbooks, plays(hosts))
    assert read["deploy.yml"][0].hosts == {"staging-backend", "staging-cron"}
    assert sorted(tmp_path.rglob("*")) == sorted([*before, playbooks.project / "deploy.yml", playbooks.scratch])


async def test_a_group_that_the_inventory_lacks_is_named_with_the_key(playbooks: Playbooks) -> None:
    with pytest.raises(NotFoundError) as raised:
        await reached(playbooks, plays("web_server"))
    assert raised.value.problem == (
        "deploy.yml names `web_server`, which is not in the inventory of staging, and reaches no host of backend, cron"
    )
    assert raised.value.remedy.startswith(
        "Did you mean `web_servers`? The inventory has backend, cron, staging, default,"
    )
    assert "add the group to environments.staging.deploy.ansible.groups" in raised.value.remedy


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        (plays("nowhere", "backend"), ("backend",)),  # another play reaches the role
        (plays("localhost"), ("backend",)),  # says itself that it is for no host
        (plays("backend"), ("cron",)),  # names only what there is
        (plays("backend[0]", "'!cron:all'", "'~stag.*'"), ("backend",)),
    ],
)
async def test_a_playbook_that_runs_as_written_is_not_refused(
    playbooks: Playbooks, text: str, roles: tuple[str, ...]
) -> None:
    assert await reached(playbooks, text, *roles)


async def test_several_playbooks_are_read_at_once(playbooks: Playbooks) -> None:
    playbooks.write("a.yml", plays("backend"))
    playbooks.write("b.yml", plays("cron", "nowhere"))
    read = await preflight.plays_of(playbooks.job(inventory=STAGING), ["a.yml", "b.yml"])
    assert [[sorted(play.hosts) for play in read[name]] for name in ("a.yml", "b.yml")] == [
        [["staging-backend"]],
        [["staging-cron"], []],
    ]
    assert preflight.missing_names(read["b.yml"], STAGING) == ("nowhere",)


async def test_a_missing_collection_is_named_with_the_key_that_adds_it(playbooks: Playbooks) -> None:
    text = plays("all") + "- hosts: all\n  tasks: [{community.made_up.thing: {}}]\n"
    with pytest.raises(RunnerError, match=r"couldn't resolve module/action 'community\.made_up\.thing'") as raised:
        await reached(playbooks, text)
    assert raised.value.problem.endswith("made_up.thing' (deploy.yml:5:11)")
    assert raised.value.remedy.startswith("Add `community.made_up` to deploy.ansible.collections")


async def test_no_secret_is_given_to_what_only_reads(playbooks: Playbooks) -> None:
    probe = "{{ lookup('ansible.builtin.pipe', 'cat /proc/self/environ') }}"
    (playbooks.project / "deploy.yml").write_text(plays("'{{ database_url }}'", f'"{probe}"'))
    read = await preflight.plays_of(playbooks.job(inventory=STAGING), ["deploy.yml"])
    assert "canary" not in str(read)
    assert read["deploy.yml"][0].names == ("(secret)",)
