"""Inventories of a team's own: read by the real ansible-inventory, and used by real playbooks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from runners.ansible import preflight
from runners.errors import NotFoundError, RunnerError
from runners.results import State
from tests.real.own_inventory_support import LOCAL, put, read
from tests.real.test_ansible import Playbooks, playbooks

if TYPE_CHECKING:
    from runners.results import Inventory

pytestmark = pytest.mark.needs_bwrap
__all__ = ["playbooks"]
HOSTS = """\
    [web]
    web[1:2].example.com
    blue ansible_host=10.0.0.9
    [db]
    db1 ansible_host=10.0.1.1 ansible_user=deployer
    [prod:children]
    web
    db
    """
PLAY = """
    - hosts: %s
      gather_facts: false
      tasks:
        - name: Write what applies
          ansible.builtin.copy:
            dest: "%s/seen-{{ inventory_hostname }}"
            content: "{{ size }} {{ color }} {{ own }} {{ groups['db'] | join(',') }} {{ hostvars['db1'].size }}"
            mode: "0600"
    """


def of(inventory: Inventory) -> list[tuple[str, str, str]]:
    return [(host.machine, host.name, host.address) for host in inventory.hosts]


async def test_the_hosts_of_a_role_are_those_of_the_group_with_its_name(playbooks: Playbooks) -> None:
    put(playbooks, "hosts", HOSTS)
    inventory = await read(playbooks, "db", "web")
    assert of(inventory) == [
        ("db", "db1", "10.0.1.1"),
        ("web", "web1.example.com", "web1.example.com"),
        ("web", "web2.example.com", "web2.example.com"),
        ("web", "blue", "10.0.0.9"),
    ]
    assert inventory.own_groups == ("db", "prod", "web")
    assert [host.instance_id for host in inventory.hosts][-1] == "staging/blue"
    assert len(of(await read(playbooks, "all"))) == len(of(await read(playbooks, "prod"))) == 4


@pytest.mark.slow("Ansible three times")
async def test_group_vars_and_host_vars_apply_as_without_signalbox(playbooks: Playbooks, tmp_path: Path) -> None:
    put(playbooks, "inventories/prod/hosts.ini", HOSTS)
    put(playbooks, "inventories/prod/group_vars/all.yml", "{size: small, color: grey, own: none}")
    put(playbooks, "inventories/prod/group_vars/web/main.yml", "{size: large}")
    put(playbooks, "inventories/prod/host_vars/blue.yml", "{color: blue}")
    put(playbooks, "group_vars/all.yml", "{own: beside the playbook}")
    put(playbooks, "deploy.yml", PLAY % ("web", tmp_path))
    inventory = await read(playbooks, "web", source="inventories/prod", reach=LOCAL)
    job = playbooks.job(inventory=inventory, limit=",".join(host.name for host in inventory.hosts))
    plays = await preflight.plays_of(job, ["deploy.yml"])
    preflight.check_reached(plays["deploy.yml"], "deploy.yml", inventory, ["web"])
    result = await playbooks.run(job)
    assert [(host.host, host.state) for host in result.hosts] == [
        (host.name, State.SUCCEEDED) for host in inventory.hosts
    ]
    assert (tmp_path / "seen-blue").read_text() == "large blue beside the playbook db1 small"
    assert (tmp_path / "seen-web1.example.com").read_text() == "large grey beside the playbook db1 small"


@pytest.mark.slow("Ansible twice")
async def test_a_group_that_the_inventory_lacks_is_named_with_those_it_has(playbooks: Playbooks) -> None:
    put(playbooks, "hosts", HOSTS)
    with pytest.raises(NotFoundError) as raised:
        await read(playbooks, "webs")
    assert raised.value.problem == "hosts has no group `webs`, and its hosts are those of the role webs"
    assert raised.value.remedy.startswith("It has `web`, ")
    put(playbooks, "deploy.yml", "- hosts: webservers\n  tasks: []\n")
    inventory = await read(playbooks, "web")
    plays = await preflight.plays_of(playbooks.job(inventory=inventory), ["deploy.yml"])
    with pytest.raises(NotFoundError, match="names `webservers`, which is not in the inventory of staging"):
        preflight.check_reached(plays["deploy.yml"], "deploy.yml", inventory, ["web"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[web\nweb1\n", "Section entry"),
        ("[web:kids]\nweb1\n", "unknown section type|unexpected|kids"),
        ("all: [", "yaml|expected|Parser|parsing"),
    ],
)
async def test_one_that_ansible_cannot_read_is_an_error(playbooks: Playbooks, text: str, words: str) -> None:
    put(playbooks, "hosts", text)
    with pytest.raises(RunnerError) as raised:
        await read(playbooks, "web")
    assert raised.value.log_tail
    assert str(playbooks.project) not in str(raised.value)
    assert raised.value.problem, words


async def test_a_file_that_is_not_there_is_named_with_the_nearest(playbooks: Playbooks) -> None:
    put(playbooks, "inventories/prod.ini", HOSTS)
    with pytest.raises(NotFoundError) as raised:
        await read(playbooks, "web", source="inventories/prod.yml")
    assert "There is inventories/prod.ini" in raised.value.remedy


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(lambda name: name not in {"all", "ungrouped"})


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, Any]:
    """Groups in the form of YAML: each with hosts, and children among the later ones."""
    groups = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    hosts = [f"host-{number}" for number in range(draw(st.integers(1, 5)))]
    made: dict[str, Any] = {}
    for number, group in enumerate(groups):
        of_group = draw(st.lists(st.sampled_from(hosts), unique=True))
        children = [name for name in groups[number + 1 :] if draw(st.booleans())]
        made[group] = {"hosts": dict.fromkeys(of_group), "children": dict.fromkeys(children)}
    return made


@pytest.mark.slow("Ansible twice for each example")
@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(made=inventories(), data=st.data())
async def test_generated_inventories_have_the_hosts_that_ansible_selects(
    tmp_path_factory: pytest.TempPathFactory, made: dict[str, Any], data: st.DataObject
) -> None:
    """The reference: ansible's own `--list-hosts` for the pattern."""
    directory = tmp_path_factory.mktemp("generated")
    playbooks, group = Playbooks(directory), data.draw(st.sampled_from([*made, "all"]))
    (playbooks.project / "hosts.yml").write_text(yaml.safe_dump(made))
    ansible = Path(sys.executable).with_name("ansible")
    argv = [str(ansible), group, "-i", str(playbooks.project / "hosts.yml"), "--list-hosts"]
    printed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout  # noqa: ASYNC221 -- the reference
    expected = {line.strip() for line in printed.splitlines()[1:]}
    try:
        inventory = await read(playbooks, group, source="hosts.yml")
    except NotFoundError:
        assert not expected
    else:
        assert {host.name for host in inventory.hosts} == expected, json.dumps(made)
