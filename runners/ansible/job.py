"""What a playbook's run is asked to do, and how Ansible gets it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.ansible import files as ansible_files
from runners.ansible.files import CALLBACK, RECORDED_HOSTS
from runners.ansible.galaxy import search_paths
from runners.ansible.refusals import unpacked_submodule
from runners.errors import NotFoundError, RunnerError
from runners.nearest import ranked
from runners.processes.children import FILES
from runners.processes.wall import WALL
from runners.ssh.route import programs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from runners.ansible.files import Places
    from runners.processes.children import Children
    from runners.processes.wall import Isolation, Room
    from runners.results import Inventory

IDENT = "run"
VARIABLES = ("group_vars", "host_vars")
NAMED, MOST_COMPARED = 3, 500  # playbooks in a remedy, and those among which the similar ones are found


@dataclass(frozen=True, slots=True)
class PlaybookJob:
    """One playbook against an inventory.

    `root` is the whole of the project's repository, None where the project is all. `project` is the directory that `playbook` is relative to. `extra_vars` and `secret_vars` are data: no text in
    them is taken for a template. `scratch` is this job's own directory: one run, once. `known_hosts` is the text
    that ssh compares host keys with; hosts that are not in it are trusted for this run. `installed` is what `galaxy.install` has made.
    `variables` is a directory below `project` with `group_vars` and `host_vars` for the run's own inventory, "" for none.
    `recorded` is what plugins of the team's inventory have found: see ec2_plugin.record.
    `route_secret` is the secret for the inventory's route: see runners/ssh/route.py. `vault_password` decrypts what Ansible Vault has encrypted. With `tags` only tasks with one of them run, and none with one of
    `skip_tags`. `children` starts the run and finds it again by its `name`.
    """

    project: Path
    playbook: str
    inventory: Inventory
    limit: str | None
    extra_vars: Mapping[str, object]
    secret_vars: Mapping[str, str] = field(repr=False)
    private_key: str | None = field(repr=False)
    scratch: Path
    check: bool = False
    known_hosts: str = ""
    forks: int = 10
    installed: Path | None = None
    variables: str = ""
    recorded: Mapping[str, object] = field(default_factory=dict)
    pipelining: bool = True
    vault_password: str | None = field(repr=False, default=None)
    route_secret: str | None = field(repr=False, default=None)
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    root: Path | None = None
    isolation: Isolation = WALL
    children: Children = FILES
    name: str = "playbook"

    @property
    def doing(self) -> str:
        """What is being done, for errors."""
        return f"running {self.playbook} on {self.inventory.environment}"

    @property
    def secret_files(self) -> dict[str, str | None]:
        """The secrets that lie in files of their own while it runs; None for what it has not."""
        return {"key": self.private_key, "vault password": self.vault_password, "route secret": self.route_secret}


def check_job(job: PlaybookJob, places: Places) -> None:
    """Raises NotFoundError and RunnerError for what cannot be run."""
    if places.result.exists() or places.run.exists():
        raise RunnerError(job.doing, "it was started here before, and runs at most once")
    if not job.inventory.hosts:
        raise NotFoundError(job.doing, "the inventory has no host", remedy="Check the machines and their tags.")
    if job.limit is not None and job.limit.startswith(("-", "@")):
        raise RunnerError(job.doing, f"{job.limit!r} is no pattern of hosts")
    relative = job.playbook.startswith(("-", "/")) or ".." in job.playbook.split("/")
    if relative or not (job.project / job.playbook).is_file():
        raise NotFoundError(
            job.doing,
            f"there is no playbook {job.playbook} in {job.project.name}/",
            remedy=f"{_nearest(job)}Check `directory` and `playbook` in the configuration, and that this commit has the file.",
        )
    if job.variables and not variables_of(job):
        raise NotFoundError(
            job.doing,
            f"there is neither group_vars/ nor host_vars/ in {job.variables}/ at this commit",
            remedy=f"{_nearest_variables(job)}Correct deploy.ansible.inventory_vars.",
        )
    for directory in sorted((job.project / "roles").glob("*/")):
        if not any(directory.iterdir()):  # Ansible would run its plays without a word
            raise unpacked_submodule(job, f"roles/{directory.name}")


def variables_of(job: PlaybookJob) -> dict[str, Path]:
    """The directories with variables for the run's own inventory, by the name that Ansible looks for; within the repository."""
    if not job.variables:
        return {}
    root = (job.root or job.project).resolve()
    paths = {name: (job.project / job.variables / name).resolve() for name in VARIABLES}
    return {name: path for name, path in paths.items() if path.is_dir() and path.is_relative_to(root)}


def _nearest_variables(job: PlaybookJob) -> str:
    there = {path.parent.relative_to(job.project) for name in VARIABLES for path in job.project.rglob(name)}
    near = ranked(job.variables, sorted(map(str, there)))[:NAMED]
    return f"There are some in {', '.join(near)}. " if near else ""


def _nearest(job: PlaybookJob) -> str:
    """The playbooks that there are, the most similar names first, as the beginning of a remedy."""
    names = [path.name for path in sorted(job.project.glob("*.y*ml"))[:MOST_COMPARED]]
    similar = ranked(job.playbook, names)[:NAMED]
    return f"There is {', '.join(similar)}. " if similar else ""


def argv_of(job: PlaybookJob, places: Places) -> list[str]:
    """The program that is run; nothing secret is in it."""
    # -I: else Python would import modules from the working directory.
    argv = [sys.executable, "-I", "-m", "ansible_runner", "run", str(places.data), "--playbook", job.playbook]
    argv += ["--project-dir", str(job.project.absolute()), "--ident", IDENT, "--json", "--omit-env-files"]
    if job.limit is not None:
        argv.append(f"--limit={job.limit}")
    options = [*_own_inventory(job), *(["--check", "--diff"] if job.check else []), *_tag_options(job)]
    if options:
        argv.append(f"--cmdline={shlex.join(options)}")
    return argv


def _own_inventory(job: PlaybookJob) -> list[str]:
    """The repository's inventory comes first: what the run's own says of a host then counts."""
    return ["-i", str((job.project / job.inventory.source).absolute())] if job.inventory.source else []


def _tag_options(job: PlaybookJob) -> list[str]:
    chosen = {"--tags": job.tags, "--skip-tags": job.skip_tags}
    return [f"{option}={','.join(tags)}" for option, tags in chosen.items() if tags]


def room_of(job: PlaybookJob, places: Places) -> Room:
    """What Ansible sees: the code, the run's own files, our callback plugin, what was installed."""
    shared = [CALLBACK, RECORDED_HOSTS, *([job.installed] if job.installed else []), *programs(job.inventory.route)]
    given = [path for path in (places.key, places.vault, *places.route) if path.exists()]
    return job.isolation.room(
        writable=[(job.root or job.project).absolute(), places.data, places.home], given=given, shared=shared
    )


def environment_of(job: PlaybookJob, places: Places, *, forks: int) -> dict[str, str]:
    """The environment of each program of Ansible that reads the project."""
    env = ansible_files.environment(places, forks=forks, pipelining=job.pipelining)
    if job.inventory.source:
        env |= ansible_files.OWN_INVENTORY
    if job.installed:
        env |= search_paths(job.project, job.installed, job.root or job.project)
    return env


def listing_argv(job: PlaybookJob, places: Places, playbooks: Sequence[str], what: str) -> list[str]:
    """What lists the hosts, or the tags, of each play of the playbooks, without running any; `what` is the option."""
    argv = ["ansible-playbook", *playbooks, what, *_own_inventory(job)]
    argv += ["-i", str(places.data / "inventory" / "hosts.json")]
    argv += ["-e", f"@{places.data / 'env' / 'extravars'}"]
    argv += _tag_options(job)
    return [*argv, *([f"--limit={job.limit}"] if job.limit is not None else [])]
