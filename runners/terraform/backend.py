"""The settings of the backend that the configuration has, as `terraform init` reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from runners.terraform.causes import BACKEND_FILE
from runners.terraform.program import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.terraform.program import Workspace

# Blocks of the backends kubernetes and remote. Others, such as assume_role of s3, are settings with an object.
_BLOCKS = ("exec", "workspaces")


def backend_arguments(workspace: Workspace) -> list[str]:
    """The arguments of `terraform init` for the backend: its settings are in a private file, as all users can read argv."""
    if not workspace.backend_config:
        return []
    file = workspace.scratch / BACKEND_FILE
    write_private(file, "".join(_setting(name, value) for name, value in workspace.backend_config.items()))
    return [f"-backend-config={file}"]


def _setting(name: str, value: str | Mapping[str, str]) -> str:
    """A setting of a backend as HCL; a mapping is a block, or an object where the backend has a setting with keys."""
    if isinstance(value, str):
        return f"{name} = {_quoted(value)}\n"
    inner = "".join(f"  {key} = {_quoted(text)}\n" for key, text in value.items())
    return f"{name}{'' if name in _BLOCKS else ' ='} {{\n{inner}}}\n"


def _quoted(value: str) -> str:
    # Quoted strings of HCL are those of JSON, except for templates.
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
