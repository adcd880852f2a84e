"""Where this Python is installed: children run it behind the wall, and see of a home directory that alone."""

from __future__ import annotations

import os
import pwd
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@cache
def directories() -> tuple[Path, ...]:
    """The directories of this Python and its packages that lie outside of /usr, each also by its real path."""
    roots = [Path(path) for path in (sys.prefix, sys.base_prefix)]
    roots += [link.parents[1] for link in _followed(Path(sys.executable)) if _is_prefix(link.parents[1])]
    both = dict.fromkeys(path for root in roots for path in (root, root.resolve()))
    return tuple(sorted(path for path in both if not path.is_relative_to("/usr") and path != Path("/")))


def links() -> list[Path]:
    """The links to this Python that lie outside of its directories, for example in a home directory."""
    chain = [link for link in (Path(sys.executable), *_followed(Path(sys.executable))) if link.is_symlink()]
    return [link for link in chain if not any(link.is_relative_to(tree) for tree in (Path("/usr"), *directories()))]


def fault() -> str | None:
    """Why children must not see the directories of this Python, for people; None where they may."""
    for directory in directories():
        for home in _homes():
            if home.is_relative_to(directory):
                return f"the bot's Python is installed in {directory}, which has all files of the home directory {home}"
    return None


def _homes() -> list[Path]:
    named = [os.environ.get("HOME", ""), *(user.pw_dir for user in pwd.getpwall())]
    homes = dict.fromkeys(Path(name) for name in named if name.startswith("/"))
    return list(dict.fromkeys(path for home in homes for path in (home, Path(os.path.realpath(home)))))


def _followed(path: Path) -> Iterator[Path]:
    """Where a link leads, link after link: version managers put several in a row."""
    while path.is_symlink():
        path = Path(os.path.normpath(path.parent / path.readlink()))
        yield path


def _is_prefix(directory: Path) -> bool:
    """Whether Python is installed in this directory, in the way of sys.prefix."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (directory / "pyvenv.cfg").is_file() or (directory / "lib" / version / "os.py").is_file()
