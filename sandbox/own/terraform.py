"""The Terraform of a user's configuration in the sandbox: empty states in files, workspaces in the stand-in for HCP Terraform."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OVERRIDE = "signalbox_sandbox_override.tf"
CODE = (".tf", ".tofu", ".tf.json")
_LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n'
_PROVIDER = re.compile(rb"""^\s*(?:resource|data)\s+"([a-z0-9-]+)_""", re.MULTILINE)
_IN_HCP = re.compile(r"""^\s*(?:cloud|backend\s+"remote")\s*\{""", re.MULTILINE)
_SETTING = re.compile(r"""\b(organization|name|prefix)\s*=\s*"([^"]*)\"""")


@dataclass(frozen=True, slots=True)
class HcpWorkspace:
    """A workspace of the stand-in; `state` is the name of its state, as in `World.state_of`."""

    organization: str
    name: str
    directory: str
    state: str


@dataclass(slots=True)
class States:
    """`local` has the name of each state and the workspace in it; `files` get an override beside the code of each."""

    files: dict[str, bytes]
    notes: list[str]
    local: dict[str, str] = field(default_factory=dict)
    hcp: list[HcpWorkspace] = field(default_factory=list)

    def replaced(self, name: str, written: Mapping[str, Any]) -> dict[str, Any] | None:
        """The `terraform` of an environment with the sandbox's states in it; None without any plan."""
        if not isinstance(written.get("stacks"), Mapping):
            return self._one(name, written)
        shared = {key: value for key, value in written.items() if key != "stacks"}
        stacks = {
            str(stack): here
            for stack, own in written["stacks"].items()
            if (here := self._one(f"{name}/{stack}", _merged(shared, own or {}))) is not None
        }
        for each in stacks.values():
            if "after" in each:
                each["after"] = [other for other in each["after"] if other in stacks]
        return {"stacks": stacks} if stacks else None

    def _one(self, name: str, written: Mapping[str, Any]) -> dict[str, Any] | None:
        if "hcp" in written:
            return self._in_hcp(name, written)
        if "directory" not in written:
            return dict(written)
        directory = posixpath.normpath(str(written["directory"]))
        if not self._code_in(directory):
            return dict(written)  # as it is: what plans it says that there is no code
        self.files[posixpath.join(directory, OVERRIDE)] = _LOCAL_BACKEND.encode()
        workspace = self.local[name] = str(written.get("workspace") or "")
        below = f"{{files}}/state/{name}"
        backend = {"path": f"{below}/terraform.tfstate"}
        if workspace:
            backend["workspace_dir"] = f"{below}/workspaces"
        self.notes.append(f"{name}: the state is empty and in the sandbox, whatever backend {directory} names.")
        self._note_providers(name, directory)
        return {**written, "backend_config": backend}

    def _in_hcp(self, name: str, written: Mapping[str, Any]) -> dict[str, Any] | None:
        hcp = written["hcp"] if isinstance(written["hcp"], Mapping) else {}
        organization, workspace = str(hcp.get("organization")), str(hcp.get("workspace"))
        directory = self._directory_of(organization, workspace)
        if directory is None:
            self.notes.append(
                f"{name}: no code here names the workspace {workspace} of {organization} in a `cloud` block or a backend "
                '"remote": no plans there.'
            )
            return None
        self.hcp.append(HcpWorkspace(organization, workspace, "" if directory == "." else directory, name))
        self.notes.append(f"{name}: a stand-in for HCP Terraform plans {directory}, with an empty state.")
        self._note_providers(name, directory)
        return dict(written)

    def _note_providers(self, name: str, directory: str) -> None:
        inside = [self.files[path] for path in self._code_in(directory)]
        providers = {match.decode() for content in inside for match in _PROVIDER.findall(content)} - {"terraform"}
        if providers:
            self.notes.append(
                f"{name}: there is no network, so `terraform init` cannot get its providers "
                f"({', '.join(sorted(providers))}) and a plan ends there."
            )

    def _code_in(self, directory: str) -> list[str]:
        wanted = "" if directory == "." else directory
        return [path for path in self.files if path.endswith(CODE) and posixpath.dirname(path) == wanted]

    def _directory_of(self, organization: str, workspace: str) -> str | None:
        """The directory whose code names the workspace: by its name, by a prefix, or by the organization alone."""
        best: dict[str, int] = {}
        for path, content in sorted(self.files.items()):
            text = content.decode(errors="replace") if path.endswith(CODE) else ""
            for block in _IN_HCP.finditer(text):
                settings = dict(_SETTING.findall(_inside(text, block.end())))
                if settings.get("organization", organization) != organization:
                    continue
                directory = posixpath.dirname(path) or "."
                best[directory] = max(best.get(directory, 0), _fit(settings, workspace))
        fitting = {directory: fit for directory, fit in best.items() if fit}
        return max(fitting, key=lambda directory: fitting[directory]) if fitting else None


def _fit(settings: Mapping[str, str], workspace: str) -> int:
    """How surely a block with these settings means the workspace; 0 where it means another."""
    if "name" in settings:
        return 3 if settings["name"] == workspace else 0
    if "prefix" in settings:
        return 2 if workspace.startswith(settings["prefix"]) else 0
    return 1


def _inside(text: str, start: int) -> str:
    """The text of a block, whose opening brace ends at `start`."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start:at]
    return text[start:]


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What a stack has with what it inherits, as the configuration merges them."""
    dropped = {"hcp"} if "directory" in own else {"directory", "backend_config"} if "hcp" in own else set()
    result = {key: value for key, value in shared.items() if key not in dropped or key in own}
    for key, value in own.items():
        above = result.get(key)
        result[key] = _merged(above, value) if isinstance(above, Mapping) and isinstance(value, Mapping) else value
    return result
