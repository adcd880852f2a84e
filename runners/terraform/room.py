"""What Terraform sees behind the wall."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runners.processes import grants
from runners.terraform.causes import BACKEND_FILE
from runners.terraform.plugin_cache import cache_directories
from runners.terraform.terragrunt import script_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.processes.wall import Room
    from runners.terraform.program import Workspace


def room_of(
    workspace: Workspace, *, given: Sequence[Path] = (), written: Sequence[Path] = (), filling: bool = False
) -> Room:
    """The code, Terraform's own directories, the state where that is a file, the cache, and these files.

    The cache is writable while init is `filling` it. Nothing else that lies in the operation's directory is visible.
    """
    caches = cache_directories(workspace, filling=filling)
    code = workspace.root or workspace.directory
    writable = [code, workspace.home, workspace.data, *written, *(cache.path for cache in caches if cache.writable)]
    program = [Path(word) for word in workspace.program.prefix if word.startswith("/")]
    if workspace.terragrunt:  # which starts the script, which starts the program
        program.append(script_of(workspace.scratch))
        program += [Path(workspace.program.path)] if not workspace.program.prefix else []
    files = [path for path in workspace.var_files if path.exists()]  # a missing file is reported before the plan
    shared = [*program, *files, *(cache.path for cache in caches if not cache.writable)]
    backend = workspace.scratch / BACKEND_FILE
    path = workspace.backend_config.get("path")
    isolation, state = workspace.isolation, Path(path if isinstance(path, str) else "")
    if state.is_absolute() and state.parent.is_dir() and not grants.fault(state.parent, isolation.hidden):
        isolation = replace(isolation, writable=(*isolation.writable, state.parent))
    return isolation.room(writable=writable, given=[*([backend] if backend.exists() else []), *given], shared=shared)
