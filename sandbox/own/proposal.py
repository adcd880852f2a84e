"""A signalbox.yaml to begin with, from what a repository has."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import yaml

from sandbox.github.workflow_file import FOLDER, WorkflowFileError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = """slack:
  channel: "#ops"
github:
  repository: owner/name          # yours
aws:
  region: us-west-2
access:
  operators: ["usergroup:S0INFRA"]
  approvers: ["usergroup:S0INFRA"]
environments:
"""


def proposal(files: Mapping[str, bytes]) -> str:
    """The text of a configuration: an environment for each directory of Terraform that has a backend, or the first workflow."""
    workflows = _dispatchable(files)
    directories = _roots(files)
    lines = [_HEAD.rstrip()]
    deploys = [name for name in workflows if "deploy" in name.lower()] or ([] if directories else workflows)
    for directory, name in zip(directories or [""], _names(directories) or ["prod"], strict=True):
        lines.append(f"  {yaml.safe_dump(name).splitlines()[0]}:")
        if deploys:
            lines.append(f"    deploy: {{github_actions: {{workflow: {deploys[0]}, ref: main}}}}")
        if directory:
            lines.append(f"    terraform: {{directory: {directory}}}")
        lines.append("    approval: {required: 1}")
    if others := [name for name in workflows if name not in deploys[:1]]:
        lines.append(f"# Other workflows that can be dispatched: {', '.join(others)}")
    if not workflows:
        lines.append("# No workflow here has `on: workflow_dispatch`, which a deploy by GitHub Actions needs.")
    return "\n".join(lines) + "\n"


def _names(directories: list[str]) -> list[str]:
    """A name for each directory: its last part, or all of them where two directories end in the same."""
    last = [posixpath.basename(directory) for directory in directories]
    return [
        name if last.count(name) == 1 else directory.replace("/", "-")
        for name, directory in zip(last, directories, strict=True)
    ]


def _dispatchable(files: Mapping[str, bytes]) -> list[str]:
    names = []
    for path in sorted(path for path in files if path.startswith(FOLDER)):
        try:
            file = parse(path, files[path].decode(errors="replace"))
        except WorkflowFileError:
            continue
        if file.inputs is not None:
            names.append(posixpath.basename(path))
    return sorted(names, key=lambda name: ("deploy" not in name, name))


def _roots(files: Mapping[str, bytes]) -> list[str]:
    """The directories that are planned by themselves: with a backend or a provider's block, not below `modules`."""
    marks = (b"backend ", b"cloud {", b"provider ")
    roots = {
        posixpath.dirname(path)
        for path, content in files.items()
        if path.endswith((".tf", ".tofu")) and any(mark in content for mark in marks)
    }
    return sorted(root for root in roots if root and "modules" not in root.split("/"))
