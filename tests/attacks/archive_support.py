"""Archives as tests make them, and what is on the disk after one is unpacked."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

from runners.github.archive import DEFAULT_LIMITS, Limits, unpack

if TYPE_CHECKING:
    from pathlib import Path

SHA = "226b283c0ffee0123456789abcdef0123456789a"
TOP = "PermanentOrg-infrastructure-226b283"


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, pax: dict[str, str] | None = None
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, size, 0o644
    info.pax_headers = pax or {}
    return info


def packed(*members: tarfile.TarInfo, kind: int = tarfile.PAX_FORMAT) -> bytes:
    """An uncompressed archive with the commit in its global header."""
    plain = io.BytesIO()
    headers = {"comment": SHA} if kind == tarfile.PAX_FORMAT else {}
    with tarfile.open(fileobj=plain, mode="w", format=kind, pax_headers=headers) as tar:
        tar.addfile(member(TOP, tarfile.DIRTYPE))
        for info in members:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return plain.getvalue()


def unpacked(raw: bytes, where: Path, limits: Limits = DEFAULT_LIMITS) -> Path:
    where.mkdir(parents=True)
    archive = where / "archive"
    archive.write_bytes(raw)
    return unpack(archive, where, SHA, limits, "fetching").root


def tree(root: Path) -> dict[bytes, object]:
    """Each path below the root, with the content of files, the target of links, and whether a file can be executed."""
    unpacked_tree: dict[bytes, object] = {}
    for path in root.rglob("*"):
        below = os.fsencode(path.relative_to(root))
        if path.is_symlink():
            unpacked_tree[below] = os.fsencode(path.readlink())
        elif path.is_dir():
            unpacked_tree[below] = None
        else:
            unpacked_tree[below] = path.read_bytes(), bool(path.stat().st_mode & 0o100)
    return unpacked_tree


def by_gnu_tar(raw: bytes, where: Path) -> dict[bytes, object] | None:
    """What GNU tar makes of the archive; None where it or gzip reports an error."""
    where.mkdir(parents=True)
    if subprocess.run(["gzip", "-t"], input=raw, capture_output=True, check=False).returncode:
        return None
    command = ["tar", "-xz", "--no-same-owner", "-C", str(where)]
    done = subprocess.run(command, input=raw, capture_output=True, check=False)
    return None if done.returncode else tree(where / TOP)
