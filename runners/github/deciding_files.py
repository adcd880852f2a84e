"""Which files of a repository decide what runs on the bot's machine, or on GitHub's runners. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

# Terraform reads these from its directory and its modules; developer.hashicorp.com/terraform/language/files
_TERRAFORM = (".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tfvars.json", ".terraform.lock.hcl", ".tftest.hcl")
# Playbooks, roles, inventories and settings are YAML; plug-ins and modules are Python.
_ANSIBLE = (".yml", ".yaml", ".py", "ansible.cfg")
_SCRIPTS = (".sh", ".bash", ".ps1", ".j2")
_GITHUB = (".github/workflows/", ".github/actions/")


def decides(path: str) -> bool:
    """Whether a change of this file can change what a plan, a playbook or a workflow runs."""
    if path.startswith(_GITHUB) or PurePosixPath(path).name in ("action.yml", "Makefile", "Dockerfile"):
        return True
    return path.endswith((*_TERRAFORM, *_ANSIBLE, *_SCRIPTS))
