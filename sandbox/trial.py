"""`python -m sandbox --repository DIR`: a team's own repository in the sandbox, without a network and without its credentials."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import wall
from sandbox.bot_process import PROJECT, surroundings
from sandbox.no_network import ports_inside, ports_outside, without_network
from sandbox.own import CONFIG, OwnRepositoryError, own_repository
from sandbox.ports import free_port
from sandbox.world import Options, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github import Repository
    from sandbox.own import Own

REFUSED = 2  # the exit code where the directory cannot be tried


@dataclass(frozen=True, slots=True)
class Trial:
    """`actions` are `owner/name`, `outputs` are `WORKFLOW:JOB.NAME=VALUE`: see GitHub's stand-in. `others` are `OWNER/NAME=DIR`."""

    directory: Path
    page_port: int
    actions: Sequence[str] = ()
    outputs: Sequence[str] = ()
    others: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """Its options for the command line."""
        more = [f"--action={each}" for each in self.actions] + [f"--output={each}" for each in self.outputs]
        more += [f"--other={each}" for each in self.others]
        return [f"--repository={self.directory}", f"--port={self.page_port}", *more]

    def own(self) -> Own:
        """The repositories. Raises OwnRepositoryError."""
        neighbours = {}
        for written in self.others:
            name, equals, directory = written.partition("=")
            if not (equals and "/" in name):
                raise OwnRepositoryError(f"--other {written}: write OWNER/NAME=DIR, as in acme/api=../api")
            neighbours[name] = Path(directory).expanduser()
        return own_repository(self.directory, neighbours)


def missing(trial: Trial) -> str:
    """Why the directory cannot be tried, in words for people; empty where it can."""
    try:
        trial.own()
        _parsed(trial.outputs)
    except OwnRepositoryError as error:
        return str(error)
    if reason := wall.missing():
        return f"--repository needs bubblewrap, which keeps what your repository starts away from your files: {reason}"
    command = [sys.executable, "-m", "bot", "check", "--offline", "--config", str(trial.directory / CONFIG)]
    checked = subprocess.run(command, cwd=PROJECT, env=surroundings(), capture_output=True, text=True, check=False)
    return f"{CONFIG} has faults:\n\n{checked.stdout}{checked.stderr}" if checked.returncode else ""


async def run_without_network(trial: Trial) -> int:
    """Run the sandbox in a process that has no network; the exit code of that process."""
    pages = free_port()
    with tempfile.TemporaryDirectory(prefix="signalbox-ports-") as sockets:
        argv = [sys.executable, "-m", "sandbox", *trial.arguments(), f"--inside={sockets}", f"--pages={pages}"]
        async with ports_outside(Path(sockets), (trial.page_port, pages)):
            # In a session of its own: bubblewrap would end by Ctrl+C, and with it, at once, all that is inside.
            inside = await asyncio.create_subprocess_exec(
                *without_network(argv),
                cwd=PROJECT,
                env=surroundings(),
                stdin=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            if inside.stdin is not None:
                for number in (signal.SIGINT, signal.SIGTERM):
                    asyncio.get_running_loop().add_signal_handler(number, inside.stdin.close)
            return await inside.wait()


async def run_inside(trial: Trial, sockets: Path, pages: int, closed: asyncio.Event) -> int:
    """Run the sandbox with the directory in it until `closed`, or until standard input ends, as when its parent dies."""
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), closed.set)
    own = trial.own()
    options = Options(page_port=trial.page_port, github_port=pages, own=own)
    async with ports_inside(sockets, (trial.page_port, pages)), World(options) as world:
        repositories = [world.github.repository(name) for name in (own.repository, *own.neighbours)]
        for repository in repositories:
            repository.settings.actions.update(trial.actions)
            repository.settings.outputs.update(_parsed(trial.outputs))
        refused = [line for repository in repositories for line in refusals(repository)]
        print(f"\n{own.repository} is {trial.directory}. Nothing here reaches a network.", flush=True)
        print(*(f"  - {line}" for line in [*own.notes, *refused]), sep="\n", flush=True)
        print(f"\nThe chat page, for your browser: {world.slack.url}/  (Ctrl+C closes the sandbox)", flush=True)
        await closed.wait()
        print("Closing ...", flush=True)
    return 0


def refusals(repository: Repository) -> list[str]:
    """What GitHub refuses in the repository's workflows, and what the sandbox cannot play of them, in words."""
    refused = [f"GitHub refuses {problem}" for problem in repository.registry.problems.values()]
    for path, jobs in repository.unplayable_jobs().items():
        refused += [
            f"{path}: the job {job} will fail, it cannot be played: {'; '.join(why)}" for job, why in jobs.items()
        ]
    return refused


def _parsed(outputs: Sequence[str]) -> dict[tuple[str, str, str], str]:
    parsed = {}
    for written in outputs:
        place, equals, value = written.partition("=")
        workflow, colon, rest = place.partition(":")
        job, dot, name = rest.partition(".")
        if not (equals and colon and dot):
            raise OwnRepositoryError(
                f"--output {written}: write WORKFLOW:JOB.NAME=VALUE, as in deploy.yml:list.cells=[1]"
            )
        parsed[workflow, job, name] = value
    return parsed
