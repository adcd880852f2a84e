"""The collections and roles that a requirements.yml names: installed once for an environment, and cached by their content."""

from __future__ import annotations

import asyncio
import os
import re
import time
import uuid
from configparser import ConfigParser, Error as ConfigParserError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from runners.ansible.requirements import (
    LONGEST_FILE,
    SETTINGS,
    Requirements,
    check_roles,
    content_of,
    find,
    malformed,
    read,
    role_name,
)
from runners.caches import Cache, CacheDirectory
from runners.errors import NotFoundError, ProgramMissingError, RunnerError, TimedOutError, UnavailableError
from runners.explain.disk import DISK_FULL, MAKE_ROOM
from runners.processes import child
from runners.processes.foreign_files import read_regular
from runners.processes.wall import WALL
from runners.removal import remove_tree_if_possible
from runners.ssh.keys import write_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.processes.wall import Isolation, Room

TIMEOUT = 600.0  # seconds for all of it
SERVER_TIMEOUT = "30"  # seconds for one answer of a server
CONFIGURED = "deploy.ansible.collections"
_KINDS = ("collections", "roles")
_MOST_ROUNDS = 20  # roles that need roles that need roles
_META = ("meta/main.yml", "meta/main.yaml")
_META_REQUIREMENTS = ("meta/requirements.yml", "meta/requirements.yaml")
_NO_ANSWER = re.compile(
    r"call Galaxy at|timed out|urlopen error|Connection refused|Could not resolve host|Temporary failure in name",
    re.IGNORECASE,
)
_PLACES = re.compile(r"^Installing '.*' to '(.*)'$", re.MULTILINE)  # what ansible-galaxy prints
_locks: dict[Path, asyncio.Lock] = {}


async def install(
    project: Path,
    cache: Cache,
    scratch: Path,
    *,
    isolation: Isolation = WALL,
    root: Path | None = None,
    collections: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Path | None:
    """Install what `project` requires, and `collections` (ranges by name); the directory with `collections` and `roles` in it.

    What is cacheable is installed once for an environment, whose `cache` it is: versions that a file leaves open are those
    of the first time. Everything else is installed below `scratch`, the operation's directory, once for each operation.
    Several may ask at once. None when there are no requirements. `root` is the whole of the project's repository.

    Raises:
        ProgramMissingError: ansible-galaxy is not installed.
        UnavailableError: a server does not answer.
        NotFoundError: there is no such collection or role, or not in this version.
        RunnerError: the file cannot be read, a role or link leads outside, or the disk is full.
    """
    requirements = await asyncio.to_thread(find, project, root or project, collections)
    if requirements is None:
        return None
    chosen = cache if requirements.cacheable else Cache(scratch / "galaxy")
    async with _locks.setdefault(chosen.entry(requirements.digest), asyncio.Lock()):
        installed = await asyncio.to_thread(chosen.use, requirements.digest, scratch)
        if installed:
            return installed
        part = await asyncio.to_thread(chosen.new_part, requirements.digest)
        try:
            room = isolation.room(writable=[part], shared=[root or project])
            await _install(requirements, project, part, room, timeout)
            await asyncio.to_thread(_check_links, part)
            installed = await asyncio.to_thread(chosen.store, part, requirements.digest, scratch)
        finally:
            await asyncio.to_thread(remove_tree_if_possible, part)
    await asyncio.to_thread(cache.remove_unused)
    return installed


def directories(installed: Path | None) -> tuple[CacheDirectory, ...]:
    """The directories of the cache that a playbook needs: it only reads them."""
    return (CacheDirectory(installed),) if installed else ()


def search_paths(project: Path, installed: Path, root: Path) -> dict[str, str]:
    """Where Ansible looks for collections and roles: what was installed, then what the repository's ansible.cfg names."""
    settings = ConfigParser(interpolation=None, strict=False)
    with suppress(ConfigParserError, OSError, UnicodeDecodeError):  # Ansible itself says what is wrong with it
        settings.read_string(read_regular(project / SETTINGS, most=LONGEST_FILE, root=root).decode("utf-8"))
    paths = {}
    for name in ("collections", "roles"):
        own = settings.get("defaults", f"{name}_path", fallback="")
        there = [str((project / Path(path).expanduser()).resolve()) for path in own.split(":") if path.strip()]
        paths[f"ANSIBLE_{name.upper()}_PATH"] = ":".join([str(installed / name), *there])
    return paths


async def _install(requirements: Requirements, project: Path, part: Path, room: Room, timeout: float) -> None:
    home = part / "home"
    env = child.child_environment(
        home,
        {
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_CONFIG": str(project / SETTINGS),
            "ANSIBLE_COLLECTIONS_PATH": str(part / "collections"),
            "ANSIBLE_GALAXY_CACHE_DIR": str(home / "galaxy-cache"),
            "ANSIBLE_GALAXY_SERVER_TIMEOUT": SERVER_TIMEOUT,
            "ANSIBLE_NOCOLOR": "True",
            "GIT_TERMINAL_PROMPT": "0",
        },
    )
    # For the cache it runs where no file is: a file of the repository with a role's name would be installed in its place.
    cwd = home if requirements.cacheable else project
    end = time.monotonic() + timeout
    for path, kinds in requirements.files:
        name = str(path.relative_to(project))
        for kind in kinds:
            argv = ["ansible-galaxy", kind, "install", "-r", str(path), "-p", str(part / f"{kind}s")]
            argv += ["--no-deps"] if kind == "role" else []
            await _run(argv, name, part, cwd=cwd, env=env, room=room, timeout=end - time.monotonic())
    if requirements.collections:
        await _install_configured(requirements, part, cwd=cwd, env=env, room=room, end=end)
    await _install_dependencies(part, cwd, env, room, end)
    for kind in _KINDS:
        await asyncio.to_thread((part / kind).mkdir, exist_ok=True)
    await asyncio.to_thread(remove_tree_if_possible, home)


async def _install_configured(
    requirements: Requirements, part: Path, *, cwd: Path, env: dict[str, str], room: Room, end: float
) -> None:
    file = part / "home" / f"configured-{uuid.uuid4().hex}.yml"  # no child can have put a link there
    entries = [{"name": name, "version": version} for name, version in requirements.collections.items()]
    await asyncio.to_thread(write_secret, file, yaml.safe_dump({"collections": entries}))
    argv = ["ansible-galaxy", "collection", "install", "-r", str(file), "-p", str(part / "collections")]
    await _run(argv, CONFIGURED, part, cwd=cwd, env=env, room=room, timeout=end - time.monotonic())


async def _install_dependencies(part: Path, cwd: Path, env: dict[str, str], room: Room, end: float) -> None:
    """Install the roles that roles need. ansible-galaxy would do so too, but into any directory that a role names."""
    for _ in range(_MOST_ROUNDS):
        await asyncio.to_thread(_check_links, part / "roles")  # before files of roles are read, here and not by a child
        needed = await asyncio.to_thread(_missing_dependencies, part / "roles", cwd)
        if not needed:
            return
        file = part / "home" / f"dependencies-{uuid.uuid4().hex}.yml"  # no child can have put a link there
        await asyncio.to_thread(write_secret, file, yaml.safe_dump(needed))
        argv = ["ansible-galaxy", "role", "install", "--no-deps", "-r", str(file), "-p", str(part / "roles")]
        await _run(argv, "the roles' meta files", part, cwd=cwd, env=env, room=room, timeout=end - time.monotonic())
    raise malformed("the roles' meta files", f"roles need roles in more than {_MOST_ROUNDS} steps")


def _missing_dependencies(roles: Path, cwd: Path) -> list[Any]:
    """The dependencies of the installed roles that are not installed; those that no galaxy can have are the playbooks' own.

    Source: `_execute_install_role` of ansible-core's galaxy.
    """
    needed: dict[str, Any] = {}
    for role in sorted(roles.iterdir()) if roles.is_dir() else []:
        for entry in _dependencies_of(role):
            check_roles([entry], f"the meta files of the role {role.name}", cwd)
            name = role_name(entry) or ""
            source = str(entry.get("src") or name) if isinstance(entry, dict) else entry
            of_git = isinstance(entry, dict) and entry.get("scm")
            if ("." in name or "." in source or of_git) and not (roles / name).exists():
                needed.setdefault(name, entry)
    return list(needed.values())


def _dependencies_of(role: Path) -> list[Any]:
    entries: list[Any] = []
    for names, key in ((_META, "dependencies"), (_META_REQUIREMENTS, None)):
        file = next((role / name for name in names if (role / name).is_file()), None)
        if file is None:
            continue
        name = f"{role.name}/{file.parent.name}/{file.name}"
        document = read(content_of(file, role.parent, name), name)
        listed = (document or {}).get(key) if key and isinstance(document, dict | None) else document
        if listed is not None and not isinstance(listed, list):
            raise malformed(name, "its dependencies must be a list")
        entries += listed or []
    return entries


def _check_places(printed: str, part: Path, exit_code: int) -> None:
    """Raises RunnerError if ansible-galaxy installed a collection elsewhere: it takes a path as a collection's own namespace.

    It prints the directory before it writes. Behind the wall it fails there, and its own error does not say why.
    """
    for place in _PLACES.findall(printed):
        if not os.path.realpath(place).startswith(os.path.realpath(part) + os.sep):
            did = "tried to write" if exit_code else "wrote"
            problem = f"a collection {did} into {place[:200]!r}, outside of its directory"
            raise RunnerError(
                "installing collections",
                problem,
                remedy="Nothing was deployed. Check that directory on the bot's machine, and whose collection it is.",
            )


def _check_links(part: Path) -> None:
    """Raises RunnerError for a link that leads out of what was installed."""
    root = os.path.realpath(part)
    for folder, folders, files in os.walk(part):
        for name in (*folders, *files):
            path = f"{folder}/{name}"
            if os.path.islink(path) and not os.path.realpath(path).startswith(root + os.sep):  # noqa: PTH114 - of many files
                link = path.removeprefix(f"{part}/")[:200]
                raise malformed("what was installed", f"the link {link!r} leads outside of it")


async def _run(
    argv: list[str], name: str, part: Path, *, cwd: Path, env: dict[str, str], room: Room, timeout: float
) -> None:
    doing = f"installing what {name} names"
    try:
        answer = await child.run(argv, cwd=cwd, env=env, timeout=max(timeout, 0.1), doing=doing, room=room, grace=2.0)
    except TimedOutError as error:
        raise _no_answer(doing, "it took too long", error.log_tail) from None
    except ProgramMissingError:
        raise ProgramMissingError(
            doing, "there is no ansible-galaxy", remedy="Install ansible-core into the bot's environment."
        ) from None
    _check_places(answer.stdout, part, answer.exit_code)
    if answer.exit_code:
        raise _explained(doing, answer, name)


def _explained(doing: str, answer: child.Output, name: str) -> RunnerError:
    output = f"{answer.stdout}\n{answer.stderr}"
    tail = "\n".join(output.strip().splitlines()[-15:])
    if DISK_FULL.search(output):
        return RunnerError(doing, "the disk is full", remedy=MAKE_ROOM)
    if _NO_ANSWER.search(output):
        return _no_answer(doing, "a server that it names does not answer", tail)
    return NotFoundError(
        doing,
        "ansible-galaxy did not install it",
        remedy=f"Check names, versions and sources in {name}. Nothing was deployed.",
        exit_code=answer.exit_code,
        log_tail=tail,
    )


def _no_answer(doing: str, problem: str, tail: str) -> UnavailableError:
    remedy = "Nothing was deployed. Check that the bot's machine reaches the server, then run /deploy again."
    return UnavailableError(doing, problem, remedy=remedy, log_tail=tail)
