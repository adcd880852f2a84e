"""The one way in which a tree of files is removed, also what a child left: directories that it closed for its own user, and thousands of directories in each other."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def remove_tree(directory: Path) -> None:
    """Remove the directory with whatever is in it; follows no link. Raises OSError for what the system keeps."""
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        raise
    except (OSError, RecursionError):
        # chmod and rm walk a tree of any depth, which shutil cannot before Python 3.13. Neither follows a link in it.
        for argv in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*argv, "--", directory], env={"PATH": os.defpath}, capture_output=True, check=False)
        if directory.exists():
            shutil.rmtree(directory)


def remove_tree_if_possible(directory: Path) -> None:
    """Remove the directory as far as the system lets it go."""
    try:
        remove_tree(directory)
    except (OSError, RecursionError):
        shutil.rmtree(directory, ignore_errors=True)
