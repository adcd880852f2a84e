"""The collections and roles that a requirements.yml names: installed once, and kept by its content."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import time
import uuid
from configparser import ConfigParser, Error as ConfigParserError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runners.errors import NotFoundError, ProgramMissingError, RunnerError, TimedOutError, UnavailableError
from runners.processes import child

TIMEOUT = 600.0  # seconds for all of it
SERVER_TIMEOUT = "30"  # seconds for one answer of a server
UNUSED_AFTER = 30 * 86_400.0  # seconds after their last use
# Where teams put the file, and what it may then name.
PLACES = {
    "requirements.yml": ("collection", "role"),
    "collections/requirements.yml": ("collection",),
    "roles/requirements.yml": ("role",),
}
_LOCAL_TYPES = ("file", "dir", "subdirs")
_NO_ANSWER = re.compile(
    r"call Galaxy at|timed out|urlopen error|Connection refused|Could not resolve host|Temporary failure in name",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_locks: dict[Path, asyncio.Lock] = {}


@dataclass(frozen=True, slots=True)
class Requirements:
    """What has to be installed: each file with what it names ("collection", "role"); `local` when it names paths."""

    files: tuple[tuple[Path, tuple[str, ...]], ...]
    digest: str
    local: bool


def find(project: Path) -> Requirements | None:
    """The requirements of a directory of playbooks; None when it has none. Raises RunnerError for a broken file."""
    files: list[tuple[Path, tuple[str, ...]]] = []
    digest, local = hashlib.sha256(), False
    for name, kinds in PLACES.items():
        path = project / name
        if not path.is_file():
            continue
        content = path.read_bytes()
        named = _named(content, kinds, name)
        digest.update(name.encode() + b"\0" + content + b"\0")
        files += [(path, tuple(kind for kind in kinds if named[kind]))]
        local = local or any(_is_local(entry) for entries in named.values() for entry in entries)
    files = [(path, kinds) for path, kinds in files if kinds]
    return Requirements(tuple(files), digest.hexdigest(), local) if files else None


async def install(project: Path, cache: Path, scratch: Path, *, timeout: float = TIMEOUT) -> Path | None:
    """Install what the requirements of `project` name; the directory with `collections` and `roles` in it.

    What the same file named before is there already and used as it is: versions that a file leaves open are those of
    the first time. Several may ask at once. Requirements that are paths of the repository are installed into `scratch`,
    for no file says what is in them. None when there are no requirements.

    Raises:
        ProgramMissingError: ansible-galaxy is not installed.
        UnavailableError: a server does not answer.
        NotFoundError: there is no such collection or role, or not in this version.
        RunnerError: the file cannot be read, or the disk is full.
    """
    requirements = await asyncio.to_thread(find, project)
    if requirements is None:
        return None
    target = (scratch if requirements.local else cache) / requirements.digest[:32]
    async with _locks.setdefault(target, asyncio.Lock()):
        if target.is_dir():
            await asyncio.to_thread(os.utime, target)
            return target
        part = target.with_name(f"{target.name}.part-{uuid.uuid4().hex[:8]}")
        try:
            await _install(requirements, project, part, timeout)
            await asyncio.to_thread(_store, part, target)
        finally:
            await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
    await asyncio.to_thread(remove_unused, cache)
    return target


def search_paths(project: Path, installed: Path) -> dict[str, str]:
    """Where Ansible looks for collections and roles: what was installed, then what the repository's ansible.cfg names."""
    settings = ConfigParser(interpolation=None, strict=False)
    with suppress(ConfigParserError, OSError, UnicodeDecodeError):  # Ansible itself says what is wrong with it
        settings.read(project / "ansible.cfg", encoding="utf-8")
    paths = {}
    for name in ("collections", "roles"):
        own = settings.get("defaults", f"{name}_path", fallback="")
        there = [str((project / Path(path).expanduser()).resolve()) for path in own.split(":") if path.strip()]
        paths[f"ANSIBLE_{name.upper()}_PATH"] = ":".join([str(installed / name), *there])
    return paths


def remove_unused(cache: Path) -> None:
    """Delete what nobody has used for a month, and halves that were left behind."""
    for entry in list(cache.iterdir()) if cache.is_dir() else []:
        with suppress(FileNotFoundError):  # another process tidies up as well
            age = time.time() - entry.stat().st_mtime
            if age > (86_400.0 if ".part-" in entry.name else UNUSED_AFTER):
                shutil.rmtree(entry, ignore_errors=True)


async def _install(requirements: Requirements, project: Path, part: Path, timeout: float) -> None:
    await asyncio.to_thread(part.mkdir, mode=0o700, parents=True)
    home = part / "home"
    env = child.child_environment(
        home,
        {
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(part / "collections"),
            "ANSIBLE_GALAXY_SERVER_TIMEOUT": SERVER_TIMEOUT,
            "ANSIBLE_NOCOLOR": "True",
            "GIT_TERMINAL_PROMPT": "0",
        },
    )
    end = time.monotonic() + timeout
    for path, kinds in requirements.files:
        name = str(path.relative_to(project))
        for kind in kinds:
            argv = ["ansible-galaxy", kind, "install", "-r", str(path), "-p", str(part / f"{kind}s")]
            await _run(argv, name, cwd=project, env=env, timeout=end - time.monotonic())
    await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


async def _run(argv: list[str], name: str, *, cwd: Path, env: dict[str, str], timeout: float) -> None:
    doing = f"installing what {name} names"
    try:
        answer = await child.run(argv, cwd=cwd, env=env, timeout=max(timeout, 0.1), doing=doing, grace=2.0)
    except TimedOutError as error:
        raise _no_answer(doing, "it took too long", error.log_tail) from None
    except ProgramMissingError:
        raise ProgramMissingError(
            doing, "there is no ansible-galaxy", remedy="Install ansible-core into the bot's environment."
        ) from None
    if answer.exit_code:
        raise _explained(doing, answer, name)


def _explained(doing: str, answer: child.Output, name: str) -> RunnerError:
    output = f"{answer.stdout}\n{answer.stderr}"
    tail = "\n".join(output.strip().splitlines()[-15:])
    if _DISK_FULL.search(output):
        return RunnerError(
            doing, "the disk is full", remedy="Make room on the disk that operations keep their files on."
        )
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


def _store(part: Path, target: Path) -> None:
    for kind in ("collections", "roles"):
        (part / kind).mkdir(exist_ok=True)
    try:
        part.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was quicker, with the same content
            raise


def _named(content: bytes, kinds: tuple[str, ...], name: str) -> dict[str, list[Any]]:
    """What the file names, by kind; an old file is a list of roles."""
    try:
        read = yaml.safe_load(content)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" at line {line + 1}" if line is not None else ""
        raise _malformed(name, f"it is no YAML{where}") from None
    if isinstance(read, list):
        read = {f"{kinds[-1]}s": read}
    if read is not None and not isinstance(read, dict):
        raise _malformed(name, "it must hold the keys `collections` and `roles`")
    return {kind: _list_of(f"{kind}s", read or {}, name) for kind in ("collection", "role")}


def _list_of(key: str, read: dict[str, Any], name: str) -> list[Any]:
    named = read.get(key) or []
    if not isinstance(named, list):
        raise _malformed(name, f"`{key}` must be a list")
    return named


def _malformed(name: str, problem: str) -> RunnerError:
    return RunnerError(f"reading {name}", problem, remedy="Correct it in the repository. Nothing was deployed.")


def _is_local(entry: object) -> bool:
    if isinstance(entry, dict):
        source = str(entry.get("src") or entry.get("source") or entry.get("name") or "")
        return entry.get("type") in _LOCAL_TYPES or source.startswith((".", "/", "file:"))
    return str(entry).startswith((".", "/", "file:"))
