"""Compares the files of an archive with GitHub's list of a commit's files, which comes by another way."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runners.github import GitHub
    from runners.results import Commit

logger = logging.getLogger(__name__)
ATTRIBUTES = ".gitattributes"
_FILE, _SUBMODULE = "blob", "commit"
_MOST_NAMED = 3
_MOST_READ = 50  # files of attributes; a repository has one, rarely a few
_OMITS = re.compile(rb"export-ignore")


@dataclass(slots=True)
class Contents:
    """What an archive has, as paths below its top directory: files and links, and the texts of .gitattributes."""

    files: set[bytes] = field(default_factory=set)
    attributes: dict[bytes, bytes] = field(default_factory=dict)


async def check_complete(github: GitHub, commit: Commit, contents: Contents, doing: str) -> None:
    """Check that the archive has every file and link of the commit, and no other.

    `git archive` omits what a .gitattributes marks `export-ignore`: where one does, only surplus files are found. GitHub cuts
    its list after 100,000 entries or 7 MB; then nothing is compared, and the log says so (the archive's own checks remain).
    Source: docs.github.com, "Get a tree".

    Raises:
        UnavailableError: the archive has fewer or other files than the commit, or GitHub does not answer.
    """
    path = f"/repos/{commit.repository}/git/trees/{commit.sha}?recursive=1"
    data = (await github.get(commit.repository, path, doing=doing)).data
    if data.get("truncated") is not False:
        logger.warning("%s: GitHub's list of files is cut, the archive is not compared with it", doing)
        return
    listed = {_raw(entry["path"]): entry for entry in data["tree"] if entry["type"] == _FILE}
    if _is_text(contents.files) and _is_text(listed):
        surplus, missing = contents.files - listed.keys(), listed.keys() - contents.files
    else:  # JSON has no names that are not UTF-8: they are only counted
        difference = len(contents.files) - len(listed)
        surplus, missing = {b"?"} if difference > 0 else set(), {b"?"} if difference < 0 else set()
    if surplus:
        raise _different(doing, "files that the commit does not have", surplus)
    if missing and not await _some_are_omitted(github, commit, contents, listed, doing):
        raise _different(doing, "not all files of the commit", missing)


async def _some_are_omitted(
    github: GitHub, commit: Commit, contents: Contents, listed: dict[bytes, Any], doing: str
) -> bool:
    """Whether a .gitattributes of the commit marks files as omitted; one may itself be omitted and is then read from GitHub."""
    if any(_OMITS.search(text) for text in contents.attributes.values()):
        return True
    name = ATTRIBUTES.encode()
    unread = [
        entry for path, entry in listed.items() if path.rpartition(b"/")[2] == name and path not in contents.attributes
    ]
    for entry in unread[:_MOST_READ]:
        path = f"/repos/{commit.repository}/git/blobs/{entry['sha']}"
        blob = (await github.get(commit.repository, path, doing=doing)).data
        try:
            text = base64.b64decode(blob["content"])
        except binascii.Error:
            text = b""
        if _OMITS.search(text):
            return True
    return False


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")


def _is_text(paths: Iterable[bytes]) -> bool:
    try:
        return all("\ufffd" not in path.decode() for path in paths)
    except UnicodeDecodeError:
        return False


def _different(doing: str, what: str, paths: set[bytes]) -> UnavailableError:
    named = ", ".join(repr(path.decode("utf-8", "replace")[:80]) for path in sorted(paths)[:_MOST_NAMED])
    return UnavailableError(doing, f"the archive has {what} ({len(paths)}: {named})", remedy="Try again.")
