"""The served repository, under the real programs."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import fleet
from sandbox.github.commits import CommitGraph
from sandbox.github.seed import infrastructure, infrastructure_files
from sandbox.terraform_state import database_password, session_key, write_state

TERRAFORM = shutil.which("terraform")
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
needs_terraform = [pytest.mark.needs_terraform, pytest.mark.skipif(TERRAFORM is None, reason="no terraform on PATH")]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The newest commit of main."""
    graph = CommitGraph()
    infrastructure(graph)
    for path, content in graph.resolve("main").files.items():
        (tmp_path / "code" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / path).write_bytes(content)
    return tmp_path / "code"


async def run(*argv: str | Path, cwd: Path) -> tuple[int | None, str]:
    venv = Path(sys.executable).parent
    environment = {
        "PATH": f"{venv}:{os.environ['PATH']}",
        "HOME": str(cwd),
        "LANG": "C.UTF-8",
        "CHECKPOINT_DISABLE": "1",
    }
    child = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await child.communicate()
    return child.returncode, output.decode()


def test_main_is_what_lies_in_the_directory_and_history_leads_there() -> None:
    graph = CommitGraph()
    infrastructure(graph)
    tip = graph.resolve("main")
    assert {path: data.decode() for path, data in tip.files.items()} == infrastructure_files()
    history = graph.history(tip.sha)
    assert len(history) == 8
    assert len({commit.author.login for commit in history}) == 3
    assert all(item.at > other.at for item, other in itertools.pairwise(history))


def test_every_image_that_the_code_names_is_one_that_aws_begins_with() -> None:
    existing = {image.image_id for image in fleet.images()}
    for environment, directory in fleet.DIRECTORIES.items():
        images = json.loads(infrastructure_files()[f"{directory}/images.auto.tfvars.json"])["images"]
        assert set(images) == set(fleet.MACHINES), environment
        assert set(images.values()) <= existing


@pytest.mark.parametrize(
    ("environment", "replaced", "updated"),
    [
        pytest.param("dev", set(), set(), marks=needs_terraform),
        pytest.param(
            "staging", {"backend", "cron", "taskrunner"}, {"terraform_data.session_key"}, marks=needs_terraform
        ),
        pytest.param("prod", {"backend"}, set(), marks=needs_terraform),
    ],
)
async def test_a_plan_upon_the_seeded_state(
    checkout: Path, tmp_path: Path, environment: str, replaced: set[str], updated: set[str]
) -> None:
    changes = {
        item["address"]: item["change"] for item in (await planned(checkout, tmp_path, environment))["resource_changes"]
    }
    actions = {address: change["actions"] for address, change in changes.items() if change["actions"] != ["no-op"]}
    wanted = {f'module.machine["{machine}"].terraform_data.server': ["delete", "create"] for machine in replaced}
    assert actions == wanted | {address: ["update"] for address in updated}
    server = changes['module.machine["backend"].terraform_data.server']
    assert server["before"]["triggers_replace"] == fleet.running_image(environment, "backend").image_id
    assert changes["terraform_data.session_key"]["after_sensitive"]["input"] == {"value": True}


async def planned(checkout: Path, scratch: Path, environment: str) -> Any:
    state = scratch / "state" / f"{environment}.tfstate"
    write_state(state, environment)
    assert state.stat().st_mode & 0o777 == 0o600
    directory = checkout / fleet.DIRECTORIES[environment]
    assert TERRAFORM is not None
    code, output = await run(TERRAFORM, "init", "-input=false", f"-backend-config=path={state}", cwd=directory)
    assert code == 0, output
    code, output = await run(TERRAFORM, "plan", "-input=false", "-no-color", "-out=saved", cwd=directory)
    assert code == 0, output
    assert "Outputs:" not in output or "database_url" not in output
    code, output = await run(TERRAFORM, "show", "-json", "saved", cwd=directory)
    assert database_password(environment) in output, "the secret is in the plan: masking it is what a reader must do"
    return json.loads(output)


@needs_terraform[0]
@needs_terraform[1]
async def test_an_apply_leaves_nothing_to_do_and_a_check_that_fails_fails_it(checkout: Path, tmp_path: Path) -> None:
    await planned(checkout, tmp_path, "staging")
    directory = checkout / "instances/staging"
    assert TERRAFORM is not None
    code, output = await run(TERRAFORM, "apply", "-input=false", "-no-color", "saved", cwd=directory)
    assert code == 0, output
    assert "3 added, 1 changed, 3 destroyed" in output
    assert session_key("staging", 4) not in output
    code, output = await run(TERRAFORM, "plan", "-input=false", "-detailed-exitcode", cwd=directory)
    assert code == 0, output
    failing = ["-var=ready_when=echo not up; exit 3", "-var=backend_ami=ami-0123456789abcdef0"]
    code, output = await run(TERRAFORM, "apply", "-input=false", "-auto-approve", *failing, cwd=directory)
    assert code == 1
    assert "exit status 3" in output


@pytest.mark.slow("runs four playbooks, each of which takes Ansible seconds of processor time")
async def test_the_playbooks_deploy_over_a_local_connection(checkout: Path, tmp_path: Path) -> None:
    # A second backend shows what is done once for all; each host more takes a second or two of processor time.
    hosts = {machine: [f"{machine}-1"] for machine in fleet.MACHINES}
    hosts["backend"].append("backend-2")
    groups = {name: {"hosts": {host: {"ansible_connection": "local"} for host in of}} for name, of in hosts.items()}
    (tmp_path / "hosts.json").write_text(json.dumps(groups))
    servers = tmp_path / "servers"
    variables = {
        "perm_env": "staging",
        "database_url": "mysql://secret",
        "run_migrations": True,
        "release_commit": "abc1234",
        "signalbox_root": str(servers),
    }
    playbooks = [checkout / "provisioners" / f"deploy-{machine}.yml" for machine in fleet.MACHINES]
    argv: list[str | Path] = ["-i", tmp_path / "hosts.json", "-e", json.dumps(variables), *playbooks]
    code, output = await run(ANSIBLE, *argv, cwd=checkout)
    assert code == 0, output
    assert "mysql://secret" not in output
    assert not re.search(r"WARNING|DEPRECAT", output), output
    for machine, host in ((machine, host) for machine, of in hosts.items() for host in of):
        home = servers / host
        configuration = home / "current" / f"{machine}.env"
        assert (home / "current").resolve() == home / "releases/abc1234"
        assert "RELEASE=abc1234" in configuration.read_text()
        assert ("mysql://secret" in configuration.read_text()) is (machine != "sftp")
        assert configuration.stat().st_mode & 0o777 == 0o600
    # Once, and by the backend alone.
    assert sorted(servers.glob("*/migrated-to")) == [servers / "backend-1" / "migrated-to"]
