"""An approver reads which changed files can decide what runs: every file that is not known to be a document."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runners.github.deciding_files import certainly, decides

_PARTS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)


@pytest.mark.parametrize(
    "path",
    [
        "images/backend.pkr.hcl",
        "images/backend.pkrvars.hcl",
        "bin/deploy",
        "instances/staging/user_data.tftpl",
        "instances/staging/policy.json",
        "inventory/hosts",
        "inventory/hosts.ini",
        "group_vars/all",
        "group_vars/notes.md",
        "roles/backend/files/motd.txt",
        "roles/backend/templates/README.md",
        "roles/backend/library/ping",
        "requirements.txt",
        "requirements-dev.txt",
        ".github/actions/setup/dist/index.js",
        ".github/workflows/README.md",
        ".gitmodules",
        ".terraformrc",
        "package.json",
        "ansible.cfg",
        "Makefile",
        "prod.auto.tfvars",
    ],
)
def test_a_file_that_can_run_or_reach_a_machine_decides(path: str) -> None:
    assert decides(path)


@pytest.mark.parametrize("path", ["README.md", "docs/plan.png", "LICENSE", "notes.txt", "docs/files.md"])
def test_a_document_does_not(path: str) -> None:
    assert not decides(path)
    assert not certainly(path)


@given(st.lists(_PARTS, min_size=1, max_size=4), _PARTS)
def test_a_suffix_that_nobody_knows_decides(folders: list[str], suffix: str) -> None:
    path = "/".join(folders)
    assert decides(path)
    assert decides(f"{path}.unknown-{suffix}")
