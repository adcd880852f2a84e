"""Which files of a repository decide what runs on the bot's machine, or on GitHub's runners. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

# Terraform reads these from its directory and its modules; developer.hashicorp.com/terraform/language/files
_TERRAFORM = (".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tfvars.json", ".terraform.lock.hcl", ".tftest.hcl")
# Playbooks, roles, inventories and settings are YAML; plug-ins and modules are Python.
_ANSIBLE = (".yml", ".yaml", ".py", "ansible.cfg")
_SCRIPTS = (".sh", ".bash", ".ps1", ".j2")
_GITHUB = (".github/workflows/", ".github/actions/")
# Documents and pictures, which nothing runs by itself. Any other file may be run, sourced, copied to a machine or built into an image.
_DOCUMENTS = (".md", ".rst", ".adoc", ".txt", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".pdf")
_DOCUMENT_NAMES = ("LICENSE", "NOTICE", "README", "CHANGELOG", "CODEOWNERS")
# Directories whose files a role or a template copies to machines, and lists of packages, whatever the files are named.
_COPIED = ("files", "templates", "group_vars", "host_vars")
_PACKAGES = ("requirements", "constraints")


def decides(path: str) -> bool:
    """Whether a change of this file may change what a plan, a playbook, a workflow or a build runs.

    True for every file that is not known to be a document: a script needs no suffix.
    """
    pure = PurePosixPath(path)
    if path.startswith(_GITHUB) or any(part in _COPIED for part in pure.parent.parts):
        return True
    if pure.suffix == ".txt" and pure.name.startswith(_PACKAGES):
        return True
    return not (path.endswith(_DOCUMENTS) or pure.name in _DOCUMENT_NAMES)


def certainly(path: str) -> bool:
    """Whether its name alone says that it decides: an approver reads these first."""
    if path.startswith(_GITHUB) or PurePosixPath(path).name in ("action.yml", "Makefile", "Dockerfile"):
        return True
    return path.endswith((*_TERRAFORM, *_ANSIBLE, *_SCRIPTS, ".pkr.hcl", ".pkrvars.hcl"))
