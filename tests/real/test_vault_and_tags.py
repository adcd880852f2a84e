"""Real Ansible with a vault, encrypted by the real ansible-vault, and with tags."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runners.ansible import preflight
from runners.ansible.logfile import read_log
from runners.errors import NotFoundError, RunnerError
from runners.results import State
from tests.real.test_ansible import Playbooks, playbooks

if TYPE_CHECKING:
    from runners.results import PlaybookResult

pytestmark = [pytest.mark.needs_bwrap, pytest.mark.slow("each test starts Ansible two or three times")]

__all__ = ["playbooks"]
PASSWORD = "v4ult %{{ canary } 0815"
PLAYBOOK = """
    - hosts: all
      gather_facts: false
      vars_files: [secrets.yml]
      tasks:
        - name: Show what was decrypted
          ansible.builtin.debug: {msg: "it is {{ answer }}"}
          tags: [shown]
        - name: Take the second way
          ansible.builtin.debug: {msg: "slow one"}
          tags: [slow]
        - name: Show the password
          ansible.builtin.command: cat {{ lookup("env", "ANSIBLE_VAULT_PASSWORD_FILE") }}
          tags: [leaks]
    """


def encrypt(playbooks: Playbooks, text: str) -> None:
    """As the team does: by the program, with the password in a file."""
    playbooks.write("deploy.yml", PLAYBOOK)
    password, secrets = playbooks.directory / "password", playbooks.project / "secrets.yml"
    password.write_text(PASSWORD + "\n")
    secrets.write_text(text)
    program = str(Path(sys.executable).with_name("ansible-vault"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(playbooks.directory)}
    subprocess.run(
        [program, "encrypt", "--vault-password-file", str(password), str(secrets)], check=True, env=environment
    )
    password.unlink()
    assert secrets.read_text().startswith("$ANSIBLE_VAULT")


async def ran(playbooks: Playbooks, **changes: object) -> tuple[PlaybookResult, str]:
    result = await playbooks.run(playbooks.job("deploy.yml", vault_password=PASSWORD, **changes))
    return result, read_log(playbooks.scratch / "ansible" / "log.txt")


async def test_what_the_vault_has_encrypted_is_decrypted_and_the_password_shown_nowhere(playbooks: Playbooks) -> None:
    encrypt(playbooks, "answer: forty-two\n")
    result, log = await ran(playbooks)
    assert result.state is State.SUCCEEDED
    assert "it is forty-two" in log
    assert "slow one" in log
    assert PASSWORD not in log
    assert "canary" not in playbooks.text_on_disk()
    assert not (playbooks.scratch / "ansible" / "vault").exists()


async def test_tags_choose_tasks_and_skip_tags_leave_some_out(playbooks: Playbooks) -> None:
    encrypt(playbooks, "answer: forty-two\n")
    _, log = await ran(playbooks, tags=("shown", "slow"), skip_tags=("slow", "leaks"), check=True)
    assert "it is forty-two" in log
    assert "slow one" not in log


async def test_tags_that_no_task_has_are_an_error_with_their_key(playbooks: Playbooks) -> None:
    encrypt(playbooks, "answer: forty-two\n")
    with pytest.raises(NotFoundError, match="no task that runs") as raised:
        await ran(playbooks, tags=("nobody",))
    assert "deploy.ansible.tags" in raised.value.remedy


@pytest.mark.parametrize(
    ("password", "remedy"),
    [
        (None, "Name the variable with the vault password in deploy.ansible.vault_password_env."),
        ("wrong", "Check the value of the variable that deploy.ansible.vault_password_env names."),
    ],
)
async def test_a_missing_or_wrong_password_comes_with_the_key(
    playbooks: Playbooks, password: str | None, remedy: str
) -> None:
    encrypt(playbooks, "answer: forty-two\n")
    with pytest.raises(RunnerError) as raised:
        await playbooks.run(playbooks.job(vault_password=password))
    assert raised.value.remedy == remedy


async def test_encrypted_files_are_decrypted_before_anything_runs(playbooks: Playbooks) -> None:
    encrypt(playbooks, "answer: forty-two\n")
    with pytest.raises(RunnerError) as raised:
        await preflight.plays_of(playbooks.job(), ["deploy.yml"])
    assert "vault_password_env" in raised.value.remedy
    read = await preflight.plays_of(playbooks.job(vault_password=PASSWORD), ["deploy.yml"])
    assert read["deploy.yml"][0].hosts == {"staging-backend"}
    assert "canary" not in playbooks.text_on_disk()
