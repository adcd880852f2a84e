"""Reads files that a child may have put anything in place of."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path, *, most: int, root: Path | None = None) -> bytes:
    """The content of a regular file of at most so many bytes; never waits.

    Follows no link, or with `root` only those that lead to a file below it.

    Raises:
        OSError: there is no such file, it is a link, a pipe, a socket or a device, or it is larger.
    """
    if root is not None:
        path = path.resolve()
        if not path.is_relative_to(root.resolve()):
            raise OSError(errno.ELOOP, "it is a link that leads outside")
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes")
    return content
