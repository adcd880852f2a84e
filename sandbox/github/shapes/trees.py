"""Git's trees and blobs in the shape of GitHub's answers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from sandbox.github.commits import blob_id, is_executable, tree_id
from sandbox.github.shapes.common import api_of, node_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

MOST_ENTRIES = 100_000  # docs.github.com, "Get a tree"


def tree(base: str, repository: Repository, files: Mapping[str, bytes], *, recursive: bool) -> Json:
    """The entries of the tree of these files, by path; with `recursive` also those of its folders."""
    here = f"{api_of(base, repository)}/git"
    folders = {
        "/".join(parts[:depth]) for path in files for parts in [path.split("/")] for depth in range(1, len(parts))
    }
    paths = sorted(path for path in {*folders, *files} if recursive or "/" not in path)
    entries = [_folder(here, path, files) if path in folders else _blob(here, path, files[path]) for path in paths]
    sha = tree_id(files)
    return {
        "sha": sha,
        "url": f"{here}/trees/{sha}",
        "tree": entries[:MOST_ENTRIES],
        "truncated": len(entries) > MOST_ENTRIES,
    }


def blob(base: str, repository: Repository, content: bytes) -> Json:
    """A file's content in base64."""
    sha = blob_id(content)
    return {
        "sha": sha,
        "node_id": node_id("B", sha),
        "size": len(content),
        "url": f"{api_of(base, repository)}/git/blobs/{sha}",
        "content": base64.encodebytes(content).decode(),
        "encoding": "base64",
    }


def _folder(here: str, path: str, files: Mapping[str, bytes]) -> Json:
    below = {name.removeprefix(f"{path}/"): data for name, data in files.items() if name.startswith(f"{path}/")}
    sha = tree_id(below)
    return {"path": path, "mode": "040000", "type": "tree", "sha": sha, "url": f"{here}/trees/{sha}"}


def _blob(here: str, path: str, content: bytes) -> Json:
    sha = blob_id(content)
    mode = "100755" if is_executable(path) else "100644"
    return {"path": path, "mode": mode, "type": "blob", "sha": sha, "size": len(content), "url": f"{here}/blobs/{sha}"}
