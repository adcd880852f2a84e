"""Why Ansible refused a playbook, and what to do about it. The complaints are Ansible's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.ansible.events import PlaybookRecord
from runners.ansible.files import Places
from runners.ansible.job import PlaybookJob, check_job
from runners.ansible.refusals import refusal
from runners.errors import NotFoundError
from runners.results import Host, Inventory

HOSTS = (Host("web-1", "web", "i-1", "10.0.0.1", "ami-1", "us-west-2a"),)


def job(project: Path = Path()) -> PlaybookJob:
    return PlaybookJob(
        project, "deploy.yml", Inventory("staging", HOSTS, "deployer", 22, "local"), None, {}, {}, None, project
    )


@pytest.mark.parametrize(
    ("complaint", "remedy"),
    [
        (
            "couldn't resolve module/action 'community.postgresql.postgresql_db'. This often indicates a misspelling",
            "Add `community.postgresql` to deploy.ansible.collections, or name it in requirements.yml beside the playbooks.",
        ),
        ("couldn't resolve module/action 'postgresql_db'. This often", "the module by its whole name"),
        ("the role 'geerlingguy.nginx' was not found in roles", "geerlingguy.nginx is a git submodule"),
        ("Attempting to decrypt but no vault secrets found.", "deploy.ansible.vault_password_env"),
        (
            "Invalid vars_files file 'secret.yml': Attempting to decrypt but no vault secrets found.",
            "the vault password",
        ),
        ("conflicting action statements: debug, fail", ""),
    ],
)
def test_a_complaint_has_its_remedy(complaint: str, remedy: str) -> None:
    record = PlaybookRecord("deploy.yml", ["web-1"], "/p")
    record.take(f"[ERROR]: {complaint}")
    error = refusal(job(), record, 4)
    assert error.problem == complaint
    assert remedy in error.remedy
    assert bool(error.remedy) is bool(remedy)


def test_a_role_in_a_submodule_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "deploy.yml").write_text("- {hosts: web, roles: [shared]}\n")
    (tmp_path / "roles" / "shared").mkdir(parents=True)
    with pytest.raises(NotFoundError, match="roles/shared is empty: it is a git submodule") as raised:
        check_job(job(tmp_path), Places(tmp_path / "scratch"))
    assert "roles/requirements.yml" in raised.value.remedy
    (tmp_path / "roles" / "shared" / "tasks.yml").touch()
    check_job(job(tmp_path), Places(tmp_path / "scratch"))
