"""The Terraform code of a clone: the directories that are planned by themselves, and Terragrunt's units."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from bot.proposal.stages import stage_in, stage_of
from runners.terraform.backend_code import Backend, backend_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.proposal.repository import Clone

_CODE = (".tf", ".tofu", ".tf.json", ".tofu.json")
_ROOT = re.compile(r"^\s*(?:provider\s+\"|backend\s+\"|cloud\s*\{)", re.MULTILINE)
_AWS = re.compile(r"^\s*(?:provider\s+\"aws\"|(?:resource|data)\s+\"aws_)", re.MULTILINE)
_REGION = re.compile(r"^\s*region\s*=\s*\"([a-z]{2}(?:-[a-z]+)+-\d)\"", re.MULTILINE)
_NO_ROOTS = frozenset(["modules", "module", "examples", "example", "test", "tests", "fixtures"])
# What backends need at least; the code may leave it to `-backend-config` (developer.hashicorp.com/terraform/language/backend).
_NEEDED = {
    "s3": ("bucket", "key", "region"),
    "gcs": ("bucket",),
    "azurerm": ("storage_account_name", "container_name", "key"),
}


@dataclass(frozen=True, slots=True)
class Root:
    """A directory that is planned by itself. `stage` is the environment that its path speaks of, with its spelling there.

    `var_files` has a file of variables for each stage; `other_files` those for no stage. `missing` are settings of the
    backend that the code leaves to the command line.
    """

    directory: PurePosixPath
    backend: Backend | None
    stage: tuple[str, str] | None
    var_files: Mapping[str, tuple[str, PurePosixPath]] = field(default_factory=dict)
    other_files: tuple[PurePosixPath, ...] = ()
    tofu: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """See above."""
        backend = self.backend
        return tuple(key for key in _NEEDED.get(backend.kind, ()) if key not in backend.settings) if backend else ()

    @property
    def keeps_its_state_here(self) -> bool:
        """Whether the state is a file beside the code."""
        return self.backend is None or self.backend.kind == "local"


@dataclass(frozen=True, slots=True)
class Code:
    """All of it. `units` are the directories with Terragrunt's units by the directory above all units of a stage."""

    roots: tuple[Root, ...]
    units: Mapping[tuple[str, str] | None, PurePosixPath]
    region: str = ""
    uses_aws: bool = False


def find(clone: Clone) -> Code:
    """What the clone has."""
    folders: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in clone.paths:
        if path.name.endswith(_CODE) and not _NO_ROOTS & set(path.parent.parts):
            folders.setdefault(path.parent, []).append(path)
    texts = {folder: "\n".join(map(clone.text, paths)) for folder, paths in folders.items()}
    roots = [folder for folder, text in texts.items() if _ROOT.search(text)]
    regions = [match[1] for text in texts.values() for match in _REGION.finditer(text)]
    units = _units(path.parent for path in clone.paths if path.name == "terragrunt.hcl" and path.parent.parts)
    return Code(
        tuple(_root(clone, folder, roots, folders[folder]) for folder in sorted(roots)),
        units,
        max(regions, key=regions.count, default=""),
        any(map(_AWS.search, texts.values())),
    )


def _root(clone: Clone, folder: PurePosixPath, roots: list[PurePosixPath], files: list[PurePosixPath]) -> Root:
    tofu = any(path.name.endswith((".tofu", ".tofu.json")) for path in files)
    stage = next(((stage, part) for part in folder.parts if (stage := stage_of(part))), None)
    stage = stage or next((named for part in reversed(folder.parts) if (named := stage_in(part))), None)
    nested = [other for other in roots if other != folder and folder in other.parents]
    its = [path for path in clone.paths if path.suffix == ".tfvars" and folder in path.parents]
    its = [path for path in its if not any(other in path.parents for other in nested)]
    var_files: dict[str, tuple[str, PurePosixPath]] = {}
    others: list[PurePosixPath] = []
    for path in its:
        named = stage_in(path.stem.removesuffix(".auto")) or stage_in(path.parent.name if path.parent != folder else "")
        if named:
            var_files.setdefault(named[0], (named[1], path))
        elif path.name != "terraform.tfvars" and not path.stem.endswith(".auto"):
            others.append(path)  # Terraform reads the two itself
    backend = backend_of(clone.root / folder, clone.root, "tofu" if tofu else "terraform")
    return Root(folder, backend, stage, var_files, tuple(others), tofu)


def _units(directories: Iterable[PurePosixPath]) -> dict[tuple[str, str] | None, PurePosixPath]:
    """The directory of each stage's units: the part of their paths up to the stage's name, or what all have in common."""
    named: dict[tuple[str, str] | None, PurePosixPath] = {}
    without: list[PurePosixPath] = []
    for directory in directories:
        for number, part in enumerate(directory.parts):
            if stage := stage_of(part):
                named.setdefault((stage, part), PurePosixPath(*directory.parts[: number + 1]))
                break
        else:
            without.append(directory)
    if without and not named:
        common = without[0]
        while not all(common == each or common in each.parents for each in without):
            common = common.parent
        named[None] = common
    return named
