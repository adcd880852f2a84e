"""The terraform program and its commands in a workspace."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.errors import NotFoundError, RunnerError
from runners.processes import child
from runners.processes.children import FILES
from runners.processes.stragglers import MARK
from runners.processes.wall import WALL
from runners.terraform import terragrunt
from runners.terraform.code_files import TOFU, code_files
from runners.terraform.room import room_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runners.caches import Cache
    from runners.processes.child import Output
    from runners.processes.children import Children
    from runners.processes.wall import Isolation
    from runners.terraform.terragrunt import Terragrunt

# The first versions whose plans have the JSON format 1.2 with checks, which this package reads: Terraform's and OpenTofu's.
OLDEST = {"terraform": (1, 5), "tofu": (1, 6)}
# The first versions with ephemeral variables, whose values a saved plan does not hold: the apply has to be given them.
_EPHEMERAL = {"terraform": (1, 10), "tofu": (1, 11)}
_SECONDS_FOR_LOCK = 10
_WORKSPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,89}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Program:
    """A terraform or tofu program (`name`); `prefix` are arguments that precede its own."""

    path: str
    name: str
    version: str
    prefix: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """The first elements of an argv."""
        return (self.path, *self.prefix)

    def is_at_least(self, oldest: Mapping[str, tuple[int, int]]) -> bool:
        """Whether its version is at least the one for its name; a development version counts as its release."""
        return version_of(self.version) >= oldest[self.name]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def version_of(text: str) -> tuple[int, int]:
    """The major and minor version in "1.11.4" or "v1.15.0-rc1"; zeros for any other text."""
    match = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The directories and settings with which Terraform works for an operation.

    `directory` has the .tf files; `root` is the whole of their repository, None where `directory` is all. `scratch` (0700,
    for this operation alone) gets HOME, the data directory, the plan and the apply's output. `env` is the environment beside Terraform's own settings. `plugin_cache` is shared by the
    operations of an environment (see plugin_cache.py). `backend_config` and `var_files` are as for `terraform init` and `plan`; `selected` is the Terraform
    workspace, None for "default". `ordinary` words are no secrets, though a plan may mark them. `children` starts the apply, and finds it again.
    With `terragrunt`, `directory` is a unit of it, and commands run through it.
    """

    program: Program
    directory: Path
    scratch: Path
    env: Mapping[str, str] = field(repr=False)
    plugin_cache: Cache | None = None
    backend_config: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict, repr=False)
    var_files: tuple[Path, ...] = ()
    selected: str | None = None
    ordinary: frozenset[str] = frozenset()
    root: Path | None = None
    terragrunt: Terragrunt | None = None
    isolation: Isolation = WALL
    children: Children = FILES

    @property
    def home(self) -> Path:
        """The child's HOME."""
        return self.scratch / "home"

    @property
    def data(self) -> Path:
        """Terraform's data directory: providers, modules, the backend's settings."""
        return self.scratch / "data"

    @property
    def name(self) -> str:
        """The last two parts of the directory, for people."""
        return "/".join(self.directory.parts[-2:])

    @property
    def lock_file(self) -> Path:
        """The path of the file that pins the providers."""
        return self.directory / ".terraform.lock.hcl"


def environment(workspace: Workspace, plugin_cache: Path | None = None) -> dict[str, str]:
    """The whole environment of terraform and its children; see Terraform's "Environment Variables".

    `plugin_cache` is for init alone: the other commands find their providers in the data directory.
    """
    settings = {
        MARK: str(workspace.scratch),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    if workspace.terragrunt:
        settings |= terragrunt.git_settings(workspace.root or workspace.directory)
    else:
        settings["TF_DATA_DIR"] = str(workspace.data)
    if plugin_cache:
        settings["TF_PLUGIN_CACHE_DIR"] = str(plugin_cache)
    return child.child_environment(workspace.home, {**workspace.env, **settings})


def command(workspace: Workspace, argv: Sequence[str]) -> list[str]:
    """The argv of a terraform command, through Terragrunt where the workspace has it."""
    if workspace.terragrunt:
        return terragrunt.command(workspace.terragrunt, workspace.scratch, argv)
    return [*workspace.program.command, *argv]


async def run(
    workspace: Workspace,
    argv: Sequence[str],
    *,
    timeout: float,
    doing: str,
    to: Path | None = None,
    plugin_cache: Path | None = None,
    given: Sequence[Path] = (),
    written: Sequence[Path] = (),
    at: Path | None = None,
) -> Output:
    """Run a terraform command to its end; `to` is a file for its output, `plugin_cache` for init.

    It may read the files `given` and write the files `written`. `at` is another directory, in which terraform runs by
    itself also where there is Terragrunt. See `child.run`.
    """
    return await child.run(
        command(workspace, argv) if at is None else [*workspace.program.command, *argv],
        cwd=at or workspace.directory,
        env=environment(workspace, plugin_cache),
        timeout=timeout,
        doing=doing,
        stdout_to=to,
        room=room_of(workspace, given=given, written=written, filling=plugin_cache is not None),
    )


def prepare(workspace: Workspace, doing: str) -> None:
    """Create the scratch directory, and check that there is code.

    Raises:
        NotFoundError: the directory does not exist, or has no code.
    """
    if not workspace.directory.is_dir():
        raise NotFoundError(doing, f"the code has no directory {workspace.name}")
    if workspace.terragrunt is None and not code_files(workspace.directory, workspace.program.name):
        raise _no_code(workspace, doing)
    make_directories(workspace)
    if workspace.terragrunt:
        root = workspace.root or workspace.directory
        terragrunt.prepare(workspace.directory, root, workspace.scratch, workspace.program.command, doing)


def make_directories(workspace: Workspace) -> None:
    """Create the scratch directory and those in it."""
    workspace.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    workspace.scratch.chmod(0o700)
    for directory in (workspace.home, workspace.data):
        directory.mkdir(mode=0o700, exist_ok=True)


def _no_code(workspace: Workspace, doing: str) -> NotFoundError:
    if code_files(workspace.directory, TOFU):
        problem = f"the files in {workspace.name} are .tofu files, which {workspace.program} does not read"
        return NotFoundError(doing, problem, remedy="Name OpenTofu in the configuration: terraform.program: tofu.")
    return NotFoundError(doing, f"there are no .tf files in {workspace.name}")


def lock_timeout() -> str:
    """The argument for how long a command waits for the state's lock."""
    return f"-lock-timeout={_SECONDS_FOR_LOCK}s"


def checked_workspace(name: str, doing: str) -> str:
    """The name of a Terraform workspace; raises RunnerError for an invalid name, which might be an option."""
    if not _WORKSPACE.fullmatch(name):
        raise RunnerError(doing, f"{name!r} is no name of a Terraform workspace")
    return name


def variable_arguments(workspace: Workspace, variables: Mapping[str, str], doing: str) -> list[str]:
    """The arguments of `terraform plan` for variables.

    Raises:
        NotFoundError: the code does not have one of the files.
        RunnerError: an invalid name or value.
    """
    for file in workspace.var_files:
        if not file.is_file():
            problem = f"the code has no variable file {'/'.join(file.parts[-3:])}"
            remedy = "terraform.var_files are paths in the repository, not in terraform.directory."
            raise NotFoundError(doing, problem, remedy=remedy)
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise RunnerError(doing, f"{name!r} is no variable that Terraform could be given")
    files = [f"-var-file={file}" for file in workspace.var_files]
    return [*files, *(f"-var={name}={value}" for name, value in variables.items())]


def apply_variable_arguments(workspace: Workspace, variables: Mapping[str, str], doing: str) -> list[str]:
    """The arguments of `terraform apply` for the variables that a saved plan was made with: it holds no ephemeral values.

    None for a version without ephemeral variables, which refuses them. Raises as `variable_arguments`.
    """
    if not workspace.program.is_at_least(_EPHEMERAL):
        return []
    return variable_arguments(workspace, variables, doing)


def write_private(file: Path, text: str) -> None:
    """Write a file with mode 0600, and not through a symbolic link."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
