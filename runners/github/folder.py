"""Reads the files of one folder at a ref, without the rest of the repository."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import quote

from runners.concurrency import together
from runners.errors import RunnerError
from runners.github.api.errors import check_repository

if TYPE_CHECKING:
    from runners.github import GitHub

MOST_FILES = 40


async def read_folder(
    github: GitHub, repository: str, folder: str, ref: str, suffixes: tuple[str, ...]
) -> dict[str, bytes]:
    """The files directly in the folder whose names end with one of these suffixes, by their names.

    Raises:
        NotFoundError: no such folder at that ref.
        RunnerError: GitHub does not answer, or there are too many files.
    """
    doing = f"reading {folder} at {ref} in {repository}"
    check_repository(repository, doing)

    async def get(path: str) -> object:
        address = f"/repos/{repository}/contents/{quote(path)}?ref={quote(ref, safe='')}"
        return (await github.get(repository, address, doing=doing)).data

    listed = await get("" if folder == "." else folder)
    if not isinstance(listed, list):
        raise RunnerError(doing, "it is a file")
    names = [str(each["name"]) for each in listed if each["type"] == "file"]
    names = [name for name in names if name.endswith(suffixes)]
    if len(names) > MOST_FILES:
        raise RunnerError(doing, f"it has {len(names)} such files; {MOST_FILES} are read at most")
    prefix = "" if folder == "." else f"{folder}/"
    files = await together(*(get(f"{prefix}{name}") for name in names))
    try:
        return {name: base64.b64decode(file["content"]) for name, file in zip(names, files, strict=True)}  # type: ignore[index]
    except (KeyError, TypeError, binascii.Error):
        raise RunnerError(doing, "GitHub's answer has no content of a file") from None


async def read_file(github: GitHub, repository: str, path: str, ref: str) -> bytes:
    """A file at a ref; GitHub gives the content of up to 1 MB.

    Raises:
        NotFoundError: no such file at that ref.
        RunnerError: GitHub does not answer, or it is no file.
    """
    doing = f"reading {path} at {ref} in {repository}"
    check_repository(repository, doing)
    address = f"/repos/{repository}/contents/{quote(path)}?ref={quote(ref, safe='')}"
    file = (await github.get(repository, address, doing=doing)).data
    try:
        return base64.b64decode(file["content"])
    except (KeyError, TypeError, binascii.Error):
        raise RunnerError(doing, "GitHub's answer has no content of a file") from None
