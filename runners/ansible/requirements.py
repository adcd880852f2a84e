"""Reads the requirements.yml of a directory of playbooks: what it names, what may be cached, and names that lead outside."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners import foreign_yaml
from runners.errors import RunnerError
from runners.processes.foreign_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Where teams put the file, and what it may then name.
PLACES = {
    "requirements.yml": ("collection", "role"),
    "collections/requirements.yml": ("collection",),
    "roles/requirements.yml": ("role",),
}
SETTINGS = "ansible.cfg"  # names the servers
_FORMAT = b"2"  # of the digest: what older versions cached is not used
_GALAXY_NAME = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_VERSION = re.compile(r"[\w.,<>=!*+ -]*", re.ASCII)
_SERVER = re.compile(r"https?://\S+|\w+", re.ASCII)
_REMOTE = re.compile(r"(?:git\+)?(?:https|http|ssh|git)://\S+|git@[\w.-]+:\S+")
_ROLE_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)
LONGEST_FILE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Requirements:
    """What has to be installed: each file with what it names ("collection", "role").

    `collections` are those of the configuration, with their ranges of versions, which no file names.
    `digest` is of all that decides what is installed. `cacheable` when nothing comes from the repository's own files, and
    everything is from a galaxy or from git at a commit: what is behind a URL, a branch or a tag may change.
    """

    files: tuple[tuple[Path, tuple[str, ...]], ...]
    digest: str
    cacheable: bool
    collections: Mapping[str, str] = field(default_factory=dict)


def find(project: Path, root: Path, configured: Mapping[str, str] | None = None) -> Requirements | None:
    """The requirements of a directory of playbooks; None when it has none. `root` is the whole of the repository.

    `configured` are ranges of versions by collection. Where a file names a collection too, the file decides.

    Raises:
        RunnerError: a file is broken, or a role's name leads outside.
    """
    files: list[tuple[Path, tuple[str, ...]]] = []
    collections = dict(configured or {})
    digest, cacheable = hashlib.sha256(_FORMAT), True
    for name, kinds in PLACES.items():
        path = project / name
        if not path.is_file():
            continue
        content = content_of(path, root, name)
        named = _named(content, kinds, name)
        digest.update(name.encode() + b"\0%d\0" % len(content) + content)
        files.append((path, tuple(kind for kind in kinds if named[kind])))
        cacheable = cacheable and all(_from_galaxy_or_commit(kind, entry) for kind in kinds for entry in named[kind])
        for entry in named["collection"]:
            collections.pop(_collection_of(entry), None)
        if "role" in kinds:
            check_roles(named["role"], name, project)
    files = [(path, kinds) for path, kinds in files if kinds]
    settings = project / SETTINGS
    digest.update(content_of(settings, root, SETTINGS) if settings.is_file() else b"")
    digest.update(json.dumps(sorted(collections.items())).encode() if collections else b"")
    if not files and not collections:
        return None
    return Requirements(tuple(files), digest.hexdigest()[:32], cacheable, collections)


def _collection_of(entry: object) -> str:
    """The name of a collection that a file names."""
    name = entry.get("name") if isinstance(entry, dict) else entry
    return str(name).partition(":")[0]


def check_roles(entries: list[Any], name: str, project: Path) -> None:
    """Check that each role of the file `name` gets a directory of its own below the roles; files that it includes count.

    Raises:
        RunnerError: a role has no name that can be a directory's, or an included file lies outside of the repository's.
    """
    for entry in entries:
        if isinstance(entry, dict) and "include" in entry:
            _check_included(entry["include"], name, project)
            continue
        role = role_name(entry)
        if role is None or not _ROLE_NAME.fullmatch(role):
            named = repr(role if role is not None else entry)[:100]
            raise malformed(name, f"{named} is no name of a role: letters, digits, dots, underscores and hyphens")


def role_name(entry: object) -> str | None:
    """The directory that ansible-galaxy installs a role into; None for what is no role.

    Source: `RoleRequirement.role_yaml_parse` of ansible-core 2.15 to 2.19.
    """
    if isinstance(entry, str):
        parts = entry.strip().split(",")
        return parts[2] if len(parts) == 3 else _name_of_source(parts[0])
    if not isinstance(entry, dict):
        return None
    name = entry.get("role", entry.get("name"))
    if name is None and isinstance(entry.get("src"), str):
        return _name_of_source(entry["src"])
    return name if isinstance(name, str) else None


def _name_of_source(source: str) -> str:
    if "://" not in source and "@" not in source:
        return source
    return source.rsplit("/", 1)[-1].removesuffix(".git").removesuffix(".tar.gz").partition(",")[0]


def content_of(path: Path, root: Path, name: str) -> bytes:
    """The content of a file that a playbook or a role may have replaced. Raises RunnerError."""
    try:
        return read_regular(path, most=LONGEST_FILE, root=root)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise malformed(name, f"it is larger than {LONGEST_FILE >> 20} MB") from None
        raise malformed(name, f"it cannot be read: {error.strerror}") from None


def read(content: bytes, name: str) -> Any:
    """The YAML of a file. Raises RunnerError."""
    try:
        return foreign_yaml.load(content)
    except foreign_yaml.UnreadableYamlError as error:
        where = f" at line {error.line + 1}" if error.line is not None else ""
        raise malformed(name, f"{error}{where}") from None


def malformed(name: str, problem: str) -> RunnerError:
    """The error for a file that cannot be used."""
    return RunnerError(f"reading {name}", problem, remedy="Correct it in the repository. Nothing was deployed.")


def _check_included(include: object, name: str, project: Path) -> None:
    """Files are included from the directory that ansible-galaxy runs in; what they include themselves, it does not read."""
    path = (project / str(include)).resolve()
    if not path.is_relative_to(project.resolve()) or not path.is_file():
        raise malformed(name, f"it includes {str(include)[:100]!r}, which is no file of the playbooks")
    content = read(content_of(path, project, str(include)), str(include))
    check_roles([each for each in content or [] if "include" not in each], str(include), project)


def _named(content: bytes, kinds: tuple[str, ...], name: str) -> dict[str, list[Any]]:
    """What the file names, by kind; an old file is a list of roles."""
    document = read(content, name)
    if isinstance(document, list):
        document = {f"{kinds[-1]}s": document}
    if document is not None and not isinstance(document, dict):
        raise malformed(name, "it must hold the keys `collections` and `roles`")
    return {kind: _list_of(f"{kind}s", document or {}, name) for kind in ("collection", "role")}


def _list_of(key: str, document: dict[str, Any], name: str) -> list[Any]:
    named = document.get(key) or []
    if not isinstance(named, list):
        raise malformed(name, f"`{key}` must be a list")
    return named


def _from_galaxy_or_commit(kind: str, entry: object) -> bool:
    """Whether the entry names the same content on every machine, whatever the repository has beside it."""
    if isinstance(entry, str):
        name, _, version = entry.partition(":" if kind == "collection" else ",")
        return bool(_GALAXY_NAME.fullmatch(name) and _VERSION.fullmatch(version))
    if not isinstance(entry, dict) or not all(isinstance(value, str | int | float) for value in entry.values()):
        return False
    entry = {key: str(value) for key, value in entry.items()}
    if kind == "collection":
        source, of_git = entry.get("name", ""), entry.get("type") == "git"
        of_galaxy = entry.get("type", "galaxy") == "galaxy" and bool(_SERVER.fullmatch(entry.get("source", "galaxy")))
    else:
        source = entry.get("src", entry.get("role", entry.get("name", "")))
        on_github = source.startswith("http") and "github.com" in source and not source.endswith(".tar.gz")
        of_git = entry.get("scm") == "git" or source.startswith("git+") or on_github
        of_galaxy = not entry.get("scm")
    if of_git:
        return bool("," not in source and _REMOTE.fullmatch(source) and _COMMIT.fullmatch(entry.get("version", "")))
    return bool(of_galaxy and _GALAXY_NAME.fullmatch(source))
