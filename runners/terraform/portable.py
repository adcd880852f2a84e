"""A saved plan with what it needs on another machine: packed into one value there, unpacked beside fresh code here.

That is the plan file, its sensitive values, and what init and the plan made in the code: the lock file of the providers, an
archive of `archive_file`. The code comes from its commit, and `init` makes the rest again.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.processes.foreign_files import read_regular
from runners.terraform.apply_run import SENSITIVE_FILE
from runners.terraform.computed import COMPUTES_SECRETS
from runners.terraform.planning import PLAN_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST = 512 << 20  # bytes of a saved plan
MOST_MADE, MOST_FILES = 64 << 20, 10_000  # bytes and number of the files that were made in the code
_DATA = ".terraform"
_OMITTED = "omitted"  # a member: more files were made than these
_CODE = "code/"  # before the path of a file that was made in the code
_EXECUTABLE = 0o111
_SIZE = 0  # index in what `files_in` finds of a file

Files = dict[str, tuple[int, ...]]


def files_in(root: Path) -> Files:
    """What there is to recognise a changed file by, for each regular file below `root`. Follows no link.

    Without what `init` makes again: Terragrunt leaves Terraform's data directory in the code.
    """
    files: Files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders if each != _DATA]
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - of many files
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                relative = path[len(str(root)) + 1 :]
                files[relative] = (status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    return files


def has_plan(scratch: Path, digest: str) -> bool:
    """Whether this directory has the plan file with this SHA-256."""
    try:
        return hashlib.sha256(read_regular(scratch / PLAN_FILE, most=MOST)).hexdigest() == digest
    except OSError:
        return False


def pack(scratch: Path, root: Path, before: Files, doing: str) -> bytes:
    """The saved plan in `scratch`, and the regular files below `root` that are not as they were `before`.

    A plan that made more than MOST_FILES or MOST_MADE is packed without these; `unpack_code` then refuses it. Raises
    RunnerError when a file cannot be read.
    """
    after = files_in(root)
    made = sorted(path for path, identity in after.items() if before.get(path) != identity)
    omitted = len(made) > MOST_FILES or sum(after[path][_SIZE] for path in made) > MOST_MADE
    own = [name for name in (SENSITIVE_FILE, COMPUTES_SECRETS, PLAN_FILE) if (scratch / name).exists()]
    paths = [] if omitted else [(_CODE + path, root / path) for path in made]
    packed = io.BytesIO()
    try:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, path in [*paths, *((each, scratch / each) for each in own)]:
                content = read_regular(path, most=MOST)
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), path.lstat().st_mode & 0o777
                archive.addfile(member, io.BytesIO(content))
            if omitted:
                archive.addfile(tarfile.TarInfo(_OMITTED))
    except OSError as error:
        raise RunnerError(doing, f"a file cannot be read: {error.strerror}", remedy="Plan again.") from error
    return packed.getvalue()


def unpack_code(packed: bytes, root: Path, doing: str) -> None:
    """Write the files that were made in the code, over fresh code in `root`.

    Raises RunnerError for a path that leads out of it, when a file cannot be written, and for more files than are packed.
    """
    for name, content, executable in _members(packed):
        if name == _OMITTED:
            problem = (
                f"the plan made more files in the code than are stored ({MOST_FILES} files, {MOST_MADE >> 20} MB), so that "
                "only the machine that made it could apply it"
            )
            raise RunnerError(doing, problem, remedy="Plan again. Nothing was applied.")
        if name.startswith(_CODE):
            path = root.joinpath(*_checked(name.removeprefix(_CODE), doing))
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.parent.resolve().is_relative_to(root.resolve()):
                    raise RunnerError(doing, f"a file of the plan leads out of the code: {name!r}")
                path.unlink(missing_ok=True)
                _write(path, content, 0o755 if executable else 0o644)
            except OSError as error:
                raise _unwritable(doing, error) from error


def unpack_plan(packed: bytes, scratch: Path, doing: str, *, with_plan: bool) -> None:
    """Write the sensitive values, then the plan file, which appears whole and last. Raises RunnerError.

    Without the plan file nothing here can be applied: for what only reads.
    """
    contents: Mapping[str, bytes] = {name: content for name, content, _ in _members(packed)}
    try:
        for name in (SENSITIVE_FILE, COMPUTES_SECRETS):
            (scratch / name).unlink(missing_ok=True)
            if name in contents:
                _write(scratch / name, contents[name], 0o600)
        if with_plan and PLAN_FILE in contents:
            part = scratch / f"{PLAN_FILE}.part"
            part.unlink(missing_ok=True)
            _write(part, contents[PLAN_FILE], 0o600)
            part.replace(scratch / PLAN_FILE)
    except OSError as error:
        raise _unwritable(doing, error) from error


def _members(packed: bytes) -> Iterator[tuple[str, bytes, bool]]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield member.name, content.read(), bool(member.mode & _EXECUTABLE)


def _checked(path: str, doing: str) -> tuple[str, ...]:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise RunnerError(doing, f"a file of the plan leads out of the code: {path!r}")
    return parts


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _unwritable(doing: str, error: OSError) -> RunnerError:
    return RunnerError(doing, f"its files cannot be written: {error.strerror}", remedy="Free space on the bot's disk.")
